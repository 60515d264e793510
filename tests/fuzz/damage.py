"""Seeded damage to bytes, and what a reader made of it: a line, the same content, or a fault of ours."""

import contextlib
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from probecore.errors import InputError

SECONDS = 20
"""For one input; a reader that takes longer hangs."""

SPARE_BYTES = 3 << 30
"""Of address space beyond what is in use before an input is read."""

LIES = (0, 1, 2, 7, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)

Damage = Callable[[bytes, Random], bytes]


def flip(content: bytes, random: Random) -> bytes:
    """One to eight bits, anywhere."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def flip_in_front(content: bytes, random: Random) -> bytes:
    """A bit of the first 200 bytes, where headers are."""
    changed = bytearray(content)
    changed[random.randrange(min(200, len(changed)))] ^= 1 << random.randrange(8)
    return bytes(changed)


def cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content))]


def cut_out(content: bytes, random: Random) -> bytes:
    begin = random.randrange(len(content))
    return content[:begin] + content[begin + random.randrange(1, 64) :]


def extend(content: bytes, random: Random) -> bytes:
    return content + random.randbytes(random.randrange(1, 100))


def insert(content: bytes, random: Random) -> bytes:
    place = random.randrange(len(content))
    return content[:place] + random.randbytes(random.randrange(1, 20)) + content[place:]


def lie(content: bytes, random: Random) -> bytes:
    """A number of 1 to 8 bytes, big or little end first, in the place of another; most in front."""
    size = random.choice((1, 2, 4, 4, 8))
    number = (random.choice(LIES) & ((1 << 8 * size) - 1)).to_bytes(size, random.choice(("big", "little")))
    place = random.randrange(min(len(content), random.choice((64, 256, 1 << 30))))
    return (content[:place] + number + content[place + size :])[: max(len(content), place + size)]


def blank(content: bytes, random: Random) -> bytes:
    begin = random.randrange(len(content))
    size = min(random.randrange(1, 200), len(content) - begin)
    return content[:begin] + bytes(size) + content[begin + size :]


def repeat(content: bytes, random: Random) -> bytes:
    begin = random.randrange(len(content))
    part = content[begin : begin + random.randrange(1, 200)]
    return content[:begin] + part + content[begin:]


def nothing(content: bytes, random: Random) -> bytes:
    return b""


def something_else(content: bytes, random: Random) -> bytes:
    begins = (
        b"\x89HDF\r\n\x1a\n",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"\x89PNG\r\n\x1a\n",
        b"%!PS",
        b"{",
        b"\x80\x02",
        b"<html>",
    )
    return random.choice(begins) + random.randbytes(random.randrange(200))


DAMAGES: tuple[Damage, ...] = (
    *(flip, flip, flip, flip_in_front, flip_in_front, lie, lie, lie),
    *(cut, cut_out, extend, insert, blank, repeat, nothing, something_else),
)


class HangError(BaseException):
    """Not an `Exception`, so that no border takes it for damage of a file."""


def outcome(read: Callable[[], object], same: object) -> str:
    """``line`` or ``same``; anything else is a fault and says which."""
    try:
        with guarded():
            found = read()
    except InputError as error:
        return "line" if str(error).isprintable() and 0 < len(str(error)) < 2100 else f"fault: {str(error)!r}"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"fault: {type(error).__name__}: {str(error)[:200]}"
    return "same" if found == same else "other"


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """No input hangs and none takes memory without limit."""

    def late(*_: object) -> None:
        raise HangError(f"not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + SPARE_BYTES, hard))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def table(counts: dict[str, Counter[str]], begin: float) -> str:
    """Inputs by class and outcome."""
    columns = sorted({name for counter in counts.values() for name in counter})
    rows = [f"{'':24}" + "".join(f"{name:>12}" for name in columns)]
    rows += [f"{kind:24}" + "".join(f"{found[name]:12}" for name in columns) for kind, found in counts.items()]
    total = sum(sum(found.values()) for found in counts.values())
    return "\n".join([*rows, f"{total} inputs in {time.monotonic() - begin:.1f} s"])
