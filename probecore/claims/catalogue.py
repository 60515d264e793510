"""Which tables a study has, by ``columns.csv`` beside this module: known before a run, so that claims can be checked.

Not here: tables without networks (verdicts, families), which are no sample over seeds.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LEADING = ("experiment", "network", "epoch")
"""Columns of every table, which `condition`, `epoch` and `experiment` of a claim choose from."""


@dataclass(frozen=True)
class TableColumns:
    """Columns of a table beside `LEADING`.

    Attributes
    ----------
    keys
        What identifies a row of one network and epoch.
    values
        The other columns.
    """

    keys: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Keys and values."""
        return (*self.keys, *self.values)


@cache
def known_tables() -> Mapping[str, TableColumns]:
    """Tables by step and file, e.g. ``mechanism/layers.csv``."""
    with Path(__file__).with_name("columns.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["table"]: TableColumns(tuple(row["keys"].split()), tuple(row["columns"].split()))
            for row in csv.DictReader(file)
        }
