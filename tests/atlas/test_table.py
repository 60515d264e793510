"""The long table: joined without loss, and counted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from probecore.files import write_table
from probecore.measures.atlas.table import REASONS, long_table, missing, placed
from probecore.statistics.filters import in_order_of_execution

NAMES = {"experiment": "one", "n": 9}


def rows(quantity: str, layer: str, epochs: tuple[int, ...], values: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**NAMES, "network": "trained-0", "epoch": epoch, "layer": layer, "layer_index": 0, "filter": filter_, "site": "block",
             "quantity": quantity, "value": value, "low": np.nan, "high": np.nan, "null": np.nan, "p": np.nan}
            for epoch in epochs
            for filter_, value in enumerate(values)
        ]
    )  # fmt: skip


@pytest.fixture
def table() -> pd.DataFrame:
    filters = {
        "atlas": rows("zero_loss", "conv1", (0, 5), [0.1, 0.2, 0.3]),
        "recos": pd.concat([rows("density", "conv1", (5,), [1.0, np.nan]), rows("density", "fc1", (5,), [1.0, 2.0])]),
    }
    known = pd.DataFrame(
        [{**NAMES, "network": "trained-0", "epoch": 5, "layer": "conv1", "quantity": "zero_loss", "value": 0.7}]
    )
    return long_table(filters, known)


def test_every_row_is_there_with_condition_and_reliability(table: pd.DataFrame) -> None:
    assert len(table) == 6 + 4
    assert set(table[table["epoch"] == 0]["condition"]) == {"untrained"}
    truths = table[table["measure"] == "atlas"]
    assert truths[truths["epoch"] == 5]["reliability"].tolist() == [0.7] * 3
    assert truths[truths["epoch"] == 0]["reliability"].isna().all()
    assert table[table["measure"] == "recos"]["reliability"].isna().all()


def test_what_is_missing_is_counted_by_reason(table: pd.DataFrame) -> None:
    found = missing(table).set_index(["measure", "layer"])
    assert found.loc[("atlas", "conv1"), list(REASONS)].tolist() == [6, 0, 0, 0, 0]
    assert found.loc[("recos", "conv1"), list(REASONS)].tolist() == [1, 1, 0, 3, 1]
    assert found.loc[("atlas", "fc1"), list(REASONS)].tolist() == [0, 0, 2, 0, 0]
    assert (found[list(REASONS)].sum(axis=1) == found["filters"]).all()


def test_a_quantity_twice_is_refused() -> None:
    twice = pd.concat([rows("density", "conv1", (5,), [1.0])] * 2)
    none = pd.DataFrame(columns=["experiment", "network", "epoch", "layer", "quantity", "value", "n"])
    with pytest.raises(ValueError, match="occurs twice"):
        long_table({"recos": twice}, none)


def test_layers_stand_in_the_order_they_run_and_all_of_them_last(tmp_path: Path) -> None:
    rows = pd.DataFrame({"value": [1.0, 2.0, 3.0], "layer": ["a", "all", "z"]})
    table = placed(rows, ["layer"], pd.Series({"z": 0, "a": 1}))
    write_table(tmp_path / "agreement.csv", table, sort_by=in_order_of_execution(["layer"]))
    assert (tmp_path / "agreement.csv").read_text().split() == ["layer,layer_index,value", "z,0,3", "a,1,1", "all,2,2"]
