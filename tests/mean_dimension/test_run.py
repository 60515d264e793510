"""The jobs: images and features, tables and their contract, figures, equal bytes; deletion and winding stairs."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from probecore.dataset import Dataset, Split, write_dataset
from probecore.dataset.synthetic import ishigami, make_ishigami
from probecore.determinism import Numerics, numpy_generator
from probecore.errors import InputError
from probecore.files import open_hdf5
from probecore.measures.mean_dimension import deletion_curve, mean_dimension, winding_stairs
from probecore.measures.mean_dimension.deletion import gradient_magnitude
from probecore.measures.mean_dimension.intervals import LEAST_EFFECTIVE
from probecore.measures.mean_dimension.params import MeanDimensionParams
from probecore.measures.mean_dimension.run import _filled, run_network
from probecore.measures.mean_dimension.summary import summarise
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.networks import NO_CONTROL
from probecore.train.checkpoints import NetworkInfo, save_checkpoints
from probecore.train.params import Normalise

SMALL = {
    "images": 40,
    "features": 20,
    "layers": {"images": 30, "features": 10},
    "companions": {"features": 10, "fit_images": 20},
    "deletion": {"images": 10},
}


def image_data() -> Dataset:
    generator = numpy_generator("images")
    inputs = generator.integers(0, 256, (70, 1, 28, 28), dtype=np.uint8)
    inputs[:, :, :9] = 0
    split = Split(inputs, np.arange(70) % 3)
    return Dataset.from_splits("noise", train=split, test=split, classes=["a", "b", "c"])


def checkpoint(folder: Path, dataset: Dataset, model: str, network: str = "trained-0") -> Path:
    params = ModelParams(name=model)
    states = {}
    for epoch in (0, 3):
        torch.manual_seed(epoch)
        built = build_model(params, input_shape=dataset.input_shape, outputs=dataset.outputs)
        states[epoch] = built.state_dict()
    info = NetworkInfo(
        experiment="test",
        network=network,
        model=params,
        normalise=Normalise(),
        input_shape=list(dataset.input_shape),
        outputs=dataset.outputs,
        data=dataset.sha256,
    )
    path = folder / f"{network}.safetensors"
    save_checkpoints(path, info, states)
    return path


def run(
    folder: Path,
    dataset: Dataset,
    model: str,
    params: dict[str, object],
    output: str = "trained-0",
    network: str = "trained-0",
) -> Path:
    write_dataset(dataset, folder / "data.h5")
    run_network(
        data=folder / "data.h5",
        checkpoints=checkpoint(folder, dataset, model, network),
        params=MeanDimensionParams.read(params),
        numerics=Numerics.read({"device": "cpu", "threads": 1, "isa": "avx2"}),
        output=folder / output,
    )
    return folder / output


@pytest.mark.usefixtures("draft_figures")
def test_images(tmp_path: Path) -> None:
    folder = run(tmp_path, image_data(), "lenet5", SMALL)
    outputs = pd.read_csv(folder / "outputs.csv")
    assert len(outputs) == 2 * 2 * 3
    known = outputs[outputs["effective"] >= LEAST_EFFECTIVE]
    assert len(known) > 4 and known["low"].lt(known["value"]).all() and known["value"].lt(known["high"]).all()
    assert outputs[outputs["effective"] < LEAST_EFFECTIVE]["low"].isna().all()
    first, last = (outputs[outputs["epoch"] == epoch].set_index(["basis", "output"]) for epoch in (0, 3))
    assert first[["null", "change"]].isna().all(axis=None)
    assert (last["null"] == first["value"]).all()
    np.testing.assert_allclose(last["change"], last["value"] - last["null"], rtol=1e-6)
    filters = pd.read_csv(folder / "filters.csv")
    assert set(filters["layer"]) == {"conv1", "conv2", "fc1", "fc2", "fc3"}
    assert set(filters["site"]) == {"conv", "act", "block"}
    bases = ("mean_dimension_pixels", "mean_dimension_pca")
    assert set(filters["quantity"]) == {*bases, *(f"{basis}_change" for basis in bases)}
    assert filters["quantity"].isin(bases).sum() == 2 * 2 * (3 * (6 + 16 + 120 + 84) + 2 * 3)
    assert (filters[~filters["quantity"].isin(bases)]["epoch"] == 3).all()
    companions = pd.read_csv(folder / "companions.csv")
    assert len(companions) == 2 * (9 + 9)
    given = companions[companions["quantity"] == "given_points"].set_index(["epoch", "basis"])["value"]
    logits = outputs[outputs["output"] == "logits"].set_index(["epoch", "basis"])["value"]
    pd.testing.assert_series_equal(given, logits)
    layers = pd.read_csv(folder / "layers.csv")
    assert layers["layer_index"].max() == 4 and len(layers.groupby(["layer", "site"])) == 14
    linear = layers[(layers["layer"] == "conv1") & (layers["site"] == "conv") & (layers["basis"] == "pca")]
    assert ((linear["value"] > 0.5) & (linear["value"] < 2)).all()
    with open_hdf5(folder / "heatmaps.h5") as file:
        maps = file["epoch-003/logits/indices"][()]
    assert maps.shape == (4, 1, 28, 28)
    assert (maps[:, :, :9] == 0).all() and (maps[0, :, 12:20] > 0).any()
    deletion = pd.read_csv(folder / "deletion.csv")
    assert set(deletion["epoch"]) == {3} and deletion.groupby("fraction")["accuracy"].nunique()[[0.0, 1.0]].eq(1).all()

    summarise(experiment="test", networks=[folder], output=tmp_path / "summary")
    summary = json.loads((tmp_path / "summary" / "summary.json").read_text())
    assert {"untrained.pixels", "trained.pca", "deletion_area.trained.random"} <= set(summary["headline"])
    assert {"trained.pca.independent_margins", "untrained.pixels.r2_additive"} <= set(summary["headline"])
    assert summary["remarks"][0].startswith("Network trained, in principal components: the output's mean dimension is")
    assert [entry["file"] for entry in summary["figures"]] == [
        "audit.svg",
        "outputs.svg",
        "companions.svg",
        "layers.svg",
        "heatmaps.svg",
        "deletion.svg",
    ]
    assert all((tmp_path / "summary" / entry["file"]).exists() for entry in summary["figures"])


def test_equal_bytes_twice(tmp_path: Path) -> None:
    params = {**SMALL, "epochs": [3], "shuffles": 2}
    one, two = (run(tmp_path, image_data(), "lenet5", params, output) for output in ("one", "two"))
    names = sorted(path.name for path in one.iterdir())
    assert names == [
        "companions.csv",
        "deletion.csv",
        "filters.csv",
        "heatmaps.csv",
        "heatmaps.h5",
        "layers.csv",
        "outputs.csv",
        "units.csv",
    ]
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)


def test_features_and_a_regression(tmp_path: Path) -> None:
    folder = run(tmp_path, make_ishigami("ishigami", train_samples=50, test_samples=40, seed=0), "mlp", {"images": 40})
    outputs = pd.read_csv(folder / "outputs.csv")
    assert set(outputs["output"]) == {"output"} and len(outputs) == 4
    assert len(pd.read_csv(folder / "filters.csv")) and pd.read_csv(folder / "deletion.csv").empty
    summarise(experiment="test", networks=[folder], output=tmp_path / "summary")
    summary = json.loads((tmp_path / "summary" / "summary.json").read_text())
    assert [entry["file"] for entry in summary["figures"]] == ["outputs.svg", "companions.svg", "layers.svg"]


def test_parts_that_are_not_wanted(tmp_path: Path) -> None:
    params = {"images": 5, "features": 5, "bases": ["pca"], "layers": None, "companions": None, "deletion": None}
    folder = run(tmp_path, image_data(), "mlp", params)
    assert pd.read_csv(folder / "layers.csv").empty and pd.read_csv(folder / "heatmaps.csv").empty
    summarise(experiment="test", networks=[folder], output=tmp_path / "summary")
    with pytest.raises(InputError, match=r"mean_dimension.epochs: none of \[7\] is stored; choose among \[0, 3\]"):
        run(tmp_path, image_data(), "mlp", {**params, "epochs": [7]})


@pytest.mark.usefixtures("draft_figures")
def test_a_given_network_has_no_untrained_one_beside_it(tmp_path: Path) -> None:
    params = {**SMALL, "layers": None, "deletion": None, "epochs": [0]}
    folder = run(tmp_path, image_data(), "mlp", params, "given", "given")
    for table in ("outputs", "units", "companions"):
        assert pd.read_csv(folder / f"{table}.csv")[["null", "change", "change_low"]].isna().all(axis=None)
    summarise(experiment="test", networks=[folder], output=tmp_path / "summary")
    assert NO_CONTROL in json.loads((tmp_path / "summary" / "summary.json").read_text())["remarks"]


def test_deletion_leaves_out_images_on_which_orders_were_found(tmp_path: Path) -> None:
    params = {**SMALL, "bases": ["pixels"], "layers": None, "epochs": [3]}
    wide = run(tmp_path, image_data(), "mlp", {**params, "images": 65, "deletion": {"images": 500}})
    assert set(pd.read_csv(wide / "deletion.csv")["n"]) == {5}
    assert not pd.read_csv(wide / "companions.csv")["quantity"].str.startswith("r2").any()  # too few to fit to
    none = run(tmp_path, image_data(), "mlp", {**params, "images": 300}, "all")
    assert pd.read_csv(none / "deletion.csv").empty


def test_images_of_a_class_without_base_points_are_ordered_by_the_scores_of_all() -> None:
    assert _filled(np.array([[2.0], [np.nan], [8.0]]), np.array([4.0])).tolist() == [[2], [4], [8]]


def test_deletion_removes_the_highest_scores_first() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]]))
        model[1].bias.copy_(torch.tensor([-0.5, 0.0]))
    images, labels = torch.ones(10, 1, 2, 2), torch.zeros(10, dtype=torch.long)
    right, wrong = np.tile([4.0, 3, 2, 1], (10, 1)), np.tile([1.0, 2, 3, 4], (10, 1))
    options = {"fill": torch.zeros(1, 2, 2), "fractions": (0.0, 0.25, 0.5, 1.0)}
    assert deletion_curve(model, images, labels, right, **options).tolist() == [10, 0, 0, 0]
    assert deletion_curve(model, images, labels, wrong, **options).tolist() == [10, 10, 10, 0]
    gradient = gradient_magnitude(model, images, labels).numpy()
    assert gradient.shape == (10, 4)
    assert gradient[0] == pytest.approx([torch.sigmoid(torch.tensor(-0.5)).item(), 0, 0, 0], abs=1e-6)
    assert (gradient == gradient[0]).all()


def test_winding_stairs() -> None:
    inputs = numpy_generator("stairs").uniform(-np.pi, np.pi, (20_000, 3))
    value, indices = winding_stairs(ishigami, inputs)
    assert value == pytest.approx(1.243684, abs=4 * 0.015)
    assert indices == pytest.approx(mean_dimension(ishigami, inputs).total_indices, rel=0.06)
    correlated = numpy_generator("stairs").multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 20_000)
    assert winding_stairs(lambda x: x.sum(axis=1), correlated)[0] == pytest.approx(1, abs=0.05)
    with pytest.raises(InputError, match="constant"):
        winding_stairs(lambda x: np.ones(len(x)), inputs)
    with pytest.raises(InputError, match="1 points"):
        winding_stairs(ishigami, inputs[:1])
