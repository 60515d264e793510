"""A user's own arrays, from `.npz` (without pickles) or `.h5`."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from probecore.dataset.store import Dataset, Split, verify_dataset
from probecore.errors import InputError

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
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: cannot be read (it is no whole .npz archive); save it with numpy.savez")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files if key in (*KEYS, "classes")}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = "it holds Python objects, which are pickled" if "Object arrays" in str(error) else str(error)
        raise InputError(f"{path}: cannot be read ({reason}); save plain numeric arrays") from None


def _read_hdf5(path: Path) -> Arrays | None:
    """None if it is a data set of our own."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            if "train" in file:
                return None
            arrays = {key: np.asarray(file[key]) for key in KEYS if key in file}
            if "classes" in file:
                arrays["classes"] = np.asarray(file["classes"].asstr()[()])
            return arrays
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); save plain numeric arrays as HDF5") from None


def _assemble(name: str, arrays: Arrays, path: Path) -> Dataset:
    if missing := [key for key in KEYS if key not in arrays]:
        raise InputError(f"{path}: no array {missing[0]} in it; wanted: {', '.join(KEYS)}")
    train, test = (_split(arrays[f"x_{part}"], arrays[f"y_{part}"], f"{path}: {part}") for part in ("train", "test"))
    dataset = Dataset.from_splits(name, train=train, test=test, classes=_classes(arrays, train.targets))
    if dataset.classes is not None and "classes" not in arrays:
        _check_all_occur(train.targets, path)
    return dataset


def _split(inputs: NDArray[Any], targets: NDArray[Any], where: str) -> Split:
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.dtype.kind in "iu":
        if inputs.ndim == 4 and inputs.shape[3] in (1, 3) and inputs.shape[1] not in (1, 3):
            raise InputError(f"{where} has images {inputs.shape}, channels last; transpose them to (N, C, H, W)")
        return Split(inputs[:, None] if inputs.ndim == 3 else inputs, targets.astype(np.int64))
    return Split(_single(inputs), _single(targets))


def _single(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _classes(arrays: Arrays, labels: NDArray[Any]) -> list[str] | None:
    if labels.dtype != np.int64:
        return None
    if "classes" in arrays:
        return [str(name) for name in arrays["classes"].ravel()]
    return [str(label) for label in range(int(labels.max(initial=0)) + 1)]


def _check_all_occur(labels: NDArray[Any], path: Path) -> None:
    absent = np.flatnonzero(np.bincount(labels) == 0)
    if len(absent):
        remedy = "number the labels 0 to K-1, or add `classes`"
        raise InputError(f"{path}: train has no sample of the label {absent[0]}; {remedy}")
