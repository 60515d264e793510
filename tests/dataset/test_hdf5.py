"""HDF5 of others: what is not in the file itself, or was never written, is refused; HDF5 would give zeros."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from probecore.dataset import verify_dataset, write_dataset
from probecore.dataset.arrays import read_arrays
from probecore.errors import InputError

from .support import images, tiny_dataset

X = images(6, 3, 4)


def virtual(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout(X.shape, np.uint8)
    layout[:] = h5py.VirtualSource(folder / "missing.h5", "x", X.shape)
    file.create_virtual_dataset("x_train", layout)


def chunks_never_written(file: h5py.File, folder: Path) -> None:
    file.create_dataset("x_train", X.shape, np.uint8, chunks=(2, 3, 4, 4))[:2] = X[:2]


def nothing_ever_written(file: h5py.File, folder: Path) -> None:
    file.create_dataset("x_train", X.shape, np.uint8)


def external_storage(file: h5py.File, folder: Path) -> None:
    (folder / "system").write_bytes(b"secret" * 100)
    file.create_dataset("x_train", X.shape, np.uint8, external=[(str(folder / "system"), 0, X.nbytes)])


def external_link(file: h5py.File, folder: Path) -> None:
    with h5py.File(folder / "other.h5", "w") as other:
        other["x"] = X
    file["x_train"] = h5py.ExternalLink(folder / "other.h5", "x")


def dangling_link(file: h5py.File, folder: Path) -> None:
    file["x_train"] = h5py.SoftLink("/nowhere")


def soft_link(file: h5py.File, folder: Path) -> None:
    file["x_train"] = h5py.SoftLink("/x_test")


def group(file: h5py.File, folder: Path) -> None:
    file.create_group("x_train")


def references(file: h5py.File, folder: Path) -> None:
    file["x_train"] = np.array([file.ref] * 6, dtype=h5py.ref_dtype)


def ragged(file: h5py.File, folder: Path) -> None:
    file.create_dataset("x_train", (6,), h5py.vlen_dtype(np.uint8))


def compound(file: h5py.File, folder: Path) -> None:
    file["x_train"] = np.zeros(6, [("a", np.uint8)])


def no_values(file: h5py.File, folder: Path) -> None:
    file["x_train"] = h5py.Empty(np.uint8)


def petabytes(file: h5py.File, folder: Path) -> None:
    file.create_dataset("x_train", (6, 1 << 30, 1 << 20, 1), np.uint8, chunks=(6, 1 << 20, 1, 1))


KINDS: list[tuple[Callable[[h5py.File, Path], None], str]] = [
    (virtual, "x_train is a virtual set"),
    (chunks_never_written, "x_train: only 1 of its 3 chunks were ever written"),
    (nothing_ever_written, "x_train: its values were never written"),
    (external_storage, "x_train has its values in another file"),
    (external_link, "x_train is a link to another place"),
    (dangling_link, "x_train is a link to another place"),
    (soft_link, "x_train is a link to another place"),
    (group, "x_train is no array"),
    (references, "x_train holds object"),
    (ragged, "x_train holds object"),
    (compound, "x_train holds"),
    (no_values, "x_train is empty"),
    (petabytes, "chunks were ever written"),
]


@pytest.mark.parametrize(("spoil", "message"), KINDS, ids=[kind[0].__name__ for kind in KINDS])
def test_what_is_not_whole_in_the_file_is_refused(
    tmp_path: Path, spoil: Callable[[h5py.File, Path], None], message: str
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x_test"] = X
        file["y_train"] = file["y_test"] = np.arange(6) % 3
        spoil(file, tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        read_arrays("mine", tmp_path / "a.h5")
    assert "\n" not in str(caught.value)


def test_announced_sizes_are_refused_before_memory_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: 16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x_train"] = X
    with pytest.raises(InputError, match=r"x_train: announces .* of arrays, and this machine has"):
        read_arrays("mine", tmp_path / "a.h5")


@pytest.mark.parametrize("compression", [None, "gzip", "lzf"])
def test_chunked_arrays_that_are_whole(tmp_path: Path, compression: str | None) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for key in ("x_train", "x_test"):
            file.create_dataset(key, data=X, chunks=(4, 2, 3, 4), compression=compression)
        file["y_train"] = file["y_test"] = np.arange(6) % 3
    np.testing.assert_array_equal(read_arrays("mine", tmp_path / "a.h5").train.inputs, X)


@pytest.mark.parametrize("key", ["train/inputs", "test/targets", "train"])
def test_a_data_set_of_our_own_with_a_link(tmp_path: Path, key: str) -> None:
    write_dataset(tiny_dataset(), tmp_path / "a.h5")
    (tmp_path / "b.h5").write_bytes((tmp_path / "a.h5").read_bytes())
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file[key]
        file[key] = h5py.ExternalLink(tmp_path / "b.h5", key)
    with pytest.raises(InputError, match="is a link to another place"):
        verify_dataset(tmp_path / "a.h5")


def test_a_data_set_of_our_own_with_another_type(tmp_path: Path) -> None:
    write_dataset(tiny_dataset(), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.attrs["classes"] = 3
    with pytest.raises(InputError, match="not a data set of probecore"):
        verify_dataset(tmp_path / "a.h5")
