"""Everything that determines the result of a job, by content: `determinants` names it.

Training's resume key and the note that each job leaves (`probecore.notes`) hold these hashes. For Snakemake they lie in
small files that jobs have as inputs: one for all code of a job and the versions it computes with (with every module an
input of its own, choosing the next job took most of Snakemake's time), one for ``own/``, one for the file that a data
set is made from.
"""

import functools
import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

from probecore.errors import InputError
from probecore.files import sha256_of, write_text
from probecore.provenance import code_hash

OWN = Path("own")

HASHES = Path(".probecore/inputs")

LIBRARIES = (
    "torch", "torchvision", "numpy", "scipy", "scikit-learn", "statsmodels", "numba", "pandas", "h5py", "hdf5plugin",
    "zstandard", "safetensors", "pillow", "matplotlib", "jinja2",
)  # fmt: skip
"""Distributions whose version can change the bytes of a result."""


def determinants(entry: str, *, parameters: str, files: Iterable[Path], own: bool) -> dict[str, str]:
    """Everything that a job's result depends on, each with the hash of its content, or its version.

    Parameters
    ----------
    entry : the module that the job starts from
    parameters : all that it is told, as text
    files : data, checkpoints, tables, ... that it reads; of a folder the names and sizes count
    own : whether it may use the study's own networks
    """
    found = {"parameters": hashlib.sha256(parameters.encode()).hexdigest(), "code": code_hash(entry), **versions()}
    read = [*files, *(own_files() if own else [])]
    return found | {path.as_posix(): hash_of(path) for path in read}


def own_files() -> list[Path]:
    """What lies in the study's ``own/``: code, weights, data, anything that code may read.

    Raises
    ------
    InputError
        For a link to a folder, behind which DVC would see no change.
    """
    found: list[Path] = []
    for folder, folders, names in os.walk(OWN):
        for name in folders:
            if Path(folder, name).is_symlink():
                raise InputError(f"{folder}/{name}: a link to a folder, where DVC sees no change; put the folder there")
        if "__pycache__" not in Path(folder).parts:
            found += [Path(folder, name) for name in names if not name.endswith((".pyc", ".partial"))]
    return sorted(path for path in found if path.is_file())


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python and of `LIBRARIES`."""
    return {"Python": platform.python_version()} | {name: importlib.metadata.version(name) for name in LIBRARIES}


def hash_of(path: Path) -> str:
    """SHA-256 of a file; of a folder, which may be huge, that of the names and sizes in it; or ``missing``."""
    if path.is_dir():
        files = (file for file in path.rglob("*") if file.is_file())
        listing = sorted(f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}" for file in files)
        return hashlib.sha256(os.fsencode("\n".join(listing))).hexdigest()
    return _hash_of_file(path, _state(path)) if path.exists() else "missing"


@functools.cache
def _hash_of_file(path: Path, state: tuple[int, ...]) -> str:
    """Read again only what has another `state`."""
    return sha256_of(path)


def _state(path: Path) -> tuple[int, ...]:
    """What changes when a file is written or replaced; no program can set the third time."""
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def code_file(entry: str) -> Path:
    """The file that holds the hash of the code of jobs that start at the module `entry`, and versions below it."""
    *_, step, module = entry.split(".")
    return HASHES / step / f"{module}.sha256"


def own_file() -> Path:
    """The file that holds the hashes of `own_files`."""
    return HASHES / "own.sha256"


def source_file(dataset: str) -> Path:
    """The file that holds the hash of the file that a data set is made from."""
    return HASHES / "sources" / f"{dataset}.sha256"


def write_code_hash(entry: str) -> None:
    """Bring `code_file` up to date; as with the others, its time changes with its content only."""
    lines = [code_hash(entry), *(f"{name} {version}" for name, version in versions().items())]
    _write(code_file(entry), "\n".join(lines) + "\n")


def write_own_hashes() -> None:
    """Bring `own_file` up to date."""
    _write_hashes(own_file(), own_files())


def write_source_hash(dataset: str, path: Path) -> None:
    """Bring `source_file` up to date; the first one is old, for it does not mean that the source has changed."""
    target = source_file(dataset)
    first = not target.exists()
    _write_hashes(target, [path])
    if first:
        os.utime(target, (1, 1))


def _write_hashes(target: Path, files: Sequence[Path]) -> None:
    """Files that are older than `target` are not read again."""
    known = dict(line.split("  ", 1)[::-1] for line in _text_of(target).splitlines())
    written = target.stat().st_mtime_ns if target.exists() else 0

    def line(path: Path) -> str:
        unchanged = path.as_posix() in known and path.stat().st_ctime_ns < written
        return f"{known[path.as_posix()] if unchanged else hash_of(path)}  {path.as_posix()}\n"

    _write(target, "".join(map(line, files)))


def _write(path: Path, text: str) -> None:
    if not path.exists() or _text_of(path) != text:
        write_text(path, text)


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
