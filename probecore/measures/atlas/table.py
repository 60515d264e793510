"""One long table of what is known of every filter, from the tables of all measures. Nothing is dropped: no row needs
another quantity to be there.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from probecore.measures.atlas.keys import FILTER, QUANTITY
from probecore.networks import condition_at
from probecore.statistics.filters import in_order_of_execution

COLUMNS = [
    "experiment",
    "network",
    "condition",
    "epoch",
    "layer",
    "layer_index",
    "filter",
    "measure",
    "site",
    "quantity",
    "value",
    "low",
    "high",
    "null",
    "p",
    "n",
    "reliability",
]

REASONS = ("present", "undefined", "layer_not_measured", "epoch_not_measured", "filter_not_measured")
"""What can be of a quantity of a filter, as `missing` counts it."""


def long_table(filters: Mapping[str, pd.DataFrame], reliability: pd.DataFrame) -> pd.DataFrame:
    """Stack tables of filters.

    Parameters
    ----------
    filters : ``filters.csv`` of each measure, by its name
    reliability : ``reliability.csv`` of the atlas

    Returns
    -------
    DataFrame
        `COLUMNS`, a row for each filter, measure, site and quantity, in this order.

    Raises
    ------
    ValueError
        If a row occurs twice.
    """
    stacked = pd.concat([table.assign(measure=name) for name, table in filters.items()], ignore_index=True)
    known = reliability.rename(columns={"value": "reliability"}).assign(measure="atlas")
    keys = ["measure", "experiment", "network", "epoch", "layer", "quantity"]
    stacked = stacked.merge(known[[*keys, "reliability"]], on=keys, how="left", validate="many_to_one")
    pairs = stacked[["network", "epoch"]].drop_duplicates()
    conditions = {
        (network, epoch): condition_at(str(network), int(epoch)) for network, epoch in pairs.itertuples(index=False)
    }
    stacked["condition"] = list(map(conditions.get, zip(stacked["network"], stacked["epoch"], strict=True)))
    if stacked.duplicated([*FILTER, *QUANTITY]).any():
        raise ValueError("filters.csv: a quantity of a filter occurs twice")
    return stacked.sort_values(in_order_of_execution([*FILTER, *QUANTITY]), ignore_index=True)[COLUMNS]


def missing(table: pd.DataFrame) -> pd.DataFrame:
    """Count for each quantity and layer what is known of the filters that any measure knows, and why the rest is not.

    Returns
    -------
    DataFrame
        ``experiment``, ``layer``, `QUANTITY`, ``filters``, and the counts of `REASONS`, which sum to ``filters``:
        values; undefined (inactive filters, say); filters of a layer of which the measure knows none; of a checkpoint
        of which it knows none in this layer; and others.
    """
    layer = ["experiment", "layer"]
    universe = table[FILTER].drop_duplicates()
    filters = universe.groupby(layer).size().rename("filters").reset_index()
    rows = table.assign(known=table["value"].notna()).groupby([*layer, *QUANTITY])["known"]
    counted = rows.agg(present="sum", listed="size").reset_index()
    quantities = table[["experiment", *QUANTITY]].drop_duplicates()
    found = quantities.merge(filters, on="experiment").merge(counted, on=[*layer, *QUANTITY], how="left")
    found = found.fillna({"present": 0, "listed": 0})
    at_all = _filters_of_known_checkpoints(table, universe)
    found = found.merge(at_all, on=[*layer, *QUANTITY], how="left").fillna({"reached": 0})
    found["undefined"] = found["listed"] - found["present"]
    found["layer_not_measured"] = found["filters"].where(found["listed"] == 0, 0)
    found["epoch_not_measured"] = (found["filters"] - found["reached"]).where(found["listed"] > 0, 0)
    found["filter_not_measured"] = (found["reached"] - found["listed"]).where(found["listed"] > 0, 0)
    counts = ["filters", *REASONS]
    return found.astype(dict.fromkeys(counts, int))[[*layer, *QUANTITY, *counts]]


def _filters_of_known_checkpoints(table: pd.DataFrame, universe: pd.DataFrame) -> pd.DataFrame:
    """For each quantity and layer, how many filters the checkpoints have in which any filter of the layer is listed."""
    checkpoint = ["experiment", "network", "epoch", "layer"]
    sizes = universe.groupby(checkpoint).size().rename("reached").reset_index()
    reached = table[[*checkpoint, *QUANTITY]].drop_duplicates().merge(sizes, on=checkpoint)
    return reached.groupby(["experiment", "layer", *QUANTITY])["reached"].sum().reset_index()


def placed(table: pd.DataFrame, keys: Sequence[str], places: "pd.Series[int]") -> pd.DataFrame:
    """Put keys first, then where each layer runs, if the table does not say it; all layers together come last.

    Parameters
    ----------
    table : of rows that `keys` identify
    places : where a layer runs, by its name
    """
    if "layer" in keys and "layer_index" not in table:
        table = table.copy()
        table.insert(0, "layer_index", table["layer"].map(places).fillna(len(places)).astype(int))
    return table[[*keys, *(column for column in table if column not in keys)]]
