"""What a user meets first: the import, completion, examples, types."""

import doctest
import importlib
import subprocess
import sys

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
