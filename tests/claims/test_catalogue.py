"""``columns.csv`` says what the measures write: compared with what their code declares.

That their columns are there is asserted where the measures run, in ``tests/api/test_measures.py``.
"""

import pytest

from probecore.claims.catalogue import known_tables
from probecore.measures import MEASURES, declaration


@pytest.mark.parametrize("measure", MEASURES)
def test_tables_and_keys_are_those_of_the_code(measure: str) -> None:
    found = {name: table.keys for name, table in known_tables().items() if name.startswith(f"{measure}/")}
    keys = {**declaration(measure).keys, "filters": ("layer", "filter", "site", "quantity")}
    assert found == {f"{measure}/{name}.csv": tuple(key) for name, key in keys.items()}
