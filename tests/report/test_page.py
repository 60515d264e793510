from pathlib import Path

import pytest
import yaml

from probecore.report import page
from probecore.report.content import MAX_ROWS, File, Number, Table

from .support import FakeStudy


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (61706, "61706"),
        (-3, "−3"),
        (1.0, "1"),
        (0.98533333, "0.9853"),
        (-0.00002, "−2e−05"),
    ],
)
def test_numbers(value: Number, text: str) -> None:
    assert page._number(value) == text


@pytest.mark.parametrize(("size", "text"), [(999, "999 B"), (250_400, "250 kB"), (9 * 10**9, "9 GB")])
def test_sizes(size: int, text: str) -> None:
    assert page._bytes(size) == text


def test_columns_are_numbers_or_words_as_a_whole() -> None:
    table = Table(
        title="",
        caption="",
        file=File("", Path(), "", 0),
        header=["experiment", "network", "p_value", "n", "mixed", "scaling"],
        rows=[["zeta", "trained-0", "0.123456789", "100000", "1", "2"], ["zeta", "given", "", "-7", "x", "3"]],
        total=2,
        text=frozenset(["scaling"]),
    )
    assert page._columns(table) == [
        ("network", False, ["trained-0", "given"]),
        ("p value", True, ["0.1235", "–"]),
        ("n", True, ["100000", "−7"]),
        ("mixed", False, ["1", "x"]),
        ("scaling", False, ["2", "3"]),
    ]


def test_sections_read_back_without_anchors() -> None:
    shared = [0, 1, 2]
    section = {"zeta": shared, "alpha": {"again": shared, "rate": 1e-5, "none": None}, "text": "yes"}
    text = page._yaml(section)
    assert yaml.safe_load(text) == section
    assert list(yaml.safe_load(text)) == list(section)
    assert "&" not in text
    assert "1.0e-05" in text
    assert page._yaml({"device": "cpu", "threads": 1}) == "device: cpu\nthreads: 1"


def test_long_tables_are_cut_and_say_so(study: FakeStudy) -> None:
    html = study.build()
    history = html[html.index('aria-label="History, Train"') :]
    assert history[: history.index("</table>")].count("<tr>") == 1 + MAX_ROWS
    assert f"First {MAX_ROWS} of 24 rows; all are in" in history
    assert "First 1 of" not in html
