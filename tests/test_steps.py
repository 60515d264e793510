"""Every step on small data of every kind, from files to summary: classes, channels, conditions, odd names."""

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from probecore.activations.params import ActivationsParams
from probecore.dataset import Dataset, Split, write_dataset
from probecore.determinism import Numerics
from probecore.files import read_json, read_table
from probecore.networks import CONDITIONS, NO_CONTROL, condition_at, lacks_control
from probecore.params import MEASURES, section_class
from probecore.provenance import package_of
from probecore.statistics.filters import FILTER_COLUMNS
from probecore.train import run as train_run
from probecore.train.params import TrainParams

NESTED = """
from torch import nn


def build(input_shape, outputs):
    return nn.Sequential(nn.Sequential(nn.Conv2d(input_shape[0], 3, 3), nn.ReLU(inplace=True)),
                         nn.Flatten(), nn.LazyLinear(outputs))


def dead(input_shape, outputs):
    network = build(input_shape, outputs)
    nn.init.constant_(network[0][0].bias, -1e3)
    return network
"""


def images(channels: int = 1, classes: int = 3, size: int = 12) -> Dataset:
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        pixels = rng.integers(0, 256, (n, channels, size, size), dtype=np.uint8)
        return Split(pixels, np.arange(n) % classes)

    return Dataset.from_splits("images", classes=tuple(map(str, range(classes))), train=split(40), test=split(30))


def features() -> Dataset:
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        return Split(rng.normal(size=(n, 4)).astype(np.float32), rng.normal(size=n).astype(np.float32))

    return Dataset.from_splits("features", classes=None, train=split(40), test=split(30))


BASE: dict[str, Any] = {"model": {"name": "mlp", "hidden": [5]}, "epochs": 1, "batch": 10, "learning_rate": 0.01}
NESTED_MODEL = {"model": {"name": "own/nested.py:build"}}
EVERY_CONDITION = {
    "seeds": [3],
    "shuffled": {"epochs": 2},
    "given": {"weights": None, "control": "reinitialised"},
}

CASES: dict[str, tuple[Dataset, dict[str, Any], dict[str, Any], bool]] = {
    "two classes": (images(classes=2), BASE, {}, True),
    "three channels": (images(3), BASE | {"normalise": {"mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 3.0]}}, {}, True),
    "layers called 0.0": (images(), BASE | NESTED_MODEL, {}, True),
    "every condition": (images(), BASE | NESTED_MODEL | EVERY_CONDITION, {}, True),
    "nothing passes": (images(), BASE | {"model": {"name": "own/nested.py:dead"}}, {}, True),
    "untrained alone": (images(), BASE | {"epochs": 0}, {}, True),
    "given alone": (images(), BASE | NESTED_MODEL | {"seeds": [], "given": {"weights": None}}, {}, True),
    "maps alone": (images(), BASE, {"store": ["maps"]}, True),
    "class means alone": (images(), BASE, {"store": ["class_means"]}, True),
    "training images, half precision": (images(), BASE, {"splits": ["train"], "dtype": "float16", "store": ["maps"]}, True),
    "regression": (features(), BASE | {"loss": "squared_error"}, {"store": ["pooled"]}, False),
}  # fmt: skip


SMALL: dict[str, dict[str, Any]] = {
    "anova": {"permutations": 59},
    "mutual_information": {
        "images": 30,
        "shuffles": 19,
        "redundancy": {"shuffles": 39},
        "ablation": {"retraining_steps": 2, "random": 1},
    },
    "mechanism": {
        "heads": {"epochs": 2, "batch": 10, "augmentation": None},
        "sweep": [0.5],
        "bootstrap": 20,
        "permutations": 20,
        "importance_images": 20,
        "pruning": {"thresholds": [0.3], "batch": 10},
    },
    "recos": {
        "images": 20,
        "resamples": 19,
        "polarity": {"images": 20},
        "sphere": {"patches": 100, "directions": 20},
        "cascade": {},
    },
    "mean_dimension": {
        "images": 8,
        "features": 10,
        "layers": {"images": 4, "features": 5},
        "deletion": {"images": 10},
    },
    "atlas": {"images": 20, "shapley": {"images": 20, "pairs": 8}},
}
"""Sections of the measures, cheap enough for every case."""


@pytest.mark.usefixtures("draft_figures")
@pytest.mark.parametrize(("dataset", "train", "activations", "has_images"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("experiment", ["nan"])
def test_all_steps(
    dataset: Dataset,
    train: dict[str, Any],
    activations: dict[str, Any],
    has_images: bool,
    experiment: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run_steps(dataset, train, activations, has_images, experiment)


def run_steps(
    dataset: Dataset, train: dict[str, Any], activations: dict[str, Any], has_images: bool, experiment: str
) -> None:
    """All steps of an experiment in the working directory, one folder per step, which are checked."""
    Path("own").mkdir()
    Path("own/nested.py").write_text(NESTED)
    Path("params.yaml").write_text(json.dumps({"experiments": {experiment: {"train": train}}}))
    data, params, numerics = Path("data.h5"), TrainParams.read(train), Numerics()
    sections: dict[str, Any] = {
        "train": params,
        "activations": ActivationsParams.read({"excitations": {}} | activations),
    }
    for measure, section in SMALL.items():
        kind = section_class(measure)
        has_input = kind.reads_activations is None or sections["activations"].keeps(kind.reads_activations)
        if (has_images or not kind.needs_labelled_images) and has_input:
            sections[measure] = section_class(measure).read(section)
    write_dataset(dataset, data)
    for network in params.networks:
        checkpoints = Path("train") / f"{network}.safetensors"
        train_run.run_network(
            experiment=experiment,
            network=network,
            data=data,
            params=params,
            numerics=numerics,
            checkpoints=checkpoints,
            history=checkpoints.with_suffix(".csv"),
        )
        for step, section in sections.items():
            if step != "train":
                files = {"data": data, "checkpoints": checkpoints}
                if step in MEASURES and section.reads_activations:
                    files["activations"] = Path("activations") / f"{network}.h5"
                importlib.import_module(f"{package_of(step)}.run").run_network(
                    params=section, numerics=numerics, output=Path(step) / f"{network}{ENDINGS.get(step, '')}", **files
                )
    for step in sections:
        networks = [Path(step) / f"{network}{ENDINGS.get(step, '')}" for network in params.networks]
        measured = {"measured": measured_before(sections, experiment)} if step == "atlas" else {}
        importlib.import_module(f"{package_of(step)}.summary").summarise(
            experiment=experiment, networks=networks, output=Path(step), **measured
        )
        check_step(Path(step), experiment, has_filters=step in SMALL)
        if step in SMALL:
            check_conditions(Path(step), params)
    if "atlas" in sections:
        check_join(Path("atlas"), [measure for measure in SMALL if measure in sections])
    if "recos" in sections:
        layers = read_table(Path("recos/filters.csv"))["layer"]
        assert set(layers) >= {"0.0" if "own" in str(train["model"]) else "fc1"}
        assert pd.read_csv("recos/confusion.csv")["count"].sum() == 30 * len(params.networks)


def measured_before(sections: dict[str, Any], experiment: str) -> list[Path]:
    """The filters of all measures, where the atlas of a study finds them."""
    measures = [step for step in sections if step in MEASURES and step != "atlas"]
    for measure in measures:
        Path("results", measure, experiment).mkdir(parents=True)
        shutil.copy(Path(measure, "filters.csv"), Path("results", measure, experiment))
    return [Path("results", measure, experiment, "filters.csv") for measure in measures]


ENDINGS = {"train": ".csv", "activations": ".h5"}
"""Of the networks' files, where a step has no folder per network."""


def check_join(folder: Path, measures: list[str]) -> None:
    """Every row of every measure is in the long table, and what is not there is counted."""
    table, missing = (
        read_table(folder / f"{name}.csv", text=["measure", "condition"]) for name in ("table", "missing")
    )
    for measure in measures:
        own = read_table(Path(measure, "filters.csv"))
        joined = table[table["measure"] == measure]
        assert len(joined) == len(own)
        assert joined["value"].sum() == pytest.approx(own["value"].sum())
    reasons = ["present", "undefined", "layer_not_measured", "epoch_not_measured", "filter_not_measured"]
    assert (missing[reasons].sum(axis=1) == missing["filters"]).all()
    assert missing[["present", "undefined"]].sum(axis=None) == len(table)


def check_step(folder: Path, experiment: str, *, has_filters: bool) -> None:
    """The step's files are those that its summary lists, and its filters obey the contract."""
    summary = read_json(folder / "summary.json")
    assert summary["experiment"] == experiment
    listed = [entry["file"] for entry in summary["figures"] + summary["tables"]]
    assert all((folder / name).exists() for name in listed)
    assert all((folder / entry["table"]).exists() for entry in summary["figures"])
    if has_filters:
        filters = read_table(folder / "filters.csv")
        assert list(filters) == FILTER_COLUMNS
        assert set(filters["experiment"]) <= {experiment}


OF_ALL_CONDITIONS = {
    *("identity_error", "nulls_tested", "nulls_held"),
    *("filters", "values", "undefined", "not_measured"),
}
"""Headlines that are of no condition."""


def check_conditions(folder: Path, params: TrainParams) -> None:
    """Each headline is of one condition, and given weights say whether they have a control."""
    summary = read_json(folder / "summary.json")
    conditions = {condition_at(name, params.recipe(name).epochs) for name in params.networks}
    named = {key: set(key.split(".")) & set(CONDITIONS) for key in summary["headline"]}
    assert {key for key, found in named.items() if len(found) != 1} <= OF_ALL_CONDITIONS
    assert set().union(*named.values()) >= conditions - {"untrained", "shuffled"}
    initial = {"untrained"} if "trained" in conditions else set()
    assert (NO_CONTROL in summary["remarks"]) == lacks_control(conditions | initial)
