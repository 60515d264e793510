"""The commands on the study around this folder, and the one that makes a study."""

import itertools
import os
import shlex
import shutil
from pathlib import Path
from typing import Annotated

import typer

from probecore.cli import options
from probecore.cli.options import in_study
from probecore.errors import InputError, ProbecoreError
from probecore.study import study_around

SHOWN = 5
"""How many differing files are named where differences are tolerated."""


def check(
    params: Annotated[Path | None, typer.Argument(help="The study's parameters; those of this study.")] = None,
) -> None:
    """Check a study's parameters and claims, and say which results are out of date where DVC cannot see it."""
    from probecore.declared import check_claims
    from probecore.notes import of_other_versions, stale_data
    from probecore.params import load_study
    from probecore.preflight import check_networks, check_sources

    if params is None:
        os.chdir(study_around(Path.cwd()))
        params = Path("params.yaml")
    study, content = load_study(params)
    claims = check_claims(study, params.parent)
    check_sources(study)
    stale = [*stale_data(study, content), *itertools.islice(of_other_versions(study, content), 1)]
    notes = [*check_networks(study), *(line for _, line in stale)]
    networks = sum(len(experiment.train.networks) for experiment in study.experiments.values())
    declared = f", {len(claims.claims)} claims" if claims is not None else ""
    typer.echo(f"{params}: good; {len(study.experiments)} experiments, {networks} networks{declared}")
    for note in notes:
        typer.echo(f"note: {note}")


@in_study
def claims(
    *,
    write: Annotated[bool, typer.Option("--write", help="Also write the blocks of README and docs anew.")] = False,
    judge: Annotated[bool, typer.Option("--judge", help="Judge them by the tables; the workflow does.")] = False,
) -> None:
    """Show the verdicts on the study's claims, which the workflow writes to results/claims/claims.csv."""
    options.configured("{}")
    from probecore.claims.params import RECORD, declared, load_claims
    from probecore.declared import check_claims, read_current
    from probecore.documents import as_text, write_documents
    from probecore.notes import claims_job, noted, report_from_other_files
    from probecore.params import fans_of, load_study
    from probecore.planning.spent import of_universes

    declarations = load_claims()
    study, content = load_study(Path("params.yaml"))
    check_claims(study)
    fans = fans_of(study)
    if judge:
        with noted(claims_job(declarations, declared() or "", fans)):
            from probecore.claims.run import write_claims

            write_claims(fans=fans)
        return
    typer.echo(as_text(read_current(declarations.claims, fans)))
    typer.echo(f"{RECORD}: {len(declarations.claims)} claims")
    if fans and (line := of_universes()):
        typer.echo(line)
    if write and declarations.tables and (line := report_from_other_files(study, content)):
        raise InputError(f"{line}; run `snakemake`, and write numbers then")
    for path in write_documents(declarations) if write else []:
        typer.echo(f"{path}: written anew")


def schema(
    folder: Annotated[Path, typer.Argument(help="The directory of the Snakefile.")] = Path(),
) -> None:
    """Write what follows from the steps: dvc.yaml, and the JSON Schema of params.yaml."""
    from probecore.claims.params import FILE
    from probecore.files import write_text
    from probecore.params import json_schema
    from probecore.stages import dvc_yaml

    write_text(folder / "params.schema.json", json_schema())
    write_text(folder / "dvc.yaml", dvc_yaml(claims=(folder / FILE).exists()))


@in_study
def upgrade() -> None:
    """Bring the study up to date with this version: new sections as null, dvc.yaml, links."""
    from probecore.upgrade import upgrade_study

    for change in upgrade_study(Path()):
        typer.echo(change)


def init(
    folder: Annotated[Path, typer.Argument(help="An empty or new folder, or a clone of a study.")],
    *,
    model: Annotated[
        str | None,
        typer.Option("--from", help="The network: torchvision:NAME, timm:NAME, FILE.py:FUNCTION, or one of `models`."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="A folder of images, an .npz or .h5 file, or the name of a data set.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Its weights; without them it is trained.")] = None,
) -> None:
    """Make a new study; in a clone of one outside the repository, its links to this installation."""
    from probecore.first_params import Beginning
    from probecore.study import init_study

    usual = Beginning()
    beginning = Beginning(model or usual.model, data or usual.data, weights)
    init_study(folder, None if beginning == usual else beginning)
    typer.echo(f"{folder}: a study. What it does is written in params.yaml. Next:")
    typer.echo(f"  cd {shlex.quote(str(folder))}")
    typer.echo("  probecore check          # is params.yaml good?")
    typer.echo("  snakemake --cores 2      # makes results/report/index.html")
    if shutil.which("git") is None:
        typer.echo("note: no Git here, so the study has no history; `pull`, `pack` and `diff` of revisions need it")


def home() -> None:
    """Print the directory of the Snakefile."""
    from probecore.study import home

    typer.echo(home())


@in_study
def verify(
    *,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build the study anew elsewhere and compare.")] = False,
    tolerant: Annotated[
        bool, typer.Option("--tolerant", help="End with 0 where another machine or other inputs explain differences.")
    ] = False,
) -> None:
    """Compare the study's files with dvc.lock, or with those of a rebuild, byte for byte."""
    numerics = options.configured_for_study()
    from probecore.reproduction import explain
    from probecore.verify import verify_rebuild, verify_study

    problems = verify_rebuild() if rebuild else verify_study()
    for problem in problems[: SHOWN if tolerant else None]:
        typer.echo(problem)
    if rebuild:
        if problems:
            raise ProbecoreError(f"{len(problems)} files or stages are not as rebuilt")
        typer.echo("all files are as rebuilt")
        return
    ending = explain(problems, numerics, tolerant=tolerant)
    typer.echo(ending.message)
    raise typer.Exit(ending.exit_code)


@in_study
def record() -> None:
    """Record in dvc.lock what `snakemake` has made, if nothing is left to do."""
    numerics = options.configured_for_study()
    from probecore.claims.params import RECORD
    from probecore.fingerprint import kept_fingerprint, write_fingerprint
    from probecore.verify import RECORDED_ON
    from probecore.versioning import record_study

    record_study()
    write_fingerprint(RECORDED_ON, kept_fingerprint(numerics))
    typer.echo(
        f"recorded: commit dvc.lock, {RECORDED_ON}, results/metrics.json and, with claims, {RECORD} with Git;"
        " share files with `probecore push`"
    )


@in_study
def repro(
    arguments: Annotated[list[str] | None, typer.Argument(help="What `dvc repro` takes: stages, options.")] = None,
) -> None:
    """Run `dvc repro`, which leaves a whole dvc.lock also when it is killed."""
    from probecore.versioning import repro_study

    repro_study(arguments or [])


@in_study
def clean(*, yes: Annotated[bool, typer.Option("--yes", help="Delete them.")] = False) -> None:
    """List files under data/ and results/ that no job makes: of removed experiments, networks, data sets."""
    from probecore.versioning import delete_leftovers, find_leftovers

    leftovers = find_leftovers()
    for file in leftovers:
        typer.echo(file)
    if yes:
        delete_leftovers(leftovers)
    todo = "; `probecore clean --yes` deletes them" if leftovers else ""
    typer.echo(f"{len(leftovers)} files{' deleted' if yes else todo}")
