"""Verdicts in a multiverse: planted tables, of which is known where a verdict turns."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from probecore.claims.params import RECORD, load_claims
from probecore.claims.run import judge_claims, write_claims
from probecore.claims.universes import tables_of
from probecore.declared import check_claims, read_current
from probecore.documents import Sources, as_text, updated
from probecore.errors import InputError
from probecore.params import Study, fans_of
from tests.claims.support import claim, experiment, layers, rising, write_claims_yaml, write_results, write_study

FALLING = layers(rising(step=-1.0))
RISING = layers(rising())
CHOICES: dict[str, list[Any]] = {"threshold": [0.2, 0.5], "quantity": ["noise"]}
FALLS_TOO = claim("snr-falls", held={"below": -0.5})


def planted(
    folder: Path, *claims: dict[str, Any], choices: dict[str, list[Any]] = CHOICES, **more: dict[str, Any]
) -> Study:
    """A study in which SNR rises as declared and at a threshold of 0.5, falls at 0.2; noise rises everywhere."""
    section = {"mechanism": {"multiverse": {"choices": choices}}}
    study = write_study(folder, *(claims or (claim(),)), experiments={"e": experiment() | section} | more)
    for name, table in {
        "mechanism/e/layers.csv": RISING,
        "mechanism/e/universes/threshold-0.2/layers.csv": FALLING,
        "mechanism/e/universes/threshold-0.5/layers.csv": RISING,
    }.items():
        write_results(folder, pd.concat([table, layers(rising(), quantity="noise")]), name)
    return study


def verdicts(folder: Path, study: Study) -> pd.DataFrame:
    table = judge_claims(load_claims(folder / "claims.yaml").claims, folder, fans=fans_of(study))
    return table.set_index("claim")


def test_a_planted_unstable_claim_is_called_unstable(tmp_path: Path) -> None:
    study = planted(tmp_path)
    row = verdicts(tmp_path, study).loc["snr-depth"]
    # threshold: 0.2 alone turns it; 0.3 and 0.5 with either quantity, and 0.2 with noise, do not
    assert (row["verdict"], row["universes"], row["moved_by"]) == ("held", 6, "threshold")
    assert row["stands"] == pytest.approx(5 / 6)
    write_claims(tmp_path, fans=fans_of(study))
    record = read_current(load_claims(tmp_path / "claims.yaml").claims, fans_of(study), tmp_path)
    says = "unstable: stands in 5 of 6 universes, threshold moves it most"
    assert says in as_text(record)
    sources = Sources.read(load_claims(tmp_path / "claims.yaml"), tmp_path)
    page = updated("<!-- claims: all -->\n<!-- /claims -->\n", sources, where="page")
    header, _, line = page.splitlines()[1:4]
    assert header.endswith("| p | stability |") and line.endswith(f"| {says} |")


def test_a_stable_claim_is_called_stable(tmp_path: Path) -> None:
    study = planted(tmp_path, choices={"threshold": [0.5]})
    row = verdicts(tmp_path, study).loc["snr-depth"]
    assert (row["verdict"], row["universes"], row["stands"], row["moved_by"]) == ("held", 2, 1.0, None)


def test_a_column_counts_where_the_claim_chooses_by_it(tmp_path: Path) -> None:
    study = planted(tmp_path, choices={"layer": ["conv2"], "quantity": ["noise"]})
    assert verdicts(tmp_path, study).loc["snr-depth", "universes"] == 2, "quantity alone"


def test_the_family_is_judged_in_the_same_universe(tmp_path: Path) -> None:
    study = planted(tmp_path, claim(), FALLS_TOO, choices={"threshold": [0.2]})
    found = verdicts(tmp_path, study)
    assert found["verdict"].to_dict() == {"snr-depth": "held", "snr-falls": "fails"}
    assert found["stands"].to_dict() == {"snr-depth": 0.5, "snr-falls": 0.5}


def test_with_too_few_seeds_nothing_is_said(tmp_path: Path) -> None:
    study = planted(tmp_path, claim(min_units=7))
    row = verdicts(tmp_path, study).loc["snr-depth"]
    assert row["verdict"] == "undecided" and row[["universes", "stands", "moved_by"]].isna().all()


def test_without_a_multiverse_there_is_no_column(tmp_path: Path) -> None:
    study = write_study(tmp_path, claim())
    write_results(tmp_path, RISING)
    assert verdicts(tmp_path, study)["universes"].isna().all()
    write_claims(tmp_path, fans=fans_of(study))
    sources = Sources.read(load_claims(tmp_path / "claims.yaml"), tmp_path)
    page = updated("<!-- claims: all -->\n<!-- /claims -->\n", sources, where="page")
    assert "stability" not in page and page.splitlines()[1].endswith("| p |")


def test_experiments_that_are_compared_share_universes(tmp_path: Path) -> None:
    """A choice that only one of two experiments makes is no universe of a claim that reads both."""
    both = claim("between", effect={"kind": "difference", "minus": {"experiment": "f"}, "mean_over": ["layer"]})
    other = experiment() | {"mechanism": {"multiverse": {"choices": {"threshold": [0.5]}}}}
    study = planted(tmp_path, claim(), both, f=other)
    test = load_claims(tmp_path / "claims.yaml").claims[1].test
    assert test is not None
    assert tables_of(test, fans_of(study)) == [
        *(f"mechanism/{name}/layers.csv" for name in "ef"),
        *(f"mechanism/{name}/universes/threshold-0.5/layers.csv" for name in "ef"),
    ]


def test_other_tables_of_a_universe_make_verdicts_out_of_date(tmp_path: Path) -> None:
    study = planted(tmp_path)
    write_claims(tmp_path, fans=fans_of(study))
    claims = load_claims(tmp_path / "claims.yaml").claims
    read_current(claims, fans_of(study), tmp_path)
    table = tmp_path / "results/mechanism/e/universes/threshold-0.5/layers.csv"
    table.write_text(table.read_text() + "\n")
    with pytest.raises(InputError, match=f"{RECORD}: snr-depth: judged by other tables"):
        read_current(claims, fans_of(study), tmp_path)


def test_choices_that_move_no_claim_are_refused(tmp_path: Path) -> None:
    study = planted(tmp_path, choices={"threshold": [0.2], "layer": ["conv2"]})
    with pytest.raises(InputError, match=r'e\.mechanism\.multiverse: no claim is judged with layer "conv2"'):
        check_claims(study, tmp_path)
    (tmp_path / "claims.yaml").unlink()
    with pytest.raises(InputError, match=r"e\.mechanism\.multiverse: no .*claims\.yaml whose verdicts it could move"):
        check_claims(study, tmp_path)


def test_rows_that_a_universe_lacks_are_named_with_it(tmp_path: Path) -> None:
    study = planted(tmp_path, choices={"quantity": ["nosie"]})
    write_claims_yaml(tmp_path, claim())
    with pytest.raises(InputError, match=r'snr-depth \(with quantity "nosie"\): .*did you mean \'noise\''):
        verdicts(tmp_path, study)
