"""How `verify` ends: same bytes, a bug, another machine, other inputs."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from probecore import cli, reproduction
from probecore.determinism import Numerics
from probecore.fingerprint import Fingerprint, write_fingerprint
from probecore.reproduction import Comparison, Ending, explain
from probecore.verify import RECORDED_ON, verify_study
from tests.conftest import Study
from tests.test_verify import record, recorded, study  # noqa: F401

HERE: Fingerprint = {("machine", "processor"): "A", ("version", "torch"): "2", ("primitive", "sum"): "ab"}
THERE = HERE | {("machine", "processor"): "an EPYC", ("primitive", "sum"): "cd"}

TABLE = "network,layer,verdict,value,low,high,n,size\nt,conv1,held,0.5,0.4,0.6,10,3\nt,conv2,held,0.2,0.1,0.3,10,0.1\n"
OTHER = "network,layer,verdict,value,low,high,n,size\nt,conv1,held,0.53,0.4,0.6,10,3\nt,conv2,undecided,0.2,0.1,0.3,10,0.101\n"


@pytest.fixture
def changed(study: Study, monkeypatch: pytest.MonkeyPatch) -> Study:  # noqa: F811
    """A recorded study whose table and headline numbers then come out otherwise."""
    table, metrics = Path("results/train/tiny/history.csv"), Path("results/metrics.json")
    table.write_text(TABLE)
    metrics.write_text(json.dumps({"tiny": {"train": {"accuracy": 0.98}}}))
    shutil.rmtree(".dvc")
    Path("dvc.lock").unlink()
    record(study)
    write_fingerprint(RECORDED_ON, HERE)
    monkeypatch.setattr(reproduction, "kept_fingerprint", lambda numerics: HERE)
    table.write_text(OTHER)
    metrics.write_text(json.dumps({"tiny": {"train": {"accuracy": 0.97}}}))
    return study


def ending(*, tolerant: bool = False) -> Ending:
    return explain(verify_study(), Numerics(), tolerant=tolerant)


def test_same_bytes(study: Study) -> None:  # noqa: F811
    assert ending() == Ending("same bytes as recorded", 0)


def test_same_fingerprint_and_other_bytes_are_a_bug(changed: Study) -> None:
    for tolerant in (False, True):
        found = ending(tolerant=tolerant)
        assert found.exit_code == 1
        assert (
            found.message
            == "2 files or stages are not as recorded: same fingerprint, other bytes: a bug, please report"
        )


def test_another_fingerprint_is_told_with_the_size_of_the_difference(changed: Study) -> None:
    write_fingerprint(RECORDED_ON, THERE)
    found = ending()
    assert found.exit_code == 3
    assert ending(tolerant=True).exit_code == 0
    assert found.message.startswith("another fingerprint (recorded on an EPYC; 1 primitives or versions differ: sum): ")
    assert "2 tables compared" in found.message
    assert "agree within 0.3 of its half width, others within 1.0%" in found.message
    assert "results/train/tiny/history.csv value: 0.5 → 0.53" in found.message
    assert found.message.endswith("verdicts that changed: results/train/tiny/history.csv t conv2")


def test_tables_that_are_nowhere_to_be_had_are_counted(changed: Study) -> None:
    write_fingerprint(RECORDED_ON, THERE)
    for path in Path(".dvc/cache").rglob("*"):
        if path.is_file() and path.read_bytes() == TABLE.encode():
            os.unlink(path)
    assert "1 tables compared (1 are not here: `dvc fetch`)" in ending().message


def test_other_parameters_are_no_bug(changed: Study) -> None:
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("epochs: 2", "epochs: 3", 1))
    found = ending()
    assert found.exit_code == 1
    assert found.message.endswith("made from other inputs: experiments, experiments.tiny.train")
    assert ending(tolerant=True).exit_code == 0


def test_without_a_fingerprint_nothing_is_claimed(changed: Study) -> None:
    RECORDED_ON.unlink()
    found = ending()
    assert (found.exit_code, found.message.endswith("so the record's machine is not known")) == (1, True)


def test_a_table_with_other_rows_is_named() -> None:
    found = Comparison()
    found.add(
        "a.csv", pd.DataFrame({"layer": ["conv1"], "value": [1.0]}), pd.DataFrame({"layer": ["x"], "value": [1.0]})
    )
    assert found.sentence().endswith("with other rows: a.csv")


def test_the_command_ends_as_it_says(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(cli.options, "configured_for_study", Numerics)
    monkeypatch.setattr(
        reproduction, "explain", lambda *_, **options: Ending("so it is", 0 if options["tolerant"] else 3)
    )
    results = [CliRunner().invoke(cli.app, ["verify", *options]) for options in ([], ["--tolerant"])]
    assert [(result.exit_code, result.stdout) for result in results] == [(3, "so it is\n"), (0, "so it is\n")]


def test_comparisons_of_numbers_words_and_nothing() -> None:
    found = Comparison()
    before = pd.DataFrame({"layer": ["conv1"], "verdict": ["held"], "value": [1.0], "low": [0.5], "high": [1.5]})
    found.add("a.csv", before, before.copy())
    assert found == Comparison(tables=1)
    found.add("a.csv", before, before.assign(value=1.25))
    assert (found.in_half_widths, found.relative, found.largest) == (0.5, 0.0, "a.csv value: 1 → 1.25")
    found.add("b.csv", before, before.assign(verdict="fails"))
    assert found.verdicts == ["b.csv conv1"]
