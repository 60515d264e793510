"""The file of a data set, and what it becomes in memory. Not here: where data come from."""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from probecore.dataset.hdf5 import read_array
from probecore.errors import InputError, reading
from probecore.files import create_hdf5, open_hdf5


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set.

    Attributes
    ----------
    inputs
        Images, uint8 (N, C, H, W), or features, float32 (N, D).
    targets
        Labels, int64 (N,) in 0..K-1, or real targets, float32 (N,).
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]

    def __len__(self) -> int:
        """The number of samples N."""
        return len(self.targets)

    def arrays(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """`inputs` and `targets`."""
        return self.inputs, self.targets


@dataclass(frozen=True, eq=False)
class Backgrounds:
    """Pictures on which a data set's images can be laid, uint8 (B, C, H, W): `seen` in training, and `unseen`."""

    seen: NDArray[Any]
    unseen: NDArray[Any]


@dataclass(frozen=True, eq=False)
class OtherSet:
    """Images of another data set in the form of this one, which nothing of this one is trained on.

    Attributes
    ----------
    name
        Of the named set that they are from.
    train, test
        From its two parts, uint8 (N, C, H, W).
    """

    name: str
    train: NDArray[Any]
    test: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory: labelled images, or a regression (then `classes` is None)."""

    name: str
    classes: tuple[str, ...] | None
    train: Split
    test: Split
    sha256: str
    backgrounds: Backgrounds | None = None
    others: tuple[OtherSet, ...] = ()

    @classmethod
    def from_splits(
        cls,
        name: str,
        *,
        train: Split,
        test: Split,
        classes: Sequence[str] | None,
        backgrounds: Backgrounds | None = None,
        others: Sequence[OtherSet] = (),
    ) -> Self:
        """Check arrays and hash them.

        Raises
        ------
        InputError
            If dtypes, shapes, counts or labels are not what `Split` says, or a feature is not finite.
        """
        names = None if classes is None else tuple(classes)
        dataset = cls(name, names, train, test, "", backgrounds, tuple(others))
        dataset = replace(dataset, sha256=_hash(dataset))
        _check(dataset, where=name)
        _check_finite(dataset, where=name)
        return dataset

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input: (C, H, W) or (D,)."""
        return tuple(self.train.inputs.shape[1:])

    @property
    def outputs(self) -> int:
        """How many outputs a network for these data has: K classes, or 1."""
        return 1 if self.classes is None else len(self.classes)


def load_dataset(path: str | Path) -> Dataset:
    """Read a data set; shapes, dtypes, labels and names are checked, the hash of the arrays is believed.

    Raises
    ------
    InputError
        If the file is missing, unreadable or no data set.
    """
    path = Path(path)
    with open_hdf5(path) as file, reading(path, "not a data set of probecore", "make it again"):
        splits = {
            name: Split(read_array(file, f"{name}/inputs", path), read_array(file, f"{name}/targets", path))
            for name in _SPLITS
        }
        name, sha256 = str(file.attrs["name"]), str(file.attrs["sha256"])
        classes = tuple(map(str, file.attrs["classes"])) if "classes" in file.attrs else None
        names_sha256 = str(file.attrs["names_sha256"])
        backgrounds = None
        if "backgrounds" in file.keys():  # noqa: SIM118 (`in` follows links)
            backgrounds = Backgrounds(*(read_array(file, f"backgrounds/{group}", path) for group in ("seen", "unseen")))
        others = tuple(
            OtherSet(other, *(read_array(file, f"others/{other}/{part}", path) for part in _SPLITS))
            for other in map(str, file.attrs.get("others", ()))
        )
    dataset = Dataset(name, classes, splits["train"], splits["test"], sha256, backgrounds, others)
    if _hash_of_names(dataset) != names_sha256:
        raise InputError(f"{path}: its names differ from the SHA-256 stored with them; delete it and make it again")
    _check(dataset, where=str(path))
    return dataset


def verify_dataset(path: Path) -> Dataset:
    """Read a data set and compare its arrays with the SHA-256 it carries.

    Raises
    ------
    InputError
        As `load_dataset`, and if the hash differs or a feature is not finite.
    """
    dataset = load_dataset(path)
    if _hash(dataset) != dataset.sha256:
        raise InputError(f"{path}: arrays differ from the SHA-256 stored with them; delete it and make it again")
    _check_finite(dataset, where=str(path))
    return dataset


def write_dataset(dataset: Dataset, path: Path) -> None:
    """Write a data set; equal data give equal bytes. Arrays lie uncompressed and in one piece."""
    with create_hdf5(path) as file:
        file.attrs["name"] = dataset.name
        file.attrs["sha256"] = dataset.sha256
        file.attrs["names_sha256"] = _hash_of_names(dataset)
        if dataset.classes is not None:
            file.attrs["classes"] = np.array(dataset.classes, dtype=h5py.string_dtype())
        if dataset.others:
            file.attrs["others"] = np.array([other.name for other in dataset.others], dtype=h5py.string_dtype())
        arrays = list(_arrays(dataset))
        for name in dict.fromkeys(str(parent) for key, _ in arrays for parent in reversed(PurePosixPath(key).parents)):
            file.require_group(name)  # a group that came into being with its first array would hold the time
        for key, array in arrays:
            file[key] = array


_SPLITS = ("train", "test")


def _arrays(dataset: Dataset) -> Iterator[tuple[str, NDArray[Any]]]:
    """The arrays in the order in which they are written and hashed, with their names."""
    for name, split in zip(_SPLITS, (dataset.train, dataset.test), strict=True):
        yield f"{name}/inputs", split.inputs
        yield f"{name}/targets", split.targets
    if dataset.backgrounds is not None:
        yield "backgrounds/seen", dataset.backgrounds.seen
        yield "backgrounds/unseen", dataset.backgrounds.unseen
    for other in dataset.others:
        yield f"others/{other.name}/train", other.train
        yield f"others/{other.name}/test", other.test


def _hash(dataset: Dataset) -> str:
    """SHA-256 over name, dtype, shape and C-ordered little-endian bytes of each array."""
    digest = hashlib.sha256()
    for key, array in _arrays(dataset):
        array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _hash_of_names(dataset: Dataset) -> str:
    """Apart from the arrays' hash, which is pinned for sets that others publish."""
    return hashlib.sha256(json.dumps([dataset.name, dataset.classes]).encode()).hexdigest()


def _check(dataset: Dataset, *, where: str) -> None:
    for name, split in zip(_SPLITS, (dataset.train, dataset.test), strict=True):
        part = f"{where}: {name}"
        if len(split.inputs) != len(split.targets):
            raise InputError(f"{part} has {len(split.inputs)} inputs and {len(split.targets)} targets; supply pairs")
        if len(split) == 0:
            raise InputError(f"{part} is empty; supply at least one sample")
        if dataset.classes is None:
            _check_array(split.inputs, "features", dtype="float32", axes="ND", where=part)
            _check_array(split.targets, "targets", dtype="float32", axes="N", where=part)
        else:
            _check_array(split.inputs, "images", dtype="uint8", axes="NCHW", where=part)
            _check_array(split.targets, "labels", dtype="int64", axes="N", where=part)
            _check_labels(split.targets, len(dataset.classes), where=part)
    if dataset.classes is not None:
        _check_classes(dataset.classes, where=where)
    if dataset.train.inputs.shape[1:] != dataset.test.inputs.shape[1:]:
        raise InputError(
            f"{where}: inputs are {dataset.train.inputs.shape[1:]} in train and "
            f"{dataset.test.inputs.shape[1:]} in test; make them alike"
        )
    if dataset.backgrounds is not None:
        _check_beside(dataset, "backgrounds", vars(dataset.backgrounds), where=where)
    for other in dataset.others:
        _check_beside(dataset, f"others/{other.name}", {"train": other.train, "test": other.test}, where=where)


def _check_classes(classes: Sequence[str], *, where: str) -> None:
    """Names that tables and figures can show and tell apart, whichever way their accents are encoded."""
    seen: dict[str, str] = {}
    for name in classes:
        if not name.strip() or not name.isprintable():
            raise InputError(f"{where}: the class name {name!r} is empty or unprintable; give it another (UTF-8)")
        shown = unicodedata.normalize("NFC", name).strip()
        if shown in seen:
            raise InputError(f"{where}: the class names {seen[shown]!a} and {name!a} look alike; rename one")
        seen[shown] = name


def _check_beside(dataset: Dataset, group: str, arrays: Mapping[str, NDArray[Any]], *, where: str) -> None:
    for name, array in arrays.items():
        part = f"{where}: {group}/{name}"
        _check_array(array, "images", dtype="uint8", axes="NCHW", where=part)
        if array.shape[1:] != dataset.input_shape:
            raise InputError(f"{part} are {array.shape[1:]} and images {dataset.input_shape}; make them alike")


def _check_array(array: NDArray[Any], what: str, *, dtype: str, axes: str, where: str) -> None:
    if array.dtype != dtype or array.ndim != len(axes) or 0 in array.shape:
        wanted = f"{dtype} ({', '.join(axes)}), not empty"
        raise InputError(f"{where} has {what} of {array.dtype} {array.shape}; wanted: {wanted}")


def _check_labels(labels: NDArray[Any], classes: int, *, where: str) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        wrong = low if low < 0 else high
        raise InputError(f"{where} has the label {wrong}, but there are {classes} classes; wanted: 0 to {classes - 1}")


def _check_finite(dataset: Dataset, *, where: str) -> None:
    for key, array in _arrays(dataset):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"{where}: {key} holds NaN or infinity; remove or replace those samples")
