"""A change reruns what depends on it, and nothing else: written down by hand for the small study.

Whether both tools then run just these jobs is asked in `test_dvc_edits`, which takes what follows from ``dvc.yaml``.
"""

import pytest

from tests.workflow.repository import Jobs, Repository
from tests.workflow.test_dvc_edits import following

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


@pytest.mark.parametrize("step", JOBS)
def test_what_follows_is_what_uses_it(repository: Repository, step: str) -> None:
    assert following(repository, [step]) == jobs_from(step)


def test_code_that_no_step_runs(repository: Repository) -> None:
    (repository.folder / "probecore" / "cli" / "sharing.py").write_text("EDITED = True\n")
    assert repository.wanted_by_snakemake() == set()


def jobs_from(step: str) -> Jobs:
    """The jobs of a step and of all that use what it makes."""
    return set().union(*(JOBS[each] for each in [step, *USERS[step]]))
