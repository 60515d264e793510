"""After an edit, `snakemake` and `dvc repro` would run the same steps of the same experiments: those that depend on it."""

from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from probecore.params import STEPS
from probecore.provenance import package_of
from probecore.stages import dvc_yaml
from tests.workflow.repository import Jobs, Repository

STAGES: dict[str, Any] = {
    name: stage.get("do", stage) for name, stage in yaml.safe_load(dvc_yaml(claims=False))["stages"].items()
}

EDITS = {
    "datasets.mnist5k.test_samples": 99,
    "experiments.tiny.train.batch": 25,
    "experiments.tiny.activations.store": ["pooled"],
    "experiments.tiny.anova": {},
    "experiments.tiny.mutual_information": {},
    "experiments.tiny.mechanism": {},
    "experiments.tiny.recos.polarity.images": 49,
    "experiments.tiny.mean_dimension": {},
    "experiments.tiny.atlas": {},
}
"""A parameter of each step, with another value than the small study has; measures that it does not have are added."""

MODULES = {
    "dataset": "embedded",
    "train": "loop",
    "activations": "dump",
    "recos": "polarity",
    "report": "page",
}
"""For some steps a module that its jobs import; for the others their first is edited, `run`."""


def test_every_step_is_edited() -> None:
    edited = [key.split(".")[2] if key.startswith("experiments") else "dataset" for key in EDITS]
    assert edited == ["dataset", *STEPS]


@pytest.mark.parametrize("key", EDITS)
def test_a_parameter(repository: Repository, key: str) -> None:
    repository.edit(key, EDITS[key])
    group, name, step = key.split(".")[:3]
    expected = (
        following(repository, ["dataset"])
        if group == "datasets"
        else {job for job in following(repository, [step]) if job[1] in (name, "")}
    )
    assert repository.wanted_by_snakemake() == expected
    assert repository.wanted_by_dvc() == expected


@pytest.mark.parametrize("step", ["dataset", *STEPS, "report"])
def test_a_line_of_code(repository: Repository, step: str) -> None:
    package = package_of(step).replace(".", "/")
    module = repository.folder / package / f"{MODULES.get(step, 'run')}.py"
    module.write_text(module.read_text() + "\nEDITED = True\n")
    expected = following(repository, [stage for stage in STAGES if reads(stage, package)])
    assert repository.wanted_by_snakemake() == expected
    assert repository.wanted_by_dvc() == expected
    if step == "recos":
        repository.git("checkout", "probecore")
        assert repository.wanted_by_snakemake() == repository.wanted_by_dvc() == set()


def reads(stage: str, package: str) -> bool:
    """Whether the stage depends on the package's code."""
    return any(f"{package}/".startswith(f"{dep}/") for dep in STAGES[stage]["deps"])


def test_the_numerics(repository: Repository) -> None:
    repository.edit("numerics.isa", "native")
    expected = following(repository, [stage for stage in STAGES if "numerics" in STAGES[stage]["params"]])
    assert repository.wanted_by_snakemake() == expected
    assert repository.wanted_by_dvc() == expected
    repository.git("checkout", "params.yaml")
    assert repository.wanted_by_snakemake() == repository.wanted_by_dvc() == set()


def following(repository: Repository, steps: Iterable[str]) -> Jobs:
    """The jobs of these steps and of all that use what they make, for all experiments that want them."""
    found = set(steps)
    for stage, content in STAGES.items():  # in the order in which data flows
        reads = {dep.split("/")[1] if dep.startswith("results/") else dep.split("/")[0] for dep in content["deps"]}
        if reads & {"data" if step == "dataset" else step for step in found}:
            found.add(stage)
    names = {"dataset": repository.params()["datasets"], "report": [""]}
    jobs = {(step, name) for step in found for name in names.get(step, repository.params()["experiments"])}
    return {(step, name) for step, name in jobs if repository.params_of(f"{step}@{name}") is not None}
