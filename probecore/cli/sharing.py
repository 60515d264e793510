"""The commands by which studies travel: to and from remotes and capsules, and side by side. Not here: what they do."""

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from probecore import running
from probecore.cli.options import in_study
from probecore.errors import InputError
from probecore.study import study_around

CapsuleFile = Annotated[Path, typer.Argument(help="A capsule that `probecore pack` wrote.")]


def pull(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Stages, folders or files of the study; all if none is named. Or one capsule: file, URL."),
    ] = None,
) -> None:
    """Fetch recorded files from the DVC remote, or from a capsule, and check each."""
    capsules = [target for target in targets or [] if target.endswith(".zip") or _is_address(target)]
    if capsules and len(targets or []) > 1:
        raise InputError(f"{capsules[0]}: name one capsule and nothing else, or stages, folders and files without one")
    capsules = [capsule if _is_address(capsule) else str(Path(capsule).resolve()) for capsule in capsules]
    os.chdir(study_around(Path.cwd()))
    if capsules:
        for out in _pull_capsule(capsules[0]):
            typer.echo(f"{out}: not in the capsule as dvc.lock has it; `snakemake` makes it if it is needed")
        return
    from probecore.versioning import pull_study

    for out in pull_study(targets or []):
        typer.echo(f"{out}: in no remote (`push: false` in dvc.yaml); `snakemake` makes it if it is needed")


@in_study
def push() -> None:
    """Send recorded files to the DVC remote; it is asked for each, also after a push that was stopped."""
    from probecore.versioning import push_study

    sent = push_study()
    typer.echo(f"objects sent: {sent}" if sent else "nothing to send: the remote has all that is recorded and shared")


def _is_address(target: str) -> bool:
    return target.startswith(("http://", "https://"))


def _pull_capsule(target: str) -> list[str]:
    from probecore.capsule.unpack import pull_capsule
    from probecore.dataset.download import fetch

    if not _is_address(target):
        return pull_capsule(Path(target))
    running.FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=running.FOLDER) as folder:
        path = Path(folder, "capsule.zip")
        fetch(target, path)
        return pull_capsule(path)


@in_study
def pack(
    output: Annotated[
        Path | None, typer.Argument(resolve_path=True, help="The file to write; named as the study's folder.")
    ] = None,
) -> None:
    """Write the recorded study as one file, a capsule, for a release or an archive."""
    from probecore.capsule.pack import pack_study

    path = output or Path(f"{Path().resolve().name}.zip")
    if path.suffix != ".zip":
        raise InputError(f"{path}: a capsule's name ends with .zip")
    study, files = pack_study(path)
    for out in study.left_out:
        typer.echo(f"{out}: left out (`push: false` in dvc.yaml)")
    typer.echo(f"{path}: {files} files, {path.stat().st_size / 1e6:,.1f} MB, revision {study.revision[:12]}")


def unpack(
    file: CapsuleFile,
    folder: Annotated[Path | None, typer.Argument(help="A new folder to write its files to.")] = None,
) -> None:
    """Check a capsule and say what it holds, without a study; write its files to a folder if one is named."""
    from probecore.capsule.unpack import unpack_capsule

    typer.echo(unpack_capsule(file, folder))
    if folder is not None:
        typer.echo(f"written to {folder}; the report is {folder / 'results/report/index.html'}")


def diff(
    before: Annotated[str, typer.Argument(help="A study's folder, a Git revision of the one here, or a capsule.")],
    after: Annotated[str, typer.Argument(help="Another of these.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every cell and array.")] = False,
) -> None:
    """Say what differs between two studies and because of what; the exit code is 1 if anything does."""
    from probecore.difference import text
    from probecore.difference.compare import compare
    from probecore.difference.snapshot import opened_snapshot

    with opened_snapshot(before) as first, opened_snapshot(after) as second:
        found = compare(first, second)
    typer.echo(text.as_json(found) if as_json else text.in_words(found))
    if found:
        raise typer.Exit(1)
