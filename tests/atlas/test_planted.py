"""Quantities and truths on the network whose filters' worth is planted in `tests.test_planted`."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from probecore.dataset import Dataset, Split
from probecore.measures.atlas.baselines import activation_baselines, block_gradients, per_image, weight_baselines
from probecore.measures.atlas.increases import increases
from probecore.measures.atlas.keys import CHANCE, TRUTHS
from probecore.measures.atlas.measure import QUANTITIES
from probecore.measures.atlas.params import AtlasParams, RetrainingParams, ShapleyParams
from probecore.measures.atlas.run import measure_network
from probecore.measures.atlas.shapley import shapley_values
from probecore.measures.network import Identity, Network
from probecore.models import blocks
from probecore.models.ablation import Outcomes, ablate
from probecore.models.suffix import block_outputs
from probecore.train.params import Normalise
from tests.test_planted import ALONE, DEAD, INTERACTS, ITS_COPY, ONE, images, planted_network

__all__ = ["images"]

Images = tuple[torch.Tensor, torch.Tensor]


def ablated(images: Images, kind: str) -> dict[str, np.ndarray]:
    model = planted_network()
    block = blocks(model, (1, 12, 12))[0]
    mean = block_outputs(model, [block], images[0])[0][block.layer].mean(0)
    generator = torch.Generator().manual_seed(0)
    pair: tuple[Outcomes, Outcomes] = ablate(model, block, [images], kind, mean=mean, generator=generator)  # type: ignore[arg-type]
    return increases(*pair, np.arange(len(images[1])))


@pytest.mark.parametrize("kind", ["zero", "mean", "resample"])
def test_ablation_sees_decisive_filters_and_no_duplicates(images: Images, kind: str) -> None:
    """What either copy sees the other sees too: each alone may go, and no ablation of one filter tells that both may not."""
    accuracy = ablated(images, kind)["accuracy"]
    assert accuracy[ALONE] > 0.2
    assert accuracy[INTERACTS] > 0.1
    assert accuracy[DEAD] == 0
    if kind == "zero":
        assert accuracy[ALONE] == 0.5
        assert accuracy[ONE] == accuracy[ITS_COPY] == 0


def test_shapley_shares_between_duplicates_what_ablation_gives_to_neither(images: Images) -> None:
    model = planted_network()
    found = shapley_values(
        model,
        blocks(model, (1, 12, 12))[0],
        [(images[0][:100], images[1][:100])],
        generator=np.random.default_rng(0),
        most_pairs=100,
        tolerance=0.0,
    )
    value, loss = found.value, ablated(images, "zero")["loss"]
    assert value[DEAD] == 0
    assert value[ONE] == pytest.approx(value[ITS_COPY], abs=3 * found.error.max())
    assert value[ONE] > 0.05 * value[ALONE] > 0
    assert abs(loss[ONE]) < 0.05 * loss[ALONE]


def test_baselines_see_dead_filters_by_their_maps_and_not_by_their_weights(images: Images) -> None:
    model = planted_network()
    block = blocks(model, (1, 12, 12))[0]
    parts = block_gradients(model, [block], *images)[block.layer]
    seen = activation_baselines(per_image(*parts), np.arange(len(images[1])))
    for quantity in (
        "activation_mean",
        "activation_variance",
        "taylor",
        "gradient_times_activation",
        "empirical_fisher",
    ):
        assert seen[quantity][DEAD] == 0, quantity
    assert seen["apoz"][DEAD] == 1
    assert (seen["activation_variance"][[ALONE, ONE, ITS_COPY, INTERACTS]] > 0).all()
    weights = weight_baselines(model[0].get_parameter("weight"))
    assert weights["weight_norm_l2"][DEAD] == weights["weight_norm_l2"][ALONE]
    assert weights["geometric_median_distance"][ONE] == weights["geometric_median_distance"][ITS_COPY]


NOISE = 5
"""A filter that sees the background, is larger than all others, and that nothing reads."""


def network_with_noise(images: Images) -> Network:
    """The planted network with `NOISE`, and half of the images for truths, half for the rest."""
    model, (inputs, labels) = planted_network(), images
    conv, linear = nn.Conv2d(1, 6, 3), nn.Linear(6, 6)
    small = dict(model.named_parameters())
    kernel = torch.tensor([[3.0, 1, 2], [1, 4, 1], [2, 1, 3]])[None, None]
    conv.weight.data = torch.cat([small["conv1.weight"], kernel])
    conv.bias.data = torch.cat([small["conv1.bias"], torch.zeros(1)])
    linear.weight.data = torch.cat([small["fc1.weight"], torch.zeros(6, 1)], dim=1)
    linear.bias.data = small["fc1.bias"].data
    model.conv1, model.fc1 = conv, linear
    parts = [Split(inputs[half::2].numpy(), labels[half::2].numpy()) for half in (0, 1)]
    identity = Identity(experiment="planted", network="given", normalise=Normalise())
    return Network.of_module(identity, Dataset("planted", ("u", "one", "both"), *parts, sha256=""), model.eval())


@pytest.fixture(scope="module")
def everything(images: Images) -> pd.DataFrame:
    """All that the step knows of the six filters: a row a quantity."""
    shapley = ShapleyParams(images=200, pairs=100, tolerance=0.0)
    params = AtlasParams(
        layers=["conv1"],
        images=150,
        shapley=shapley.model_copy(update={"layers": ["conv1"]}),
        retraining=RetrainingParams(batch=25),
    )
    filters = measure_network(network_with_noise(images), params).in_order()["filters"]
    return filters.pivot(index="quantity", columns="filter", values="value")


UNCHANGED = ("activation_mean", "activation_variance", "taylor", "gradient_times_activation", "empirical_fisher")
READ = ("taylor", "gradient_times_activation", "empirical_fisher")
"""Baselines that are 0 for a filter that gives nothing, and those that are for one that nothing reads."""

LARGEST_IS_NOISE = ("weight_norm_l1", "weight_norm_l2", "geometric_median_distance", "activation_mean")
"""Baselines that take size for worth."""


def test_all_quantities_are_there(everything: pd.DataFrame) -> None:
    """But two: the network has no norms, and pools maps to one value, which have no rank."""
    assert set(everything.index) == set(QUANTITIES) - {"bn_gamma", "hrank"}


def test_what_nothing_reads_and_what_gives_nothing_is_worth_nothing(everything: pd.DataFrame) -> None:
    assert everything.loc[list(TRUTHS), DEAD].eq(0).all()
    of_this_network = [truth for truth in TRUTHS if truth != "retrained_loss"]  # which may learn to read
    assert everything.loc[of_this_network, NOISE].eq(0).all()
    assert everything.loc[list(UNCHANGED), DEAD].eq(0).all()
    assert everything.loc[list(READ), NOISE].eq(0).all()
    assert everything.loc["apoz", [DEAD, NOISE]].tolist() == [1, 0]


def test_size_is_not_worth(everything: pd.DataFrame) -> None:
    for quantity in LARGEST_IS_NOISE:
        assert everything.loc[quantity].idxmax() == NOISE, quantity
    assert everything.loc["weight_norm_l2", DEAD] == everything.loc["weight_norm_l2", ALONE]


def test_the_decisive_filter_is_worth_most(everything: pd.DataFrame) -> None:
    """Not of calibration, which may be better without it."""
    for truth in (truth for truth in TRUTHS if not truth.endswith("calibration")):
        assert everything.loc[truth].idxmax() == ALONE, truth
        assert everything.loc[truth, ALONE] > 0.3, truth
    assert everything.loc["zero_accuracy", ALONE] == pytest.approx(0.5, abs=0.05)


def test_the_interacting_filter_is_worth_something_and_a_copy_nothing(everything: pd.DataFrame) -> None:
    losses = everything.loc[["zero_loss", "mean_loss", "resample_loss", "shapley"]]
    assert (losses[INTERACTS] > 0.1 * losses[ALONE]).all()
    assert (losses.loc["zero_loss", [ONE, ITS_COPY]].abs() < 0.05 * losses.loc["zero_loss", ALONE]).all()
    same = everything.drop([CHANCE, *TRUTHS])
    np.testing.assert_allclose(same[ONE], same[ITS_COPY], rtol=1e-5)
    assert (everything.loc[list(READ), ALONE] > 10 * everything.loc[list(READ), ONE].abs()).all()
