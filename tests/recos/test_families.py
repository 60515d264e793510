"""Families of tests: one per experiment and quantity."""

import pandas as pd

from probecore.measures.recos.families import count_significant


def test_a_family_is_a_quantity_over_networks_and_layers() -> None:
    layers = pd.DataFrame(
        {
            "network": ["trained-0", "trained-0", "trained-1", "trained-1"],
            "epoch": 9,
            "layer": ["conv1", "conv2"] * 2,
            "quantity": ["density"] * 4,
            "p": [0.001, 0.02, 0.03, None],
        }
    )
    filters = layers.assign(quantity="rotation", p=[0.04, 0.04, 0.3, 0.5])
    found = count_significant({"layers": layers, "filters": filters, "heads": pd.DataFrame()})
    counts = found.set_index(["table", "layer"])[["tests", "significant", "benjamini_hochberg", "holm"]]
    assert counts.loc[("layers", "conv1")].tolist() == [2, 2, 2, 2]
    assert counts.loc[("layers", "conv2")].tolist() == [1, 1, 1, 1]
    assert counts.loc[("filters", "conv1")].tolist() == [2, 1, 0, 0]


def test_tables_without_p() -> None:
    empty = pd.DataFrame(columns=["network", "epoch", "layer", "quantity"])
    assert not len(count_significant({"layers": empty, "filters": empty, "heads": empty}))
