"""Progress of long work: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 10.0


def track(items: Iterable[Item], description: str) -> Iterator[Item]:
    """Yield `items` while showing how many are done."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track as bar

        yield from bar(items, description, console=Console(stderr=True))
    else:
        yield from _lines(items, description)


def say(message: str) -> None:
    """One line for people, on standard error."""
    print(message, file=sys.stderr, flush=True)


def _lines(items: Iterable[Item], description: str) -> Iterator[Item]:
    total = f"/{len(items)}" if isinstance(items, Sized) else ""
    last, done = time.monotonic(), 0
    for item in items:
        yield item
        done += 1
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            say(f"{description}: {done}{total}")
            last = time.monotonic()
    say(f"{description}: {done}{total}, done")
