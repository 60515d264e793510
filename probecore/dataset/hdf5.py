"""Reading arrays from HDF5 files of others: what lies in the file itself, whole, and nothing else.

HDF5 fills what is missing with zeros: chunks that were never written, sources of virtual sets that are not there. And
it follows links and external storage into any file. All of that is refused.
"""

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from probecore.dataset.limits import check_memory
from probecore.errors import InputError, reading


def read_array(file: h5py.File, key: str, path: Path) -> NDArray[Any]:
    """The array at ``group/name``: numbers, or text of a list of names.

    Raises
    ------
    InputError
        If a part of the way is a link, if the array is virtual, external, never written as a whole, or of another
        type, or if it cannot be read.
    """
    with reading(path, f"{key} cannot be read", "save plain arrays"):
        item = _item(file, key, path)
        _check_storage(item, f"{path}: {key}")
        check_memory(f"{path}: {key}", item.size * item.dtype.itemsize)
        if h5py.check_string_dtype(item.dtype):
            return np.array([str(name) for name in np.ravel(item.asstr("utf-8")[()])])
        return np.asarray(item[()])


def _item(file: h5py.File, key: str, path: Path) -> h5py.Dataset:
    place: Any = file
    for part in key.split("/"):
        if not isinstance(place, h5py.Group) or part not in place.keys():  # noqa: SIM118 (`in` follows links)
            raise InputError(f"{path}: no array {key} in it; add it")
        if not isinstance(place.get(part, getlink=True), h5py.HardLink):
            raise InputError(f"{path}: {key} is a link to another place; copy the array into the file")
        place = place[part]
    if not isinstance(place, h5py.Dataset):
        raise InputError(f"{path}: {key} is no array; save one")
    return place


def _check_storage(item: h5py.Dataset, where: str) -> None:
    if item.is_virtual:
        raise InputError(f"{where} is a virtual set, whose parts may be missing; copy the array into the file")
    if item.external:
        raise InputError(f"{where} has its values in another file; copy the array into this one")
    if item.shape is None:
        raise InputError(f"{where} is empty; save an array")
    if item.dtype.kind not in "biuf" and not h5py.check_string_dtype(item.dtype):
        raise InputError(f"{where} holds {item.dtype}; save plain numbers")
    if item.chunks is not None:
        wanted = math.prod(-(-size // chunk) for size, chunk in zip(item.shape, item.chunks, strict=True))
        if (written := item.id.get_num_chunks()) != wanted:
            raise InputError(f"{where}: only {written} of its {wanted} chunks were ever written; save it again")
    elif not _has_all_bytes(item):
        raise InputError(f"{where}: its values were never written; save it again")


def _has_all_bytes(item: h5py.Dataset) -> bool:
    """Of text of any length, the file holds references that are larger than those in memory."""
    stored, wanted = item.id.get_storage_size(), item.size * item.dtype.itemsize
    return bool(stored >= wanted if item.dtype.hasobject else stored == wanted)
