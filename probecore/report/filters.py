"""What the page knows of filters: a row per filter and checkpoint, a column per quantity and site.

Numbers have four significant digits and are text joined by commas, a column each: small, and read only when looked at,
as is all that stands here as bytes.
Of each network there are the first checkpoint and the last, with the values between; the CSV files have all.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from probecore.dataset import Dataset
from probecore.figures import colour_of
from probecore.files import read_table
from probecore.measures import MEASURES, declaration
from probecore.measures.tables import is_last
from probecore.networks import condition_at, in_order, place_among_shown
from probecore.report.content import Experiment, File, StudyFiles
from probecore.report.exciting import exciting_of
from probecore.report.kernels import kernels_of
from probecore.report.profiles import FILTER, joined, profiles_of

CELLS = ("value", "low", "high", "null", "p_bh", "n")
LEVEL = 6
"""Of deflation: 9 takes several times as long for a twentieth less."""
FIRST_LINE = 2
"""The line of a table's first row, as an editor counts them."""


@dataclass(frozen=True)
class Measured:
    """The ``filters.csv`` of a measure: all of it, and the rows of first checkpoints and last."""

    file: File
    whole: pd.DataFrame
    ends: pd.DataFrame


def filter_data(study: StudyFiles, experiment: Experiment, dataset: Dataset) -> dict[str, Any] | None:
    """Join the ``filters.csv`` of an experiment's measures; None if there is none.

    Returns
    -------
    dict
        ``rows``: by key, one entry per row; ``colours`` of conditions; ``sources``: by measure its file, hash,
        parameters and command; ``columns``: step, measure, site, quantity, what it says, and as bytes ``cells`` by
        name, text with one number per row, empty where there is none (``line`` is of the file), and ``history`` by
        epoch between; ``removal``: by row what came of removing the filter, as `_removal` names it; ``removable``:
        layers of which the study says what a network loses without a filter; ``profiles``, ``kernels`` and
        ``exciting`` as their modules have them, the last if there is an atlas.
    """
    found = {
        step.name: _read(study.file(f"results/{step.name}/{experiment.name}/filters.csv"))
        for step in experiment.steps
        if step.name in MEASURES
    }
    if not found:
        return None
    rows = _rows(measured.ends for measured in found.values())
    pairs = zip(rows["network"], rows["epoch"], strict=True)
    conditions = [condition_at(str(network), int(epoch)) for network, epoch in pairs]
    columns = [column for name, measured in found.items() for column in _columns(name, measured, rows)]
    return {
        "experiment": experiment.name,
        "rows": {**{key: rows[key].tolist() for key in FILTER}, "condition": conditions},
        "columns": columns,
        "removal": _removal(found, rows),
        "removable": _removable(found, rows),
        "sources": {
            declaration(name).title: {
                "file": measured.file.path,
                "sha256": measured.file.sha256,
                "parameters": json.dumps(experiment.sections[name], ensure_ascii=False),
                "command": study.command(measured.file.path),
            }
            for name, measured in found.items()
        },
        "profiles": [one for name in found for one in profiles_of(study, experiment.name, name, rows, dataset.classes)],
        "kernels": kernels_of(experiment.networks, rows),
        "exciting": exciting_of(study, experiment.name, dataset, rows) if "atlas" in found else None,
        "colours": {name: colour_of(name) for name in in_order(conditions)},
    }


def packed(content: Any) -> Markup:
    """JSON in a line, and a line for all bytes in it, which the JSON names by the line's number.

    Each is deflated and in base64: short, and no markup whatever its strings say. Each is an element of its own: a
    browser takes half as long to read many short ones as one of megabytes.
    """
    later: list[bytes] = []

    def line(part: bytes) -> int:
        later.append(part)
        return len(later)

    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=line)
    parts = (base64.b64encode(zlib.compress(part, LEVEL)).decode() for part in (text.encode(), *later))
    return Markup("".join(f"<i>{part}</i>" for part in parts))


def _read(file: File) -> Measured:
    table = read_table(file.place)
    table = table.assign(line=range(FIRST_LINE, FIRST_LINE + len(table)))
    is_first = table["epoch"] == table.groupby("network")["epoch"].transform("min")
    return Measured(file, table, table[is_first | is_last(table)])


def _rows(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The keys of all tables, each once: the network that stands for all first, last checkpoints first."""
    keys = pd.concat([table[[*FILTER, "layer_index"]] for table in tables], ignore_index=True).drop_duplicates(FILTER)
    order = keys.assign(place=keys["network"].map(place_among_shown), ago=-keys["epoch"])
    order = order.sort_values(["place", "ago", "layer_index"], kind="stable")
    return order[FILTER].reset_index(drop=True)


def _removal(found: Mapping[str, Measured], rows: pd.DataFrame) -> list[str]:
    """By row ``none``: not measured, ``open``: without an interval, ``shown``: a loss, by any interval, or ``not``."""
    ablated = [
        one.ends[one.ends["quantity"].isin(declaration(name).importance) & one.ends["value"].notna()]
        for name, one in found.items()
    ]
    lows = pd.concat(ablated).groupby(FILTER)["low"].agg(["size", "max"]).reindex(pd.MultiIndex.from_frame(rows))
    judged = np.select([lows["size"].isna(), lows["max"].isna(), lows["max"] > 0], ["none", "open", "shown"], "not")
    return [str(one) for one in judged]


def _removable(found: Mapping[str, Measured], rows: pd.DataFrame) -> list[str]:
    measured = {
        str(layer)
        for name, one in found.items()
        for layer in one.ends.loc[one.ends["quantity"].isin(declaration(name).importance), "layer"].unique()
    }
    return [str(layer) for layer in rows["layer"].unique() if layer in measured]


def _columns(name: str, measured: Measured, rows: pd.DataFrame) -> Iterable[dict[str, Any]]:
    measure, place = declaration(name), pd.MultiIndex.from_frame(rows)
    between = measured.whole.drop(measured.ends.index)
    histories = dict(iter(between.groupby(["quantity", "site"])))
    for (quantity, site), values in measured.ends.groupby(["quantity", "site"], sort=False):
        aligned = values.set_index(FILTER)[[*CELLS, "line"]].reindex(place)
        yield {
            "step": name,
            "measure": measure.title,
            "quantity": quantity,
            "site": site,
            "says": measure.quantities[quantity],
            "importance": quantity in measure.importance,
            "cells": {cell: joined(aligned[cell], ".4g") for cell in CELLS} | {"line": joined(aligned["line"], ".0f")},
            "history": _history(histories.get((quantity, site)), rows),
        }


def _history(values: pd.DataFrame | None, rows: pd.DataFrame) -> Mapping[str, bytes]:
    """By epoch between first and last: values of the filters of `rows`, aligned with their last checkpoints."""
    if values is None:
        return {}
    last = is_last(rows)
    return {
        str(epoch): joined(of_epoch.set_index(FILTER)["value"].reindex(_at(rows, epoch)).where(last.to_numpy()), ".4g")
        for epoch, of_epoch in values.groupby("epoch")
    }


def _at(rows: pd.DataFrame, epoch: Any) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows.assign(epoch=epoch))
