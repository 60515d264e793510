"""A multiverse in a study that was really built: what its universes share, what reruns, and what it costs."""

import re
from pathlib import Path
from typing import Any

import pytest

from probecore.claims.params import RECORD
from probecore.declared import read_record
from tests.conftest import made_once
from tests.workflow.repository import Jobs, Repository, build, copy, small_params
from tests.workflow.test_claims import JUDGED, declare

CHOICES: dict[str, list[Any]] = {"polarity.images": [30], "filters": ["negated"]}
BELOW = "results/recos/tiny/universes/polarity.images-30"
RECOS: Jobs = {("recos", "tiny"), *JUDGED}


@pytest.fixture(scope="module")
def built_multiverse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    params = small_params()
    params["experiments"].pop("bare")
    tiny = params["experiments"]["tiny"]
    tiny["train"] |= {"seeds": [0, 1, 2, 3, 4]}
    tiny["activations"] = None
    tiny["recos"] |= {"multiverse": {"choices": CHOICES}}
    return made_once(tmp_path_factory, "built-multiverse", lambda folder: build(folder, params, fill=declare))


@pytest.fixture
def study(built_multiverse: Path, tmp_path: Path) -> Repository:
    return copy(built_multiverse, tmp_path)


def test_training_is_shared_and_verdicts_say_how_far_they_stand(study: Repository) -> None:
    made = {path.name for path in (study.folder / BELOW).iterdir()}
    assert {"trained-0", "trained-4", "polarity.csv", "summary.json"} <= made
    assert not list(study.folder.glob("results/train/**/universes"))
    declared, other = ((study.folder / place / "polarity.csv").read_text() for place in ("results/recos/tiny", BELOW))
    assert len(declared.splitlines()) == len(other.splitlines())
    (row,) = read_record(study.folder / RECORD)
    assert row["universes"] == "4.0" or row["universes"] == "4"
    assert study.is_recorded() and study.wanted_by_snakemake() == set()
    assert "same bytes as recorded" in study.probecore("verify").stdout
    assert "stands in" in (study.folder / "results/report/index.html").read_text()
    said = study.probecore("claims").stdout
    assert "of 4 universes" in said
    assert re.search(r"Measured in other universes: \d+ s of a processor, \d+% of the study without them", said), said


def test_both_tools_rerun_the_same(study: Repository) -> None:
    study.edit("experiments.tiny.recos.multiverse", {"choices": CHOICES | {"polarity.images": [30, 40]}})
    assert study.wanted_by_snakemake() == study.wanted_by_dvc() == RECOS
    printed = study.snakemake("--dry-run", "--printshellcmds").stdout
    networks = re.findall(r"> logs/recos/tiny/(\S*?)/?trained-\d\.log", printed)
    assert networks == ["universes/polarity.images-40"] * 5, "what is there stays"
    study.snakemake()
    study.probecore("record")
    assert study.is_recorded() and study.wanted_by_snakemake() == set()


def test_a_universe_that_is_no_more_is_left_over(study: Repository) -> None:
    study.edit("experiments.tiny.recos.multiverse", {"choices": {"filters": ["negated"]}})
    study.snakemake()
    assert f"{BELOW}/polarity.csv" in study.probecore("clean").stdout
    study.probecore("clean", "--yes")
    assert not (study.folder / BELOW).exists()
    study.probecore("record")
    assert study.is_recorded() and study.wanted_by_snakemake() == set()
