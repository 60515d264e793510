"""``columns.csv`` says what the measures write: compared with what their code declares.

That their columns are there is asserted where the measures run, in ``tests/api/test_measures.py``.
"""

import importlib
from collections.abc import Mapping, Sequence

import pytest

from probecore.claims.catalogue import known_tables
from probecore.params import MEASURES

HOMES = {"mutual_information": "probecore.mutual_information.tables"}
FILTERS = ("layer", "filter", "site", "quantity")


def keys_in_code(measure: str) -> Mapping[str, Sequence[str]]:
    """The tables of a measure with networks, and what identifies a row of one network and epoch."""
    keys: dict[str, Sequence[str]] = importlib.import_module(HOMES.get(measure, f"probecore.{measure}.run")).KEYS
    return keys | {"filters": FILTERS}


@pytest.mark.parametrize("measure", MEASURES)
def test_tables_and_keys_are_those_of_the_code(measure: str) -> None:
    found = {name: table.keys for name, table in known_tables().items() if name.startswith(f"{measure}/")}
    assert found == {f"{measure}/{name}.csv": tuple(keys) for name, keys in keys_in_code(measure).items()}
