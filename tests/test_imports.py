"""Arrows between modules go one way; CONTRIBUTING.md draws the house."""

import ast
import subprocess
import sys

import pytest

from probecore.measures import MEASURES
from probecore.provenance import PACKAGE, imported_modules, package_of
from tests.conftest import ROOT

STEPS = ("dataset", "train", "activations", *MEASURES)

WHOLE_STUDY = (
    "params",
    "stages",
    "upgrade",
    "study",
    "first_params",
    "preflight",
    "notes",
    "verify",
    "versioning",
    "running",
    "cli",
    "api",
    "capsule",
    "claims",
    "difference",
    "examine",
    "planning",
)
"""What knows a study as a whole, or all steps, beside the report and the list of measures."""


def modules_of(step: str) -> list[str]:
    paths = PACKAGE.parent.joinpath(*package_of(step).split(".")).rglob("*.py")
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths]
    return sorted(name.removesuffix(".__init__") for name in names)


def reached(step: str) -> set[str]:
    return {found for module in modules_of(step) for found in imported_modules(module)}


@pytest.mark.parametrize("measure", MEASURES)
def test_no_measure_imports_another(measure: str) -> None:
    others = tuple(f"{package_of(other)}." for other in MEASURES if other != measure)
    assert [module for module in reached(measure) if f"{module}.".startswith(others)] == []


@pytest.mark.parametrize("step", STEPS)
def test_no_step_imports_the_report_or_what_knows_a_whole_study(step: str) -> None:
    known = tuple(f"probecore.{name}." for name in (*WHOLE_STUDY, "report"))
    assert [module for module in reached(step) if f"{module}.".startswith(known)] == []
    assert "probecore.measures" not in reached(step)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_job_of_a_network_knows_no_captions(measure: str) -> None:
    assert {f"{package_of(measure)}.measure", "probecore.measures.base"} & imported_modules(
        f"{package_of(measure)}.run"
    ) == set()


@pytest.mark.parametrize("measure", MEASURES)
def test_gathering_imports_no_torch(measure: str) -> None:
    code = f"import sys, {package_of(measure)}.summary; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_declarations_import_neither_torch_nor_pandas() -> None:
    code = "import sys, probecore.params; print([name for name in ('torch', 'pandas', 'numpy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_library_imports_neither_snakemake_nor_dvc() -> None:
    found = {
        (path.name, name.split(".")[0])
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    assert [(file, name) for file, name in found if name in ("snakemake", "dvc", "workflow")] == []
    assert ("run.py", "torch") in found


def test_no_job_imports_what_takes_longer_than_its_work() -> None:
    modules = [f"{package_of(step)}.{part}" for step in (*STEPS[1:], "report") for part in PARTS[step == "report"]]
    code = f"import sys, {', '.join(modules)}; print([name for name in {DEAR} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


DEAR = ("scipy.stats", "statsmodels", "sklearn", "matplotlib.pyplot", "torch._dynamo", "sympy")
PARTS = (("run", "summary"), ("build",))
"""Entry modules of a step, and of the report."""
