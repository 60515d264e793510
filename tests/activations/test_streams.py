from pathlib import Path

import h5py
import numpy as np
import pytest

from probecore.activations import streams
from probecore.activations.params import Compression
from probecore.activations.rows import Rows
from probecore.activations.streams import BLOCK_BYTES, Streams, rows_per_block
from probecore.files import create_hdf5, open_hdf5


@pytest.mark.parametrize(
    ("images", "batch", "row_bytes", "rows"),
    [
        (1000, 256, 4 * 4704, 8),
        (1000, 256, 40, 256),
        (1000, 250, 4 * 4704, 10),
        (1000, 7, BLOCK_BYTES // 2, 1),
        (1000, 8, 2 * BLOCK_BYTES, 1),
        (1009, 1009, 8, 1009),
        (1009, 2000, BLOCK_BYTES // 5, 5),
    ],
)
def test_blocks_stay_small_and_span_no_batches(images: int, batch: int, row_bytes: int, rows: int) -> None:
    assert rows_per_block(images, batch, row_bytes=row_bytes) == rows


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_missing_or_misshapen_rows_are_an_error(tmp_path: Path, compression: str) -> None:
    with h5py.File(tmp_path / "file.h5", "w") as file:
        options = {"shape": (4, 2), "dtype": "float32", "batch": 2, "compression": compression}
        with pytest.raises(ValueError, match="2 rows of 4 were written"), Streams() as writing:
            writing.open(file, "few", **options).append(np.zeros((2, 2)))
        with pytest.raises(ValueError, match=r"rows \(3,\) where \(2,\) are due"), Streams() as writing:
            writing.open(file, "wide", **options).append(np.zeros((2, 3)))


def test_file_must_be_on_disk() -> None:
    with (
        h5py.File("memory.h5", "w", driver="core", backing_store=False) as file,
        pytest.raises(ValueError, match="file on disk"),
        Streams() as writing,
    ):
        writing.open(file, "maps", shape=(4,), dtype="float32", batch=2)


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_more_checksums_than_an_object_header_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: Compression
) -> None:
    monkeypatch.setattr(streams, "BLOCK_BYTES", 8)
    values = np.arange(20_000, dtype=np.float32).reshape(-1, 2)
    with create_hdf5(tmp_path / "file.h5") as file, Streams() as writing:
        writer = writing.open(file, "maps", shape=values.shape, dtype="float32", batch=500, compression=compression)
        for part in np.split(values, 20):
            writer.append(part)
    with open_hdf5(tmp_path / "file.h5") as file:
        assert file["maps"].attrs["xxh3"].nbytes == 80_000
        np.testing.assert_array_equal(Rows(file["maps"], tmp_path)[:], values)
