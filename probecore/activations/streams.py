"""Writing arrays row by row into HDF5 while they come into being, with a checksum per block of rows.

Uncompressed rows are written with `pwrite` to their place in a file allocated beforehand. Compressed blocks
are chunks, compressed in threads and handed to HDF5 as they are, always in the same order: the bytes of the
file depend on content and order of the rows alone. Not here: what the arrays mean.
"""

import functools
import os
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from types import TracebackType
from typing import Any, Self

import h5py
import hdf5plugin
import numpy as np
import xxhash
import zstandard

from probecore.activations.params import Compression

Array = np.ndarray[Any, Any]
Blocks = list[tuple[bytes, int]]
"""Bytes as they lie in the file, and their checksums."""

BLOCK_BYTES = 1 << 18
"""Blocks up to 256 KiB are compressed in the core's own cache, and are cheap to check when read."""

RUN_BYTES = 1 << 20
"""Blocks are written, or handed to a compressing thread, by about 1 MiB at a time, so that calls cost little."""

PENDING_RUNS = 16
"""How many runs may wait to be compressed and written: bounds the memory."""

HELPING_THREADS = 1
"""Threads that compress beside the caller's."""


class Streams:
    """Opens data sets for writing by rows; leaving the block writes what is pending, and the checksums."""

    def __init__(self) -> None:
        self._runs = _Runs()
        self._writers: list[RowWriter] = []
        self._last: list[tuple[h5py.Group, str, Callable[[], Array]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._runs.finish()
                for group, name, make in self._last:
                    self.write(group, name, make())
                for writer in self._writers:
                    writer.close()
        finally:
            self._runs.stop()

    def open(
        self,
        group: h5py.Group,
        name: str,
        *,
        shape: tuple[int, ...],
        dtype: Any,
        batch: int,
        compression: Compression = "none",
        level: int = 1,
    ) -> "RowWriter":
        """Create the data set `name` of `shape` (N, ...), to be appended to in batches of `batch` rows."""
        dtype = np.dtype(dtype)
        rows = rows_per_block(shape[0], batch, row_bytes=dtype.itemsize * prod(shape[1:]))
        writer: RowWriter
        if compression == "none":
            writer = _ContiguousWriter(_create_contiguous(group, name, shape, dtype), rows)
        else:
            dataset = _create_chunked(group, name, shape, dtype, rows, _FILTERS[compression], level)
            writer = _ChunkWriter(dataset, rows, _compressor(compression, level), self._runs)
        self._writers.append(writer)
        return writer

    def write(self, group: h5py.Group, name: str, array: Array) -> None:
        """Write a whole array (N, ...) as the data set `name`."""
        self.open(group, name, shape=array.shape, dtype=array.dtype, batch=len(array)).append(array)

    def write_last(self, group: h5py.Group, name: str, make: Callable[[], Array]) -> None:
        """Write what `make` returns when all rows are in."""
        self._last.append((group, name, make))


class RowWriter:
    """A data set that is written from its first row to its last."""

    def __init__(self, dataset: h5py.Dataset, block_rows: int) -> None:
        self._dataset = dataset
        self._block_rows = block_rows
        self._shape, self._dtype = dataset.shape, dataset.dtype
        self._row_bytes = self._dtype.itemsize * prod(self._shape[1:])
        self._block_bytes = block_rows * self._row_bytes
        self._rows = 0
        self._checksums: list[int] = []

    def append(self, rows: Array) -> None:
        """Write the next rows (n, ...); n is a multiple of the rows of a block, except for the last ones."""
        if rows.shape[1:] != self._shape[1:]:
            raise ValueError(f"{self._dataset.name}: rows {rows.shape[1:]} where {self._shape[1:]} are due")
        data = np.ascontiguousarray(rows, dtype=self._dtype).reshape(-1).view(np.uint8).data
        for run in _pieces(data, max(1, RUN_BYTES // self._block_bytes) * self._block_bytes):
            self._write(run)
            self._rows += len(run) // self._row_bytes

    def close(self) -> None:
        """Write the checksums beside the data."""
        if self._rows != self._shape[0]:
            raise ValueError(f"{self._dataset.name}: {self._rows} rows of {self._shape[0]} were written")
        self._dataset.attrs["block_rows"] = np.int64(self._block_rows)
        self._dataset.attrs["xxh3"] = np.array(self._checksums, dtype=np.uint64)

    def _write(self, run: memoryview) -> None:
        """Write a run of blocks, and note their checksums."""
        raise NotImplementedError


class _ContiguousWriter(RowWriter):
    def __init__(self, dataset: h5py.Dataset, block_rows: int) -> None:
        super().__init__(dataset, block_rows)
        if dataset.file.driver != "sec2":
            raise ValueError(f"activations go to a file on disk, not to the HDF5 driver {dataset.file.driver!r}")
        self._descriptor = dataset.file.id.get_vfd_handle()
        self._offset = dataset.id.get_offset()

    def _write(self, run: memoryview) -> None:
        self._checksums.extend(map(xxhash.xxh3_64_intdigest, _pieces(run, self._block_bytes)))
        while run:
            written = os.pwrite(self._descriptor, run, self._offset)
            self._offset += written
            run = run[written:]


class _ChunkWriter(RowWriter):
    def __init__(
        self, dataset: h5py.Dataset, block_rows: int, compress: Callable[[memoryview], bytes], runs: "_Runs"
    ) -> None:
        super().__init__(dataset, block_rows)
        self._compress_run = functools.partial(_compress_run, compress, self._block_bytes)
        self._runs = runs

    def _write(self, run: memoryview) -> None:
        compress = functools.partial(self._compress_run, bytes(run))
        self._runs.submit(compress, functools.partial(self._store, self._rows))

    def _store(self, row: int, blocks: Blocks) -> None:
        for stored, checksum in blocks:
            self._dataset.id.write_direct_chunk((row, *(0,) * (len(self._shape) - 1)), stored)
            self._checksums.append(checksum)
            row += self._block_rows


@dataclass
class _Run:
    compress: Callable[[], Blocks]
    store: Callable[[Blocks], None]
    begun: Future[Blocks]
    blocks: Blocks | None = None

    @property
    def is_compressed(self) -> bool:
        return self.blocks is not None or self.begun.done()

    def compress_here(self) -> bool:
        """Compress in the caller's thread, unless another has begun to."""
        if self.blocks is None and self.begun.cancel():
            self.blocks = self.compress()
            return True
        return False

    def finish(self) -> None:
        self.store(self.begun.result() if self.blocks is None else self.blocks)


class _Runs:
    """Runs of blocks on their way. A thread compresses them; the caller's stores them, in order.

    Where the caller's thread would have to wait, it compresses, too.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(HELPING_THREADS)
        self._pending: deque[_Run] = deque()

    def submit(self, compress: Callable[[], Blocks], store: Callable[[Blocks], None]) -> None:
        self.finish(leave=PENDING_RUNS - 1)
        self._pending.append(_Run(compress, store, self._pool.submit(compress)))

    def finish(self, *, leave: int = 0) -> None:
        while len(self._pending) > leave:
            if self._pending[0].is_compressed or not any(run.compress_here() for run in self._pending):
                self._pending.popleft().finish()

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def rows_per_block(images: int, batch: int, *, row_bytes: int) -> int:
    """As many rows as fit a block; where there are several batches, a divisor of `batch`: no block spans two."""
    most = max(1, min(images, batch, BLOCK_BYTES // row_bytes))
    return most if batch >= images else next(rows for rows in range(most, 0, -1) if batch % rows == 0)


def _create_contiguous(group: h5py.Group, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> h5py.Dataset:
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_layout(h5py.h5d.CONTIGUOUS)
    layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    return _create(group, name, shape, dtype, layout)


def _create_chunked(
    group: h5py.Group,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    rows: int,
    filter_id: int,
    level: int,
) -> h5py.Dataset:
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_chunk((rows, *shape[1:]))
    layout.set_filter(filter_id, 0, (level,))
    return _create(group, name, shape, dtype, layout)


def _create(
    group: h5py.Group, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], layout: h5py.h5p.PropDCID
) -> h5py.Dataset:
    layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    layout.set_obj_track_times(False)
    space = h5py.h5s.create_simple(shape)
    return h5py.Dataset(h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(dtype), space, layout))


_FILTERS = {"gzip": h5py.h5z.FILTER_DEFLATE, "zstd": hdf5plugin.Zstd.filter_id}


def _compressor(compression: Compression, level: int) -> Callable[[memoryview], bytes]:
    return functools.partial(zlib.compress, level=level) if compression == "gzip" else _zstd(level)


def _zstd(level: int) -> Callable[[memoryview], bytes]:
    own = threading.local()

    def compress(block: memoryview) -> bytes:
        if not hasattr(own, "compressor"):
            own.compressor = zstandard.ZstdCompressor(level=level)
        return bytes(own.compressor.compress(block))

    return compress


def _compress_run(compress: Callable[[memoryview], bytes], block_bytes: int, run: bytes) -> Blocks:
    whole = run.ljust(-(-len(run) // block_bytes) * block_bytes, b"\0")
    compressed = [compress(block) for block in _pieces(memoryview(whole), block_bytes)]
    return [(stored, xxhash.xxh3_64_intdigest(stored)) for stored in compressed]


def _pieces(data: memoryview, size: int) -> Iterator[memoryview]:
    return (data[start : start + size] for start in range(0, len(data), size))
