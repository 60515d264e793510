"""The contract of the per-filter table, for every measure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from probecore.statistics.filters import FILTER_COLUMNS, write_filters

ROW = {
    "experiment": "e", "network": "trained-0", "epoch": 20, "layer": "conv1", "layer_index": 0, "filter": 3,
    "site": "conv", "quantity": "q", "value": 0.5, "n": 100,
}  # fmt: skip


def test_columns_order_and_rows(tmp_path: Path) -> None:
    write_filters(tmp_path / "filters.csv", pd.DataFrame([ROW | {"filter": 4, "p": 0.1}, ROW]))
    table = pd.read_csv(tmp_path / "filters.csv")
    assert list(table) == FILTER_COLUMNS
    assert table["filter"].tolist() == [3, 4]
    assert table["p"].isna().tolist() == [True, False]


def test_p_values_are_corrected_within_an_experiment_and_a_quantity(tmp_path: Path) -> None:
    rows = [ROW | {"filter": index, "p": p} for index, p in enumerate([0.01, 0.04, np.nan])]
    rows += [{**ROW, "quantity": "other", "p": 0.04}, {**ROW, "experiment": "f", "p": 0.03}]
    write_filters(tmp_path / "filters.csv", pd.DataFrame(rows))
    table = pd.read_csv(tmp_path / "filters.csv")
    assert table["p_bh"].tolist() == pytest.approx([0.02, 0.04, np.nan, 0.04, 0.03], nan_ok=True)
    write_filters(tmp_path / "again.csv", table)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "filters.csv").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"site": "pool"}, "site must be"),
        ({"layer": None}, "keys and sample sizes"),
        ({"n": None}, "keys and sample sizes"),
        ({"unit": 1}, "columns must be"),
    ],
)
def test_what_breaks_the_contract(change: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        write_filters(tmp_path / "filters.csv", pd.DataFrame([ROW | change]))
    assert not (tmp_path / "filters.csv").exists()


def test_equal_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rows are not unique"):
        write_filters(tmp_path / "filters.csv", pd.DataFrame([ROW, ROW]))
