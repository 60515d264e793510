"""Progress of long work: a bar on a terminal, plain lines in a log. Both go to standard error."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from probecore.progress import say


@contextlib.contextmanager
def progress(label: str, total: int | None, *, unit: str, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Yield a function that is called with the amount done since its last call.

    `total` is None where it is not known. A log gets a line at the start and at each tenth.
    """
    if sys.stderr.isatty():
        with _bar(label, total, done) as advance:
            yield advance
    else:
        say(f"{label}: {f'{total:,} {unit}' if total else f'an unknown number of {unit}'}")
        yield _lines(label, total, done)


@contextlib.contextmanager
def _bar(label: str, total: int | None, done: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total, completed=done)
        yield lambda amount: bar.update(task, advance=amount)


def _lines(label: str, total: int | None, done: int) -> Callable[[int], None]:
    def advance(amount: int) -> None:
        nonlocal done
        before, done = done, done + amount
        if total and 10 * done // total > 10 * before // total:
            say(f"{label}: {100 * done // total} %")

    return advance
