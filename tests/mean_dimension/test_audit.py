"""The audit's numbers where networks have intervals, and where they have none."""

import numpy as np
import pandas as pd

from probecore.measures.audit import audit_table
from probecore.measures.mean_dimension.measure import MEASURE
from probecore.measures.mean_dimension.summary import _audited

VALUES = {
    "linear_surrogate_published": [2.67, 2.62, 2.77],
    "linear_surrogate": [1.0, 1.0, 1.0],
    "given_points": [1.4] * 3,
}


def test_values_without_an_interval_are_shown() -> None:
    rows = [
        {"network": f"trained-{seed}", "epoch": 5, "basis": "pca", "quantity": quantity, "value": value}
        for quantity, values in VALUES.items()
        for seed, value in enumerate(values)
    ]
    table = pd.DataFrame(rows)
    known = table["quantity"] != "linear_surrogate_published"
    table = table.assign(low=np.where(known, table["value"], np.nan), high=np.where(known, table["value"], np.nan))
    row = audit_table("e", MEASURE.audits, _audited(table)).iloc[0]
    assert row["published_nothing_n"] == 3 and np.isnan(row["published_nothing_low"])
    assert row["verdict"] == (
        "published: undecided for nothing, 2.69 where 1 is right, without an interval: 3 of 5 networks "
        "(2.67, 2.62, 2.77); corrected: 1.4 against 1 for nothing, undecided: 3 of 5 networks"
    )
