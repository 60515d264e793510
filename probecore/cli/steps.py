"""The commands that the workflow calls: one for each step, with its two jobs."""

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

from probecore.cli import options
from probecore.cli.options import Checkpoints, Data, Experiment, NumericsJson, Output, Params
from probecore.errors import InputError
from probecore.measures import MEASURES, declaration
from probecore.provenance import package_of

NetworkName = Annotated[str, typer.Option(help="Name of the network, e.g. trained-0.")]
Inputs = Annotated[list[Path], typer.Argument(help="What the networks' jobs wrote.")]


def dataset(name: str, *, params: Params = "{}", output: Output) -> None:
    """Make a data set from its source and check it against its pinned hash."""
    from probecore.dataset.params import DatasetParams
    from probecore.notes import dataset_job, noted

    section = DatasetParams.parse(params, where=f"datasets.{name}")
    options.configured("{}")
    with noted(dataset_job(name, params, path=section.path, output=output)):
        from probecore.dataset import make_dataset

        make_dataset(name, section, output=output)


GROUPS: dict[str, typer.Typer] = {}
"""Step → its subcommand, with the commands of its two jobs."""


def _step(name: str, help_text: str) -> typer.Typer:
    GROUPS[name] = typer.Typer(no_args_is_help=True, help=help_text)
    return GROUPS[name]


train = _step("train", "Train networks by condition and seed.")


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
    settings = options.configured(numerics)
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


activations = _step("activations", "Dump what layers answer to images.")


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
    def summary(
        inputs: Inputs,
        *,
        experiment: Experiment,
        measured: Annotated[
            list[Path] | None, typer.Option(help="Another measure's filters.csv, if the step reads them.")
        ] = None,
        output: Output,
    ) -> None:
        """Gather the networks of an experiment into tables, figures and the summary."""
        from probecore.notes import noted, summary_job

        if measured and not (name in MEASURES and declaration(name).reads_measures):
            raise InputError(f"--measured: {name} reads none")
        options.configured("{}")
        with noted(summary_job(name, experiment, inputs=inputs, output=output, measured=measured or [])):
            job = importlib.import_module(f"{package_of(name)}.summary")
            files = {"measured": measured} if measured else {}
            job.summarise(experiment=experiment, networks=inputs, output=output, **files)


_add_summary(train, "train")
_add_summary(activations, "activations")
for _name in MEASURES:
    _group = _step(_name, f"{declaration(_name).title}: {declaration(_name).about}.")
    _add_network(_group, _name)
    _add_summary(_group, _name)


def report(
    *,
    output: Output = Path("results/report/index.html"),
    metrics: Annotated[Path, typer.Option(help="The table of headline numbers to write.")] = Path(
        "results/metrics.json"
    ),
) -> None:
    """Make the report of the study in this folder."""
    from probecore.claims.params import FILE, RECORD
    from probecore.notes import noted, report_job
    from probecore.params import load_study

    study, content = load_study(Path("params.yaml"))
    options.configured("{}")
    with noted(report_job(study, content, output=output, metrics=metrics)):
        from probecore.report.build import build_report

        build_report(
            study=content,
            results=Path("results"),
            data=Path("data"),
            output=output,
            metrics=metrics,
            verdicts=RECORD if FILE.exists() else None,
        )


def _run_network(name: str, section: Any, params: str, numerics: str, *, output: Path, **files: Path) -> None:
    from probecore.notes import network_job, noted

    settings = options.configured(numerics)
    with noted(network_job(name, params, numerics, files=list(files.values()), output=output)):
        job = importlib.import_module(f"{package_of(name)}.run")
        job.run_network(params=section, numerics=settings, output=output, **files)
