"""The schema of a study: `params.yaml` as one model, joined from the sections of the steps.

Whatever is wrong in a study's parameters is found here, before any job starts, and explained in one
line. Sections themselves live beside the code they steer (``probecore/<step>/params.py``).
"""

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
from pydantic import Field

from probecore.activations.params import ActivationsParams
from probecore.dataset.params import DatasetParams
from probecore.determinism import Numerics
from probecore.errors import InputError
from probecore.measures import MEASURES, declaration
from probecore.models.trust import check_place
from probecore.multiverse import Universe, check_universes, folders, universes, written_in
from probecore.schema import MeasureSection, Section, did_you_mean
from probecore.train.params import TrainParams
from probecore.yaml_files import read_yaml

OPTIONAL_STEPS = ("activations", *MEASURES)
"""Steps that an experiment may say null to."""

STEPS = ("train", *OPTIONAL_STEPS)
"""Steps with one section per experiment, in the order in which data flows."""

NAME = re.compile(r"[a-z][a-z0-9_-]*")
HOME = r"^[\w./+@=,()][\w ./+@=,()-]*$"
"""It stands between single quotes in a command of ``dvc.yaml``: no quotes, no line breaks, no leading dash."""

YAML_BOOLEANS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def _check_name(name: str) -> str:
    if not NAME.fullmatch(name) or name in YAML_BOOLEANS:
        raise ValueError("names have small letters, digits, _ and -, start with a letter and are no YAML booleans")
    return name


Name = Annotated[str, pydantic.AfterValidator(_check_name)]


class _Experiment(Section):
    """A data set, the networks trained on it, and what is measured."""

    dataset: str = Field(description="A key of `datasets`.")
    train: TrainParams = Field(description="Networks and how they are trained.")
    activations: ActivationsParams | None = Field(description="What is dumped; null: nothing.")


def section_class(measure: str) -> type[MeasureSection]:
    """Return the schema of a measure's section."""
    return declaration(measure).section


def _measure_fields() -> dict[str, Any]:
    """A section for each measure, or null."""
    measures = [declaration(name) for name in MEASURES]
    return {
        one.name: (one.section | None, Field(description=f"{one.title}: {one.about}; null: not wanted."))
        for one in measures
    }


if TYPE_CHECKING:
    Experiment = _Experiment
else:
    Experiment = pydantic.create_model(
        "Experiment", __base__=_Experiment, __module__=__name__, __doc__=_Experiment.__doc__, **_measure_fields()
    )


class Study(Section):
    """All of `params.yaml`."""

    home: str = Field(
        pattern=HOME,
        description="The directory of the Snakefile, seen from the study; `.` in the repository's root.",
    )
    packages: list[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]] = Field(
        [], description="Installed packages whose functions may build networks, because you trust their code."
    )
    numerics: Numerics = Field(description="How numbers are computed, for all experiments.")
    datasets: dict[Name, DatasetParams] = Field(description="The data sets, by name.", min_length=1)
    experiments: dict[Name, Experiment] = Field(description="The experiments, by name.", min_length=1)


def load_study(path: Path) -> tuple[Study, dict[str, Any]]:
    """Read and check `params.yaml`.

    Returns
    -------
    study : Study
        With all defaults filled in.
    written : dict
        The file's content as it stands, which is what jobs and DVC are given.

    Raises
    ------
    InputError
        For the first thing that is wrong, in one line with the key's path and the remedy.
    """
    written = read_yaml(path, portable=True)
    try:
        with contextlib.chdir(path.parent):  # what it names is seen from there
            study = Study.read(written)
            _check_references(study)
            _check_multiverses(study, written)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return study, written


def json_schema() -> str:
    """The JSON Schema of `params.yaml`, as committed for editors."""
    return json.dumps(Study.model_json_schema(), indent=2, sort_keys=True) + "\n"


def _check_references(study: Study) -> None:
    for name, dataset in study.datasets.items():
        dataset.kind_of(name)
        _check_data_path(f"datasets.{name}.path", dataset.path)
    for name, experiment in study.experiments.items():
        if experiment.dataset not in study.datasets:
            hint = did_you_mean(experiment.dataset, study.datasets)
            raise InputError(f"experiments.{name}.dataset: no data set {experiment.dataset!r}{hint}")
        _check_own_files(f"experiments.{name}.train", experiment.train, study.packages)
        _check_epochs(f"experiments.{name}", experiment)
        _check_activations(f"experiments.{name}", experiment)
    for name in study.datasets:
        if all(experiment.dataset != name for experiment in study.experiments.values()):
            raise InputError(f"datasets.{name}: no experiment uses it; remove it")


def _check_multiverses(study: Study, written: Mapping[str, Any]) -> None:
    for name, experiment in study.experiments.items():
        for step in MEASURES:
            section = getattr(experiment, step)
            if section is not None and section.multiverse is not None:
                columns = sorted({column for keys in declaration(step).all_keys.values() for column in keys})
                try:
                    check_universes(written["experiments"][name][step], section, columns)
                except InputError as error:
                    raise InputError(f"experiments.{name}.{step}.{error}") from None


def _check_data_path(where: str, path: str | None) -> None:
    if path is not None and Path(os.path.normpath(path)).parts[0] in ("data", "results"):
        raise InputError(f"{where}: {path} lies among the study's outputs, which are deleted; keep it elsewhere")


def _check_own_files(where: str, train: TrainParams, packages: list[str]) -> None:
    """What a study takes from outside lies in ``own/``, where both tools see its changes."""
    try:
        check_place(train.model, packages)
    except InputError as error:
        raise InputError(f"{where}.{error}") from None
    if train.given is not None and train.given.weights is not None:
        weights = Path(train.given.weights)
        if weights.parts[:1] != ("own",) or ".." in weights.parts:
            raise InputError(
                f"{where}.given.weights: {weights} lies outside of own/, where changes are seen; put it there"
            )
        if not weights.is_file():
            raise InputError(f"{where}.given.weights: no file {weights}; paths are seen from the study")


def _check_epochs(where: str, experiment: Experiment) -> None:
    if experiment.activations is not None:
        for network in experiment.train.networks:
            try:
                experiment.activations.epochs_of(experiment.train.recipe(network).checkpoint_epochs)
            except InputError as error:
                raise InputError(f"{where}.{error}") from None


def _check_activations(where: str, experiment: Experiment) -> None:
    """Measures that read activations find in the dump what they need."""
    remedies = {
        "pooled": "add pooled to `activations.store` and test to `activations.splits`",
        "excitations": "write `activations.excitations: {}`",
    }
    for measure in MEASURES:
        section, dumped = getattr(experiment, measure), experiment.activations
        needed = section.reads_activations if section is not None else None
        if needed is not None and (dumped is None or not dumped.keeps(needed)):
            raise InputError(f"{where}.{measure}: reads what is not dumped; {remedies[needed]}, or write null")


def filters_read(experiment: Experiment, name: str, step: str) -> list[Path]:
    """The ``filters.csv`` of other measures that the gathering job of a step reads in the experiment `name`."""
    if step not in MEASURES or not declaration(step).reads_measures:
        return []
    others = [other for other in MEASURES if not declaration(other).reads_measures]
    return [Path("results", other, name, "filters.csv") for other in others if getattr(experiment, other) is not None]


def section_of(written: Mapping[str, Any], experiment: str, step: str, universe: str = "") -> str:
    """The section of a step as it stands in `params.yaml`, as JSON with sorted keys.

    Of a measure without its multiverse; `universe` is the folder of the one in which it is measured.
    """
    section = written["experiments"][experiment][step]
    if step in MEASURES:
        section = written_in(section, section_class(step), universe)
    return json.dumps(section, sort_keys=True)


def universes_measured(experiment: Experiment, step: str) -> list[str]:
    """The folders of what a step measures: empty for what is declared, then those of its universes."""
    return ["", *(folders(getattr(experiment, step)) if step in MEASURES else [])]


def fans_of(study: Study) -> dict[tuple[str, str], list[Universe]]:
    """The universes of measures in experiments that have any beside the declared one."""
    sections = {
        (step, name): section
        for name, experiment in study.experiments.items()
        for step in MEASURES
        if (section := getattr(experiment, step)) is not None and section.multiverse is not None
    }
    return {key: universes(section) for key, section in sections.items()}
