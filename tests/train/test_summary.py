"""The gathering job of `train`."""

import json
from pathlib import Path

import pandas as pd
import pytest

from probecore.files import write_table
from probecore.train.summary import summarise

COLUMNS = ["running_loss", "running_accuracy", "train_loss", "train_accuracy", "test_loss", "test_accuracy"]


def history_of(folder: Path, network: str, train_accuracy: float) -> Path:
    rows = [[2.3, 0.1, 2.3, 0.1, 2.3, 0.1], [0.5, 0.8, 0.4, train_accuracy, 0.6, 0.5]]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.insert(0, "epoch", [0, 1])
    table.insert(0, "network", network)
    table.insert(0, "experiment", "small")
    write_table(folder / f"{network}.csv", table, sort_by=["epoch"])
    return folder / f"{network}.csv"


@pytest.mark.parametrize(("fitted", "remarks"), [(0.104, 1), (0.98, 0)])
def test_a_control_that_did_not_memorise_is_named(tmp_path: Path, fitted: float, remarks: int) -> None:
    networks = [history_of(tmp_path, "trained-0", 0.5), history_of(tmp_path, "shuffled-0", fitted)]
    summarise(experiment="small", networks=networks, output=tmp_path)
    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["remarks"]
    assert len(found) == remarks
    assert all("shuffled-0 fits 10 %" in remark for remark in found)


def test_headlines_of_one_network_are_named_by_its_condition(tmp_path: Path) -> None:
    summarise(experiment="small", networks=[history_of(tmp_path, "reinitialised-0", 0.5)], output=tmp_path)
    headline = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["headline"]
    assert {name.partition(".")[2] for name in headline} <= {"untrained", "reinitialised"}
