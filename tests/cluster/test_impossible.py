"""Requests that the cluster cannot meet end with an explanation."""

from pathlib import Path

import pytest

from tests.cluster.support import PARAMS, TRAINED, Slurm
from tests.conftest import make_study

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

REFUSED = "Requested node configuration is not available"


def test_refused_by_slurm(slurm: Slurm, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", PARAMS)
    for request in ("mem_mb=100000000", "gpu=2"):
        code, output = slurm.snakemake(study, "--set-resources", f"train_network:{request}", *TRAINED, limit=60)
        assert code == 1
        assert REFUSED in output
    assert slurm.jobs(study)[-1]["JobState"] == "FAILED"


def test_never_started_by_slurm(slurm: Slurm, tmp_path: Path) -> None:
    """SLURM accepts these and would keep them pending for ever."""
    too_many, too_long = (make_study(tmp_path / name, PARAMS) for name in ("too_many", "too_long"))
    runs = {
        "PartitionConfig": slurm.start(too_many, "--retries", "0", "--set-threads", "train_network=10000", *TRAINED),
        "PartitionTimeLimit": slurm.start(
            too_long,
            *("--retries", "0", "--set-resources"),
            *("train_network:slurm_partition=short", "train_network:runtime=60"),
            *TRAINED,
        ),
    }
    for reason, run in runs.items():
        code, output = run.wait(limit=240)
        assert code == 1
        assert f"can never start ({reason})" in output
        assert "SLURM status is: 'CANCELLED'" in output
