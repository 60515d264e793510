"""A study on SLURM: the same bytes as here, its jobs where they belong, GPUs one at a time."""

import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cluster.support import PARAMS, Slurm
from tests.conftest import Study, make_study

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3000)]

GPU_RULES = ("activations_network", "recos_network")


@dataclass(frozen=True)
class Finished:
    """A study that ran on SLURM, what Snakemake said, and its jobs as SLURM knew them then."""

    study: Study
    output: str
    jobs: list[dict[str, str]]

    def times(self, *rules: str) -> list[tuple[str, str]]:
        """When the jobs of the rules began and ended, in this order; ISO 8601 sorts as text."""
        names = tuple(f"rule_{rule}_" for rule in rules)
        return sorted((job["StartTime"], job["EndTime"]) for job in self.jobs if job["Comment"].startswith(names))


@pytest.fixture(scope="module")
def finished(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Two of its steps asked for GPUs."""
    study = make_study(tmp_path_factory.mktemp("slurm") / "study", PARAMS)
    code, output = slurm.snakemake(study, "--set-resources", *(f"{rule}:gpu=1" for rule in GPU_RULES))
    assert code == 0, output
    return Finished(study, output, slurm.jobs(study))


def test_there_is_no_accounting_database(slurm: Slurm) -> None:
    with pytest.raises(subprocess.CalledProcessError) as error:
        slurm.command("sacct")
    assert "accounting storage is disabled" in error.value.stderr


def test_bytes_are_the_same_as_here(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> None:
    here = make_study(tmp_path_factory.mktemp("here") / "another_name", PARAMS)
    here.snakemake()
    assert finished.study.hashes() == here.hashes()


def test_only_networks_are_submitted(finished: Finished) -> None:
    named = ("train_network_wildcards_tiny", "activations_network_wildcards_tiny", "recos_network_wildcards_tiny_")
    assert {job["Comment"] for job in finished.jobs} == {
        f"rule_{name}_trained-{seed}" for name in named for seed in (0, 1)
    }


def test_networks_are_trained_side_by_side(finished: Finished) -> None:
    first, second = finished.times("train_network")
    assert second[0] < first[1]


def test_jobs_wait_for_the_one_gpu(finished: Finished) -> None:
    times = finished.times(*GPU_RULES)
    assert len(times) == 4
    assert all(end <= start for (_, end), (start, _) in pairwise(times))


def test_logs_are_kept_and_named(finished: Finished) -> None:
    for job in finished.jobs:
        assert job["StdOut"].startswith(f"{finished.study.folder}/logs/slurm/rule_")
        assert job["StdOut"] in finished.output
        assert "Finished jobid" in Path(job["StdOut"]).read_text()


def test_nothing_is_left_to_do_after(finished: Finished) -> None:
    assert "Nothing to be done" in finished.study.snakemake("--dry-run").stdout


def test_dvc_repro_through_the_profile(
    finished: Finished, slurm: Slurm, tmp_path_factory: pytest.TempPathFactory
) -> None:
    study = make_study(tmp_path_factory.mktemp("dvc") / "study", PARAMS)
    study.run("dvc", "init", "--quiet", "--no-scm")
    study.run("dvc", "repro", check=True, SNAKEMAKE_PROFILE=str(slurm.profile), **slurm.environment)
    assert study.hashes() == finished.study.hashes()
    assert {job["Comment"] for job in slurm.jobs(study)} <= {job["Comment"] for job in finished.jobs}
    assert slurm.jobs(study)
    assert "up to date" in study.run("dvc", "status").stdout
