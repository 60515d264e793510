"""The per-filter table that every measure writes: one contract, so that the atlas can join them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from probecore.files import arranged, write_table
from probecore.statistics.families import adjust

FILTER_KEYS = ["network", "epoch", "layer", "filter", "site"]
"""`layer` is the conv module's name, also when its block's output is measured; `site` is conv, act or block."""

INDEX = {"layer": "layer_index", "to_layer": "to_layer_index"}
"""Columns that name a layer, and those that say where it runs: 0 for the first weighted layer of the network."""

FILTER_COLUMNS = [
    *("experiment", "network", "epoch", "layer", "layer_index", "filter", "site"),
    *("quantity", "value", "low", "high", "null", "p", "p_bh", "n"),
]


def in_order_of_execution(keys: Sequence[str]) -> list[str]:
    """Return the columns by which to sort rows that `keys` identify: layers in the order they run."""
    return [column for key in keys for column in ([INDEX[key], key] if key in INDEX else [key])]


SORT_BY = in_order_of_execution(["experiment", *FILTER_KEYS, "quantity"])


def write_filters(path: Path, table: pd.DataFrame) -> None:
    """Write ``filters.csv``: one row per filter, checkpoint and quantity.

    Columns and what breaks the contract: `filter_table`.
    """
    write_table(path, filter_table(table, where=path), sort_by=SORT_BY)


def filter_table(table: pd.DataFrame, *, where: str | Path) -> pd.DataFrame:
    """Complete and order the rows of ``filters.csv``.

    ``p_bh`` is `p` after Benjamini and Hochberg within a family, one experiment and one quantity: all its filters,
    layers, networks and checkpoints that are in the table. In the file of one network that is this network alone; the
    family of the experiment is in the experiment's file.

    Parameters
    ----------
    table : columns of `FILTER_COLUMNS`; `low`, `high`, `null` and `p` may be missing where there is none, and
        `p_bh` is made here
    where : for error messages

    Raises
    ------
    ValueError
        If columns or values break the contract.
    """
    table = table.reindex(columns=FILTER_COLUMNS) if set(table) <= set(FILTER_COLUMNS) else table
    if list(table) != FILTER_COLUMNS:
        raise ValueError(f"{where}: columns must be {FILTER_COLUMNS}, got {list(table)}")
    if not table["site"].isin(["conv", "act", "block"]).all():
        raise ValueError(f"{where}: site must be conv, act or block")
    if table[["experiment", *FILTER_KEYS, "layer_index", "quantity", "n"]].isna().any(axis=None):
        raise ValueError(f"{where}: keys and sample sizes must not be missing")
    families = table["p"].astype("float64").groupby([table["experiment"], table["quantity"]])
    table = table.assign(p_bh=families.transform(lambda p: adjust(p, method="benjamini_hochberg")))
    return arranged(table, sort_by=SORT_BY, where=where)
