"""What a user meets first: the import, completion, examples, types."""

import doctest
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import probecore as pc
from probecore.params import STEPS
from probecore.provenance import code_units
from tests.conftest import ROOT


def test_the_import_is_light() -> None:
    code = "import sys, probecore; print([n for n in ('torch', 'numpy', 'pandas', 'pydantic') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_step_runs_again_when_the_face_changes() -> None:
    units = {step: code_units(step) for step in ("dataset", *STEPS, "report")}
    assert [step for step, found in units.items() if {"probecore/api", "probecore/__init__.py"} & set(found)] == []


def test_what_is_offered() -> None:
    wanted = {"open_network", "load_dataset", "Estimate", "Result", "mechanism"}
    wanted |= {f"measure_{name}" for name in ("anova", "mutual_information", "mechanism", "recos", "mean_dimension")}
    assert wanted <= set(dir(pc))
    assert pc.mechanism.train_heads


@pytest.mark.parametrize("module", ["probecore", "probecore.api.opening"])
def test_examples_in_docstrings(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted and not found.failed


def test_examples_in_the_docs() -> None:
    found = doctest.testfile(str(ROOT / "docs" / "library.md"), module_relative=False)
    assert found.attempted and not found.failed


SCRIPT = """
import numpy as np
import pandas as pd
import probecore as pc

network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=10)
images, labels = pc.load_dataset("data/mnist5k.h5").test.arrays()
result: pc.Result = pc.measure_mean_dimension(network, images, labels, normalise={"mean": 0.5}, n_images=100)
layers: pd.DataFrame = result.layers
value: float = pc.Estimate(value=1.0, n=3).value
print(value, layers, np.abs(result.arrays["epoch-000/logits/indices"]).max())
"""

WRONG = """
import probecore as pc

pc.measure_everything
pc.Estimate(value="1", n=3)
pc.measure_recos(1, 2, 3)
"""


def test_types_reach_users(tmp_path: Path) -> None:
    """A script that is right passes `mypy --strict`, and one that is wrong does not: nothing is Any by accident."""
    (tmp_path / "right.py").write_text(SCRIPT)
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "mypy.ini").write_text("[mypy]\nignore_missing_imports = true\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "right.py", "wrong.py"],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = {line.split(": ")[0] for line in done.stdout.splitlines() if ": error: " in line}
    assert lines == {"wrong.py:4", "wrong.py:5", "wrong.py:6"}, done.stdout
