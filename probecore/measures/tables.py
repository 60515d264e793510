"""What the gathering jobs of all measures share: stacked tables, and which rows a figure shows. No torch here."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from probecore.files import arranged, read_table, write_table
from probecore.networks import (
    NO_CONTROL,
    condition_at,
    condition_of,
    lacks_control,
    place_in_figures,
    shown_condition,
    shown_network,
)
from probecore.statistics.filters import INDEX, filter_table, in_order_of_execution, write_filters

Keys = Mapping[str, Sequence[str]]
"""The tables of a measure beside ``filters.csv``, and what identifies a row of one network and epoch."""

NAMES = ["experiment", "network", "epoch"]
"""The leading columns of every table of a measure."""


def gather(networks: Sequence[Path], keys: Keys, *, output: Path, text: Sequence[str] = ()) -> dict[str, pd.DataFrame]:
    """Stack the tables in the folders `networks` and write them into `output`; `text` are columns of names."""
    tables = {
        name: pd.concat([read_table(folder / f"{name}.csv", text=text) for folder in networks], ignore_index=True)
        for name in (*keys, "filters")
    }
    write_tables(output, tables, keys)
    return tables


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame], keys: Keys) -> None:
    """Write ``filters.csv`` and the tables of `keys`; a table without rows has its key columns alone."""
    for name, key in keys.items():
        write_table(folder / f"{name}.csv", _with_leading(tables[name], key), sort_by=sorting(key))
    write_filters(folder / "filters.csv", tables["filters"])


def tables_in_order(tables: Mapping[str, pd.DataFrame], keys: Keys) -> dict[str, pd.DataFrame]:
    """What `write_tables` writes: the same columns and rows, in the same order."""
    found = {
        name: arranged(_with_leading(tables[name], key), sort_by=sorting(key), where=name) for name, key in keys.items()
    }
    return {"filters": filter_table(tables["filters"], where="filters"), **found}


def sorting(key: Sequence[str]) -> list[str]:
    """Return the columns that a table is sorted by whose rows of one network and epoch `key` identifies."""
    return in_order_of_execution([*NAMES, *key])


def layers_in_order(table: pd.DataFrame) -> list[str]:
    """Return the names of the layers in a table with ``layer_index``, in the order they run."""
    return [str(name) for name in table.sort_values(["layer_index", "layer"])["layer"].unique()]


def _with_leading(table: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    leading = sorted(sorting(key), key=lambda column: column in INDEX.values())
    return table.reindex(columns=[*leading, *(column for column in table if column not in leading)])


def is_last(table: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are of the last checkpoint of their network."""
    return table["epoch"] == table.groupby("network")["epoch"].transform("max")


def at_the_end(table: pd.DataFrame) -> pd.DataFrame:
    """Rows after training, and those of trained networks before it, with the column ``condition``.

    Networks of one seed start from the same weights, so that each untrained network is there once.
    """
    initial = (table["epoch"] == 0) & (table["network"].map(condition_of) == "trained")
    shown = table[is_last(table) | initial]
    pairs = zip(shown["network"], shown["epoch"], strict=True)
    return shown.assign(condition=[condition_at(str(network), int(epoch)) for network, epoch in pairs])


def after_training(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the last checkpoint of each network, with the column ``condition``."""
    return at_the_end(table[is_last(table)])


def by_network(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield (condition, rows) of each network and epoch of a table with ``condition``, in the order of every figure."""
    groups = [(rows["condition"].iloc[0], str(network), rows) for (network, _), rows in table.groupby(NAMES[1:])]
    for condition, _, rows in sorted(groups, key=lambda group: place_in_figures(*group[:2])):
        yield condition, rows


def of_one_condition(table: pd.DataFrame) -> pd.DataFrame:
    """Rows after training of the condition that stands for the others: trained networks where there are some."""
    last = after_training(table)
    return last[last["condition"] == shown_condition(last["condition"])] if len(last) else last


def of_one_network(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the network that stands for the others in a figure: see `representative`."""
    return table if table.empty else table[table["network"] == representative(table)]


def representative(table: pd.DataFrame) -> str:
    """Name the network that stands for an experiment in figures and captions: the first trained one, if there is one.

    Parameters
    ----------
    table : with rows of all networks, e.g. ``filters``
    """
    return shown_network(table.groupby("network")["epoch"].max().to_dict())


def remarks_on_controls(table: pd.DataFrame) -> list[str]:
    """What a summary says of an experiment, known by a table of its, whose given weights have no untrained control."""
    return [NO_CONTROL] if lacks_control(at_the_end(table)["condition"]) else []
