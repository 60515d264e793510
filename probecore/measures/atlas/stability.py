"""Whether a quantity ranks the filters of a layer at each checkpoint as it does at the last one."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from probecore.measures.atlas.keys import QUANTITY
from probecore.measures.tables import is_last
from probecore.statistics import over_seeds

FEWEST = 4
"""Filters that have a value at both checkpoints."""


def stability(table: pd.DataFrame) -> pd.DataFrame:
    """Correlate each quantity's ranks at a checkpoint with those at the last, within network and layer.

    Returns
    -------
    DataFrame
        A row per ``condition`` (the network's at the last checkpoint), ``layer``, quantity and earlier ``epoch``:
        ``value``, Spearman's correlation, mean over networks, ``low`` and ``high`` from five networks on, and ``n``
        networks. Quantities known at one checkpoint alone have none.

    Examples
    --------
    >>> at_once = pd.DataFrame({"network": "trained-0", "layer": "conv1", "filter": range(4), "measure": "recos",
    ...     "site": "conv", "quantity": "norm"})
    >>> before = at_once.assign(epoch=0, condition="untrained", value=[4.0, 3, 2, 1])
    >>> after = at_once.assign(epoch=1, condition="trained", value=[1.0, 2, 3, 4])
    >>> table = pd.concat([before, after], ignore_index=True)
    >>> stability(table)[["epoch", "value", "n"]].values.tolist()
    [[0.0, -1.0, 1.0]]
    """
    last = is_last(table)
    ends = table[last].set_index(["network", "layer", *QUANTITY, "filter"])[["value", "condition"]]
    both = table[~last].join(ends.add_suffix("_last"), on=ends.index.names).dropna(subset=["value", "value_last"])
    return pd.DataFrame(
        list(_rows(both)), columns=["condition", "layer", *QUANTITY, "epoch", "value", "low", "high", "n"]
    )


def _rows(both: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = ["condition_last", "layer", *QUANTITY, "epoch"]
    ranks = both.groupby([*names, "network"])[["value", "value_last"]]
    enough = ranks.transform("size") >= FEWEST
    by_network = both[enough].groupby([*names, "network"])[["value", "value_last"]]
    found = by_network.corr(method="spearman").iloc[::2, 1].droplevel(-1).dropna()
    for (condition, *rest), values in found.groupby(names):
        yield {"condition": condition, **dict(zip(names[1:], rest, strict=True)), **vars(over_seeds(values))}
