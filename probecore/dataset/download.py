"""Fetching one archive over HTTP: mirrors, resume, checksum. Not here: what is in it."""

import contextlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from probecore.dataset.progress import progress
from probecore.errors import InputError, ProbecoreError
from probecore.files import md5_of

TIMEOUT = 10.0
"""Seconds without an answer after which a mirror is given up."""


LONGEST = 3600.0
"""Seconds that a mirror may take for one file; what has come is kept, and the next run goes on from there."""

MOST_BYTES = 1 << 30
"""Of one file; anything larger is none of ours."""


class UnreachableError(ProbecoreError):
    """No mirror or package manager answered; another way may."""


def download(name: str, *, md5: str, mirrors: Sequence[str], folder: Path) -> Path:
    """Fetch the archive `name` into `folder`, continuing what an interrupted run left there.

    The folder is created when the first byte comes.

    Raises
    ------
    UnreachableError
        If no mirror delivers the whole file; what has come is kept for the next run.
    InputError
        If a file came but none with this MD5; nothing is kept.
    """
    path, partial = folder / name, folder / f".{name}.partial"
    if path.exists() and md5_of(path) == md5:
        return path
    problems, wrong = [], []
    for mirror in mirrors:
        url = mirror + name
        try:
            if _fetch_checked(url, partial, md5):
                os.replace(partial, path)
                return path
            wrong.append(url)
        except (OSError, http.client.HTTPException) as error:
            problems.append(f"{url}: {getattr(error, 'reason', None) or error or type(error).__name__}")
    if wrong:
        raise InputError(f"{wrong[0]}: its MD5 is not the published {md5}")
    raise UnreachableError("; ".join(problems))


def fetch(url: str, path: Path) -> None:
    """Fetch one file of which nothing is known, with the same patience and up to `MOST_BYTES`.

    Raises
    ------
    UnreachableError
        If it does not come whole.
    InputError
        If it is larger.
    """
    try:
        _fetch(url, path)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise UnreachableError(f"{url}: {reason}; try again, or fetch it with another program") from None
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{url}: larger than {MOST_BYTES >> 30} GiB; fetch it with another program and name the file")


def _fetch_checked(url: str, partial: Path, md5: str) -> bool:
    """Whether the file came whole and right; a wrong one that was pieced together gets a second chance."""
    resumed = partial.exists()
    _fetch(url, partial)
    if md5_of(partial) == md5:
        return True
    partial.unlink()
    return resumed and _fetch_checked(url, partial, md5)


def _fetch(url: str, partial: Path) -> None:
    """Request what is missing of the file as long as every request brings some of it, and time is left."""
    deadline = time.monotonic() + LONGEST
    while True:
        have = _size(partial)
        try:
            return _append(url, partial, have, deadline)
        except (OSError, http.client.HTTPException):
            if _size(partial) <= have or time.monotonic() > deadline:
                raise


def _append(url: str, partial: Path, have: int, deadline: float) -> None:
    """Add what the mirror sends, up to a little more than `MOST_BYTES`, which the checksum then refuses."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # nothing is missing
            raise
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0
        total = None if response.length is None else have + response.length
        partial.parent.mkdir(exist_ok=True)
        with (
            partial.open("ab" if have else "wb") as file,
            progress(url, total, unit="bytes", done=have) as advance,
        ):
            while file.tell() <= MOST_BYTES and (block := response.read1(1 << 20)):
                file.write(block)
                advance(len(block))
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not done after {LONGEST:,.0f} seconds")
    if total is not None and _size(partial) < min(total, MOST_BYTES + 1):
        raise ConnectionError(f"connection closed after {_size(partial)} of {total} bytes")


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
