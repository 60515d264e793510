"""The commands for before a study: what it will need, and a look at one network without one."""

import re
from pathlib import Path
from typing import Annotated

import typer

from probecore.cli import options
from probecore.cli.options import in_study
from probecore.errors import InputError

UNITS = {"s": 1, "m": 60, "h": 3600}
SIZES = {"K": 2**10, "M": 2**20, "G": 2**30}


@in_study
def plan(*, budget: Annotated[str | None, typer.Option(help="Processor time that there is, as 2h.")] = None) -> None:
    """Say what each job of the study will need, before any runs, and what to change to stay within a budget.

    Jobs on a cluster then ask for this, with a margin.
    """
    most = None if budget is None else _quantity(budget, UNITS, "--budget")
    options.configured_for_study()
    from probecore.params import load_study
    from probecore.planning.asked import write_asked
    from probecore.planning.forecast import duration, forecast, of_fan, subjects, table
    from probecore.planning.remedies import remedies
    from probecore.planning.speed import speed_of_this_machine

    study, written = load_study(Path("params.yaml"))
    speed, found = speed_of_this_machine(), subjects(study, Path("data"))
    jobs = [job for subject in found for job in forecast(subject, speed)]
    write_asked(jobs, written)
    for line in table(jobs):
        typer.echo(line)
    if line := of_fan(jobs):
        typer.echo(line)
    total = sum(job.needs.seconds for job in jobs)
    if most is not None and total > most:
        typer.echo(f"more than {budget}: {duration(total)}. What would make it less:")
        for line in remedies(found, jobs, speed, budget=most):
            typer.echo(f"  {line}")


def examine(
    network: Annotated[
        str,
        typer.Argument(help="torchvision:NAME, timm:NAME, FILE.py:FUNCTION, one of `models`, or a checkpoint file."),
    ],
    images: Annotated[Path, typer.Argument(help="A folder with a folder for each class, or an .npz or .h5 file.")],
    *,
    weights: Annotated[Path | None, typer.Option(help="Weights of a named network; else they are random.")] = None,
    size: Annotated[int | None, typer.Option(help="Pixels that images of a folder are scaled to.")] = None,
    budget: Annotated[str, typer.Option(help="Processor time, as 5m or 2h.")] = "5m",
    memory: Annotated[str, typer.Option(help="At most, as 6G.")] = "6G",
    output: Annotated[Path | None, typer.Option(help="A new folder; by default named after the network.")] = None,
) -> None:
    """Measure one network in all ways, without a study and without training, and write its report."""
    seconds, most = _quantity(budget, UNITS, "--budget"), _quantity(memory, SIZES, "--memory")
    options.configured("{}")
    from probecore.examine import Subject, examine

    folder = output or Path("examined-" + re.sub(r"[^\w-]+", "_", Path(network).name).strip("_"))
    typer.echo(examine(Subject(network, images, weights, size), folder, budget=seconds, memory=most))


def _quantity(text: str, units: dict[str, int], option: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z])", text)
    if match is None or match[2] not in units:
        raise InputError(f"{option}: {text!r}; write a number and one of {', '.join(units)}")
    return float(match[1]) * units[match[2]]
