"""Which cells changed and by how much, against changes that are known because they were made here."""

import io

import numpy as np
import pandas as pd
import pytest

from probecore.difference.tables import TableDifference, compare_tables, flat_table

TABLE = """\
experiment,network,epoch,layer,quantity,value,low,high,n
tiny,trained-0,0,fc1,strength,0.5,0.4,0.6,10
tiny,trained-0,0,fc1,share,0.2,,,10
tiny,trained-0,1,fc1,strength,0.7,0.6,1.0,10
"""


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text))


def compared(before: str, after: str) -> TableDifference:
    return compare_tables(table(before), table(after))


def test_equal_tables_do_not_differ() -> None:
    found = compared(TABLE, TABLE)
    assert not found
    assert found.rows == 3


def test_a_change_is_told_in_half_widths_where_there_is_an_interval_and_relative_elsewhere() -> None:
    found = compared(TABLE, TABLE.replace("0.7,0.6", "0.75,0.6").replace("0.2,,", "0.25,,"))
    assert found.cells.to_dict("records") == [
        pytest.approx(
            {"row": "tiny trained-0 1 fc1 strength", "column": "value", "before": 0.7, "after": 0.75}
            | {"change": 0.05, "size": 0.05 / 0.2, "in_half_widths": True}
        ),
        pytest.approx(
            {"row": "tiny trained-0 0 fc1 share", "column": "value", "before": 0.2, "after": 0.25}
            | {"change": 0.05, "size": 0.05 / 0.25, "in_half_widths": False}
        ),
    ]


def test_rows_are_found_by_their_names_wherever_they_stand() -> None:
    lines = TABLE.splitlines()
    found = compared(TABLE, "\n".join([lines[0], "tiny,trained-1,0,fc1,strength,0.1,0,0.2,10", *lines[:1:-1], ""]))
    assert found.added == ["tiny trained-1 0 fc1 strength"]
    assert found.removed == ["tiny trained-0 0 fc1 strength"]
    assert found.rows == 2
    assert not len(found.cells)


def test_a_threshold_names_a_row_too() -> None:
    before = "network,layer,threshold,value\nt,a,0.1,1\nt,a,0.2,2\n"
    (cell,) = compared(before, before.replace("0.2,2", "0.2,3")).cells.to_dict("records")
    assert (cell["row"], cell["before"], cell["after"]) == ("t a 0.2", 2, 3)


@pytest.mark.parametrize(
    ("columns", "half"),
    [("accuracy,low,high", 0.1), ("gain,gain_low,gain_high", 0.1), ("gain,low_gain,high_gain", np.nan)],
)
def test_intervals_of_other_quantities(columns: str, half: float) -> None:
    before = f"network,{columns}\nt,0.5,0.4,0.6\n"
    (cell,) = compared(before, before.replace("0.5", "0.6")).cells.to_dict("records")
    assert cell["in_half_widths"] == (half == 0.1)
    assert cell["size"] == pytest.approx(0.1 / half if half == 0.1 else 0.1 / 0.6)


@pytest.mark.parametrize("columns", ["accuracy,low,high", "gain,gain_low,gain_high"])
def test_the_ends_of_an_interval_are_measured_by_it(columns: str) -> None:
    before = f"network,n,{columns}\nt,1,0.5,0.4,0.6\n"
    cells = compared(before, before.replace("t,1,0.5,0.4", "t,2,0.5,0.35")).cells.to_dict("records")
    assert [cell["column"] for cell in cells] == [columns.split(",")[1], "n"]
    assert cells[0]["in_half_widths"] and cells[0]["size"] == pytest.approx(0.5)


def test_an_interval_without_width_measures_nothing() -> None:
    before = "network,value,low,high\nt,1.0,1.0,1.0\n"
    (cell,) = compared(before, before.replace("t,1.0", "t,1.5")).cells.to_dict("records")
    assert (cell["in_half_widths"], cell["size"]) == (False, pytest.approx(1 / 3))


def test_words_and_numbers_that_come_and_go() -> None:
    before = "layer,verdict,p\na,held,0.5\nb,held,\nc,held,0.1\n"
    found = compared(before, "layer,verdict,p\na,undecided,0.5\nb,held,0.2\nc,held,\n")
    cells = {(cell["row"], cell["column"]): cell for cell in found.cells.to_dict("records")}
    assert set(cells) == {("a", "verdict"), ("b", "p"), ("c", "p")}
    assert all(np.isnan(cell["change"]) and np.isinf(cell["size"]) for cell in cells.values())


def test_equal_rows_are_told_apart_by_number() -> None:
    found = compared("a,b\n1,2\n1,2\n", "a,b\n1,2\n")
    assert (found.added, found.removed) == ([], ["1 2 #2"])


def test_other_columns_are_named_and_the_shared_ones_compared() -> None:
    found = compared("layer,value\na,1\n", "layer,value,n\na,2,5\n")
    assert found.columns == ["n"]
    assert list(found.cells["column"]) == ["value"]


def test_empty_tables() -> None:
    assert not compared("a,b\n", "a,b\n")
    assert compared("a,b\n", "a,b\n1,2\n").added == ["1"]


def test_nested_mappings_become_rows() -> None:
    before = {"tiny": {"train": {"accuracy": 0.5, "kept": True, "none": None}}, "list": [1, 2]}
    after = {"tiny": {"train": {"accuracy": 0.6, "kept": False, "none": None}}, "list": [1, 3]}
    found = compare_tables(flat_table(before), flat_table(after))
    changed = {(cell["row"], cell["before"], cell["after"]) for cell in found.cells.to_dict("records")}
    assert changed == {
        ("tiny.train.accuracy", 0.5, 0.6),
        ("tiny.train.kept", "True", "False"),
        ("list", "[1, 2]", "[1, 3]"),
    }
