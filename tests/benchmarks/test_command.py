"""Benchmarks from the command line: what each is for, quick ways, and the processor's name in what is written."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import command
from probecore.fingerprint.machine import processor
from tests.conftest import ROOT

FOLDER = ROOT / "benchmarks"
SHARED = sorted(path.stem for path in FOLDER.glob("*.py") if "from benchmarks.command import" in path.read_text())


def test_what_times_the_library_and_what_runs_studies_share_a_command_line() -> None:
    timed = {"anova", "contract", "dump", "mean_dimension", "mechanism", "mutual_information", "recos", "train"}
    studies = {"growth", "interval_costs", "kills", "plan", "processors_demo"}
    assert timed | studies <= set(SHARED)


@pytest.mark.parametrize("name", SHARED)
def test_help_comes_at_once(name: str) -> None:
    code = (
        "import runpy, sys; sys.modules['torch'] = None; sys.argv = [sys.argv[1], '--help'];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(FOLDER / f"{name}.py")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--quick" in done.stdout
    assert f"benchmarks/{name}.py" in done.stdout


def test_a_table_names_the_processor_and_a_quick_one_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    command.show("some", [{"a": 1}, {"a": 2, "b": 3}], quick=True)
    assert list(tmp_path.iterdir()) == []
    command.show("some", [{"a": 1}, {"a": 2, "b": 3}], quick=False)
    rows = list(csv.DictReader((tmp_path / "some.csv").read_text(encoding="utf-8").splitlines()))
    assert rows == [
        {"a": "1", "b": "", "processor": processor()},
        {"a": "2", "b": "3", "processor": processor()},
    ]
    assert f"on {processor()}" in capsys.readouterr().out
    rows[0]["processor"] = "another"
    command.show("some", rows, quick=False)
    assert list(csv.DictReader((tmp_path / "some.csv").read_text(encoding="utf-8").splitlines())) == rows
    assert (tmp_path / "some.csv").read_text(encoding="utf-8").count("processor") == 1
