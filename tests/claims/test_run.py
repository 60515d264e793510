"""From tables to verdicts and documents, through the command line."""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from probecore import cli, preflight
from probecore.claims.params import RECORD
from probecore.declared import read_record
from tests.claims.support import SEEDS, claim, layers, rising, write_claims_yaml, write_results, write_study
from tests.conftest import Study

UNTRAINED = layers(rising(step=-1.0), epoch=0)
RISES = pd.concat([UNTRAINED, layers(rising())])
FALLS = pd.concat([UNTRAINED, layers(rising(step=-1.0))])
CONTROLLED = claim(against=[{"condition": "untrained"}])
NOT_HERE = claim("no-sweep", untestable="no experiment varies the width")
BLOCK = "before\n\n<!-- claims: all -->\n<!-- /claims -->\n\nafter\n"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.options, "configured", lambda numerics: None)  # pytest has imported numpy
    write_study(tmp_path, CONTROLLED, NOT_HERE)
    write_results(tmp_path, RISES)
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(BLOCK)
    (tmp_path / "docs/page.md").write_text("# Page\n<!-- claims: mechanism -->\n<!-- /claims -->\n")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["probecore", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code in (0, None)


def judge_and_write(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "claims", "--judge")
    run(monkeypatch, "claims", "--write")


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that ends with 2: one line."""
    monkeypatch.setattr(sys, "argv", ["probecore", *arguments])
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    return said


def recorded(study: Path) -> dict[str, dict[str, str]]:
    return {row["claim"]: row for row in read_record(study / RECORD)}


def test_other_numbers_change_verdict_page_and_readme(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    judge_and_write(monkeypatch)
    said = capsys.readouterr().out
    assert "snr-depth" in said and "held" in said and "2 claims" in said and "README.md: written anew" in said
    before = recorded(study)["snr-depth"]
    assert (before["verdict"], before["n"], before["control"]) == ("held", "6", "untrained")
    assert float(before["low"]) == pytest.approx(1 - 2.570582 * 0.2 / 12**0.5 / 6**0.5, rel=1e-5)
    page, readme = (study / "docs/page.md").read_text(), (study / "README.md").read_text()
    assert "| SNR rises with depth | held | 1 [" in page and "no-sweep" not in page
    assert readme.startswith("before\n") and readme.endswith("after\n")
    assert "not tested here: no experiment varies the width" in readme

    write_results(study, FALLS)
    line = f"{RECORD}: snr-depth: judged by other tables or as another declaration; run `snakemake`"
    assert line in refused(monkeypatch, capsys, "claims", "--write")
    judge_and_write(monkeypatch)
    after = recorded(study)["snr-depth"]
    assert after["verdict"] == "fails" and after["tables"] != before["tables"]
    assert after["declaration"] == before["declaration"]
    assert "| SNR rises with depth | fails | -1 [" in (study / "docs/page.md").read_text()
    assert "| SNR rises with depth | fails | -1 [" in (study / "README.md").read_text()


def test_without_write_documents_stay_and_the_bytes_are_the_same(study: Path) -> None:
    Study(study).run("probecore", "claims", "--judge")
    assert "snr-depth  held" in Study(study).run("probecore", "claims").stdout
    assert (study / "README.md").read_text() == BLOCK and recorded(study)["snr-depth"]["verdict"] == "held"
    written = (study / RECORD).read_bytes()
    Study(study).run("probecore", "claims", "--judge")
    assert (study / RECORD).read_bytes() == written


def test_a_claim_changed_after_results_is_stopped(study: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    judge_and_write(monkeypatch)
    written = (study / RECORD).read_bytes()
    write_claims_yaml(study, claim(held={"above": 0.99}), NOT_HERE)
    for command in (["claims", "--judge"], ["claims", "--write"], ["check"]):
        said = refused(monkeypatch, capsys, *command)
        assert "claims.yaml: snr-depth: changed after results were there; say why in `amended`, or undo it" in said
    assert (study / RECORD).read_bytes() == written
    write_claims_yaml(study, claim(held={"above": 0.99}, amended="the first threshold was a slip"), NOT_HERE)
    judge_and_write(monkeypatch)
    assert recorded(study)["snr-depth"]["verdict"] == "undecided"
    assert (
        "*Amended:* the first threshold was a slip | undecided: neither side is cleared"
        in (study / "README.md").read_text()
    )


def test_bad_declarations_and_missing_tables_are_one_line(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    write_claims_yaml(study, claim(where={"quantity": "snrr"}))
    assert "claims.yaml: snr-depth: results/mechanism/e/layers.csv: quantity: no row with 'snrr'" in refused(
        monkeypatch, capsys, "claims", "--judge"
    )
    write_claims_yaml(study, claim(where={"quantitty": "snr"}))
    assert "has no column 'quantitty'" in refused(monkeypatch, capsys, "check")
    write_claims_yaml(study, claim())
    (study / "results/mechanism/e/layers.csv").unlink()
    assert "results/mechanism/e/layers.csv: no such file; run `snakemake` first" in refused(
        monkeypatch, capsys, "claims", "--judge"
    )
    assert f"{RECORD}: no such file; run `snakemake`, which judges the claims" in refused(monkeypatch, capsys, "claims")
    (study / "claims.yaml").unlink()
    assert "claims.yaml: no such file; declare claims there" in refused(monkeypatch, capsys, "claims")


def test_headline_numbers_of_other_results_are_not_written(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    row = {"says": "SNR", "step": "mechanism", "headline": "snr.{}"}
    tables = {"numbers": {"experiment": "e", "columns": {"trained": "trained"}, "rows": [row]}}
    write_claims_yaml(study, CONTROLLED, NOT_HERE, tables=tables)
    run(monkeypatch, "claims", "--judge")
    note = study / ".probecore/notes/results/report/index.html.json"
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"read": {"results/mechanism/e/layers.csv": "of another"}, "written": {}}))
    said = refused(monkeypatch, capsys, "claims", "--write")
    assert "results/report/index.html: made from other results/mechanism/e/layers.csv than here; run" in said
    assert (study / "README.md").read_text() == BLOCK


def test_check_counts_claims(study: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(preflight, "check_networks", lambda study: [])
    run(monkeypatch, "check")
    assert f"1 experiments, {2 * len(SEEDS)} networks, 2 claims" in capsys.readouterr().out
