"""The step `claims` in a study that was really built: what reruns it, what refuses it, and what travels."""

import re
from pathlib import Path
from typing import Any

import pytest

from probecore.claims.params import FILE, RECORD
from probecore.declared import read_record
from probecore.yaml_files import read_yaml
from tests.conftest import made_once, write_yaml
from tests.workflow.repository import Jobs, Repository, build, copy

CLAIM: dict[str, Any] = {
    "id": "recos-reversed",
    "paper": "arXiv 1609.04112",
    "says": "A network fails on images of reversed polarity",
    "test": {
        "experiment": "tiny",
        "table": "recos/polarity.csv",
        "where": {"filters": "plain", "images": "reversed"},
        "effect": {"kind": "difference", "column": "accuracy", "minus": {"where": {"images": "normal"}}},
        "held": {"below": -0.5},
        "family": "recos",
    },
}
WHY = "the bound was a slip of the pen"
STOPPED = "probecore: claims.yaml: recos-reversed: changed after results were there; say why in `amended`, or undo it"

JUDGED: Jobs = {("claims", ""), ("report", "")}


def declare(folder: Path, *, bound: float = -0.5, amended: str | None = None, **more: Any) -> None:
    test = CLAIM["test"] | {"held": {"below": bound}}
    reason = {} if amended is None else {"amended": amended}
    write_yaml(folder / FILE, {"claims": [CLAIM | {"test": test} | reason], **more})


@pytest.fixture(scope="module")
def built_claims(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "built-claims", lambda folder: build(folder, fill=declare))


@pytest.fixture
def study(built_claims: Path, tmp_path: Path) -> Repository:
    """A recorded study with a claim, which is undecided for it has two seeds."""
    return copy(built_claims, tmp_path)


def lines_of_ours(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("probecore: ")]


def test_verdicts_are_written_recorded_and_kept_in_git(study: Repository) -> None:
    (row,) = read_record(study.folder / RECORD)
    assert (row["claim"], row["verdict"], row["reason"]) == ("recos-reversed", "undecided", "2 of 5 seeds")
    assert (row["experiment"], row["table"], row["controlled"]) == ("tiny", "recos/polarity.csv", "True")
    assert str(RECORD) in study.git("ls-files", "results").split()
    assert study.is_recorded() and study.wanted_by_snakemake() == set()
    assert "same bytes as recorded" in study.probecore("verify").stdout
    page = (study.folder / "results/report/index.html").read_text()
    assert 'href="#study.claims.recos-reversed"' in page and 'id="study.claims.recos-reversed"' in page


def test_a_changed_number_reruns_them(study: Repository) -> None:
    study.edit("experiments.tiny.recos.polarity.images", 49)
    assert study.wanted_by_snakemake() == study.wanted_by_dvc() == {("recos", "tiny"), *JUDGED}
    study.edit("experiments.tiny.train.batch", 25)
    before = read_record(study.folder / RECORD)[0]
    study.dvc("repro")
    after = read_record(study.folder / RECORD)[0]
    assert after["tables"] != before["tables"] and after["declaration"] == before["declaration"]
    assert study.wanted_by_snakemake() == set()


def test_tables_that_no_claim_reads_do_not(study: Repository) -> None:
    """Which tables are read stands in claims.yaml, and stages of DVC are the same in all studies: it looks at all."""
    study.edit("experiments.tiny.activations.store", ["pooled"])
    assert study.wanted_by_snakemake() == {("activations", "tiny"), ("report", "")}
    assert study.wanted_by_dvc() == {("activations", "tiny"), *JUDGED}


def test_a_changed_claim_reruns_nothing_else(study: Repository) -> None:
    declare(study.folder, bound=-0.4, amended=WHY)
    assert study.wanted_by_snakemake() == study.wanted_by_dvc() == JUDGED
    study.snakemake()
    assert read_record(study.folder / RECORD)[0]["amended"] == WHY
    study.probecore("record")
    assert study.is_recorded() and study.wanted_by_snakemake() == set()
    assert WHY in (study.folder / "results/report/index.html").read_text()
    said = study.probecore("diff", "HEAD", ".", check=False).stdout
    assert "claims.recos-reversed.test.held.below: -0.5 → -0.4" in said
    assert re.search(rf"{RECORD}: changed cells 2.*because of claims\.recos-reversed", said)


def test_a_claim_changed_without_a_reason_is_stopped_by_both_tools(study: Repository) -> None:
    written = (study.folder / RECORD).read_bytes()
    declare(study.folder, bound=-0.4)
    assert study.wanted_by_dvc() == JUDGED
    refused = study.snakemake(check=False)
    assert refused.returncode == 2 and lines_of_ours(refused.stdout) == [STOPPED]
    assert (study.folder / RECORD).read_bytes() == written
    assert lines_of_ours(study.dvc("repro", check=False)) == [STOPPED]
    declare(study.folder)
    study.dvc("repro")
    assert (study.folder / RECORD).read_bytes() == written
    assert study.is_recorded() and study.wanted_by_snakemake() == set()


def test_verdicts_outlive_a_judging_that_fails(study: Repository) -> None:
    """Without dvc.lock they alone hold declarations to what they were."""
    (study.folder / "dvc.lock").unlink()
    written = (study.folder / RECORD).read_bytes()
    test = CLAIM["test"] | {"where": {"images": "nowhere"}}
    failing = CLAIM | {"test": test, "amended": "declared for rows that are not there"}
    write_yaml(study.folder / FILE, {"claims": [failing]})
    assert study.snakemake(check=False).returncode == 1
    assert (study.folder / RECORD).read_bytes() == written
    declare(study.folder, bound=-0.4)
    assert lines_of_ours(study.snakemake(check=False).stdout) == [STOPPED]
    assert lines_of_ours(study.dvc("repro", check=False)) == [STOPPED]
    assert (study.folder / RECORD).read_bytes() == written


def test_what_documents_say_is_no_declaration(study: Repository) -> None:
    declare(study.folder, figures={"polarity.png": "recos/tiny/polarity.png"})
    assert study.wanted_by_snakemake() == study.wanted_by_dvc() == set()


@pytest.mark.parametrize("module", ["verdicts", "params"])
def test_a_line_of_code(study: Repository, module: str) -> None:
    path = study.folder / f"probecore/claims/{module}.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")
    assert study.wanted_by_snakemake() == study.wanted_by_dvc() == JUDGED
    study.git("checkout", "probecore")
    assert study.wanted_by_snakemake() == study.wanted_by_dvc() == set()


def test_in_a_clone_nothing_is_left_to_do(study: Repository) -> None:
    clone = study.clone("clone")
    clone.probecore("pull")
    assert clone.hashes() == study.hashes()
    assert clone.is_recorded() and clone.wanted_by_snakemake() == set()


def test_they_travel_in_a_capsule(study: Repository) -> None:
    (study.folder / "CITATION.cff").write_text(
        "cff-version: 1.2.0\ntitle: A tiny study\nauthors: [{name: A team}]\nlicense: CC-BY-4.0\n"
    )
    study.commit("whose it is")
    study.probecore("pack", "../a.zip")
    clone = study.clone("clone")
    clone.dvc("remote", "remove", "store")
    clone.probecore("pull", "../a.zip")
    assert clone.hashes() == study.hashes() and clone.wanted_by_snakemake() == set()
    clone.probecore("unpack", "../a.zip", "../alone")
    assert (study.folder.parent / "alone" / RECORD).read_bytes() == (study.folder / RECORD).read_bytes()
    assert (study.folder.parent / "alone" / FILE).exists()


def test_damaged_verdicts_are_found_and_made_again(study: Repository) -> None:
    written = (study.folder / RECORD).read_bytes()
    (study.folder / RECORD).write_bytes(written.replace(b"2 of 5 seeds", b"2 of 4 seeds"))
    assert f"{RECORD}: differs" in study.probecore("verify", check=False).stdout
    assert study.wanted_by_snakemake() == JUDGED
    study.snakemake()
    assert (study.folder / RECORD).read_bytes() == written


def test_verdicts_that_are_out_of_date_are_not_shown(study: Repository) -> None:
    assert "recos-reversed  undecided: 2 of 5 seeds" in study.probecore("claims").stdout
    table = study.folder / "results/recos/tiny/polarity.csv"
    table.write_text(table.read_text() + "\n")
    shown = study.probecore("claims", "--write", check=False)
    assert shown.returncode == 2
    assert lines_of_ours(shown.stdout) == [
        f"probecore: {RECORD}: recos-reversed: judged by other tables or as another declaration; run `snakemake`"
    ]


def test_a_study_that_begins_or_ceases_to_declare(study: Repository) -> None:
    (study.folder / FILE).rename(study.folder / "away.yaml")
    refused = study.snakemake("--dry-run", check=False)
    assert lines_of_ours(refused.stdout) == [
        "probecore: dvc.yaml: has a stage that judges claims.yaml; `probecore upgrade` takes it away"
    ]
    assert study.probecore("upgrade").stdout.splitlines()[0] == "dvc.yaml: written anew"
    assert "claims" not in read_yaml(study.folder / "dvc.yaml")["stages"]
    assert study.wanted_by_snakemake() == {("report", "")}
    (study.folder / "away.yaml").rename(study.folder / FILE)
    refused = study.snakemake("--dry-run", check=False)
    assert lines_of_ours(refused.stdout) == [
        "probecore: dvc.yaml: has no stage that judges claims.yaml; `probecore upgrade` adds it"
    ]
    study.probecore("upgrade")
    assert study.wanted_by_snakemake() == set()
