"""An array of an activations file, read by blocks of rows and checked block by block."""

import contextlib
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xxhash
import zstandard

from probecore.errors import InputError

Array = np.ndarray[Any, Any]


class Rows:
    """An array (N, ...) on disk. Indexing reads the blocks that hold the wanted rows, and checks them.

    Attributes
    ----------
    shape, dtype
        Of the whole array.
    """

    def __init__(self, dataset: h5py.Dataset, path: Path) -> None:
        self._dataset, self._path = dataset, path
        self.shape: tuple[int, ...] = dataset.shape
        self.dtype: np.dtype[Any] = dataset.dtype
        self._block_rows = int(dataset.attrs["block_rows"])
        self._checksums: Array = dataset.attrs["xxh3"]
        self._decode = _decoder(dataset)
        if self._block_rows < 1 or len(self._checksums) != -(-len(self) // self._block_rows):
            raise ValueError("checksums do not fit the shape")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Array:
        """Index like a numpy array; blocks without a row that the first index chooses are not read.

        Raises
        ------
        InputError
            If a block that is read does not have the bytes that were written.
        """
        first, *others = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis:
            first, others = slice(None), [Ellipsis, *others]
        wanted = np.arange(len(self))[first]
        chosen = self._read(wanted.reshape(-1)).reshape(*wanted.shape, *self.shape[1:])
        return chosen[(slice(None),) * wanted.ndim + tuple(others)]

    def verify(self) -> None:
        """Read and check every block; raises `InputError` like indexing."""
        for index in range(len(self._checksums)):
            self._block(index)

    def _read(self, wanted: Array) -> Array:
        rows = np.empty((len(wanted), *self.shape[1:]), dtype=self.dtype)
        order = np.argsort(wanted, kind="stable")
        blocks, begins = np.unique(wanted[order] // self._block_rows, return_index=True)
        for index, here in zip(blocks.tolist(), np.split(order, begins[1:]), strict=False):
            rows[here] = self._block(index)[wanted[here] - index * self._block_rows]
        return rows

    def _block(self, index: int) -> Array:
        start = index * self._block_rows
        stop = min(start + self._block_rows, len(self))
        with readable(self._path, self._dataset.name):
            stored = self._stored(start, stop)
            if xxhash.xxh3_64_intdigest(stored) != self._checksums[index]:
                raise ValueError(f"rows {start} to {stop - 1} are not as they were written")
            values = np.frombuffer(self._decode(stored), dtype=self.dtype)
            return values.reshape(-1, *self.shape[1:])[: stop - start]

    def _stored(self, start: int, stop: int) -> Any:
        if self._dataset.chunks is None:
            return self._dataset[start:stop].data
        _, stored = self._dataset.id.read_direct_chunk((start, *(0,) * (self._dataset.ndim - 1)))
        return stored


@contextlib.contextmanager
def readable(path: Path, part: str) -> Iterator[None]:
    """Turn what a damaged file makes HDF5 and the decoders raise into one line about `part` of `path`."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, zlib.error, zstandard.ZstdError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: {part}: {reason}; the file is damaged: delete it and run again") from None


def _decoder(dataset: h5py.Dataset) -> Callable[[Any], Any]:
    filters = dataset.id.get_create_plist()
    if filters.get_nfilters() == 0:
        return lambda stored: stored
    return zlib.decompress if filters.get_filter(0)[0] == h5py.h5z.FILTER_DEFLATE else zstandard.decompress
