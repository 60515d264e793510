"""What the gathering job of the atlas reads beside its own networks."""

import sys
from pathlib import Path

import pytest

from probecore import cli
from probecore.measures import MEASURES, declaration
from probecore.notes import jobs_of
from probecore.params import filters_read, load_study
from tests.conftest import PARAMS, ROOT, make_study


def test_the_filters_of_every_measure_that_the_experiment_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    study, content = load_study(Path("params.yaml"))
    others = [name for name in MEASURES if name != "atlas"]
    expected = [Path("results", name, "lenet5", "filters.csv") for name in others]
    assert filters_read(study.experiments["lenet5"], "lenet5", "atlas") == expected
    job = next(job for job in jobs_of(study, content) if job.result == Path("results/atlas/lenet5/summary.json"))
    assert set(expected) <= set(job.files)
    assert [name for name in MEASURES if declaration(name).reads_measures] == ["atlas"]


def test_not_of_measures_that_it_does_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_study(tmp_path / "study", PARAMS).folder
    monkeypatch.chdir(folder)
    study, _ = load_study(Path("params.yaml"))
    tiny = study.experiments["tiny"]
    assert filters_read(tiny, "tiny", "atlas") == [Path("results/recos/tiny/filters.csv")]
    assert filters_read(tiny, "tiny", "recos") == []


def test_a_step_that_reads_no_measures_refuses_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["probecore", "recos", "summary", "--experiment", "x", "--measured", "a.csv", "--output", "y", "z"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "--measured: recos reads none" in capsys.readouterr().err
