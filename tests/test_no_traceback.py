"""Each kind of input at which a library raises an error of its own: the command that meets it ends in one line.

A kind makes its input in an empty folder and gives the command. The command line is run as a user runs it, in this
process; what an operating system refuses, and what only another process shows, stand in `test_cli`.
"""

import gzip
import io
import json
import os
import shutil
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from probecore import cli
from probecore.cli import options
from probecore.dataset.store import write_dataset
from probecore.determinism import Numerics
from tests.conftest import read_params, write_yaml
from tests.dataset.support import idx, images, tar_gz, tiny_dataset

Command = list[str]
Kind = Callable[[], Command]

LABELS = np.arange(6) % 3
ARRAYS = {"x_train": images(6, 1, 4), "y_train": LABELS, "x_test": images(6, 1, 4), "y_test": LABELS}


def make_data(**params: object) -> Command:
    return ["dataset", "mine", "--params", json.dumps(params), "--output", "out.h5"]


def arrays(path: str) -> Command:
    return make_data(kind="arrays", path=path)


def npz(change: Callable[[bytes], bytes]) -> Command:
    """The member `x_train` becomes what `change` makes of it."""
    with zipfile.ZipFile("a.npz", "w") as archive:
        for key, array in ARRAYS.items():
            file = io.BytesIO()
            np.save(file, array)
            archive.writestr(f"{key}.npy", change(file.getvalue()) if key == "x_train" else file.getvalue())
    return arrays("a.npz")


def edited_npz(change: Callable[[bytearray], object]) -> Command:
    np.savez("a.npz", **ARRAYS)  # type: ignore[arg-type]
    content = bytearray(Path("a.npz").read_bytes())
    change(content)
    Path("a.npz").write_bytes(content)
    return arrays("a.npz")


def hdf5(spoil: Callable[[h5py.File], object]) -> Command:
    with h5py.File("a.h5", "w") as file:
        for key, array in ARRAYS.items():
            if key != "x_train":
                file[key] = array
        spoil(file)
    return arrays("a.h5")


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((6, 1, 4, 4), np.uint8)
    layout[:] = h5py.VirtualSource("none.h5", "x", (6, 1, 4, 4))
    file.create_virtual_dataset("x_train", layout)


def announced(content: bytes) -> bytes:
    """An npy file that announces 2**43 values."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({1 << 43},), }}".ljust(117) + "\n"
    return content[:8] + struct.pack("<H", len(text)) + text.encode() + b"123"


def mnist(first: bytes) -> Command:
    """Four IDX files, the first of which is `first`."""
    Path("files").mkdir()
    for name in ("train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        Path("files", name).write_bytes(idx(LABELS if "labels" in name else images(6, 1, 4)[:, 0]))
    packed = first.startswith(b"\x1f\x8b")
    Path("files", "train-images-idx3-ubyte" + (".gz" if packed else "")).write_bytes(first)
    return make_data(kind="mnist", path="files")


def zeros_by_the_gigabyte() -> bytes:
    """1.1 GB of zeros in a megabyte; gzip's members follow one another."""
    return gzip.compress(bytes(1 << 24), mtime=0) * 66


def cifar(content: bytes) -> Command:
    Path("files").mkdir()
    Path("files/cifar-10-binary.tar.gz").write_bytes(content)
    return make_data(kind="cifar10", path="files")


def tar_of_links(kind: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for number in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{number}.bin")
            member.type, member.linkname = kind, member.name
            archive.addfile(member)
    return file.getvalue()


def photos(spoil: Callable[[Path], object]) -> Command:
    for label in ("ant", "bee"):
        Path("photos", label).mkdir(parents=True)
        for number in range(2):
            pixels = images(1, 3, 8, seed=number + 2 * (label == "bee"))[0].transpose(1, 2, 0)
            Image.fromarray(np.ascontiguousarray(pixels)).save(f"photos/{label}/{number}.png")
    spoil(Path("photos/ant/0.png"))
    return make_data(kind="folder", path="photos")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def wide(path: Path) -> None:
    """A PNG that announces 60,000 by 60,000 pixels."""
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


def fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def latin_1(path: Path) -> None:
    os.rename(path.parent, os.fsencode(path.parents[1]) + b"/caf\xe9")


def study(own: str = "", weights: object = None, *, suffix: str = "pt", **train: object) -> Command:
    """A study of one network of ``own/mine.py``, or of LeNet-5, perhaps with given weights."""
    Path("own").mkdir()
    content = read_params(
        "home: .\nnumerics: {{device: cpu, threads: 1, isa: avx2}}\ndatasets: {{mnist5k: {{}}}}\n"
        "experiments: {{mine: {{dataset: mnist5k, train: {{model: lenet5, seeds: [0], epochs: 1}}}}}}",
        ".",
    )
    if own:
        Path("own/mine.py").write_text(own)
        content["experiments"]["mine"]["train"]["model"] = "own/mine.py:net"
    if weights is not None:
        path = Path(f"own/w.{suffix}")
        path.write_bytes(weights) if isinstance(weights, bytes) else torch.save(weights, path)
        content["experiments"]["mine"]["train"] |= {"seeds": [], "given": {"weights": str(path)}}
    content["experiments"]["mine"]["train"] |= train
    write_yaml(Path("params.yaml"), content)
    return ["check"]


def params(text: str | bytes) -> Command:
    Path("params.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return ["check", "params.yaml"]


def state() -> dict[str, torch.Tensor]:
    from probecore.models.build import build_model
    from probecore.models.params import ModelParams

    return build_model(ModelParams.read("lenet5"), input_shape=(1, 28, 28), outputs=10).state_dict()


def flipped() -> bytes:
    file = io.BytesIO()
    torch.save(state(), file)
    content = bytearray(file.getvalue())
    content[len(content) // 2] ^= 1
    return bytes(content)


def checkpoints(content: bytes | dict[str, str] | None, key: str = "epoch-000/weight") -> Command:
    """Measure checkpoints that are `content`, or one tensor as safetensors with such metadata."""
    path = Path("a.safetensors")
    if content is None:
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save_file({key: torch.zeros(2)}, path, metadata=content)
    dataset = tiny_dataset()
    write_dataset(dataset, Path("data.h5"))
    files = ["--data", "data.h5", "--checkpoints", str(path), "--output", "out"]
    return ["mechanism", "network", *files, "--params", "{}", "--numerics", "{}"]


def described(**changes: object) -> dict[str, str]:
    model = {"name": "mlp", "hidden": [4]}
    names = {"experiment": "e", "network": "trained-0", "data": tiny_dataset().sha256}
    return {
        "network": json.dumps(
            names | {"model": model, "normalise": {}, "input_shape": [1, 4, 4], "outputs": 3} | changes
        )
    }


def capsule(content: bytes | None) -> Command:
    Path("a.zip").write_bytes(content) if content is not None else Path("a.zip").mkdir()
    return ["unpack", "a.zip"]


def folder(path: str, *command: str) -> Command:
    Path(path).mkdir(parents=True)
    return list(command)


class Run:
    """Unpickled, it runs a command."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def pickled(content: bytes) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([Run()], dtype=object), allow_pickle=True)
    return file.getvalue()


NET = (
    "from torch import nn\n\ndef net():\n    return Net()\n\nclass Net(nn.Module):\n    def forward(self, x):\n        "
)

KINDS: dict[str, Kind] = {
    "npz announces 8 TB": lambda: npz(announced),
    "npz: a header of no sense": lambda: npz(lambda content: content.replace(b"'|u1'", b"'|??'")),
    "npz: pickled objects": lambda: npz(pickled),
    "npz: no npy inside": lambda: npz(lambda content: b"text"),
    "zip: text": lambda: edited_npz(lambda content: content.__setitem__(slice(None), b"text")),
    "zip: cut": lambda: edited_npz(lambda content: content.__delitem__(slice(-40, None))),
    "zip: a bit of a member": lambda: edited_npz(lambda content: content.__setitem__(200, content[200] ^ 1)),
    "zip: encrypted": lambda: edited_npz(
        lambda content: content.__setitem__(content.rindex(b"PK\1\2") + 8, 1) or content.__setitem__(6, 1)
    ),
    "zip: a method of another version": lambda: edited_npz(
        lambda content: content.__setitem__(content.index(b"PK\1\2") + 10, 77)
    ),
    "HDF5 announces petabytes": lambda: hdf5(
        lambda file: file.create_dataset("x_train", (6, 1 << 30, 1 << 20, 1), np.uint8, chunks=(6, 1 << 20, 1, 1))
    ),
    "HDF5: dangling link": lambda: hdf5(lambda file: file.__setitem__("x_train", h5py.SoftLink("/none"))),
    "HDF5: link to another file": lambda: hdf5(
        lambda file: file.__setitem__("x_train", h5py.ExternalLink("/etc/passwd", "/x"))
    ),
    "HDF5: external storage": lambda: hdf5(
        lambda file: file.create_dataset("x_train", (6, 1, 4, 4), np.uint8, external=[("/etc/passwd", 0, 96)])
    ),
    "HDF5: virtual set": lambda: hdf5(virtual),
    "HDF5: compound type": lambda: hdf5(lambda file: file.__setitem__("x_train", np.zeros(6, [("a", np.uint8)]))),
    "HDF5: a group for an array": lambda: hdf5(lambda file: file.create_group("x_train")),
    "HDF5: `train` is no group": lambda: hdf5(lambda file: file.__setitem__("train", 1)),
    "HDF5: text": lambda: Path("a.h5").write_text("text") and arrays("a.h5"),
    "IDX of rank 200": lambda: mnist(b"\0\0\x08\xc8" + bytes(900)),
    "IDX of rank 0": lambda: mnist(b"\0\0\x08\0"),
    "IDX announces 2**96 values": lambda: mnist(b"\0\0\x08\x03" + b"\xff" * 12),
    "gzip: cut": lambda: mnist(gzip.compress(idx(images(6, 1, 4)[:, 0]), mtime=0)[:-20]),
    "gzip: damaged": lambda: mnist(b"\x1f\x8b\x08\0" + b"\xff" * 40),
    "gzip unpacks to more than a gigabyte": lambda: mnist(zeros_by_the_gigabyte()),
    "tar: symbolic links to themselves": lambda: cifar(tar_of_links(tarfile.SYMTYPE)),
    "tar: hard links to themselves": lambda: cifar(tar_of_links(tarfile.LNKTYPE)),
    "tar: FIFOs": lambda: cifar(tar_of_links(tarfile.FIFOTYPE)),
    "tar: cut": lambda: cifar(tar_gz({"data_batch_1.bin": bytes(np.arange(90_000) % 251)}, inside="c")[:150]),
    "image: cut": lambda: photos(cut),
    "image announces 3.6 gigapixels": lambda: photos(wide),
    "image: FIFO": lambda: photos(fifo),
    "image: a link to itself": lambda: photos(loop),
    "images: a folder named in Latin-1": lambda: photos(latin_1),
    "weights: of another network": lambda: study(weights={"a": torch.zeros(2)}),
    "weights: of another shape": lambda: study(weights=state() | {"conv1.weight": torch.zeros(2)}),
    "weights: a list": lambda: study(weights=[1, 2]),
    "weights: pickled code": lambda: study(weights={"a": Run()}),
    "weights: a flipped bit": lambda: study(weights=flipped()),
    "weights: keys that are numbers": lambda: study(weights={1: torch.zeros(2)}),
    "safetensors announces 2**60 bytes": lambda: study(weights=struct.pack("<Q", 1 << 60), suffix="safetensors"),
    "checkpoints: text": lambda: checkpoints(b"text"),
    "checkpoints: a folder": lambda: checkpoints(None),
    "checkpoints: none of ours": lambda: checkpoints({}),
    "checkpoints: metadata that are no JSON": lambda: checkpoints({"network": "{"}),
    "checkpoints: of another network": lambda: checkpoints(described()),
    "checkpoints: epochs that are no numbers": lambda: checkpoints(described(), "epoch-x/weight"),
    "checkpoints: keys without an epoch": lambda: checkpoints(described(), "weight"),
    "checkpoints: a model that does not exist": lambda: checkpoints(described(model={"name": "os:system"})),
    "checkpoints: other inputs": lambda: checkpoints(described(input_shape=[-1])),
    "own code: does not compile": lambda: study("def net(:"),
    "own code: raises when imported": lambda: study("1 / 0"),
    "own code: ends Python": lambda: study("raise SystemExit('bye')"),
    "own code: bytes": lambda: study("net = 'x\0y'"),
    "own code: returns no module": lambda: study("def net():\n    return 5"),
    "own code: raises in forward": lambda: study(NET + "return x / self.nothing"),
    "own code: ends Python in forward": lambda: study(NET + "raise SystemExit(3)"),
    "own code: recursion without end": lambda: study(NET + "return self.forward(x)"),
    "own code: wants terabytes": lambda: study(NET + "return x.new_zeros(1 << 43)"),
    "params.yaml: a folder": lambda: folder("params.yaml", "check", "params.yaml"),
    "params.yaml: none": lambda: ["check"],
    "params.yaml: FIFO": lambda: fifo(Path("params.yaml")) or ["check", "params.yaml"],
    "params.yaml: 50,000 deep": lambda: params("a: " + "[" * 50_000 + "]" * 50_000),
    "params.yaml: an alias bomb under options": lambda: params(
        "a0: &a0 [x]\n" + "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9))
    ),
    "params.yaml: Latin-1": lambda: params("a: é".encode("latin-1")),
    "params.yaml: calls a function": lambda: params("a: !!python/object/apply:os.system [true]"),
    "a seed of 23 digits": lambda: study(seeds=[10**22 + 1]),
    "epochs of 5,000 digits": lambda: params("a: 1" + "0" * 5000),
    "claims.yaml: a folder": lambda: folder("claims.yaml", *study()),
    "own/: a file": lambda: (
        study("net = 5") and shutil.move("own/mine.py", "x") and shutil.move("x", "own") and ["check"]
    ),
    "dvc.lock: damaged": lambda: study() and Path("dvc.lock").write_text("a: [") and ["verify"],
    "capsule: text": lambda: capsule(b"text"),
    "capsule: a folder": lambda: capsule(None),
    "capsule: a zip of nothing": lambda: capsule(b"PK\5\6" + bytes(18)),
    "section that is no JSON": lambda: ["dataset", "mine", "--params", "{", "--output", "out.h5"],
    "section nested 100,000 deep": lambda: ["dataset", "mine", "--params", "[" * 100_000, "--output", "out.h5"],
    "numerics that are a list": lambda: ["dataset", "mine", "--params", "[]", "--output", "out.h5"],
    "diff of what is not there": lambda: ["diff", "one", "two"],
    "init in a file": lambda: Path("x").write_text("x") and ["init", "x"],
    "init with images that are not there": lambda: ["init", "s", "--data", "photos"],
    "init with weights that are a folder": lambda: folder("w", "init", "s", "--weights", "w"),
}
"""What the commands meet; part 10 of the plan counted 39 kinds that ended in a traceback."""


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_one_line_and_exit_code_2(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(options, "configured", lambda numerics: Numerics())
    monkeypatch.setattr("probecore.models.build._CHECKED", set())
    monkeypatch.setattr(sys, "argv", ["probecore", *kind()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    *progress, line = capsys.readouterr().err.splitlines()
    print(line)
    assert ended.value.code == 2, line
    assert line.startswith("probecore: ")
    assert "Traceback" not in "".join(progress)
    assert not Path("ran").exists()


def test_kinds_are_not_fewer_than_were_found() -> None:
    assert len(KINDS) >= 39
