"""The per-filter table that every measure writes: one contract, so that the atlas can join them."""

from pathlib import Path

import pandas as pd

from probecore.files import write_table
from probecore.statistics.families import adjust

FILTER_KEYS = ["network", "epoch", "layer", "filter", "site"]
"""`layer` is the conv module's name, also when its block's output is measured; `site` is conv, act or block."""

FILTER_COLUMNS = ["experiment", *FILTER_KEYS, "quantity", "value", "low", "high", "null", "p", "p_bh", "n"]


def write_filters(path: Path, table: pd.DataFrame) -> None:
    """Write ``filters.csv``: one row per filter, checkpoint and quantity.

    ``p_bh`` is `p` after Benjamini and Hochberg within a family, one experiment and one quantity: all its filters,
    layers, networks and checkpoints that are in the table.

    Parameters
    ----------
    path : where
    table : columns of `FILTER_COLUMNS`; `low`, `high`, `null` and `p` may be missing where there is none, and
        `p_bh` is made here

    Raises
    ------
    ValueError
        If columns or values break the contract.
    """
    table = table.reindex(columns=FILTER_COLUMNS) if set(table) <= set(FILTER_COLUMNS) else table
    if list(table) != FILTER_COLUMNS:
        raise ValueError(f"{path}: columns must be {FILTER_COLUMNS}, got {list(table)}")
    if not table["site"].isin(["conv", "act", "block"]).all():
        raise ValueError(f"{path}: site must be conv, act or block")
    if table[["experiment", *FILTER_KEYS, "quantity", "n"]].isna().any(axis=None):
        raise ValueError(f"{path}: keys and sample sizes must not be missing")
    families = table["p"].astype("float64").groupby([table["experiment"], table["quantity"]])
    table = table.assign(p_bh=families.transform(lambda p: adjust(p, method="benjamini_hochberg")))
    write_table(path, table, sort_by=["experiment", *FILTER_KEYS, "quantity"])
