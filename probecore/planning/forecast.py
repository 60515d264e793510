"""What the jobs of a study will need, before any of them runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py

from probecore.errors import InputError
from probecore.files import open_hdf5
from probecore.models.build import build_model
from probecore.multiverse import sections_measured
from probecore.params import STEPS, Experiment, Study
from probecore.planning.needs import Needs, needs_of
from probecore.planning.outline import Outline
from probecore.planning.speed import Speed
from probecore.planning.work import Images


@dataclass(frozen=True)
class Forecast:
    """What the job of a step on one network will need."""

    experiment: str
    step: str
    network: str
    needs: Needs
    passes: int
    """How often its work is done: checkpoints, or those and epochs of training."""
    universe: str = ""
    """Folder of the one in which it is measured."""


@dataclass(frozen=True)
class Subject:
    """An experiment with the sizes of its network and its data."""

    name: str
    experiment: Experiment
    outline: Outline
    images: Images


def subjects(study: Study, data: Path) -> list[Subject]:
    """The experiments of a study whose data sets lie in the folder `data`.

    Raises
    ------
    InputError
        If a data set has not been made yet, or a network does not fit it.
    """
    found = []
    for name, experiment in study.experiments.items():
        shape, images = _read_images(data / f"{experiment.dataset}.h5")
        model = build_model(experiment.train.model, input_shape=shape, outputs=images.classes)
        found.append(Subject(name, experiment, Outline.of(model, shape), images))
    return found


def forecast(subject: Subject, speed: Speed) -> list[Forecast]:
    """A job for each step, universe and network of an experiment; what gathers their tables is small beside them."""
    return [
        _of_job(subject, step, section, network, speed, universe=universe)
        for step in STEPS
        if (declared := getattr(subject.experiment, step)) is not None
        for universe, section in sections_measured(declared).items()
        for network in subject.experiment.train.networks
    ]


def of_fan(jobs: Sequence[Forecast]) -> str:
    """A line on what other universes will cost, beside the study without them; nothing if there are none."""
    fan = sum(job.needs.seconds for job in jobs if job.universe)
    alone = sum(job.needs.seconds for job in jobs if not job.universe)
    return f"Of this other universes: {duration(fan)}, {fan / alone:.0%} of the study without them." if fan else ""


def duration(seconds: float) -> str:
    """Seconds, minutes or hours in two digits.

    Examples
    --------
    >>> duration(42.4), duration(600), duration(7200)
    ('42 s', '10 min', '2.0 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def table(jobs: Sequence[Forecast]) -> Iterator[str]:
    """Lines: a job each, and their sum."""
    widths = [max(len(text) for text in column) for column in zip(*map(_names, jobs), strict=True)]
    for job in jobs:
        names = "  ".join(text.ljust(width) for text, width in zip(_names(job), widths, strict=True))
        yield f"{names}  {_amounts(job.needs)}"
    seconds, disk = (sum(getattr(job.needs, name) for job in jobs) for name in ("seconds", "disk"))
    total = Needs(seconds, max(job.needs.memory for job in jobs), disk)
    yield f"{'all, largest memory'.ljust(sum(widths) + 4)}  {_amounts(total)}"
    yield "Of one processor of this machine, for orders of magnitude."


def _names(job: Forecast) -> tuple[str, str, str]:
    return job.experiment, f"{job.step} {job.universe}".rstrip(), job.network


def _amounts(needs: Needs) -> str:
    return f"{duration(needs.seconds):>8}  {needs.memory / 1e9:5.1f} GB memory  {needs.disk / 1e6:9,.1f} MB disk"


def _of_job(subject: Subject, step: str, section: Any, network: str, speed: Speed, *, universe: str) -> Forecast:
    """Of one job: all checkpoints that its step measures."""
    experiment, recipe = subject.experiment, subject.experiment.train.recipe(network)
    dumped, kept = experiment.activations, recipe.checkpoint_epochs
    measured = len(kept)
    if step == "atlas":
        measured = 1
    elif step == "mechanism":
        measured = {"ends": min(2, len(kept)), "last": 1, "all": len(kept)}[section.epochs]
    elif step == "activations" or getattr(section, "reads_activations", None):
        measured = len(dumped.epochs_of(kept)) if dumped is not None else 0
    passes = len(kept) + 3 * recipe.epochs if step == "train" else measured
    found = needs_of(step, subject.outline, subject.images, section, speed, passes=passes, activations=dumped)
    return Forecast(subject.name, step, network, replace(found, disk=found.disk * measured), passes, universe)


def _read_images(path: Path) -> tuple[tuple[int, ...], Images]:
    """Shape of one input, and how many there are."""
    if not path.is_file():
        raise InputError(f"{path}: not made yet, and its size decides; make it first: `snakemake {path}`")
    with open_hdf5(path) as file:
        counts = {split: _shape(file, f"{split}/inputs") for split in ("train", "test")}
        outputs = len(file.attrs["classes"]) if "classes" in file.attrs else 1
    return counts["train"][1:], Images(counts["train"][0], counts["test"][0], outputs)


def _shape(file: h5py.File, name: str) -> tuple[int, ...]:
    found: tuple[int, ...] = file[name].shape
    return found
