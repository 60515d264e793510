"""A change reruns what depends on it, and nothing else."""

from typing import Any

from tests.workflow.repository import Jobs, Repository

JOBS = {
    "dataset": {("dataset", "mnist5k")},
    "train": {("train", "tiny"), ("train", "bare")},
    "activations": {("activations", "tiny")},
    "recos": {("recos", "tiny")},
    "report": {("report", "")},
}
"""The jobs of each step; the experiment `bare` has networks alone."""

USERS = {
    "dataset": ["train", "activations", "recos", "report"],
    "train": ["activations", "recos", "report"],
    "activations": ["report"],
    "recos": ["report"],
    "report": [],
}
"""The steps that use what a step makes, directly or not."""

MODULES = {
    "dataset": "dataset/embedded.py",
    "train": "train/loop.py",
    "activations": "activations/dump.py",
    "recos": "recos/polarity.py",
    "report": "report/page.py",
}
"""For each step a module that its jobs run."""

PARAMS: list[tuple[str, str, Any]] = [
    ("train", "experiments.tiny.train.batch", 10),
    ("activations", "experiments.tiny.activations.store", ["pooled"]),
    ("recos", "experiments.tiny.recos.polarity.images", 49),
]
"""For each section of an experiment a key and another value."""


def test_one_line_of_code(repository: Repository) -> None:
    for step, module in MODULES.items():
        path = repository.folder / "probecore" / module
        before = path.read_text()
        path.write_text(before + "EDITED = True\n")
        assert repository.wanted_by_snakemake() == jobs_from(step), step
        path.write_text(before)
    assert repository.wanted_by_snakemake() == set()


def test_code_that_no_step_runs(repository: Repository) -> None:
    (repository.folder / "probecore" / "verify.py").write_text("EDITED = True\n")
    assert repository.wanted_by_snakemake() == set()


def test_one_key_of_a_section(repository: Repository) -> None:
    for step, key, value in PARAMS:
        repository.edit(key, value)
        assert repository.wanted_by_snakemake() == {job for job in jobs_from(step) if job[1] != "bare"}, step
        repository.git("checkout", "params.yaml")
    assert repository.wanted_by_snakemake() == set()


def test_what_all_experiments_share(repository: Repository) -> None:
    repository.edit("datasets.mnist5k.train_samples", 180)
    assert repository.wanted_by_snakemake() == jobs_from("dataset")
    repository.git("checkout", "params.yaml")
    repository.edit("numerics.threads", 2)
    assert repository.wanted_by_snakemake() == jobs_from("train")


def jobs_from(step: str) -> Jobs:
    """The jobs of a step and of all that use what it makes."""
    return set().union(*(JOBS[each] for each in [step, *USERS[step]]))
