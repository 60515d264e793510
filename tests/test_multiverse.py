"""The universes of a measure: which there are, in which order, and what is measured in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from probecore.errors import InputError
from probecore.measures.mechanism.params import MechanismParams
from probecore.multiverse import DECLARED, MOST, as_json, folders, place, universes, written_in
from probecore.notes import jobs_of
from probecore.params import fans_of, load_study, section_of
from tests.claims.support import claim, experiment, write_study

CHOICES: dict[str, list[Any]] = {"threshold": [0.2, 0.5], "heads.epochs": [20], "quantity": ["noise"]}


def section(choices: dict[str, list[Any]] = CHOICES, **more: Any) -> dict[str, Any]:
    return {"heads": {"batch": 50}, "multiverse": {"choices": choices, **more}}


def test_as_declared_then_one_choice_changed_then_more() -> None:
    found = universes(MechanismParams.read(section()))
    assert found[0] == DECLARED
    assert [dict(each.changed) for each in found[1:5]] == [
        {"threshold": 0.2},
        {"threshold": 0.5},
        {"heads.epochs": 20},
        {"quantity": "noise"},
    ]
    assert [dict(each.changed) for each in found[5:]] == [
        {"threshold": 0.2, "quantity": "noise"},
        {"threshold": 0.5, "quantity": "noise"},
        {"heads.epochs": 20, "quantity": "noise"},
    ]
    assert found[4].folder == "" and found[4].columns == {"quantity"}
    assert found[5].folder == "threshold-0.2" and found[5].measured == {"threshold": 0.2}


def test_corners_are_measured_when_they_are_asked_for() -> None:
    params = {"threshold": [0.2, 0.5], "heads.epochs": [20]}
    singles = ["threshold-0.2", "threshold-0.5", "heads.epochs-20"]
    assert folders(MechanismParams.read(section(params))) == singles
    corners = ["threshold-0.2_heads.epochs-20", "threshold-0.5_heads.epochs-20"]
    assert folders(MechanismParams.read(section(params, corners=1))) == [*singles, *corners[:1]]
    assert folders(MechanismParams.read(section(params, corners=9))) == [*singles, *corners]


def test_what_costs_nothing_is_bounded_too() -> None:
    columns = {name: [f"{index}" for index in range(4)] for name in ("quantity", "layer", "site", "filter")}
    assert len(universes(MechanismParams.read(section(columns)))) == MOST
    many = {"quantity": [f"{index}" for index in range(50)]}
    assert len(universes(MechanismParams.read(section(many)))) == 51


def test_a_universe_differs_in_its_choices_alone() -> None:
    written = section()
    assert written_in(written, MechanismParams, "") == {"heads": {"batch": 50}}
    assert written_in(written, MechanismParams, "heads.epochs-20") == {"heads": {"batch": 50, "epochs": 20}}
    assert written_in(written, MechanismParams, "threshold-0.5") == {"heads": {"batch": 50}, "threshold": 0.5}


def test_tables_of_a_universe_lie_below_those_that_are_declared() -> None:
    assert place("mechanism/e/layers.csv", "threshold-0.5") == "mechanism/e/universes/threshold-0.5/layers.csv"
    assert place("mechanism/e/layers.csv", "") == "mechanism/e/layers.csv"


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"treshold": [0.2]}, "multiverse.choices.treshold: no parameter and no key column; did you mean 'threshold'?"),
        ({"heads.epoch": [20]}, "multiverse.choices.heads.epoch: no parameter and no key column"),
        ({"heads.x.epochs": [20]}, "multiverse.choices.heads.x.epochs: no parameter and no key column"),
        ({"threshold": [0.3]}, "multiverse.choices.threshold: 0.3 is as declared; name other options"),
        ({"threshold": [2.0]}, "multiverse: threshold-2.0.threshold: input should be less than 1, got 2.0"),
        ({"layers": [["a b"], ["a-b"]]}, "two options look alike in the name of a folder"),
        ({"layers": [["conv"] * 99]}, "too long for a folder"),
        ({"threshold": []}, "multiverse.choices.threshold: list should have at least 1 item"),
        ({}, "multiverse.choices: dictionary should have at least 1 item"),
    ],
)
def test_choices_that_are_none(tmp_path: Path, choices: dict[str, list[Any]], says: str) -> None:
    with pytest.raises(InputError) as error:
        write_study(tmp_path, claim(), experiments={"e": experiment() | {"mechanism": section(choices)}})
    assert says in str(error.value) and f"{tmp_path}/params.yaml: experiments.e.mechanism.multiverse" in str(
        error.value
    )


def test_each_universe_has_its_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, claim(), experiments={"e": experiment() | {"mechanism": section()}})
    study, written = load_study(Path("params.yaml"))
    jobs = [job for job in jobs_of(study, written) if job.stage == "mechanism@e"]
    networks = [job for job in jobs if job.entry.endswith(".run")]
    places = {job.result.parent.as_posix() for job in networks}
    below = "results/mechanism/e/universes"
    assert places == {"results/mechanism/e", *(f"{below}/{name}" for name in folders(study.experiments["e"].mechanism))}
    assert len(networks) == 4 * len(study.experiments["e"].train.networks)
    assert len({job.parameters for job in networks}) == 4
    assert all(
        job.files == (Path("data/mnist5k.h5"), Path(f"results/train/e/{job.result.name}.safetensors"))
        for job in networks
    ), "training is shared"
    assert json.loads(section_of(written, "e", "mechanism")) == {"heads": {"batch": 50}}


def test_a_study_without_a_multiverse_has_none(tmp_path: Path) -> None:
    study = write_study(tmp_path, claim())
    assert fans_of(study) == {} and as_json(fans_of(study)) == ""
