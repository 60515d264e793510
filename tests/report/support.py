"""A finished study in miniature: two experiments with made-up networks, tables and figures."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from probecore.dataset import Dataset, Split, write_dataset
from probecore.figures import new_figure, save_figure, style
from probecore.files import write_table
from probecore.params import STEPS
from probecore.report.build import build_report
from probecore.statistics.filters import write_filters
from probecore.summary import Answered, AnswerRow, FigureEntry, Summary, TableEntry, write_summary

PARAMS: dict[str, Any] = {
    "home": ".",
    "numerics": {"device": "cpu", "threads": 1, "isa": "avx2"},
    "datasets": {"unused": {}, "tiny": {}},
    "experiments": {
        "zeta": {
            **dict.fromkeys(STEPS),
            "dataset": "tiny",
            "train": {"model": "lenet5", "seeds": [0, 1], "epochs": 3, "shuffled": {}},
            "recos": {"polarity": {"images": 3}},
        },
        "alpha": {
            **dict.fromkeys(STEPS),
            "dataset": "tiny",
            "train": {"model": "lenet5", "seeds": [4], "epochs": 3},
        },
    },
}

HOSTILE = "<script>alert('&')</script>"


@dataclass
class FakeStudy:
    """A study's folder; `build` makes its report."""

    root: Path
    params: dict[str, Any]

    @property
    def page(self) -> Path:
        return self.root / "results/report/index.html"

    @property
    def metrics(self) -> Path:
        return self.root / "results/metrics.json"

    def build(self, verdicts: Path | None = None) -> str:
        build_report(
            study=self.params,
            results=self.root / "results",
            data=self.root / "data",
            output=self.page,
            metrics=self.metrics,
            verdicts=verdicts,
        )
        return self.page.read_text(encoding="utf-8")


def make_study(root: Path) -> FakeStudy:
    write_dataset(tiny_dataset(), root / "data/tiny.h5")
    (root / "Snakefile").touch()
    add_train(root, "zeta", ["trained-0", "trained-1", "shuffled-0", "shuffled-1"])
    add_train(root, "alpha", ["trained-4"])
    add_recos(root, "zeta")
    return FakeStudy(root, copy.deepcopy(PARAMS))


def tiny_dataset() -> Dataset:
    images = np.arange(6 * 8 * 8, dtype=np.uint8).reshape(6, 1, 8, 8)
    part = Split(images, np.array([0, 1, 2, 0, 1, 2]))
    return Dataset.from_splits("tiny", train=part, test=part, classes=["one", "two", HOSTILE])


def add_train(root: Path, experiment: str, networks: list[str]) -> None:
    folder = root / "results/train" / experiment
    folder.mkdir(parents=True)
    for network in networks:
        weights = np.linspace(-1, 1, 2 * 9, dtype=np.float32).reshape(2, 1, 3, 3)
        save_file(
            {
                "epoch-000/conv1.weight": weights,
                "epoch-003/conv1.weight": 2 * weights,
                "epoch-003/conv1.bias": weights[:, 0, 0, 0],
            },
            folder / f"{network}.safetensors",
            {"network": f"{experiment} {network}"},
        )
    keys = [(network, epoch) for network in networks for epoch in range(6)]
    history = pd.DataFrame(
        [(experiment, network, epoch, epoch / 7) for network, epoch in keys],
        columns=["experiment", "network", "epoch", "test_accuracy"],
    )
    write_table(folder / "history.csv", history, sort_by=["network", "epoch"])
    draw(folder / "curves")
    summary = Summary(
        step="train",
        experiment=experiment,
        headline={"test_accuracy.trained": 0.987654321, "networks": len(networks)},
        figures=[FigureEntry(file="curves.svg", table="history.csv", title="Curves", caption=HOSTILE)],
        tables=[TableEntry(file="history.csv", title="History")],
        remarks=[HOSTILE],
    )
    write_summary(folder, summary)


def add_recos(root: Path, experiment: str) -> None:
    folder = root / "results/recos" / experiment
    polarity = pd.DataFrame({"experiment": experiment, "network": "trained-0", "filters": [HOSTILE], "accuracy": [0.5]})
    write_table(folder / "polarity.csv", polarity, sort_by=["filters"])
    draw(folder / "polarity")
    write_filters(folder / "filters.csv", norms(experiment))
    summary = Summary(
        step="recos",
        experiment=experiment,
        headline={"identity_error": 0, "undefined": None},
        figures=[FigureEntry(file="polarity.svg", table="polarity.csv", title="Polarity", caption="Two by two.")],
        tables=[TableEntry(file="polarity.csv", title="Polarity", caption="One row.")],
        reconstruction="The epochs are ours.",
    )
    write_summary(folder, summary)


def add_mechanism(study: FakeStudy, experiment: str = "zeta") -> None:
    """A step that ablates filters and has a matrix of each, at the checkpoints of recos and at one between."""
    study.params["experiments"][experiment]["mechanism"] = {"threshold": 0.3}
    folder = study.root / "results/mechanism" / experiment
    drops = norms(experiment).assign(quantity="accuracy_drop")
    drops = drops.assign(low=drops["value"] - 1, high=drops["value"] + 1, null=0.0, p=0.01)
    write_filters(folder / "filters.csv", drops)
    last = drops[drops["epoch"] == 3]
    matrix = pd.DataFrame(
        [(label, output, label - output / 2) for label in range(3) for output in range(3)],
        columns=["label", "output", "field"],
    )
    examples = last[["experiment", "network", "epoch", "layer", "layer_index", "filter"]].merge(matrix, how="cross")
    write_table(folder / "examples.csv", examples, sort_by=["network", "layer_index", "filter", "label", "output"])
    layers = pd.DataFrame({"experiment": experiment, "quantity": ["accuracy"], "value": [1.5]})
    write_table(folder / "layers.csv", layers, sort_by=["quantity"])
    row = AnswerRow(condition="trained", n=1, value=1.5, low=None, high=None, least=0, most=2, null=0.1)
    answer = Answered(says="accuracy", rows=[row], verdict="no control", sentence="accuracy: 1.5")
    write_summary(folder, Summary(step="mechanism", experiment=experiment, answer=answer, reconstruction="Ours."))


def add_atlas(study: FakeStudy, experiment: str = "zeta") -> None:
    """A step that says of the last checkpoints that images 4 and 1 excite each filter, with a box in the first."""
    study.params["experiments"][experiment]["atlas"] = {}
    folder = study.root / "results/atlas" / experiment
    filters = norms(experiment).query("epoch == 3").assign(quantity="weight_norm_l2")
    write_filters(folder / "filters.csv", filters)
    keys = filters[["experiment", "network", "epoch", "layer", "layer_index", "filter"]]
    first = {"rank": 1, "image": 4, "value": 2.5, "top": 1, "left": 2, "bottom": 6, "right": 7}
    second = {"rank": 2, "image": 1, "value": 0.0} | dict.fromkeys(("top", "left", "bottom", "right"), 0)
    exciting = pd.concat([keys.assign(**first), keys.assign(**second)])
    write_table(folder / "exciting.csv", exciting, sort_by=["network", "layer_index", "filter", "rank"])
    write_summary(folder, Summary(step="atlas", experiment=experiment))


def norms(experiment: str) -> pd.DataFrame:
    """Two filters of two networks at three checkpoints; the last layer has a hostile name."""
    rows = [
        {
            "experiment": experiment,
            "network": network,
            "epoch": epoch,
            "layer": "conv1",
            "layer_index": 0,
            "filter": index,
            "site": "block",
            "quantity": "norm",
            "value": index + epoch / 8,
            "n": 10,
        }
        for network in ("shuffled-0", "trained-0")
        for epoch in (0, 1, 3)
        for index in (0, 1)
    ]
    rows[-1] |= {"layer": HOSTILE, "layer_index": 1}
    return pd.DataFrame(rows)


@style()
def draw(path_stem: Path) -> None:
    figure = new_figure(2, 1)
    figure.subplots().plot([0, 1], [0, 1])
    save_figure(figure, path_stem)
