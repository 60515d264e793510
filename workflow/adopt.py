"""Snakemake believes the files that it wrote itself and those that DVC vouches for, and no others.

Snakemake keeps a record of each file that it writes, with the file's time. Files that came by another way
(`dvc pull`, `dvc checkout`, the run cache, a copy) have no record or that of another run, and Snakemake would
judge them by their times, which mean nothing. About these foreign files DVC is asked, at a start and only
while there are any. Those of stages that DVC vouches for lose their record and get times in the order of the
stages; all others are marked incomplete, which is Snakemake's word for a file to be made again. Nothing is
moved or deleted here.

What DVC said is kept while it vouches for all of them and nothing of the study changes, by DVC's own signs of a change
and the time of the last one: asking costs seconds.

Inside a stage of `dvc repro` DVC itself keeps the order, and deletes outputs before they are made.
"""

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from snakemake.persistence.file import FilePersistence

from probecore.files import write_text
from probecore.inputs import HASHES
from workflow.lock import Lock, files_at, stop

MILLISECOND = 1_000_000
"""In nanoseconds. Times given here are whole milliseconds, which tells settled files from those that just came."""
SETTLED = Path(".probecore/settled.sha256")
"""The `_state` in which DVC vouched for all foreign files."""


def agree_with_dvc(names: Collection[str], made_otherwise: Callable[[], Collection[str]]) -> None:
    """Settle what Snakemake is to believe of the study in this directory.

    Parameters
    ----------
    names : the experiments and data sets of the study; files and `dvc.lock` may also know others, long gone
    made_otherwise : tells the stages whose results here were made, by their notes, with other versions than those
        installed, which DVC cannot see

    Raises
    ------
    SystemExit
        After one line: if DVC cannot be asked, or has in its cache or remote what is not as recorded; if it is
        about to record folders as read by the report in which there is more than params.yaml makes.
    """
    stage = os.environ.get("DVC_STAGE")
    if stage is None:
        _adopt(names, made_otherwise)
    elif stage.rpartition(":")[2] == "report":
        _refuse_leftovers(names)


def _adopt(names: Collection[str], made_otherwise: Callable[[], Collection[str]]) -> None:
    at_work = any(Path(".snakemake/locks").glob("*"))
    if at_work or not Path("dvc.lock").exists():
        return
    records = FilePersistence(path=Path(".snakemake"))
    foreign = {file for file in _outputs() if not _is_own(records, file)}
    if not foreign or (SETTLED.exists() and SETTLED.read_text() == _state(foreign)):
        return
    lock = Lock(names)
    vouched = lock.vouched().difference(made_otherwise())
    adopted = vouched & {lock.stage_of(file) for file in foreign}
    damaged = adopted - lock.vouched() if _put_in_order(lock, adopted) else set()
    for file in _outputs():
        if lock.stage_of(file) in adopted - damaged:
            records._delete_record(file)
            records._unmark_incomplete(file)
        elif file in foreign:
            records._delete_record(file)
            records._mark_incomplete(file, None)
    if damaged:
        stop(
            f"{', '.join(lock.changed_files(damaged))}: not what dvc.lock says, damaged in DVC's cache or remote;"
            " fetch it anew with `probecore pull`, or start again to have it made anew"
        )
    if all(lock.stage_of(file) in adopted for file in foreign):
        write_text(SETTLED, _state(foreign))


def _state(foreign: Collection[str]) -> str:
    """Everything that DVC's answer depends on: files and their times, and which of them are foreign."""
    places = ("params.yaml", "dvc.yaml", "dvc.lock", str(HASHES), "own", "data", "results")
    files = sorted(file for place in places for file in files_at(place))
    seen = [(file, file in foreign, *_identity(os.stat(file)), *_identity(os.lstat(file))) for file in files]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _outputs() -> Iterator[str]:
    """All files where stages write."""
    for file in (*files_at("data"), *files_at("results")):
        if os.path.dirname(file) != "results" or file == "results/metrics.json":
            yield file


def _is_own(records: FilePersistence, file: str) -> bool:
    record = records._read_record(file)
    return record is not None and record.endtime == os.lstat(file).st_mtime


def _put_in_order(lock: Lock, stages: Collection[str]) -> bool:
    """Give the files of each stage one time, not before that of any source; whether any had another.

    DVC takes a file for what it gave out until its time changes: what is moved here it will really read.
    """
    passes = 0
    while passes < len(lock.deps) and sum(_align(lock, stage) for stage in stages):
        passes += 1
    return passes > 0


def _align(lock: Lock, stage: str) -> bool:
    places = [out["path"] for writer, out in lock.outs if writer == stage]
    files = [file for place in places for file in (*files_at(place), *_benchmarks(place))]
    newest = max(os.stat(file).st_mtime_ns for file in (*lock.sources_of(stage), *files))
    time = -(-newest // MILLISECOND) * MILLISECOND
    others = [file for file in files if {os.stat(file).st_mtime_ns, os.lstat(file).st_mtime_ns} != {time}]
    for file in others:
        try:
            os.utime(file, ns=(time, time))
            os.utime(file, ns=(time, time), follow_symlinks=False)
        except PermissionError:
            stop(
                f"{file}: cannot set its time, it belongs to another user's cache; take copies instead:"
                " `dvc config --local cache.type reflink,copy`, then `dvc checkout --relink`"
            )
    return bool(others)


def _benchmarks(place: str) -> Iterator[str]:
    """Those of the jobs that write at `place`. For Snakemake a job is as old as its oldest output or benchmark."""
    return (file for file in files_at(place.replace("results", "logs", 1)) if file.endswith(".benchmark.tsv"))


def _refuse_leftovers(names: Collection[str]) -> None:
    """The report's stage depends on whole folders: a clone has only what the present stages write there."""
    made = (*Path("data").glob("[!.]*"), *Path("results").glob("*/[!.]*"))
    left = sorted(str(path) for path in made if path.stem not in names and path.parent.name not in ("claims", "report"))
    if left:
        stop(f"{', '.join(left)}: not in params.yaml any more; `probecore clean --yes` deletes it")
