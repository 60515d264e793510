"""Training on both polarities: what it reaches, where there is no such training, and what the audit says of it."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from probecore.dataset import Dataset, Split
from probecore.errors import InputError
from probecore.measures.audit import audit_table
from probecore.measures.network import Identity, Network
from probecore.measures.recos.both import both_polarities
from probecore.measures.recos.keys import AROUND_MEAN, BOTH, BOTH_AROUND_MEAN
from probecore.measures.recos.measure import MEASURE
from probecore.measures.recos.params import RecosParams
from probecore.measures.recos.summary import _audited
from probecore.train.params import Normalise, Recipe

RECIPE = Recipe(epochs=8, batch=20, optimiser="adam", learning_rate=0.02)


def bands(name: str = "trained-0", epochs: tuple[int, ...] = (0, 3)) -> Network:
    """Images with one bright band out of three, which is the class, and a network of random weights."""
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        labels = np.arange(n) % 3
        images = rng.integers(0, 60, (n, 1, 9, 9), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:, 3 * label : 3 * label + 3] += 180
        return Split(images, labels)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(81, 12), nn.ReLU(), nn.Linear(12, 3)).eval()
    dataset = Dataset.from_splits("bands", classes="abc", train=split(150), test=split(60))
    info = Identity(experiment="e", network=name, normalise=Normalise())
    return Network(info, dataset, epochs=epochs, at=lambda _: copy.deepcopy(model), device=torch.device("cpu"))


def test_both_polarities_are_learnt_and_the_start_stays_as_it_is() -> None:
    network = bands()
    before = copy.deepcopy(network.at(0).state_dict())
    rows = pd.DataFrame(both_polarities(network, RECIPE))
    assert list(zip(rows["filters"], rows["images"], strict=True)) == [
        (BOTH, "normal"),
        (BOTH, "reversed"),
        (BOTH_AROUND_MEAN, "normal"),
        (BOTH_AROUND_MEAN, AROUND_MEAN),
    ]
    assert (rows["accuracy"] > 0.95).all() and (rows["low"] < rows["high"]).all()
    assert all(torch.equal(before[name], value) for name, value in network.at(0).state_dict().items())
    pd.testing.assert_frame_equal(rows, pd.DataFrame(both_polarities(network, RECIPE)))


def test_without_training_it_is_as_before() -> None:
    rows = pd.DataFrame(both_polarities(bands(), Recipe(epochs=0)))
    assert (rows["accuracy"] < 0.9).all()


@pytest.mark.parametrize(
    ("name", "epochs"), [("shuffled-0", (0, 3)), ("given", (0,)), ("trained-0", (3,)), ("trained-0", (0,))]
)
def test_networks_without_a_start_on_true_labels_have_no_row(name: str, epochs: tuple[int, ...]) -> None:
    assert list(both_polarities(bands(name, epochs), RECIPE)) == []


def test_a_shift_is_refused() -> None:
    with pytest.raises(InputError, match=r"polarity\.both: augmentation\.shift"):
        RecosParams.read({"polarity": {"both": {"augmentation": {"shift": 1}}}})


def accuracies(both: float, normal: float = 0.2) -> pd.DataFrame:
    values = {("plain", "reversed"): normal, ("plain", AROUND_MEAN): normal}
    values |= {(BOTH, "reversed"): both, (BOTH_AROUND_MEAN, AROUND_MEAN): both}
    rows = [
        {"network": f"trained-{seed}", "epoch": 3, "filters": filters, "images": images, "accuracy": value + seed / 1e3}
        for (filters, images), value in values.items()
        for seed in range(5)
    ]
    return pd.DataFrame(rows).assign(accuracy=lambda table: table["accuracy"] + np.arange(len(table)) % 3 / 1e4)


def test_the_verdict_follows_from_the_accuracies() -> None:
    def verdict(table: pd.DataFrame) -> str:
        audit = audit_table("e", MEASURE.audits, _audited(table)).set_index("step")
        return str(audit.loc["both polarities", "verdict"])

    assert verdict(accuracies(0.98)).count("above it by") == 2
    assert verdict(accuracies(0.1)).count("below it by") == 2
    few = accuracies(0.98).query("network != 'trained-4'")
    assert verdict(few).count("undecided: 4 of 5 networks") == 2
    assert _audited(accuracies(0.98).query("filters == 'plain'")) == {}
