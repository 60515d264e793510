"""Jobs that are stopped from outside are reported, and go on without losing finished epochs."""

from pathlib import Path

import pytest

from tests.cluster.support import LONGER, TRAINED, Slurm, eventually, well_begun
from tests.conftest import Study, make_study

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3000)]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "study", LONGER)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Hashes of the same training without interruption."""
    study = make_study(tmp_path_factory.mktemp("here") / "undisturbed", LONGER)
    study.snakemake(*TRAINED)
    return study.hashes()


def test_time_limit(slurm: Slurm, study: Study, undisturbed: dict[str, str]) -> None:
    running = slurm.start(study, "--retries", "0", "--set-resources", "train_network:runtime=1", *TRAINED)
    running.until(lambda: well_begun(study))
    [job] = slurm.jobs(study)
    slurm.command("scancel", "--full", "--signal=STOP", job["JobId"])  # as on a node that became very slow

    code, output = running.wait()
    assert code == 1
    assert f"SLURM-job '{job['JobId']}' failed, SLURM status is: 'TIMEOUT'" in output
    assert f"{job['StdOut']} (check log file(s) for error details)" in output
    assert "DUE TO TIME LIMIT" in Path(job["StdOut"]).read_text()

    assert_goes_on(slurm, study, undisturbed)


def test_ctrl_c(slurm: Slurm, study: Study, undisturbed: dict[str, str]) -> None:
    running = slurm.start(study, *TRAINED)
    running.until(lambda: well_begun(study))
    running.interrupt()
    eventually(lambda: slurm.jobs(study)[0]["JobState"] == "CANCELLED")
    code, _ = running.wait()
    assert code == 1

    assert_goes_on(slurm, study, undisturbed)


def test_cancelled_job_is_tried_again(slurm: Slurm, study: Study, undisturbed: dict[str, str]) -> None:
    running = slurm.start(study, *TRAINED)
    running.until(lambda: well_begun(study))
    [job] = slurm.jobs(study)
    slurm.command("scancel", job["JobId"])
    code, output = running.wait()
    assert code == 0, output
    assert "SLURM status is: 'CANCELLED'" in output
    assert_went_on(study, undisturbed)


def assert_goes_on(slurm: Slurm, study: Study, undisturbed: dict[str, str]) -> None:
    code, output = slurm.snakemake(study, *TRAINED)
    assert code == 0, output
    assert_went_on(study, undisturbed)


def assert_went_on(study: Study, undisturbed: dict[str, str]) -> None:
    assert "going on after epoch" in (study.folder / "logs/train/tiny/trained-0.log").read_text()
    assert study.hashes() == undisturbed
