"""A study on SLURM: the same bytes as here, its jobs where they belong, GPUs one at a time."""

import subprocess
from itertools import pairwise

import pytest

from tests.cluster.support import PARAMS, Slurm
from tests.conftest import Study, make_study

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

GPU_RULES = ("activations_network", "recos_network")


@pytest.fixture(scope="module")
def finished(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, str]:
    """The study after it ran on SLURM, with GPUs asked for in two steps, and what Snakemake said."""
    study = make_study(tmp_path_factory.mktemp("slurm") / "study", PARAMS)
    code, output = slurm.snakemake(study, "--set-resources", *(f"{rule}:gpu=1" for rule in GPU_RULES), limit=300)
    assert code == 0, output
    return study, output


def test_there_is_no_accounting_database(slurm: Slurm) -> None:
    with pytest.raises(subprocess.CalledProcessError) as error:
        slurm.command("sacct")
    assert "accounting storage is disabled" in error.value.stderr


def test_bytes_are_the_same_as_here(finished: tuple[Study, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    here = make_study(tmp_path_factory.mktemp("here") / "another_name", PARAMS)
    here.snakemake()
    assert finished[0].hashes() == here.hashes()


def test_only_networks_are_submitted(finished: tuple[Study, str], slurm: Slurm) -> None:
    submitted = {job["Comment"] for job in slurm.jobs(finished[0])}
    rules = ("train_network", *GPU_RULES)
    assert submitted == {f"rule_{rule}_wildcards_tiny_trained-{seed}" for rule in rules for seed in (0, 1)}


def test_networks_are_trained_side_by_side(finished: tuple[Study, str], slurm: Slurm) -> None:
    first, second = times(slurm, finished[0], ("train_network",))
    assert second[0] < first[1]


def test_jobs_wait_for_the_one_gpu(finished: tuple[Study, str], slurm: Slurm) -> None:
    jobs = times(slurm, finished[0], GPU_RULES)
    assert len(jobs) == 4
    assert all(end <= start for (_, end), (start, _) in pairwise(jobs))


def test_logs_are_kept_and_named(finished: tuple[Study, str], slurm: Slurm) -> None:
    study, output = finished
    for job in slurm.jobs(study):
        assert job["StdOut"].startswith(f"{study.folder}/logs/slurm/rule_")
        assert job["StdOut"] in output
        with open(job["StdOut"]) as log:
            assert "Finished jobid" in log.read()


def test_nothing_is_left_to_do_after(finished: tuple[Study, str]) -> None:
    assert "Nothing to be done" in finished[0].snakemake("--dry-run").stdout


def test_dvc_repro_through_the_profile(
    finished: tuple[Study, str], slurm: Slurm, tmp_path_factory: pytest.TempPathFactory
) -> None:
    study = make_study(tmp_path_factory.mktemp("dvc") / "study", PARAMS)
    study.run("dvc", "init", "--quiet", "--no-scm")
    study.run("dvc", "repro", check=True, SNAKEMAKE_PROFILE=str(slurm.profile), **slurm.environment)
    assert study.hashes() == finished[0].hashes()
    assert len(slurm.jobs(study)) == len(slurm.jobs(finished[0]))
    assert "up to date" in study.run("dvc", "status").stdout


def times(slurm: Slurm, study: Study, rules: tuple[str, ...]) -> list[tuple[str, str]]:
    """When the jobs of the rules began and ended, in this order; ISO 8601 sorts as text."""
    jobs = [job for job in slurm.jobs(study) if job["Comment"].startswith(tuple(f"rule_{rule}" for rule in rules))]
    return sorted((job["StartTime"], job["EndTime"]) for job in jobs)
