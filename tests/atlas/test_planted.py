"""Quantities and truths on the network whose filters' worth is planted in `tests.test_planted`."""

import numpy as np
import pytest
import torch

from probecore.measures.atlas.ablation import Outcomes, ablate, increases
from probecore.measures.atlas.baselines import activation_baselines, block_gradients, per_image, weight_baselines
from probecore.measures.atlas.shapley import shapley_values
from probecore.models import blocks
from probecore.models.suffix import block_outputs
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
