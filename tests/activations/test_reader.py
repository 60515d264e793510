import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from probecore.activations import Activations, create_activations, create_epoch, dump_activations, streams
from probecore.activations.summary import summarise
from probecore.errors import InputError
from probecore.files import create_hdf5, read_json

COMPRESSIONS = ["none", "gzip", "zstd"]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BLOCK_BYTES", 4000)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize(
    "key",
    [
        3,
        -1,
        slice(5, 20),
        slice(None, None, -7),
        slice(10, 10),
        ...,
        [4, 4, 49, 0],
        np.arange(50) % 3 == 0,
        (slice(2, 30), 1),
        (7, slice(None), 2, slice(0, 3)),
        (..., 0),
        (slice(40, None), ..., [1, 0]),
        np.array([[1, 2], [3, 40]]),
    ],
)
def test_indexing_is_numpys(dump: Callable[..., Path], compression: str, key: object) -> None:
    path = dump(compression=compression)
    with Activations(path) as activations, h5py.File(path, locking=False) as file:
        maps = activations.maps(20, "test", "conv1")
        assert len(maps._checksums) > 5
        whole = file["epoch-020/test/layers/conv1/maps"][:]
        assert (maps.shape, len(maps)) == (whole.shape, 50)
        np.testing.assert_array_equal(maps[key], whole[key])


def test_index_beyond_the_end(dump: Callable[..., Path]) -> None:
    with Activations(dump()) as activations, pytest.raises(IndexError):
        activations.maps(20, "test", "conv1")[50]


def offset_of(path: Path, name: str, row: int) -> int:
    """Where the block that holds `row` lies in the file."""
    with h5py.File(path) as file:
        dataset = file[name]
        if dataset.chunks is None:
            return dataset.id.get_offset() + row * dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))
        return dataset.id.get_chunk_info(row // dataset.chunks[0]).byte_offset + 20


def flip(path: Path, offset: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1 << bit
    path.write_bytes(content)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_flipped_bit_is_found_where_it_is(dump: Callable[..., Path], compression: str) -> None:
    path = dump(compression=compression)
    flip(path, offset_of(path, "/epoch-020/test/layers/conv1/maps", row=30))
    where = f"{path}: /epoch-020/test/layers/conv1/maps: rows .* are not as they were written; the file is damaged"
    with Activations(path) as activations:
        maps = activations.maps(20, "test", "conv1")
        assert maps[:10].shape == (10, 3, 8, 8)
        activations.pooled(20, "test", "conv1")
        with pytest.raises(InputError, match=where):
            maps[30]
        with pytest.raises(InputError, match=where):
            activations.verify()


@pytest.mark.parametrize("name", ["labels", "indices", "logits", "predictions", "class_counts"])
def test_flipped_bit_in_a_small_array(dump: Callable[..., Path], name: str) -> None:
    path = dump()
    flip(path, offset_of(path, f"/epoch-020/test/{name}", row=2), bit=6)
    with Activations(path) as activations, pytest.raises(InputError, match=f"/epoch-020/test/{name}: rows"):
        activations.verify()


def test_no_flipped_bit_passes_unnoticed(dump: Callable[..., Path]) -> None:
    path = dump(layers=["conv2"], compression="zstd")
    whole, expected = path.read_bytes(), contents(path)
    noticed = 0
    for position in np.random.default_rng(0).integers(len(whole), size=100):
        flip(path, position, bit=int(position) % 8)
        try:
            with Activations(path) as activations:
                activations.verify()
            assert contents(path) == expected
        except InputError:
            noticed += 1
        path.write_bytes(whole)
    assert noticed > 50


def contents(path: Path) -> str:
    with Activations(path) as activations:
        values = [
            activations.model,
            activations.data_sha256,
            activations.checkpoint_sha256(20),
            activations.logits(20, "test").tolist(),
            activations.maps(20, "test", "conv2")[:].tolist(),
            [array.tolist() for array in activations.pooled(20, "test", "conv2")],
            [array.tolist() for array in activations.class_means(20, "test", "conv2")],
        ]
    return repr(values)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_truncated_file(dump: Callable[..., Path], share: float) -> None:
    path = dump()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=re.escape(str(path))):
        Activations(path)


def test_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "foreign.h5"
    with pytest.raises(InputError, match="no such file"):
        Activations(path)
    path.write_text("not HDF5")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        Activations(path)
    with create_hdf5(path) as file:
        file["images"] = np.zeros(3)
    with pytest.raises(InputError, match="not an activations file"):
        Activations(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.attrs.__delitem__("complete"), "was never completed"),
        (lambda file: file.attrs.__setitem__("format_version", 99), "format version 99 where 2 is read"),
        (lambda file: file.attrs.__delitem__("model"), "the file is damaged"),
        (lambda file: file.move("epoch-020", "epoch-last"), "the file is damaged"),
        (lambda file: file["epoch-020/test"].attrs.__setitem__("images", 49), "has shape .* where .* is due"),
        (lambda file: file["epoch-020/test/layers/conv1"].attrs.__setitem__("shape", [3, 9, 8]), "is due"),
        (lambda file: file["epoch-020/test/layers/conv1/maps"].attrs.__setitem__("block_rows", 1), "do not fit"),
        (lambda file: file["epoch-020/test/layers/conv1/mean"].attrs.__delitem__("xxh3"), "conv1/mean"),
    ],
)
def test_what_does_not_fit_is_refused(
    dump: Callable[..., Path], change: Callable[[h5py.File], None], message: str
) -> None:
    path = dump()
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(InputError, match=f"{re.escape(str(path))}: .*{message}"), Activations(path) as activations:
        activations.verify()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda dump: dump.maps(20, "test", "conv3"), "no 'conv3'; did you mean 'conv"),
        (lambda dump: dump.layers(20, "tests"), "no 'tests'; did you mean 'test'"),
        (lambda dump: dump.logits(2, "test"), "no 'epoch-002'; did you mean 'epoch-020'"),
        (lambda dump: dump.maps(20, "test", "conv1"), "holds no maps; add 'maps' to `activations.store`"),
    ],
)
def test_what_is_not_there(dump: Callable[..., Path], ask: Callable[[Activations], object], message: str) -> None:
    with Activations(dump(store=["pooled"])) as activations, pytest.raises(InputError, match=message):
        ask(activations)


def test_what_could_not_be_seen_is_a_remark(tmp_path: Path) -> None:
    lines = ["blocks without an activation that can be seen: 1 of 2, conv (read by sigmoid#1, mul)"]
    paths = [tmp_path / f"trained-{seed}.h5" for seed in (0, 1)]
    for path in paths:
        model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        with create_activations(path, model="mine", data_sha256="d" * 64) as file:
            for epoch in (0, 1):
                group = create_epoch(file, epoch, checkpoint_sha256="c" * 64, unseen=lines if path is paths[0] else ())
                dump_activations(
                    model,
                    np.zeros((3, 1, 2, 2), np.uint8),
                    np.arange(3) % 2,
                    group=group.create_group("test"),
                    classes=2,
                    normalise=lambda inputs: torch.from_numpy(inputs).float(),
                )
    summarise(experiment="mine", networks=paths, output=tmp_path)
    remarks = read_json(tmp_path / "summary.json")["remarks"]
    assert remarks == ["Blocks without an activation that can be seen: 1 of 2, conv (read by sigmoid#1, mul)."]
