"""What the page says of rows that are outside of the aim."""

import pytest

from benchmarks.aims import CONSERVATIVE, TOO_SHORT, reason
from benchmarks.calibration_page import read_csv

SURE = "20000"
"""Independent estimates, with which chance explains nothing."""


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"coverage": "0.95"}, ""),
        ({"coverage": "0.91"}, TOO_SHORT),
        ({"coverage": "0.91", "independent": "200"}, "no more than chance"),
        ({"coverage": "0.98", "below": "0.01"}, "conservative: longer than it need be"),
        ({"coverage": "0.98", "below": "0"}, "conservative: one side alone can miss"),
        ({"coverage": "0.7", "printed": "0.1"}, "10% of the samples show one; 3.0% of all one that misses"),
        ({"size": "0.05"}, ""),
        ({"size": "0.08"}, TOO_SHORT),
        ({"size": "0.08", "independent": "400"}, "no more than chance"),
        ({"size": "0.01"}, "conservative: rejects less often than it may"),
    ],
)
def test_reasons(row: dict[str, str], why: str) -> None:
    assert reason({"coverage": "", "size": "", "below": "", "independent": SURE, "printed": "1", **row}) == why


def test_no_row_is_too_short_and_careful_ones_are_called_so() -> None:
    for row in read_csv("benchmarks/results/calibration.csv"):
        why = reason(row)
        assert why != TOO_SHORT, row["simulation"]
        assert row["verdict"] == (CONSERVATIVE if why.startswith(CONSERVATIVE) else "good"), row["simulation"]
