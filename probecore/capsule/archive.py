"""The container of a capsule: a zip whose bytes depend on its files alone.

Nothing is compressed, for compressors differ between versions and most of what a study makes is compressed already; so
nothing can unpack to more than it is either. The archive's comment is the SHA-256 of all bytes before it: whatever was
damaged or cut off is found before anything is believed. Not here: what the files are.
"""

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from probecore.errors import InputError, ProbecoreError, reading
from probecore.files import replacing

SEAL = b"sha256:"
"""How the comment begins; 64 hexadecimal digits follow."""

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every file, the earliest that a zip can tell."""

HIDDEN = (".dvcignore", ".gitignore", ".gitkeep")
"""The only names with a leading dot; others may make programs run what they name."""

LONGEST_NAME = 200
"""Bytes of one part of a path, below what file systems bear."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Member:
    """A file to be packed, and what it holds."""

    source: Path | bytes
    size: int
    sha256: str
    md5: str


def member(source: Path | bytes) -> Member:
    """Read a file, or take the content itself, for `write_archive`."""
    with _opened(source) as content:
        return Member(source, *copy(content))


def _opened(source: Path | bytes) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def copy(content: IO[bytes], target: IO[bytes] | None = None) -> tuple[int, str, str]:
    """Write all that is left to read to `target`, if there is one; its size, SHA-256 and MD5."""
    size, sha256, md5 = 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    while block := content.read(_BLOCK):
        size += len(block)
        sha256.update(block)
        md5.update(block)
        if target is not None:
            target.write(block)
    return size, sha256.hexdigest(), md5.hexdigest()


def write_archive(path: Path, members: Mapping[str, Member]) -> None:
    """Write an archive of `members`, by their names within and in their order; nothing is there before it is whole.

    Raises
    ------
    InputError
        If a name would not be safe to unpack.
    ProbecoreError
        If a file changes meanwhile.
    """
    for name in members:
        if problem := problem_of(name):
            raise InputError(f"{name}: {problem}; rename it")
    with replacing(path) as partial:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            for name, packed in members.items():
                _add(archive, name, packed)
            archive.comment = SEAL + b"0" * 64
        _seal(partial)


def _add(archive: zipfile.ZipFile, name: str, packed: Member) -> None:
    entry = zipfile.ZipInfo(name, EARLIEST)
    entry.create_system, entry.external_attr, entry.file_size = 3, 0o100644 << 16, packed.size
    with archive.open(entry, "w") as target, _opened(packed.source) as content:
        if copy(content, target) != (packed.size, packed.sha256, packed.md5):
            raise ProbecoreError(f"{name}: changed while it was packed; run `probecore pack` again when nothing writes")


def _seal(path: Path) -> None:
    with path.open("r+b") as file:
        digest = _digest_before_comment(file)
        file.seek(-64, io.SEEK_END)
        file.write(digest)


def _digest_before_comment(file: IO[bytes]) -> bytes:
    left = file.seek(0, io.SEEK_END) - 64
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0 and (block := file.read(min(_BLOCK, left))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest().encode()


@contextlib.contextmanager
def opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive of `write_archive` for reading.

    Raises
    ------
    InputError
        If it is damaged, truncated, another program's, or could write elsewhere or more than it holds.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; name a capsule that `probecore pack` wrote")
    with contextlib.ExitStack() as stack:
        with reading(path, "damaged, truncated or no capsule", "get it again"):
            with path.open("rb") as file:
                _check_seal(file, path)
            archive = stack.enter_context(zipfile.ZipFile(path))
            _check_entries(archive, path)
        yield archive


def _check_seal(file: IO[bytes], path: Path) -> None:
    size = file.seek(0, io.SEEK_END)
    length = len(SEAL) + 64
    file.seek(max(0, size - length))
    seal = file.read()
    if size < length or not seal.startswith(SEAL):
        raise InputError(f"{path}: no capsule of `probecore pack`, or its end is missing; get it again")
    if seal[len(SEAL) :] != _digest_before_comment(file):
        raise InputError(f"{path}: damaged, its bytes are not those that were written; get it again")


def _check_entries(archive: zipfile.ZipFile, path: Path) -> None:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    for entry in entries:
        if problem := problem_of(entry.orig_filename) or _problem_of_entry(entry):
            raise InputError(f"{path}: {entry.orig_filename!r}: {problem}; do not use it")
        if parents := names.intersection(map(str, Path(entry.filename).parents)):
            raise InputError(f"{path}: {parents.pop()!r} is a file and a folder; do not use it")
    if len(names) < len(entries):
        raise InputError(f"{path}: holds a name twice; do not use it")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise InputError(f"{path}: announces more bytes than it has; do not use it")


def problem_of(name: str) -> str | None:
    """What makes the name of a file unsafe to unpack, or None."""
    parts = name.split("/")
    if not name.isprintable() or "\\" in name or ":" in name:
        return "its name holds what is not portable"
    if any(part in ("", ".", "..") for part in parts):
        return "its name leads elsewhere"
    if any(part.startswith(".") and part not in HIDDEN for part in parts):
        return "its name is hidden"
    if any(len(part.encode()) > LONGEST_NAME for part in parts) or len(parts) > LONGEST_NAME // 10:
        return "its name is too long"
    return None


def _problem_of_entry(entry: zipfile.ZipInfo) -> str | None:
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        return "compressed, which `probecore pack` never does"
    return "encrypted, which `probecore pack` never does" if entry.flag_bits & 1 else None
