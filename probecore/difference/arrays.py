"""Which arrays of two HDF5 or safetensors files differ, and by how much. A block of each is in memory at a time."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

from probecore.errors import reading

BLOCK = 1 << 24
"""Bytes of an array that are compared at a time."""

SUFFIXES = (".h5", ".safetensors")


@dataclass(frozen=True)
class ArrayDifference:
    """How one array, or attribute of HDF5, changed.

    Parameters
    ----------
    name : of the array in its file; attributes as ``array@attribute``
    kind : what is different: ``added``, ``removed``, ``shape or type`` or ``values``
    before, after : what the array is, e.g. ``float32 (100, 10)``; of an attribute, its value; empty where it is not
    changed, total : numbers of elements
    largest : the largest \\|change\\|, in the array's units; 0 where it is not numeric
    scale : the largest \\|value\\| before
    """

    name: str
    kind: str
    before: str = ""
    after: str = ""
    changed: int = 0
    total: int = 0
    largest: float = 0.0
    scale: float = 0.0


def compare_arrays(name: str, before: IO[bytes], after: IO[bytes]) -> list[ArrayDifference]:
    """Compare two files of the same name, array by array.

    Parameters
    ----------
    name : of the file, for its suffix and for messages
    before, after : the files, open and seekable

    Raises
    ------
    InputError
        If one cannot be read.
    """
    with _arrays(name, before) as first, _arrays(name, after) as second:
        names = {**first, **second}
        found = [_compare(array, first.get(array), second.get(array)) for array in names]
    return [difference for difference in found if difference is not None]


@contextlib.contextmanager
def _arrays(name: str, file: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    """The arrays of a file by name, with its attributes as texts."""
    with contextlib.ExitStack() as stack:
        with reading(name, "not readable", "make it again or fetch it anew"):
            if PurePosixPath(name).suffix == ".h5":
                import h5py
                import hdf5plugin  # noqa: F401  (registers the compressors)

                arrays = _contents(stack.enter_context(h5py.File(file, "r")))
            else:
                from safetensors.numpy import load

                arrays = load(file.read())
        yield arrays


def _contents(file: Any) -> dict[str, Any]:
    import h5py

    found: dict[str, Any] = {}

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item
        found.update({f"{name}@{key}": str(value) for key, value in item.attrs.items()})

    add("", file)
    file.visititems(add)
    return found


def _compare(name: str, first: Any, second: Any) -> ArrayDifference | None:
    if first is None or second is None:
        return ArrayDifference(name, "added" if first is None else "removed", _form(first), _form(second))
    if isinstance(first, str) or isinstance(second, str):
        return ArrayDifference(name, "values", str(first), str(second), 1, 1) if first != second else None
    if first.shape != second.shape or first.dtype != second.dtype:
        return ArrayDifference(name, "shape or type", _form(first), _form(second))
    return _compare_values(name, first, second)


def _form(array: Any) -> str:
    if array is None or isinstance(array, str):
        return array or ""
    return f"{array.dtype} {tuple(array.shape)}"


def _compare_values(name: str, first: Any, second: Any) -> ArrayDifference | None:
    import numpy as np

    changed, largest, scale = 0, 0.0, 0.0
    for rows in _blocks(first):
        before, after = np.asarray(first[rows]), np.asarray(second[rows])
        differs = before != after
        if before.dtype.kind == "f":
            differs &= ~(np.isnan(before) & np.isnan(after))
        changed += int(np.count_nonzero(differs))
        if before.dtype.kind in "biuf":
            scale = max(scale, _largest(before))
            largest = max(largest, _largest(after[differs].astype(float) - before[differs].astype(float)))
    if not changed:
        return None
    total = int(np.prod(first.shape, dtype=np.int64))
    return ArrayDifference(name, "values", _form(first), _form(second), changed, total, largest, scale)


def _blocks(array: Any) -> Iterator[Any]:
    """Parts of an array along its first axis, of about `BLOCK` bytes."""
    if not array.shape:
        yield ()
        return
    rows = max(1, BLOCK * array.shape[0] // max(1, array.nbytes))
    yield from (slice(start, start + rows) for start in range(0, array.shape[0], rows))


def _largest(values: Any) -> float:
    """The largest finite magnitude, or 0."""
    import numpy as np

    return float(np.abs(values, where=np.isfinite(values), out=np.zeros(np.shape(values))).max(initial=0.0))
