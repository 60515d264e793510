"""Loss without a filter after the network has learnt on."""

import numpy as np
import pytest
import torch

from probecore.measures.atlas.params import RetrainingParams
from probecore.measures.atlas.retraining import retrained_increases
from probecore.models.ablation import ablate
from probecore.train.batches import Batches
from probecore.train.params import Augmentation, Normalise
from tests.atlas.networks import NETWORKS, block_of, images_for
from tests.test_planted import ALONE, DEAD, ONE, images, planted_network

__all__ = ["images"]


def batches(inputs: np.ndarray, labels: np.ndarray, batch: int) -> Batches:
    return Batches(
        inputs,
        labels,
        normalise=Normalise(mean=0.0, std=1.0),
        augmentation=Augmentation(),
        batch=batch,
        device=torch.device("cpu"),
    )


@pytest.mark.parametrize("name", ["lenet", "residual"])
def test_without_learning_it_is_ablation_by_zero(name: str) -> None:
    build, shape, places = NETWORKS[name]
    model, judging = build(), images_for(shape)
    rng = np.random.default_rng(0)
    others = batches(rng.normal(size=(8, *shape)).astype(np.float32), rng.integers(0, 10, 8), 4)
    block = block_of(model, shape, places[-1])
    frozen = RetrainingParams(steps=1, learning_rate=1e-30)
    found = retrained_increases(model, block, [3, 0], others, judging, params=frozen, key=("test",))
    intact, ablated = ablate(model, block, judging, "zero")
    np.testing.assert_allclose(found[0], (ablated.loss - intact.loss)[[3, 0]], atol=2e-5)
    np.testing.assert_array_equal(found[0], found[1])


def test_learning_on_makes_up_for_some_of_a_loss_and_nothing_misses_a_dead_filter(
    images: tuple[torch.Tensor, torch.Tensor],
) -> None:
    model = planted_network()
    block = block_of(model, (1, 12, 12), 0)
    judging = [(images[0][:100], images[1][:100])]
    learning = batches(images[0][100:].numpy(), images[1][100:].numpy(), 50)
    params = RetrainingParams(steps=20, learning_rate=0.01)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    first, second = retrained_increases(
        model, block, [ALONE, ONE, DEAD], learning, judging, params=params, key=("test",)
    )
    intact, ablated = ablate(model, block, judging, "zero")
    lost = (ablated.loss - intact.loss).mean(1)
    assert 0.5 * lost[ALONE] < first[0].mean() < lost[ALONE]
    assert 0 < first[1].mean() < lost[ONE]
    assert not first[2].any() and not second[2].any()
    assert (first[0] != second[0]).any(), "two independent retrainings"
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
