"""Every step on small data of every kind, from files to summary: classes, channels, conditions, odd names."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from probecore.activations import run as activations_run
from probecore.activations import summary as activations_summary
from probecore.activations.params import ActivationsParams
from probecore.dataset import Dataset, Split, write_dataset
from probecore.determinism import Numerics
from probecore.files import read_json, read_table
from probecore.recos import run as recos_run
from probecore.recos import summary as recos_summary
from probecore.recos.params import RecosParams
from probecore.train import run as train_run
from probecore.train import summary as train_summary
from probecore.train.params import TrainParams

NESTED = """
from torch import nn


def build(input_shape, outputs):
    return nn.Sequential(nn.Sequential(nn.Conv2d(input_shape[0], 3, 3), nn.ReLU(inplace=True)),
                         nn.Flatten(), nn.LazyLinear(outputs))
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

CASES: dict[str, tuple[Dataset, dict[str, Any], dict[str, Any], bool]] = {
    "two classes": (images(classes=2), BASE, {}, True),
    "three channels": (images(3), BASE | {"normalise": {"mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 3.0]}}, {}, True),
    "layers called 0.0": (images(), BASE | NESTED_MODEL, {}, True),
    "one shuffled control": (images(), BASE | {"seeds": [3], "shuffled": {"epochs": 2}}, {}, True),
    "untrained alone": (images(), BASE | {"epochs": 0}, {}, True),
    "given alone": (images(), BASE | NESTED_MODEL | {"seeds": [], "given": {"weights": None}}, {}, True),
    "maps alone": (images(), BASE, {"store": ["maps"]}, True),
    "class means alone": (images(), BASE, {"store": ["class_means"]}, True),
    "training images, half precision": (images(), BASE, {"splits": ["train"], "dtype": "float16", "store": ["maps"]}, True),
    "regression": (features(), BASE | {"loss": "squared_error"}, {"store": ["pooled"]}, False),
}  # fmt: skip


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
    (tmp_path / "own").mkdir()
    (tmp_path / "own/nested.py").write_text(NESTED)
    data, results = Path("data.h5"), {step: Path(step) for step in ("train", "activations", "recos")}
    write_dataset(dataset, data)
    params, numerics = TrainParams.read(train), Numerics()
    for network in params.networks:
        checkpoints = results["train"] / f"{network}.safetensors"
        train_run.run_network(
            experiment=experiment,
            network=network,
            data=data,
            params=params,
            numerics=numerics,
            checkpoints=checkpoints,
            history=checkpoints.with_suffix(".csv"),
        )
        common = {"data": data, "checkpoints": checkpoints, "numerics": numerics}
        activations_run.run_network(
            params=ActivationsParams.read(activations), output=results["activations"] / f"{network}.h5", **common
        )
        if has_images:
            recos_run.run_network(params=RecosParams(), output=results["recos"] / network, **common)

    inputs = {
        "train": [results["train"] / f"{network}.csv" for network in params.networks],
        "activations": [results["activations"] / f"{network}.h5" for network in params.networks],
        "recos": [results["recos"] / network for network in params.networks] if has_images else [],
    }
    summaries = {"train": train_summary, "activations": activations_summary, "recos": recos_summary}
    for step, networks in inputs.items():
        if networks:
            summaries[step].summarise(experiment=experiment, networks=networks, output=results[step])
            summary = read_json(results[step] / "summary.json")
            listed = [entry["file"] for entry in summary["figures"] + summary["tables"]]
            assert all((results[step] / name).exists() for name in listed)
            assert summary["experiment"] == experiment
    if has_images:
        filters = read_table(results["recos"] / "filters.csv")
        assert set(filters["experiment"]) == {experiment}
        assert set(filters["layer"]) == {"0.0" if "own" in str(train["model"]) else "fc1"}
        assert filters["value"].notna().all()
        assert pd.read_csv(results["recos"] / "confusion.csv")["count"].sum() == 30 * len(params.networks)
