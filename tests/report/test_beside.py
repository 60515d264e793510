"""The tables beside the page: what it shows, number for number."""

import csv
from pathlib import Path

from .support import HOSTILE, FakeStudy, add_mechanism, make_study
from .test_filters import data_of


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_number_of_the_table_of_filters(study: FakeStudy) -> None:
    add_mechanism(study)
    (zeta,) = data_of(study.build())
    rows = rows_of(study.page.with_name("filters.csv"))
    assert len(rows) == 8
    assert (rows[1]["layer"], rows[1]["network"], rows[1]["condition"]) == (HOSTILE, "trained-0", "trained")
    for column in zeta["columns"]:
        name = f"{column['step']}.{column['quantity']}.{column['site']}"
        assert [row[name] for row in rows] == column["cells"]["value"].split(",")
    assert {"mechanism.accuracy_drop.block", "recos.norm.block"} < set(rows[0])


def test_every_row_of_the_cards(study: FakeStudy) -> None:
    add_mechanism(study)
    study.build()
    (row,) = rows_of(study.page.with_name("answers.csv"))
    assert row == {
        **{"experiment": "zeta", "step": "mechanism", "says": "accuracy", "condition": "trained", "n": "1"},
        **{"value": "1.5", "low": "", "high": "", "least": "0", "most": "2", "null": "0.1", "verdict": "no control"},
    }


def test_without_measures_there_are_headings_alone(study: FakeStudy) -> None:
    del study.params["experiments"]["zeta"]
    study.build()
    assert study.page.with_name("filters.csv").read_text() == "experiment,network,condition,epoch,layer,filter\n"
    assert rows_of(study.page.with_name("answers.csv")) == []


def test_equal_studies_give_equal_tables(study: FakeStudy, tmp_path: Path) -> None:
    other = make_study(tmp_path / "other")
    for one in (study, other):
        one.build()
    for name in ("filters.csv", "answers.csv"):
        assert study.page.with_name(name).read_bytes() == other.page.with_name(name).read_bytes()
