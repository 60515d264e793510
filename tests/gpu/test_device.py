"""Every step on a GPU gives what the CPU gives, within tolerances, and the same bytes twice.

Run by `benchmarks/gpu.sh`. ``PROBECORE_DEVICE=cpu`` runs it where there is no GPU: it then shows that the script works,
and nothing of GPUs.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.gpu.small_study import EXPERIMENT
from tests.test_steps import SMALL

DEVICE = os.environ.get("PROBECORE_DEVICE", "cuda")

RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""How far a number of a table may be from the CPU's: convolutions add in other orders, in float32."""

BEYOND = 0.02
"""Share of a table's numbers that may be farther: p-values and ranks jump where two values nearly tie."""


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The study on the CPU, and twice on the device."""
    top = tmp_path_factory.mktemp("gpu")
    for name, device in (("cpu", "cpu"), ("first", DEVICE), ("second", DEVICE)):
        command = [sys.executable, "-m", "tests.gpu.small_study", device, str(top / name)]
        subprocess.run(command, cwd=ROOT, check=True)
    return {name: top / name / "results" for name in ("cpu", "first", "second")}


def far(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """Share of numbers of two tables that are farther apart than the tolerances; the rest must be equal."""
    assert list(one.columns) == list(other.columns)
    assert len(one) == len(other)
    numbers = one.select_dtypes("number").columns
    words = [name for name in one.columns if name not in numbers]
    pd.testing.assert_frame_equal(one[words], other[words])
    close = np.isclose(one[numbers], other[numbers], rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    return float(1 - close.mean()) if close.size else 0.0


@pytest.mark.gpu
@pytest.mark.parametrize("measure", SMALL)
def test_a_measure_of_given_weights_is_that_of_the_cpu(measure: str, studies: dict[str, Path]) -> None:
    folder = Path(measure, EXPERIMENT, "given")
    tables = sorted(path.name for path in (studies["cpu"] / folder).glob("*.csv"))
    assert "filters.csv" in tables
    apart = {name: far(*(pd.read_csv(studies[which] / folder / name) for which in ("cpu", "first"))) for name in tables}
    assert {name: share for name, share in apart.items() if share > BEYOND} == {}


@pytest.mark.gpu
def test_training_learns_alike(studies: dict[str, Path]) -> None:
    """Rounding grows while a network trains, so that the loss may differ by a twentieth after an epoch."""
    one, other = (pd.read_csv(studies[which] / f"train/{EXPERIMENT}/trained-0.csv") for which in ("cpu", "first"))
    loss = [name for name in one.columns if "loss" in name]
    assert loss
    np.testing.assert_allclose(one[loss], other[loss], rtol=0.05)


@pytest.mark.gpu
def test_the_same_bytes_twice(studies: dict[str, Path]) -> None:
    one, other = (
        {path.relative_to(studies[which]): path.read_bytes() for path in studies[which].rglob("*") if path.is_file()}
        for which in ("first", "second")
    )
    assert one.keys() == other.keys()
    assert [str(path) for path in one if one[path] != other[path]] == []


def test_what_is_too_far_is_found() -> None:
    table = pd.DataFrame({"layer": ["conv1"] * 100, "value": np.linspace(1, 2, 100)})
    moved = table.assign(value=table["value"] * np.where(np.arange(100) < 5, 1.01, 1.0001))
    assert far(table, table) == 0
    assert far(table, moved) == pytest.approx(0.05)
    with pytest.raises(AssertionError):
        far(table, table.assign(layer="conv2"))
