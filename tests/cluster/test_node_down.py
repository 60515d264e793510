"""A node that goes down under a job: said, waited for, and nothing lost."""

from pathlib import Path

import pytest

from tests.cluster.support import LONGER, TRAINED, Slurm, well_begun
from tests.conftest import make_study

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3000)]


def test_node_down_and_back(slurm: Slurm, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", LONGER)
    running = slurm.start(study, *TRAINED)
    running.until(lambda: well_begun(study))
    slurm.set_node("down")
    try:
        running.until(lambda: "failed due to a node failure" in running.output())
        running.until(lambda: "and starts when that is over" in running.output())
    finally:
        slurm.set_node("resume")
    code, output = running.wait()
    assert code == 0, output
    assert [job["JobState"] for job in slurm.jobs(study)] == ["NODE_FAIL", "COMPLETED"]
    assert "going on after epoch" in (study.folder / "logs/train/tiny/trained-0.log").read_text()
