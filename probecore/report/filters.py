"""The table of all filters that the page searches: one row per filter and checkpoint, one column per quantity and site.

Numbers have four significant digits and are text joined by commas, a column each: small, and read only when looked at.
Of each network there are the first checkpoint and the last; the CSV files have all.
"""

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd
from markupsafe import Markup

from probecore.figures import colour_of
from probecore.files import read_table
from probecore.measures import MEASURES, declaration
from probecore.measures.tables import is_last
from probecore.networks import condition_at, in_order, place_among_shown
from probecore.report.content import Experiment, StudyFiles

KEYS = ["network", "epoch", "layer", "filter"]
CELLS = ("value", "low", "high", "null", "p_bh", "n")


def filter_data(study: StudyFiles, experiment: Experiment) -> dict[str, Any] | None:
    """Join the ``filters.csv`` of an experiment's measures; None if there is none.

    Returns
    -------
    dict
        ``rows``: by key, one entry per row; ``colours`` of conditions; ``columns``: measure, site, quantity, what it
        says, the file and its hash, and ``cells`` by name, text with one number per row, empty where there is none.
    """
    found = {
        step.name: study.file(f"results/{step.name}/{experiment.name}/filters.csv")
        for step in experiment.steps
        if step.name in MEASURES
    }
    if not found:
        return None
    tables = {name: _ends(read_table(file.place)) for name, file in found.items()}
    rows = _rows(tables.values())
    place = pd.MultiIndex.from_frame(rows)
    columns = [
        {
            "measure": declaration(name).title,
            "quantity": quantity,
            "site": site,
            "says": declaration(name).quantities[quantity],
            "file": found[name].path,
            "sha256": found[name].sha256,
            "cells": {cell: _text(aligned[cell]) for cell in CELLS},
        }
        for name, table in tables.items()
        for (quantity, site), values in table.groupby(["quantity", "site"], sort=False)
        for aligned in [values.set_index(KEYS)[[*CELLS]].reindex(place)]
    ]
    pairs = zip(rows["network"], rows["epoch"], strict=True)
    conditions = [condition_at(str(network), int(epoch)) for network, epoch in pairs]
    return {
        "experiment": experiment.name,
        "rows": {**{key: rows[key].tolist() for key in KEYS}, "condition": conditions},
        "columns": columns,
        "colours": {name: colour_of(name) for name in in_order(conditions)},
    }


def as_script(content: Any) -> Markup:
    """JSON that may stand inside a ``<script>`` element, whatever its strings say."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def _ends(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the first checkpoint of each network and of the last."""
    is_first = table["epoch"] == table.groupby("network")["epoch"].transform("min")
    return table[is_first | is_last(table)]


def _rows(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The keys of all tables, each once: the network that stands for all first, last checkpoints first."""
    keys = pd.concat([table[[*KEYS, "layer_index"]] for table in tables], ignore_index=True).drop_duplicates(KEYS)
    order = keys.assign(place=keys["network"].map(place_among_shown), ago=-keys["epoch"])
    order = order.sort_values(["place", "ago", "layer_index"], kind="stable")
    return order[KEYS].reset_index(drop=True)


def _text(values: "pd.Series[float]") -> str:
    return ",".join("" if pd.isna(value) else f"{value:.4g}" for value in values)
