"""The audit's numbers are those of the tables, and its verdict follows from them."""

from typing import Any

import numpy as np
import pandas as pd

from probecore.measures.audit import audit_table
from probecore.measures.mutual_information.measure import MEASURE
from probecore.measures.mutual_information.summary import _audited


def row(binned_null: float, unit_null: float, *, networks: int = 5) -> "pd.Series[Any]":
    """Two layers of several networks each, the second with three units."""
    rng = np.random.default_rng(0)
    plane, filters = [], []
    for seed in range(networks):
        keys = {"network": f"trained-{seed}", "epoch": 4}
        for layer, units in (("conv1", 1), ("fc2", 3)):
            noise = 0.002 * rng.normal()
            plane.append(keys | {"layer": layer, "estimator": "binned", "quantity": "label", "value": 2.3 - noise**2})
            plane[-1] |= {"null": binned_null + noise}
            for estimator, quantity in (("binned", "input"), ("probe_bound", "label")):
                plane.append(keys | {"layer": layer, "estimator": estimator, "quantity": quantity, "value": 9.0})
            for unit in range(units):
                known = {"quantity": "label_information", "value": 0.5 * (layer == "fc2") + noise, "filter": unit}
                filters.append(keys | {"layer": layer} | known | {"null": unit_null + rng.normal() / 500})
                filters.append(keys | {"layer": layer, "quantity": "input_information", "value": 9.0, "null": 9.0})
    return audit_table("e", MEASURE.audits, _audited(pd.DataFrame(plane), pd.DataFrame(filters))).iloc[0]


def test_layers_count_alike_however_many_units_they_have() -> None:
    found = row(2.29, 0.0)
    assert abs(found["published_nothing_value"] - 2.29) < 0.01
    assert abs(found["corrected_value"] - 0.25) < 0.01 and abs(found["corrected_nothing_value"]) < 0.01


def test_the_verdict_follows_from_the_numbers() -> None:
    found = row(2.29, 0.0)["verdict"]
    assert found.startswith("published: wrong for nothing, 2.29 where 0 is right")
    assert "corrected: 0.25 against" in found and "above it by 0.25 [" in found
    assert row(0.0, 0.4)["verdict"].startswith("published: 2.3 against ")
    assert "corrected: wrong for nothing, 0.4 where 0 is right" in row(0.0, 0.4)["verdict"]
    assert "without an interval: 3 of 5 networks" in row(2.29, 0.0, networks=3)["verdict"]
