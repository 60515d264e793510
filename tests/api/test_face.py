"""What a user meets first: the import, completion, examples, types."""

import doctest
import importlib
import inspect
import re
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


@pytest.mark.parametrize("module", ["probecore", *(f"probecore.api.{name}" for name in ("measures", "opening"))])
def test_examples_in_docstrings(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted and not found.failed


@pytest.mark.parametrize("name", [name for name in pc.__all__ if name.startswith(("measure_", "open_"))])
def test_every_function_has_an_example(name: str) -> None:
    assert "\nExamples\n--------\n>>> " in str(inspect.getdoc(getattr(pc, name)))


def test_examples_in_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of code is run, in a folder of its own."""
    page = ROOT / "docs" / "library.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    assert blocks and all(block.startswith(">>> ") for block in blocks)
    monkeypatch.chdir(tmp_path)
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted and not found.failed
    assert (tmp_path / "outputs.png").stat().st_size > 5000
