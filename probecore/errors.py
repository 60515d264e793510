"""Errors that a user can act on.

A message is one line: it names the file or key, says what is wrong there and what to do.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

LONGEST = 2000
"""Characters of a message."""


class ProbecoreError(Exception):
    """Something failed although the input was good. The command line exits with 1."""

    exit_code = 1

    def __str__(self) -> str:
        """One printable line, whatever a file's name, a key or another library's message holds."""
        line = " ".join(super().__str__().split())
        shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line[:LONGEST])
        return shown if len(line) <= LONGEST else shown + "..."


class InputError(ProbecoreError):
    """A parameter, file or image is not usable. The command line exits with 2."""

    exit_code = 2


@contextlib.contextmanager
def reading(path: Path | str, problem: str, remedy: str) -> Iterator[None]:
    """The border to a file from elsewhere: whatever a library raises in the block becomes one line.

    Libraries raise many kinds on damaged files, and other ones in other versions; all of them mean that the file is
    not usable. Errors of our own pass.

    Parameters
    ----------
    path
        The file, or another name of what is read.
    problem, remedy
        What is wrong and what to do, e.g. "cannot be read" and "get it again".

    Raises
    ------
    InputError
        ``path: problem (what the library says); remedy``.
    """
    try:
        yield
    except ProbecoreError:
        raise
    except Exception as error:
        raise InputError(f"{path}: {problem} ({reason_of(error)}); {remedy}") from None


def reason_of(error: BaseException) -> str:
    """What another library's error says, in short; its kind if it says nothing."""
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return (text if len(text) <= 200 else text[:200] + "...") or type(error).__name__
