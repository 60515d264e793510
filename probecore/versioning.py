"""A study's files between Snakemake, which makes them, and DVC, which keeps and shares them.

Both are run as commands. What Snakemake believes of files that came from DVC is settled in ``workflow/adopt.py``;
whether files on disk are what was recorded, byte for byte, in ``probecore/verify.py``.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from probecore.errors import InputError, ProbecoreError
from probecore.files import write_text
from probecore.notes import what_is_unproven
from probecore.params import load_study
from probecore.progress import say, track
from probecore.study import home
from probecore.verify import LOCK, dvc_cache, is_intact, object_of, recorded_stages
from probecore.yaml_files import read_yaml

MADE = ("data", "results/*/")
"""Where a study's files are made. What lies directly in ``results/`` is kept in Git."""

_WHOLE_LOCKS = str(home() / "workflow" / "whole_locks.py")
"""DVC's command line, but what it writes in place is written whole."""


def record_study() -> None:
    """Record in ``dvc.lock`` what `snakemake` has made of the study in this folder.

    Raises
    ------
    InputError
        If anything is out of date or missing, was not made from what is here, or is left over from experiments or
        networks that are no more.
    """
    _ensure_a_whole_lock()
    if "Nothing to be done" not in _snakemake("--dry-run"):
        raise InputError("results are out of date: run `snakemake` first (`snakemake --dry-run` lists what is to do)")
    outputs = _outputs()
    missing = [file for file in outputs if not Path(file).exists()]
    if missing:
        raise InputError(f"{_some(missing)} missing: run `probecore pull` first")
    if leftovers := _files_besides(outputs):
        raise InputError(
            f"{_some(leftovers)} of no experiment or network in params.yaml:"
            " `probecore clean` lists them, `probecore clean --yes` deletes them"
        )
    _refuse_unproven()
    dvc("commit", "--force", "--quiet", "dvc.yaml")


def _ensure_a_whole_lock() -> None:
    """Begin one that vouches for nothing if there is none, or half a one: only Snakemake's own files count then."""
    try:
        recorded_stages()
    except InputError:
        if LOCK.exists():
            say(f"{LOCK}: not whole, so it vouches for nothing; begun anew")
        write_text(LOCK, "schema: '2.0'\nstages: {}\n")


def repro_study(arguments: Sequence[str]) -> NoReturn:
    """Become `dvc repro` with these arguments, which leaves a whole ``dvc.lock`` also when it is killed."""
    sys.stdout.flush()
    os.execve(sys.executable, _command(_WHOLE_LOCKS, "repro", *arguments), _environment())


def _refuse_unproven() -> None:
    """Times can lie, e.g. after `snakemake --touch`: notes of jobs say by content what was made from what."""
    unproven = what_is_unproven(*load_study(Path("params.yaml")))
    if unproven:
        changed = json.loads(dvc("status", "--json", "dvc.yaml"))
        unproven = {result: (stage, wrong) for result, (stage, wrong) in unproven.items() if stage in changed}
    for result, (_, wrong) in unproven.items():
        more = f" ({len(unproven) - 1} more results)" if len(unproven) > 1 else ""
        raise InputError(f"{result}: {wrong}{more}; delete it and run `snakemake`")


def find_leftovers() -> list[Path]:
    """Files where a study's files are made that no job of its parameters makes and Git does not keep."""
    return _files_besides(_outputs())


def _files_besides(outputs: Collection[str]) -> list[Path]:
    in_git = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=False).stdout.split("\0")
    known = {*outputs, *in_git}
    files = (file for pattern in MADE for folder in Path().glob(pattern) for file in folder.rglob("*"))
    return sorted(
        file for file in files if not file.is_dir() and not file.name.startswith(".") and file.as_posix() not in known
    )


def _some(files: Sequence[Path | str]) -> str:
    return f"{files[0]} and {len(files) - 1} more are" if len(files) > 1 else f"{files[0]} is"


def delete_leftovers(files: Sequence[Path]) -> None:
    """Delete the files, and folders that are empty then."""
    for file in files:
        file.unlink()
    _remove_empty_folders()


def push_study() -> int:
    """Send what ``dvc.lock`` records to the DVC remote, which is asked for each object.

    Returns
    -------
    int
        How many objects were sent: files, and lists of folders. All others are there.

    Raises
    ------
    InputError
        If no remote is set, or nothing is recorded.
    ProbecoreError
        If DVC fails, or something is good neither in DVC's cache nor in the remote; nothing is sent then.
    """
    _require_remote()
    if not LOCK.exists():
        raise InputError(f"{LOCK}: no such file; `probecore record` writes it")
    return int(_run_python("push", str(home() / "workflow" / "push.py")))


def _require_remote() -> None:
    if not dvc("config", "core.remote").strip():
        raise InputError(
            "no DVC remote is set: `dvc remote add -d NAME PATH`, where PATH is a folder or an address such as"
            " ssh://host/folder"
        )


def pull_study(targets: Sequence[str]) -> list[str]:
    """Fetch files that ``dvc.lock`` names from the DVC remote, and read them all: none may be damaged.

    Parameters
    ----------
    targets : stages (``recos@lenet5``), folders or files; none for the whole study

    Returns
    -------
    list of str
        Outputs that no remote has, because ``dvc.yaml`` says ``push: false``.

    Raises
    ------
    InputError
        If no remote is set.
    ProbecoreError
        If DVC fails, or the remote holds damaged files.
    """
    _require_remote()
    for _ in range(2):
        unshared, failure = _pull(targets)
        if not (damaged := _drop_damaged()):
            break
    if damaged:
        raise ProbecoreError(
            f"{', '.join(map(str, damaged))}: damaged in the remote, so not taken; delete it there and `probecore push`"
            " from where it is good, or let `snakemake` make it"
        )
    if failure:
        raise failure
    _remove_empty_folders()
    return unshared


def _pull(targets: Sequence[str]) -> tuple[list[str], ProbecoreError | None]:
    """Outputs that are not shared, and why DVC failed, if it did for more than these."""
    try:
        dvc("pull", *(targets or ["dvc.yaml"]))
    except ProbecoreError as error:
        failed = re.findall(r"following targets: (.+) Is your cache up to date", str(error))
        missing = sorted(" ".join(failed).split())
        if missing and all(out.startswith(outputs_without("push")) for out in missing):
            return missing, None
        return [], error
    return [], None


def outputs_without(flag: str) -> tuple[str, ...]:
    """Beginnings of the outputs of which ``dvc.yaml`` says that they are not for a remote (push) or the cache."""
    stages = (stage.get("do", stage) for stage in read_yaml(Path("dvc.yaml"))["stages"].values())
    outs = (out for stage in stages for kind in ("outs", "metrics") for out in stage.get(kind, []))
    flagged = (item for out in outs if isinstance(out, dict) for item in out.items())
    return tuple(path.split("$")[0] for path, flags in flagged if not flags.get(flag, True))


def _drop_damaged() -> list[Path]:
    """Delete from the cache what is not what its name says, and from the study what came from there; name it."""
    damaged = []
    for file, cached in track(_recorded_files(), "reading what DVC gave"):
        if cached.exists() and not is_intact(cached):
            damaged.append(file)
            cached.unlink()
            if not file.is_dir():
                file.unlink(missing_ok=True)
    return damaged


def _recorded_files() -> Iterator[tuple[Path, Path]]:
    """What ``dvc.lock`` names, each with its object in the cache: a folder's is the list of its files."""
    cache = dvc_cache()
    for stage in recorded_stages().values():
        for out in stage.get("outs", []):
            path, cached = Path(out["path"]), object_of(out["md5"], cache)
            yield path, cached
            if cached.suffix == ".dir" and cached.exists():
                for entry in json.loads(cached.read_bytes()):
                    yield path / entry["relpath"], object_of(entry["md5"], cache)


def _remove_empty_folders() -> None:
    for pattern in MADE:
        for top in Path().glob(pattern):
            for folder in sorted((top, *(path for path in top.rglob("*") if path.is_dir())), reverse=True):
                if not any(folder.iterdir()):
                    folder.rmdir()


def _outputs() -> list[str]:
    """All files that the study's parameters lead to, as Snakemake lists them."""
    lines = (line.split("\t") for line in _snakemake("--summary").splitlines())
    return [fields[0] for fields in lines if len(fields) == 6 and fields[0] != "output_file"]


def _snakemake(*arguments: str) -> str:
    study, _ = load_study(Path("params.yaml"))
    return _run_python("snakemake", "-m", "snakemake", "--snakefile", f"{study.home}/Snakefile", *arguments)


def dvc(*arguments: str) -> str:
    """What DVC prints, of which no kill leaves half a lock; its reason in one line where it fails."""
    return _run_python(f"dvc {arguments[0]}", _WHOLE_LOCKS, *arguments)


def _run_python(what: str, *arguments: str) -> str:
    done = subprocess.run(_command(*arguments), env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip() or "no reason given"
        marked = re.search(r"(?:ERROR|probecore): (.*)", lines, re.DOTALL)
        reason = re.sub(r"ERROR: |<https://\S+>", "", marked[1] if marked else lines.splitlines()[-1])
        raise ProbecoreError(f"{what}: {' '.join(reason.split())}")
    return done.stdout


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", *arguments]


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
