"""The command line: one subcommand per step, as the workflow calls it, and a few for people.

Nothing is computed here. Commands import what they run when they run, after threads and
instruction set are fixed.
"""

import errno
import importlib
import itertools
import os
import re
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from probecore import running, sharing
from probecore.errors import InputError, ProbecoreError
from probecore.measures import MEASURES, declaration
from probecore.provenance import package_of

REMEDIES = {
    errno.ENOSPC: "free space on the disk, then run the same command again",
    errno.EFBIG: "raise `ulimit -f`, then run the same command again",
    errno.EDQUOT: "free space in your quota, then run the same command again",
    errno.EROFS: "work in a folder that can be written",
    errno.EACCES: "give yourself the right to it, or work in a folder of yours",
    errno.EMFILE: "raise `ulimit -n`, then run the same command again",
}
"""What to do where the system refuses."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

SHOWN = 5
"""How many differing files are named where differences are tolerated."""

Experiment = Annotated[str, typer.Option(help="Name of the experiment.")]
NetworkName = Annotated[str, typer.Option(help="Name of the network, e.g. trained-0.")]
Data = Annotated[Path, typer.Option(help="The data set's HDF5 file.")]
Checkpoints = Annotated[Path, typer.Option(help="The network's checkpoints.")]
Params = Annotated[str, typer.Option(help="The step's section of params.yaml, as JSON.")]
NumericsJson = Annotated[str, typer.Option("--numerics", help="The section `numerics` of params.yaml, as JSON.")]
Output = Annotated[Path, typer.Option(help="What is written: a file, or the folder of the step.")]
Inputs = Annotated[list[Path], typer.Argument(help="What the networks' jobs wrote.")]


def main() -> None:
    """Run the command line; an error becomes one line and an exit code, a surprise also a log."""
    try:
        app()
    except ProbecoreError as error:
        print(f"probecore: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:
        print(f"probecore: {_in_one_line(error)}", file=sys.stderr)
        sys.exit(1)


def _in_one_line(error: Exception) -> str:
    """What went wrong, what to do about it if that is known, and the log that tells the rest."""
    said = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    if isinstance(error, OSError) and error.errno in REMEDIES:
        said = f"{error.filename or 'writing'}: {os.strerror(error.errno)}; {REMEDIES[error.errno]}"
    folder = running.FOLDER if running.FOLDER.is_dir() else Path(tempfile.gettempdir())
    log = folder / "probecore-error.log"
    try:
        log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as reason:
        return f"{said} ({log} with more could not be written: {reason.strerror})"
    return f"{said} (more in {log})"


@app.callback()
def begin(context: typer.Context) -> None:
    """Take a convolutional network apart and measure it. Steps are usually called by the workflow."""
    if context.invoked_subcommand in {"dataset", "report", *(group.name for group in app.registered_groups)}:
        running.enter_as_job()


@app.command()
def dataset(name: str, *, params: Params = "{}", output: Output) -> None:
    """Make a data set from its source and check it against its pinned hash."""
    from probecore.dataset.params import DatasetParams
    from probecore.notes import dataset_job, noted

    section = DatasetParams.parse(params, where=f"datasets.{name}")
    _configured("{}")
    with noted(dataset_job(name, params, path=section.path, output=output)):
        from probecore.dataset import make_dataset

        make_dataset(name, section, output=output)


def step(name: str, help_text: str) -> typer.Typer:
    """A subcommand with the commands of a step's two jobs."""
    group = typer.Typer(no_args_is_help=True, help=help_text)
    app.add_typer(group, name=name)
    return group


train = step("train", "Train networks by condition and seed.")


@train.command("network")
def train_network(
    *,
    experiment: Experiment,
    network: NetworkName,
    data: Data,
    params: Params,
    numerics: NumericsJson,
    checkpoints: Annotated[Path, typer.Option(help="Checkpoints to write.")],
    history: Annotated[Path, typer.Option(help="History table to write.")],
) -> None:
    """Train one network."""
    from probecore.notes import noted, train_job
    from probecore.train.params import TrainParams

    section = TrainParams.parse(params, where=f"experiments.{experiment}.train")
    settings = _configured(numerics)
    with noted(train_job(experiment, params, numerics, data=data, checkpoints=checkpoints, history=history)):
        from probecore.train.run import run_network

        run_network(
            experiment=experiment,
            network=network,
            data=data,
            params=section,
            numerics=settings,
            checkpoints=checkpoints,
            history=history,
        )


activations = step("activations", "Dump what layers answer to images.")


@activations.command("network")
def activations_network(
    *, data: Data, checkpoints: Checkpoints, params: Params, numerics: NumericsJson, output: Output
) -> None:
    """Dump one network's activations at its checkpoints."""
    from probecore.activations.params import ActivationsParams

    section = ActivationsParams.parse(params, where="activations")
    _run_network("activations", section, params, numerics, data=data, checkpoints=checkpoints, output=output)


def _add_network(group: typer.Typer, name: str) -> None:
    @group.command("network")
    def network(
        *,
        data: Data,
        checkpoints: Checkpoints,
        activations: Annotated[Path | None, typer.Option(help="Its activations, if the measure reads them.")] = None,
        params: Params,
        numerics: NumericsJson,
        output: Output,
    ) -> None:
        """Measure one network at its checkpoints."""
        section = declaration(name).section.parse(params, where=name)
        if (section.reads_activations is None) != (activations is None):
            raise InputError(f"--activations: {name} {'needs them' if section.reads_activations else 'reads none'}")
        files = {"data": data, "checkpoints": checkpoints} | ({"activations": activations} if activations else {})
        _run_network(name, section, params, numerics, output=output, **files)


def _add_summary(group: typer.Typer, name: str) -> None:
    @group.command("summary")
    def summary(inputs: Inputs, *, experiment: Experiment, output: Output) -> None:
        """Gather the networks of an experiment into tables, figures and the summary."""
        from probecore.notes import noted, summary_job

        _configured("{}")
        with noted(summary_job(name, experiment, inputs=inputs, output=output)):
            job = importlib.import_module(f"{package_of(name)}.summary")
            job.summarise(experiment=experiment, networks=inputs, output=output)


_add_summary(train, "train")
_add_summary(activations, "activations")
for _name in MEASURES:
    _group = step(_name, f"{declaration(_name).title}: {declaration(_name).about}.")
    _add_network(_group, _name)
    _add_summary(_group, _name)


@app.command()
def report(
    *,
    output: Output = Path("results/report/index.html"),
    metrics: Annotated[Path, typer.Option(help="The table of headline numbers to write.")] = Path(
        "results/metrics.json"
    ),
) -> None:
    """Make the report of the study in this folder."""
    from probecore.notes import noted, report_job
    from probecore.params import load_study

    study, content = load_study(Path("params.yaml"))
    _configured("{}")
    with noted(report_job(study, content, output=output, metrics=metrics)):
        from probecore.report.build import build_report

        build_report(study=content, results=Path("results"), data=Path("data"), output=output, metrics=metrics)


@app.command()
def check(
    params: Annotated[Path, typer.Argument(help="The study's parameters.")] = Path("params.yaml"),
) -> None:
    """Check a study's parameters and claims, and say which results are out of date where DVC cannot see it."""
    from probecore.claims.check import check_claims
    from probecore.notes import of_other_versions, stale_data
    from probecore.params import load_study
    from probecore.preflight import check_networks, check_sources

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


@app.command()
def claims(
    *, write: Annotated[bool, typer.Option("--write", help="Also write the blocks of README and docs anew.")] = False
) -> None:
    """Judge the claims of the study in this folder by its tables, into results/claims.csv."""
    _configured_for_study()
    from probecore.claims.check import RECORD, check_claims, read_record
    from probecore.claims.params import FILE, load_claims
    from probecore.claims.run import judge_claims, write_claims
    from probecore.claims.write import as_text, write_documents
    from probecore.params import load_study

    declarations = check_claims(load_study(Path("params.yaml"))[0]) or load_claims(FILE)
    write_claims(judge_claims(declarations.claims))
    typer.echo(as_text(read_record()))
    typer.echo(f"{RECORD}: {len(declarations.claims)} claims")
    for path in write_documents(declarations) if write else []:
        typer.echo(f"{path}: written anew")


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="A model, as in params.yaml.")] = None,
    *,
    shape: Annotated[str | None, typer.Option(help="Shape of one input, e.g. 3x32x32.")] = None,
    outputs: Annotated[int | None, typer.Option(help="Number of outputs.")] = None,
) -> None:
    """List the models, or the layers of one with shapes, parameters and multiply-adds."""
    from probecore.models.catalogue import MODELS
    from probecore.models.listing import layer_table, model_table, render
    from probecore.models.params import ModelParams

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if name is None:
        typer.echo(render(model_table(), width=width))
        return
    usual = MODELS[name] if name in MODELS else MODELS["resnet18"]
    if shape is not None and not re.fullmatch(r"\d+(x\d+)*", shape):
        raise InputError(f"--shape: {shape!r} is no shape; write e.g. 3x32x32")
    sizes = tuple(int(size) for size in shape.split("x")) if shape else usual.input_shape
    rows = layer_table(ModelParams.read(name, where="model"), sizes, outputs or usual.outputs)
    typer.echo(render(rows, width=width))


@app.command()
def schema(
    folder: Annotated[Path, typer.Argument(help="The directory of the Snakefile.")] = Path(),
) -> None:
    """Write what follows from the steps: dvc.yaml, and the JSON Schema of params.yaml."""
    from probecore.files import write_text
    from probecore.params import json_schema
    from probecore.stages import dvc_yaml

    write_text(folder / "params.schema.json", json_schema())
    write_text(folder / "dvc.yaml", dvc_yaml())


@app.command()
def upgrade() -> None:
    """Bring the study in this folder up to date with this version: new sections as null, dvc.yaml, links."""
    from probecore.upgrade import upgrade_study

    for change in upgrade_study(Path()):
        typer.echo(change)


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="An empty or new folder, or a clone of a study.")]) -> None:
    """Make a new study; in a clone of one outside the repository, its links to this installation."""
    from probecore.study import init_study

    home = init_study(folder)
    typer.echo(f"{folder}: a study. Next:\n  cd {folder}\n  snakemake --snakefile {home}/Snakefile")


@app.command()
def home() -> None:
    """Print the directory of the Snakefile."""
    from probecore.study import home

    typer.echo(home())


@app.command()
def verify(
    *,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build the study anew elsewhere and compare.")] = False,
    tolerant: Annotated[
        bool, typer.Option("--tolerant", help="End with 0 where another machine or other inputs explain differences.")
    ] = False,
) -> None:
    """Compare the study's files with dvc.lock, or with those of a rebuild, byte for byte."""
    numerics = _configured_for_study()
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


@app.command()
def fingerprint(
    *,
    numerics: NumericsJson = "{}",
    output: Annotated[Path | None, typer.Option(help="Write it as CSV instead of printing it.")] = None,
    against: Annotated[Path | None, typer.Option(help="Compare with the fingerprint in this file.")] = None,
) -> None:
    """Hash what each numerical primitive gives on this machine: equal fingerprints mean equal results."""
    settings = _configured(numerics)
    from probecore.fingerprint import differing, fingerprint, read_fingerprint, write_fingerprint

    found = fingerprint(settings)
    if output is not None:
        write_fingerprint(output, found)
    elif against is None:
        typer.echo("\n".join(f"{kind:10} {name:45} {value}" for (kind, name), value in found.items()))
    if against is not None:
        names = differing(found, read_fingerprint(against))
        typer.echo(f"{len(names)} of {len(found)} differ from {against}" + "".join(f"\n  {name}" for name in names))
        if names:
            raise typer.Exit(1)


@app.command()
def record() -> None:
    """Record in dvc.lock what `snakemake` has made, if nothing is left to do."""
    numerics = _configured_for_study()
    from probecore.fingerprint import kept_fingerprint, write_fingerprint
    from probecore.verify import RECORDED_ON
    from probecore.versioning import record_study

    record_study()
    write_fingerprint(RECORDED_ON, kept_fingerprint(numerics))
    typer.echo(
        f"recorded: commit dvc.lock, {RECORDED_ON} and results/metrics.json with Git, share files with `dvc push`"
    )


for _command in (sharing.pull, sharing.pack, sharing.unpack, sharing.diff):
    app.command()(_command)


@app.command()
def prune(*, yes: Annotated[bool, typer.Option("--yes", help="Delete them.")] = False) -> None:
    """List files under data/ and results/ that no job makes: of removed experiments, networks, data sets."""
    from probecore.versioning import delete_leftovers, find_leftovers

    leftovers = find_leftovers()
    for file in leftovers:
        typer.echo(file)
    if yes:
        delete_leftovers(leftovers)
    todo = "; `probecore prune --yes` deletes them" if leftovers else ""
    typer.echo(f"{len(leftovers)} files{' deleted' if yes else todo}")


def _run_network(name: str, section: Any, params: str, numerics: str, *, output: Path, **files: Path) -> None:
    from probecore.notes import network_job, noted

    settings = _configured(numerics)
    with noted(network_job(name, params, numerics, files=list(files.values()), output=output)):
        job = importlib.import_module(f"{package_of(name)}.run")
        job.run_network(params=section, numerics=settings, output=output, **files)


def _configured_for_study() -> Any:
    """Fix threads and instruction set as the study in this folder has them."""
    from probecore.params import load_study

    return _configured(load_study(Path("params.yaml"))[0].numerics.model_dump_json())


def _configured(numerics: str) -> Any:
    """Fix threads and instruction set, before anything imports numpy; ``{}`` stands for the defaults."""
    from probecore.determinism import Numerics, configure

    settings = Numerics.parse(numerics, where="numerics")
    configure(settings)
    return settings


if __name__ == "__main__":
    main()
