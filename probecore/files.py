"""Writing and reading files so that their bytes depend on their content alone.

Everything is written under a temporary name, brought to the disk and renamed when complete: a file that exists
under its final name is whole, also after a power failure. No time, host or path enters the bytes.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probecore.errors import InputError, reading

if TYPE_CHECKING:
    import h5py
    import pandas as pd

FLOAT_FORMAT = "%.9g"
"""Nine significant digits: what a float32 needs to survive a round trip."""


TEXT_COLUMNS = ("experiment", "network", "layer", "site", "quantity", "split")
"""Columns that hold names in the tables of every step; a measure declares others of its own."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` if the block succeeds.

    The temporary name is fixed, so what a killed run leaves is overwritten by the next.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.chmod(0o666 & ~_umask())
        _to_disk(partial)
        os.replace(partial, path)
        _to_disk(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk; some file systems cannot for folders."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with Unix line ends."""
    with replacing(path) as partial:
        partial.write_bytes(text.encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON with sorted keys and floats of nine significant digits; NaN becomes null."""
    write_text(
        path,
        json.dumps(_plain(content), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raises `InputError` naming the file when it cannot be."""
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        raise InputError(f"{path}: no regular file; delete it and run again")
    with reading(path, "not JSON", "delete it and run again"):
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise InputError(f"{path}: holds no JSON object; delete it and run again")
        return content


def write_table(path: Path, table: "pd.DataFrame", *, sort_by: Sequence[str]) -> None:
    """Write a tidy CSV, sorted by the columns `sort_by` (no ties), floats of nine significant digits."""
    table = arranged(table, sort_by=sort_by, where=path)
    write_text(path, table.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n"))


def arranged(table: "pd.DataFrame", *, sort_by: Sequence[str], where: str | Path) -> "pd.DataFrame":
    """Rows sorted by the columns `sort_by`, which must identify them."""
    keys = list(sort_by)
    if table.duplicated(keys).any():
        raise ValueError(f"{where}: rows are not unique by {keys}")
    return table.sort_values(keys, ignore_index=True)


def read_table(path: Path, *, text: Sequence[str] = ()) -> "pd.DataFrame":
    """Read a table written by `write_table`: names stay text, also `0.10` and `nan`.

    Names stand in `TEXT_COLUMNS` and in the columns `text`.
    """
    import pandas as pd

    columns = pd.read_csv(path, nrows=0).columns
    names = columns.intersection([*TEXT_COLUMNS, *text])
    numbers = columns.difference(names)
    return pd.read_csv(
        path, dtype=dict.fromkeys(names, str), keep_default_na=False, na_values=dict.fromkeys(numbers, "")
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def md5_of(path: Path) -> str:
    """MD5 of a file's bytes, in hexadecimal: what DVC names content by, and sites publish of their archives."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextlib.contextmanager
def create_hdf5(path: Path) -> Iterator["h5py.File"]:
    """Create an HDF5 file whose bytes depend on what is written and in which order.

    Create groups one level at a time: those that HDF5 makes by itself on the way to ``a/b/c`` hold
    their time of creation.
    """
    import h5py

    with replacing(path) as partial, h5py.File(partial, "w", libver="v110", locking=False) as file:
        yield file


def open_hdf5(path: Path) -> "h5py.File":
    """Open an HDF5 file for reading, without locks (shared file systems often have none).

    Raises
    ------
    InputError
        If the file is missing or is no readable HDF5.
    """
    import h5py

    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        raise InputError(f"{path}: no regular file; put an HDF5 file there")
    with reading(path, "not a readable HDF5 file", "delete it and run again"):
        return h5py.File(path, "r", locking=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(FLOAT_FORMAT % value) if value == value and abs(value) != float("inf") else None
    return value
