"""Who is at work in a study: Snakemake, and the jobs that it started.

The kernel drops these locks when a process ends, however it ends. So a Snakemake that follows one stopped by
`kill -9` knows that it is alone: it removes the locks that Snakemake itself keeps in files, and before it starts
jobs it waits for those that outlived their Snakemake, because two jobs must never write the same file. On a file
system without locks nothing of this happens, and `snakemake --unlock` is needed as ever.
"""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path

from probecore.progress import say

FOLDER = Path(".probecore")
SNAKEMAKE = FOLDER / "snakemake.lock"
JOBS = FOLDER / "jobs.lock"

SNAKEMAKE_OWN = Path(".snakemake/locks")

_held: list[int] = []


def enter_as_snakemake() -> None:
    """Say until this process ends that a Snakemake works in this folder; clear up if it is the only one."""
    FOLDER.mkdir(exist_ok=True)
    with contextlib.suppress(OSError):
        lock = _open(SNAKEMAKE)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(SNAKEMAKE_OWN, ignore_errors=True)
        fcntl.flock(lock, fcntl.LOCK_SH)


def enter_as_job() -> None:
    """Say until this process ends that a job works in this folder, if Snakemake does."""
    if FOLDER.is_dir():
        with contextlib.suppress(OSError):
            fcntl.flock(_open(JOBS), fcntl.LOCK_SH)


def wait_for_jobs() -> None:
    """Return when no job works in this folder."""
    with contextlib.suppress(OSError), contextlib.closing(JOBS.open("w")) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for jobs that a killed Snakemake left running here (`lsof {JOBS}` names them)")
            fcntl.flock(lock, fcntl.LOCK_EX)


def _open(path: Path) -> int:
    """A descriptor that stays open, and is not inherited, so that the lock ends with this process."""
    _held.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
    return _held[-1]
