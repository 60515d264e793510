"""Which tables a study has: known before a run, so that claims can be checked.

Keys of a measure's tables are what it declares; ``columns.csv`` beside this module has the other columns, which only a
run makes, and the keys of other tables.

Not here: tables without networks (verdicts, families), which are no sample over seeds.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from probecore.measures import MEASURES, declaration

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
    keys = {f"{measure}/{name}.csv": key for measure in MEASURES for name, key in declaration(measure).all_keys.items()}
    with Path(__file__).with_name("columns.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["table"]: TableColumns(
                tuple(keys.get(row["table"], row["keys"].split())), tuple(row["columns"].split())
            )
            for row in csv.DictReader(file)
        }
