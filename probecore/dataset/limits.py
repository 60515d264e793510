"""How much a file may bring into memory. What it announces or unpacks to is looked at before memory is taken."""

import os
import zlib
from pathlib import Path

from probecore.errors import InputError, reading

MOST_UNPACKED = 1 << 30
"""Bytes of one official file, unpacked; the largest, of CIFAR-10, has 184 million."""

_BLOCK = 1 << 20


def check_memory(where: Path | str, size: int) -> None:
    """Raise `InputError` if arrays of `size` bytes cannot fit this machine's memory."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size > memory:
        raise InputError(
            f"{where}: announces {_gigabytes(size)} of arrays, and this machine has {_gigabytes(memory)} of memory; "
            "take fewer or smaller samples"
        )


def read_file(path: Path) -> bytes:
    """The bytes of an official file; of a ``.gz``, what it unpacks to.

    Raises
    ------
    InputError
        If it is none, is damaged, has anything after its end, or has more than `MOST_UNPACKED` bytes.
    """
    if not path.is_file():
        raise InputError(f"{path}: no regular file; get it again")
    if path.stat().st_size > MOST_UNPACKED:
        raise InputError(f"{path}: more than {_gigabytes(MOST_UNPACKED)}; get it again")
    with reading(path, "damaged or truncated", "get it again"):
        content = path.read_bytes()
        return _unpack(content, path) if path.suffix == ".gz" else content


def _unpack(content: bytes, path: Path) -> bytes:
    """What a gzip file of one or more members holds; zlib compares each with its checksum and length."""
    parts: list[bytes] = []
    size = 0
    while content:
        unpacker = zlib.decompressobj(wbits=31)
        while not unpacker.eof:
            part = unpacker.decompress(content, _BLOCK)
            content = unpacker.unconsumed_tail
            size += len(part)
            if size > MOST_UNPACKED:
                raise InputError(f"{path}: unpacks to more than {_gigabytes(MOST_UNPACKED)}; get it again")
            if not part and not content and not unpacker.eof:
                raise EOFError("it ends early")
            parts.append(part)
        content = unpacker.unused_data.lstrip(b"\0")
    return b"".join(parts)


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"
