"""From files to files: every table, the same bytes twice, and mistakes in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from probecore.dataset import Dataset, Split, write_dataset
from probecore.determinism import Numerics
from probecore.errors import InputError
from probecore.files import open_hdf5, read_json, read_table
from probecore.measures.recos.params import RecosParams
from probecore.measures.recos.run import KEYS, run_network
from probecore.measures.recos.summary import summarise
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.train.checkpoints import NetworkInfo, save_checkpoints
from probecore.train.params import Normalise

SMALL = {
    "images": 40,
    "resamples": 19,
    "sphere": {"patches": 200, "directions": 20},
    "cascade": {"backgrounds": 4, "head_images": 100, "head_epochs": 1},
}

OWN = """
from torch import nn


def build(input_shape, outputs):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 6, 3, groups=2, dilation=2),
                         nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(outputs))


def transposed(input_shape, outputs):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ConvTranspose2d(4, 2, 3), nn.Flatten(), nn.LazyLinear(outputs))
"""


def digits(channels: int = 1, *, flat: bool = False) -> Dataset:
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        pixels = np.zeros((n, channels, 28, 28), np.uint8)
        if not flat:
            pixels[:, :, 8:20, 8:20] = rng.integers(0, 256, (n, channels, 12, 12))
        return Split(pixels, rng.permutation(np.arange(n) % 3))

    return Dataset.from_splits("digits", classes="abc", train=split(120), test=split(60))


def network(dataset: Dataset, model: dict[str, Any], epochs: tuple[int, ...] = (0, 3)) -> dict[str, Path]:
    """Files of a network with random weights."""
    write_dataset(dataset, Path("data.h5"))
    params = ModelParams.read(model)
    info = NetworkInfo(
        experiment="e",
        network="trained-0",
        model=params,
        normalise=Normalise(),
        input_shape=list(dataset.input_shape),
        outputs=3,
        data=dataset.sha256,
    )
    states = {}
    for epoch in epochs:
        torch.manual_seed(epoch)
        states[epoch] = build_model(params, input_shape=dataset.input_shape, outputs=3).state_dict()
    save_checkpoints(Path("trained-0.safetensors"), info, states)
    Path("params.yaml").write_text(json.dumps({"experiments": {"e": {"train": {"model": model}}}}))
    return {"data": Path("data.h5"), "checkpoints": Path("trained-0.safetensors")}


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    Path("own/net.py").write_text(OWN)


def run(files: dict[str, Path], output: Path, **params: Any) -> None:
    run_network(**files, params=RecosParams.read(SMALL | params), numerics=Numerics(), output=output)


MODELS = {
    "lenet5": {"name": "lenet5"},
    "without rectifier": {"name": "lenet5", "activation": "identity"},
    "doubled": {"name": "lenet5", "activation": "crelu"},
    "no convolution": {"name": "mlp", "hidden": [7]},
    "groups, dilation, in place": {"name": "own/net.py:build"},
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_kind_of_network_has_every_table(model: dict[str, Any]) -> None:
    run(network(digits(), model), Path("a"))
    names = {path.name for path in Path("a").iterdir()}
    assert names == {*(f"{name}.csv" for name in (*KEYS, "filters")), "spectral.h5"}
    check_values(Path("a"), model)


@pytest.mark.parametrize("model", [MODELS["lenet5"], MODELS["no convolution"]])
def test_the_same_bytes_twice(model: dict[str, Any]) -> None:
    files = network(digits(), model)
    for folder in ("a", "b"):
        run(files, Path(folder) / "trained-0", polarity={"both": {"epochs": 1}})
    summarise(experiment="e", networks=[Path("a/trained-0")], output=Path("a"))
    for path in Path("b").rglob("*.*"):
        assert path.read_bytes() == (Path("a") / path.relative_to("b")).read_bytes(), path
    check_summary(Path("a"))
    steps = read_table(Path("a/audit.csv")).set_index("step")
    assert list(steps.index) == ["both polarities", "polarity"]
    audit = steps.loc["polarity"]
    polarity = read_table(Path("a/polarity.csv"), text=["filters", "images"]).query("epoch == 3 and filters == 'plain'")
    around = polarity.loc[polarity["images"] == "reversed around mean", "accuracy"].item()
    assert audit["corrected_value"] == pytest.approx(around)
    assert np.isnan(audit["right"]) and audit["verdict"].count("undecided: 1 of 5 networks") == 2
    shown = [entry["file"] for entry in read_json(Path("a/summary.json"))["figures"]]
    assert all((Path("a") / entry["table"]).exists() for entry in read_json(Path("a/summary.json"))["figures"])
    assert ("positions.svg" in shown) == (model["name"] == "lenet5")


def check_summary(folder: Path) -> None:
    """What a layer reads is named; a first layer's sign confusion is no headline; families are counted."""
    layers = read_table(folder / "layers.csv")
    first = layers.loc[layers["layer_index"] == 0, "layer"].iloc[0]
    assert layers.groupby("layer")["reads"].unique().map(list).to_dict() == {
        name: ["pixels" if name == first else "features"] for name in set(layers["layer"])
    }
    confusion = {key for key in read_json(folder / "summary.json")["headline"] if key.startswith("sign_confusion")}
    assert confusion == {f"sign_confusion.trained.{name}" for name in set(layers["layer"]) - {first}}
    families = read_table(folder / "families.csv")
    assert (families["holm"] <= families["benjamini_hochberg"]).all()
    assert (families["benjamini_hochberg"] <= families["significant"]).all()
    assert {"sign_confusion", "occupancy", "density"} <= set(families.loc[families["table"] == "filters", "quantity"])


def check_values(folder: Path, model: dict[str, Any]) -> None:
    layers = read_table(folder / "layers.csv")
    last = layers[layers["epoch"] == 3].set_index(["quantity", "layer"])["value"]
    rectified = model.get("activation") not in ("identity",)
    for layer, rate in last["sign_confusion"].items():
        first = layers.loc[layers["layer_index"] == 0, "layer"].iloc[0]
        assert layer == first or (rate == 0) == rectified
    assert last["rotation"].between(0, 180).all()
    assert layers.loc[layers["quantity"] == "rotation", "low"].notna().all()
    tested = ["sign_confusion", "effective_occupancy", "anchor_angle", "anchor_dimension", "density", "nearest_angle"]
    assert layers.loc[layers["quantity"].isin(tested) & layers["value"].notna(), "p"].between(0, 1).all()
    filters = read_table(folder / "filters.csv")
    occupancy = filters[filters["quantity"] == "occupancy"].groupby(["epoch", "layer"])["value"].sum()
    groups = [2.0 if "own" in str(model) and layer == "2" else 1.0 for _, layer in occupancy.index]
    assert occupancy.tolist() == pytest.approx(groups)
    assert filters.loc[filters["quantity"].isin(["sign_confusion", "occupancy"]), "p"].between(0, 1).all()
    shares = filters[filters["quantity"].isin(["density", "occupancy", "dc_share", "sign_confusion"])]["value"]
    assert shares.between(0, 1).all()
    heads = read_table(folder / "heads.csv")
    assert len(heads) == (0 if model["name"] == "mlp" else 2 * 5 * 3)
    with open_hdf5(folder / "spectral.h5") as file:
        assert len(file) == (0 if model["name"] == "mlp" else 2)


def test_the_composites_do_not_depend_on_the_network() -> None:
    files = network(digits(), {"name": "lenet5"})
    run(files, Path("a"))
    path = files["checkpoints"]
    path.write_bytes(path.read_bytes().replace(b"trained-0", b"trained-1"))
    run(files, Path("b"))
    one, two = (pd.read_csv(f"{folder}/cascade.csv")["accuracy"] for folder in "ab")
    assert one.equals(two)


def test_flat_images_leave_gaps_and_no_error() -> None:
    run(network(digits(flat=True), {"name": "lenet5"}), Path("a"), cascade=None)
    layers = pd.read_csv("a/layers.csv").set_index(["quantity", "layer"])["value"]
    assert (layers["near_flat"]["conv2"] < 1).all()
    assert (pd.read_csv("a/scalings.csv").set_index("scaling")["largest_difference"]["half"]) == 0


def test_one_checkpoint_has_not_turned() -> None:
    run(network(digits(), {"name": "mlp", "hidden": [4]}, epochs=(0,)), Path("a"))
    assert not (pd.read_csv("a/layers.csv")["quantity"] == "rotation").any()


@pytest.mark.parametrize(
    ("channels", "model", "params", "message"),
    [
        (
            1,
            {"name": "own/net.py:transposed"},
            {},
            "model: 1 is a ConvTranspose2d; the measures know Conv2d and Linear layers",
        ),
        (
            1,
            {"name": "lenet5"},
            {"layers": ["conv*", "pool1"]},
            r"recos.layers: no layer 'pool1' \(valid: conv1, conv2, fc1, fc2, fc3\)",
        ),
        (2, {"name": "lenet5"}, {}, "recos.cascade: photographs have 1 or 3 channels and images 2; .* `cascade: null`"),
    ],
)
def test_mistakes_are_named(channels: int, model: dict[str, Any], params: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        run(network(digits(channels), model), Path("a"), **params)
    assert "\n" not in str(caught.value)
    assert not Path("a").exists()


def test_chosen_layers_alone_are_measured() -> None:
    run(network(digits(), {"name": "lenet5"}), Path("a"), layers=["conv2", "fc*"], sphere={"embedding": "positions"})
    assert list(dict.fromkeys(pd.read_csv("a/layers.csv")["layer"])) == ["conv2", "fc1", "fc2", "fc3"]
    embedding = pd.read_csv("a/embedding.csv")
    assert len(embedding[(embedding["layer"] == "conv2") & (embedding["epoch"] == 0)]) == 150
