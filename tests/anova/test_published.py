"""The authors' procedure on small networks: image sets, features, parameter sets, and the audit of what they give."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from probecore.dataset import Dataset, Split
from probecore.dataset.store import OtherSet
from probecore.errors import InputError
from probecore.measures.anova.audit import known_by_related, numbers, reported
from probecore.measures.anova.image_features import (
    entry_kernel,
    grey_entry,
    last_map,
    mean_features,
    noise_like,
    shuffled_pixels,
)
from probecore.measures.anova.measure import MEASURE
from probecore.measures.anova.params import Features, Published
from probecore.measures.anova.published import image_sets, published_rows
from probecore.measures.audit import audit_table
from probecore.measures.network import Identity, Network
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.params import load_study
from probecore.train.checkpoints import NetworkInfo, save_checkpoints
from probecore.train.params import Normalise
from tests.conftest import ROOT

SHAPE = (3, 12, 12)


def network_of(seeds: tuple[int, int] = (0, 1), *, others: bool = True) -> Network:
    """A convolutional network with two epochs of random weights, as if it had been trained."""
    rng = np.random.default_rng(0)

    def images(n: int) -> np.ndarray:
        return rng.integers(0, 256, (n, *SHAPE), dtype=np.uint8)

    def split(n: int) -> Split:
        return Split(images(n), np.arange(n) % 2)

    beside = [OtherSet("elsewhere", images(20), images(20))] if others else []
    dataset = Dataset.from_splits("own", classes=("a", "b"), train=split(40), test=split(30), others=beside)
    info = Identity(experiment="e", network="trained-0", normalise=Normalise())
    return Network(
        info, dataset, epochs=[0, 5], at=lambda epoch: model_of(seeds[epoch > 0]), device=torch.device("cpu")
    )


def model_of(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    convolutions = [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(128, 16), nn.ReLU(), nn.Linear(16, 2)).eval()


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    names = {"network": "trained-0", "epoch": 5}
    published, byte_reading = (pd.DataFrame(rows).assign(**names) for rows in published_rows(network_of(), Published()))
    return published, byte_reading


def test_shuffled_pixels_are_the_same_pixels_and_noise_has_the_histogram() -> None:
    images = network_of().dataset.train.inputs
    rng = np.random.default_rng(0)
    shuffled, noise = shuffled_pixels(images, rng), noise_like(images // 200, rng)
    before, after = (
        np.sort(each.reshape(len(images), 3, -1).transpose(0, 2, 1).tolist(), axis=1) for each in (images, shuffled)
    )
    assert not np.array_equal(images, shuffled) and np.array_equal(before, after)
    pixels = {tuple(pixel) for pixel in images[0].reshape(3, -1).T}
    assert {tuple(pixel) for pixel in shuffled[0].reshape(3, -1).T} == pixels
    assert noise.mean() == pytest.approx((images // 200).mean(), abs=0.01) and set(np.unique(noise)) == {0, 1}


def test_the_authors_entry_is_grey_times_a_kernel_without_its_negative_channels() -> None:
    images = network_of().dataset.train.inputs[:2]
    kernel = entry_kernel(3, np.random.default_rng(1))
    assert (np.abs(kernel) < np.sqrt(1.5)).all()
    grey = (images * np.array([0.299, 0.587, 0.114])[:, None, None]).sum(1) / 255
    entered = grey_entry(images, np.array([1.0, -0.5, 0.2])).numpy()
    np.testing.assert_allclose(entered[:, [0, 2]], grey[:, None] * np.array([1.0, 0.2])[:, None, None], rtol=1e-5)
    assert not entered[:, 1].any()


def test_an_entry_lets_something_through() -> None:
    rng = np.random.default_rng(0)
    assert all(entry_kernel(1, rng) > 0 for _ in range(20))


def test_all_that_is_made_of_a_set_goes_through_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels: list[bytes] = []

    def heard(images: np.ndarray, kernel: np.ndarray) -> torch.Tensor:
        kernels.append(kernel.tobytes())
        return grey_entry(images, kernel)

    monkeypatch.setattr("probecore.measures.anova.published.grey_entry", heard)
    published_rows(network_of(), Published(images=2))
    assert [len(set(kernels[start : start + 4])) for start in (0, 4, 8, 12)] == [1] * 4 and len(set(kernels)) == 4


def test_features_are_the_mean_of_the_last_map() -> None:
    model, inputs = model_of(0), torch.rand(500, *SHAPE)
    assert last_map(model, SHAPE) == "4"
    found = mean_features(model, "4", inputs, None)
    np.testing.assert_allclose(found, model[:5](inputs).flatten(1).mean(0).detach(), rtol=1e-5)
    assert last_map(nn.Sequential(nn.Flatten(), nn.Linear(432, 2)), SHAPE) is None


def test_image_sets_are_known_and_unknown_of_its_own_and_of_other_data() -> None:
    sets = list(image_sets(network_of(), 5))
    assert [(one.name, one.split, len(one.images)) for one in sets] == [
        ("own", "train", 10),
        ("own", "test", 10),
        ("elsewhere", "train", 10),
        ("elsewhere", "test", 10),
    ]


def test_every_null_is_there(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    published, byte_reading = tables
    assert set(published["features"]) == {"images", "shuffled pixels", "noise", "untrained backbone"}
    assert set(published["weights"]) == {"trained", "untrained", "permuted"}
    assert set(published.loc[published["reading"] == "true", "parameter_set"]) == {"0", "2", "6", "8"}
    assert set(byte_reading["weights"]) == {"trained", "untrained"}
    second = byte_reading[byte_reading["quantity"] == "sign_agreement_second"]
    assert (second["value"] == 1).all()
    assert byte_reading[byte_reading["quantity"] == "large_share"].groupby("parameter_set")["value"].max()["0"] > 0


def test_two_means_are_found_in_noise_and_a_regression_finds_nothing(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    table = reported(tables[0])
    nothing = table[(table["features"] == "noise") & (table["weights"] == "permuted") & (table["reading"] == "true")]
    assert (nothing["two_means"] > 0.9).all()
    assert (nothing["rotations"] < 0.4).all()


def test_comparisons_without_p_are_no_cases(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    first = tables[0].index == 0
    before, after = (reported(table) for table in (tables[0], tables[0].assign(p=tables[0]["p"].mask(first))))
    assert before["cases"].sum() - after["cases"].sum() == 1


def test_the_audit_follows_its_table(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    audit = audit_table("e", MEASURE.audits, numbers(named(*tables))).set_index("step")
    assert audit.loc["comparison", "verdict"].startswith("published: wrong for nothing, ")
    assert "where 0.05 is right" in audit.loc["comparison", "verdict"]
    changed = tables[0].assign(two_means_p=np.resize(np.linspace(0, 1, 20), len(tables[0])))
    other = audit_table("e", MEASURE.audits, numbers(named(changed, tables[1]))).set_index("step")
    assert "wrong" not in other.loc["comparison", "verdict"].partition(";")[0]
    assert audit.loc["reading", "verdict"].endswith("corrected: by construction")
    assert audit.loc["reading", "corrected_value"] == pytest.approx(1)
    assert audit.loc["reading", "published_value"] < 0.1
    assert numbers(named(tables[0].iloc[:0], tables[1])) == {}


def test_known_by_related_finds_what_is_planted(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    published = tables[0]
    planted = published.assign(
        r2=0.1 * published["related"] + np.random.default_rng(0).uniform(0, 0.01, len(published))
    )
    found = known_by_related(planted).set_index(["reading", "term"])["p"]
    assert found["true", "related"] < 1e-6 and found["true", "known"] > 0.01
    assert known_by_related(published[published["related"] == 1]).empty


def test_a_backbone_trained_on_other_images_gives_features_and_another_networks_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = backbone_file(tmp_path, [12, 12])
    network = network_of()
    network.dataset = Dataset.from_splits(
        "own",
        classes=("a", "b"),
        **{name: Split(part.inputs[:, :1], part.targets) for name, part in parts(network).items()},
    )
    torch.manual_seed(2)
    grey = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(800, 2)).eval()
    network.at = lambda _: grey
    rows = pd.DataFrame(published_rows(network, Published(features=Features(network=own, layer="conv2")))[0])
    assert "another network" in set(rows["weights"]) and "untrained backbone" in set(rows["features"])
    assert set(rows.loc[rows["weights"] == "another network", "reading"]) == {"bytes", "true"}
    with pytest.raises(InputError, match="layer: no module 'conv9'; name one that gives a map"):
        published_rows(network, Published(features=Features(network=own, layer="conv9")))
    with pytest.raises(InputError, match="pool2 gives 16 numbers, fewer than 30; name a larger map"):
        published_rows(network, Published(features=Features(network=own)))
    with pytest.raises(InputError, match="reads images of"):
        published_rows(network_of(), Published(features=Features(network=own)))


def named(published: pd.DataFrame, byte_reading: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {"published": published, "byte_reading": byte_reading, "ansatz": pd.DataFrame()}


def parts(network: Network) -> dict[str, Split]:
    return {"train": network.dataset.train, "test": network.dataset.test}


def backbone_file(folder: Path, size: list[int]) -> str:
    model = ModelParams.read("lenet5")
    info = {"experiment": "b", "network": "trained-0", "model": model, "normalise": Normalise(), "data": "0"}
    described = NetworkInfo(**info, input_shape=[1, *size], outputs=2)  # type: ignore[arg-type]
    states: dict[int, Any] = {}
    for epoch in (0, 3):
        torch.manual_seed(epoch)
        states[epoch] = build_model(model, input_shape=(1, *size), outputs=2).state_dict()
    save_checkpoints(folder / "own/backbone.safetensors", described, states)
    return "own/backbone.safetensors"


@pytest.mark.parametrize("path", ["results/train/x/trained-0.safetensors", "own/../x.safetensors"])
def test_a_backbone_lies_in_own(path: str) -> None:
    with pytest.raises(InputError, match=r"features.network: lies outside of own/"):
        Published.read({"features": {"network": path}}, where="published")


def test_the_study_has_three_networks_that_meet_six_sets_each() -> None:
    study, _ = load_study(ROOT / "studies/anova_authors/params.yaml")
    assert len(study.experiments) == 3
    for experiment in study.experiments.values():
        data = study.datasets[experiment.dataset]
        assert data.classes == 2 and len(data.others) == 2 and data.kind not in data.others
        assert data.form(experiment.dataset)[0][1:] == (32, 32)  # type: ignore[index]
        model = build_model(experiment.train.model, input_shape=(1, 32, 32), outputs=2)
        layer = experiment.anova.published.features.layer
        assert layer in dict(model.named_modules())
