"""``columns.csv`` has every table that the measures declare, and repeats no key.

That its columns are there is asserted where the measures run, in ``tests/api/test_measures.py``.
"""

import pytest

from probecore.claims.catalogue import known_tables
from probecore.measures import MEASURES, declaration


@pytest.mark.parametrize("measure", MEASURES)
def test_tables_are_those_of_the_code(measure: str) -> None:
    found = {name for name in known_tables() if name.startswith(f"{measure}/")}
    declared = declaration(measure)
    gathered = {f"{measure}/{name}.csv" for name in declared.gathered}
    assert found - gathered == {f"{measure}/{name}.csv" for name in declared.all_keys}


def test_columns_are_keys_or_values() -> None:
    twice = {name: set(table.keys) & set(table.values) for name, table in known_tables().items()}
    assert not any(twice.values())
    assert known_tables()["mechanism/sweep.csv"].keys == ("layer", "quantity", "threshold")
    assert known_tables()["activations/layers.csv"].keys == ("split", "layer_index", "layer")
