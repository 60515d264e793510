"""A user's own arrays, from `.npz` (without pickles) or `.h5`."""

import math
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from probecore.dataset.hdf5 import read_array
from probecore.dataset.limits import check_memory
from probecore.dataset.store import Dataset, Split, verify_dataset
from probecore.errors import InputError, reading

KEYS = ("x_train", "y_train", "x_test", "y_test")

Arrays = dict[str, NDArray[Any]]


def read_arrays(name: str, path: Path) -> Dataset:
    """Images uint8 (N, C, H, W) or (N, H, W) with whole labels, or real features (N, D) with targets (N,).

    The arrays are called `x_train`, `y_train`, `x_test`, `y_test`. Labels are 0..K-1, all of them
    in training, unless `classes` names the K classes. An `.h5` file may also be a data set of probecore.

    Raises
    ------
    InputError
        If the file or an array in it is missing, unreadable or of another kind.
    """
    if path.suffix not in (".npz", ".h5"):
        raise InputError(f"{path}: neither .npz nor .h5; save {', '.join(KEYS)} as one of them")
    if not path.is_file():
        raise InputError(f"{path}: no such file; correct the `path` of {name}")
    if path.suffix == ".npz":
        return _assemble(name, _read_npz(path), path)
    arrays = _read_hdf5(path)
    return verify_dataset(path) if arrays is None else _assemble(name, arrays, path)


def _read_npz(path: Path) -> Arrays:
    with reading(path, "cannot be read", "save plain numeric arrays with numpy.savez"):
        if not zipfile.is_zipfile(path):
            raise InputError(f"{path}: cannot be read (it is no whole .npz archive); save it with numpy.savez")
        with zipfile.ZipFile(path) as archive:
            members = {name.removesuffix(".npy"): archive.getinfo(name) for name in archive.namelist()}
            for member in members.values():
                archive.open(member).close()  # compares its two names: one that is damaged would go unseen
            kept = [key for key in (*KEYS, "classes") if key in members]
            check_memory(path, sum(members[key].file_size for key in kept))
            return {key: _read_member(archive, members[key], f"{path}: {key}") for key in kept}


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> NDArray[Any]:
    """One array, whose header and size must fit each other, to the end of the member, where zip checks its CRC."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise InputError(f"{where} is in the format {version} of numpy; save it anew with numpy.savez")
        read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, fortran, dtype = read_header(file)
        if dtype.hasobject:
            raise InputError(f"{where} cannot be read (it holds Python objects, which are pickled); save plain arrays")
        content = file.read()
    if len(content) != math.prod(shape) * dtype.itemsize:
        raise InputError(f"{where}: {len(content)} bytes do not make up {dtype} {shape}; save it again")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _read_hdf5(path: Path) -> Arrays | None:
    """None if it is a data set of our own."""
    with (
        reading(path, "cannot be read", "save plain numeric arrays as HDF5"),
        h5py.File(path, "r", locking=False) as file,
    ):
        if "train" in file.keys():  # noqa: SIM118 (`in` follows links)
            return None
        return {key: read_array(file, key, path) for key in (*KEYS, "classes") if key in file.keys()}  # noqa: SIM118


def _assemble(name: str, arrays: Arrays, path: Path) -> Dataset:
    if missing := [key for key in KEYS if key not in arrays]:
        raise InputError(f"{path}: no array {missing[0]} in it; wanted: {', '.join(KEYS)}")
    train, test = (_split(arrays[f"x_{part}"], arrays[f"y_{part}"], f"{path}: {part}") for part in ("train", "test"))
    return Dataset.from_splits(name, train=train, test=test, classes=_classes(arrays, train.targets, path))


def _split(inputs: NDArray[Any], targets: NDArray[Any], where: str) -> Split:
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if inputs.ndim in (3, 4):
        return _images(inputs, targets, where)
    if targets.dtype.kind not in "f":
        raise InputError(
            f"{where} has features {inputs.shape} and targets of {targets.dtype}; wanted: images uint8 (N, C, H, W) "
            "with whole labels, or real features (N, D) with real targets (N,)"
        )
    return Split(_single(inputs), _single(targets))


def _images(images: NDArray[Any], labels: NDArray[Any], where: str) -> Split:
    if labels.dtype.kind not in "iu":
        raise InputError(f"{where} has labels of {labels.dtype}; number the classes 0 to K-1 (names go into `classes`)")
    if images.ndim == 4 and _has_channels_last(images.shape):
        raise InputError(f"{where} has images {images.shape}, channels last; transpose them to (N, C, H, W)")
    if labels.size and labels.max() > np.iinfo(np.int64).max:
        raise InputError(f"{where} has the label {labels.max()}; number the classes 0 to K-1")
    return Split(images[:, None] if images.ndim == 3 else images, labels.astype(np.int64))


def _has_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether (N, C, H, W) must be (N, H, W, C): few values last and many first, or a square before the last."""
    first, second, last = shape[1:]
    return last <= 4 < first or first == second != last


def _single(array: NDArray[Any]) -> NDArray[Any]:
    """float32, where that can hold the values."""
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _classes(arrays: Arrays, labels: NDArray[Any], path: Path) -> list[str] | None:
    if labels.dtype != np.int64:
        return None
    if "classes" in arrays:
        return [_name(name, path) for name in arrays["classes"].ravel()]
    found = np.unique(labels)
    numbers = np.arange(len(found))
    if len(found) and found[0] >= 0 and (found != numbers).any():
        absent = numbers[found != numbers][0]
        raise InputError(
            f"{path}: train has no sample of the label {absent}, but of {found[-1]}; number the labels 0 to K-1, or "
            "add `classes`"
        )
    return [str(label) for label in numbers]


def _name(name: Any, path: Path) -> str:
    """The name of a class as text; numpy keeps it as bytes where it was made from bytes."""
    with reading(path, "classes cannot be read", "save their names as text"):
        return name.decode() if isinstance(name, bytes) else str(name)
