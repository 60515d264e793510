"""A filter by its address."""

from pathlib import Path

import pandas as pd
import pytest

import probecore as pc

ROWS = pd.DataFrame(
    [
        {"experiment": "one", "network": "trained-0", "condition": "trained", "epoch": 2, "layer": layer, "filter": filter_,
         "measure": measure, "site": "block", "quantity": "q", "value": filter_ + 0.5}
        for layer in ("conv1", "0.0")
        for filter_ in range(3)
        for measure in ("atlas", "recos")
    ]
)  # fmt: skip


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "results/atlas/one"
    folder.mkdir(parents=True)
    (tmp_path / "params.yaml").write_text("")
    ROWS.to_csv(folder / "table.csv", index=False)
    return tmp_path


def test_everything_of_one_filter(study: Path) -> None:
    opened = pc.open_study(study)
    assert opened.experiments == ["one"]
    found = opened.filter("one/trained-0/2/0.0/1")
    assert found["measure"].tolist() == ["atlas", "recos"]
    assert found["value"].tolist() == [1.5, 1.5]
    assert len(opened.filters("one")) == len(ROWS)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("one/trained-0/2/conv1", "no address of a filter; write experiment/network/epoch/layer/filter"),
        ("one/trained-0/last/conv1/1", "no address of a filter"),
        ("two/trained-0/2/conv1/1", "no atlas of 'two'"),
        ("one/trained-1/2/conv1/1", "no network 'trained-1'; did you mean 'trained-0'?"),
        ("one/trained-0/2/conv1/7", "no filter '7'"),
    ],
)
def test_what_is_no_filter(study: Path, address: str, message: str) -> None:
    with pytest.raises(pc.InputError, match=message.replace("?", r"\?")):
        pc.open_study(study).filter(address)


def test_no_study(tmp_path: Path) -> None:
    with pytest.raises(pc.InputError, match="no params.yaml"):
        pc.open_study(tmp_path)
