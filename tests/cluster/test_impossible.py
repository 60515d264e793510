"""Requests that the cluster cannot meet end with an explanation."""

from pathlib import Path

import pytest

from tests.cluster.support import SMALLEST, TRAINED, Slurm
from tests.conftest import make_study

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3000)]

REFUSED = "Requested node configuration is not available"


def test_refused_by_slurm(slurm: Slurm, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", SMALLEST)
    for request in ("mem_mb=100000000", "gpu=2"):
        code, output = slurm.snakemake(study, "--set-resources", f"train_network:{request}", *TRAINED)
        assert code == 1
        assert REFUSED in output
    assert slurm.jobs(study)[-1]["JobState"] == "FAILED"


def test_never_started_by_slurm(slurm: Slurm, tmp_path: Path) -> None:
    """SLURM accepts these and would keep them pending for ever."""
    requests = {
        "PartitionConfig": ["train_network:cpus_per_task=10000"],
        "PartitionTimeLimit": ["train_network:slurm_partition=short", "train_network:runtime=60"],
    }
    runs = {
        reason: slurm.start(
            make_study(tmp_path / reason, SMALLEST), "--retries", "0", "--set-resources", *request, *TRAINED
        )
        for reason, request in requests.items()
    }
    for reason, run in runs.items():
        code, output = run.wait()
        assert code == 1
        assert f"can never start ({reason})" in output
        assert "SLURM status is: 'CANCELLED'" in output
