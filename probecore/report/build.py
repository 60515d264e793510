"""Writes the report of a study: ``index.html``, tables beside it, and ``metrics.json``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from probecore.errors import InputError
from probecore.files import write_json, write_text
from probecore.params import STEPS
from probecore.report.beside import tables_beside
from probecore.report.claims import read_verdicts
from probecore.report.content import Experiment, Number, StudyFiles
from probecore.report.embed import embed
from probecore.report.filters import filter_data, packed
from probecore.report.page import render
from probecore.report.samples import view_dataset
from probecore.report.words import words_of

MAX_PAGE = 10_000_000
"""Bytes of ``index.html`` beside its data of filters."""

MAX_WHOLE = 25_000_000
"""Bytes of all of it."""


def build_report(
    *, study: dict[str, Any], results: Path, data: Path, output: Path, metrics: Path, verdicts: Path | None = None
) -> None:
    """Write the page of a finished study to `output`, its tables beside it, and its headline numbers to `metrics`.

    Parameters
    ----------
    study : dict
        The content of ``params.yaml``; what it does not name is not read.
    results, data : Path
        The study's folders ``results/`` and ``data/``.
    output, metrics : Path
        The files to write.
    verdicts : Path, optional
        What the step `claims` wrote, if the study declares any.

    Raises
    ------
    InputError
        If a file of a step is missing or unusable, or the page is too large even without figures.
    """
    content = StudyFiles(study, results=results, data=data)
    experiments = content.experiments()
    datasets = {name: view_dataset(content.file(f"data/{name}.h5")) for name in content.datasets()}
    found = (filter_data(content, each, datasets[each.dataset].content) for each in experiments)
    filters = [each for each in found if each]
    context: dict[str, Any] = {
        "experiments": experiments,
        "datasets": datasets.values(),
        "comparison": compare(experiments),
        "verdicts": read_verdicts(verdicts),
        "filters": filters,
        "packed": packed(filters),
        "words": words_of(experiments),
        "numerics": study.get("numerics"),
        "command": content.command,
    }
    figures = [figure for experiment in experiments for step in experiment.steps for figure in step.figures]
    text = len(render({**context, "packed": ""}, pictures={}).encode())
    budget = min(MAX_PAGE, MAX_WHOLE - len(context["packed"])) - text
    if budget < 0:
        most = MAX_WHOLE // 10**6
        raise InputError(f"{output}: too large for a page of {most} MB even without figures; split the study")
    write_text(output, render(context, pictures=embed(figures, budget=budget)))
    for name, table in tables_beside(experiments, filters).items():
        write_text(output.with_name(name), table)
    write_json(metrics, headlines(experiments))


def headlines(experiments: Sequence[Experiment]) -> dict[str, dict[str, dict[str, Number]]]:
    """Headline numbers by experiment and step; a step without any is left out."""
    return {
        experiment.name: {step.name: step.headline for step in experiment.steps if step.headline}
        for experiment in experiments
    }


def compare(experiments: Sequence[Experiment]) -> list[tuple[str, str, list[Number]]]:
    """Rows (step, headline, one number per experiment); None where an experiment has no such number."""
    numbers = headlines(experiments).values()
    return [
        (step, name, [own.get(step, {}).get(name) for own in numbers])
        for step in STEPS
        for name in sorted({name for own in numbers for name in own.get(step, {})})
    ]
