"""What the jobs of all measures share."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from torch import nn

from probecore.dataset import Dataset, Split
from probecore.measures import MEASURES, declaration
from probecore.measures.base import Figure, Measure
from probecore.measures.network import Identity, Network, Tables
from probecore.measures.tables import by_network, gather, layers_in_order, of_one_network, representative
from probecore.summary import Answered
from probecore.train.params import Normalise


@pytest.mark.parametrize(
    ("networks", "shown"),
    [
        ({"given": 0, "shuffled-0": 5, "trained-0": 5, "trained-1": 5}, "trained-0"),
        ({"given": 0, "shuffled-0": 5, "trained-0": 0}, "given"),
        ({"shuffled-10": 5, "shuffled-2": 5}, "shuffled-2"),
    ],
)
def test_one_network_stands_for_all_in_every_order_of_rows(networks: dict[str, int], shown: str) -> None:
    rows = pd.DataFrame([{"network": name, "epoch": epoch} for name, last in networks.items() for epoch in {0, last}])
    for table in rows, rows.iloc[::-1]:
        assert representative(table) == shown
        assert set(of_one_network(table)["network"]) == {shown}


NOTHING = Answered(says="", rows=[], verdict="", sentence="")


@pytest.mark.parametrize("measure", MEASURES)
def test_a_summary_names_what_stands_alone_and_leaves_out_what_is_empty(measure: str) -> None:
    declared = declaration(measure)
    first = declared.figures[0].name
    audits = ["audit.svg"] if declared.audits else []
    summary = declared.summary("one", headline={}, answer=NOTHING, remarks=[], network="trained-7", without=[first])
    drawn = [f"{figure.name}.svg" for figure in declared.figures[1:]]
    assert [entry.file for entry in summary.figures] == [*audits, *drawn]
    texts = [*(entry.caption for entry in summary.figures), *(entry.table for entry in summary.figures)]
    assert not any("{" in text or "first trained network" in text for text in texts)
    assert any("trained-7" in entry.caption for entry in summary.figures)


def test_a_figure_of_a_file_that_no_job_writes_is_refused() -> None:
    content = vars(declaration("anova")) | {"figures": [Figure(name="x", source="none.csv", title="", caption="")]}
    with pytest.raises(ValueError, match="anova: no job writes none.csv"):
        Measure(**content)


KEYS = {"layers": ["layer", "quantity"], "pairs": ["layer", "to_layer"]}


def tables_of(network: str) -> Tables:
    """Rows of a chain of layers whose names, in the order they run, are not in that of the alphabet."""
    split = Split(np.zeros((2, 1, 4, 4), np.float32), np.zeros(2, np.int64))
    model = nn.Sequential()
    for name, layer in {
        "10": nn.Conv2d(1, 2, 3),
        "9": nn.Flatten(),
        "2": nn.Linear(8, 3),
        "a": nn.Linear(3, 1),
    }.items():
        model.add_module(name, layer)
    info = Identity(experiment="e", network=network, normalise=Normalise())
    tables = Tables(Network.of_module(info, Dataset("d", None, split, split, sha256=""), model), KEYS)
    for layer in ("2", "a", "10"):
        tables.add("layers", 0, [{"layer": layer, "quantity": name, "value": 1.0} for name in "qp"])
        tables.add("filters", 0, [{"layer": layer, "filter": 0, "site": "conv", "quantity": "q", "value": 1.0, "n": 2}])
    tables.add("layers", 0, [{"layer": "all", "quantity": "p"}, {"layer": "2#2", "quantity": "p"}])
    tables.add("pairs", 0, [{"layer": one, "to_layer": other} for one, other in [("2", "a"), ("10", "a"), ("10", "2")]])
    return tables


def test_layers_stand_in_the_order_they_run_in_every_table(tmp_path: Path) -> None:
    order = ["10", "2", "a"]
    folders = [tmp_path / name for name in ("trained-0", "trained-1")]
    for folder in folders:
        tables_of(folder.name).write(folder)
    stacked = gather(folders, KEYS, output=tmp_path / "all")
    written = {name: pd.read_csv(tmp_path / "all" / f"{name}.csv", dtype={"layer": str}) for name in stacked}
    for tables in tables_of("trained-0").in_order(), written:
        one = {name: table[table["network"] == "trained-0"] for name, table in tables.items()}
        assert one["filters"]["layer"].tolist() == order
        assert one["layers"]["layer"].tolist() == ["10", "10", "2", "2", "2#2", "a", "a", "all"]
        assert one["layers"]["layer_index"].tolist() == [0, 0, 1, 1, 1, 2, 2, 3]
        assert one["pairs"]["to_layer"].astype(str).tolist() == ["2", "a", "a"]
        assert layers_in_order(tables["layers"].iloc[::-1]) == ["10", "2", "2#2", "a", "all"]


def test_networks_stand_in_the_order_of_conditions_and_seeds() -> None:
    names = ["shuffled-0", "trained-10", "trained-2", "given"]
    table = pd.DataFrame([{"network": name, "epoch": 1, "condition": name.partition("-")[0]} for name in names])
    assert [rows["network"].iloc[0] for _, rows in by_network(table)] == [
        "trained-2",
        "trained-10",
        "shuffled-0",
        "given",
    ]
