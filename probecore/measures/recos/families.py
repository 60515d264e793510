"""How many of an experiment's tests stand when each quantity's are taken as one family."""

from collections.abc import Mapping

import pandas as pd

from probecore.measures.tables import at_the_end
from probecore.statistics import adjust

ALPHA = 0.05

KEYS = ["table", "quantity", "condition", "layer"]


def count_significant(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count significant rows of the tables layers, filters and heads.

    Returns
    -------
    DataFrame
        By table, quantity, condition and layer: rows with a p, how many of them are at most 0.05, and how many still
        are after Benjamini–Hochberg and after Holm. A family is a quantity of the experiment in one table: all
        networks, layers and filters, after training and untrained.
    """
    heads = tables["heads"].assign(quantity="gain") if len(tables["heads"]) else tables["heads"]
    named = {"layers": tables["layers"], "filters": tables["filters"], "heads": heads.rename(columns={"head": "layer"})}
    rows = [
        _adjusted(at_the_end(table)).assign(table=name)
        for name, table in named.items()
        if "p" in table and table["p"].notna().any()
    ]
    if not rows:
        return pd.DataFrame(columns=[*KEYS, "tests", "significant", "benjamini_hochberg", "holm"])
    return pd.concat(rows).groupby(KEYS, as_index=False)[["tests", "significant", "benjamini_hochberg", "holm"]].sum()


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    known = table[table["p"].notna()]
    by_quantity = known.groupby("quantity")["p"]
    return known.assign(
        tests=1,
        significant=(known["p"] <= ALPHA).astype(int),
        benjamini_hochberg=(by_quantity.transform(lambda p: adjust(p, "benjamini_hochberg")) <= ALPHA).astype(int),
        holm=(by_quantity.transform(lambda p: adjust(p, "holm")) <= ALPHA).astype(int),
    )
