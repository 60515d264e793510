"""Ablation by suffix passes against the network with one filter replaced at a time."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from probecore.measures.atlas.increases import calibration_error, increases
from probecore.models.ablation import Kind, ablate
from probecore.models.suffix import block_outputs
from tests.atlas.networks import NETWORKS, block_of, images_for, replaced_one_by_one

CASES = [(name, place) for name, (_, _, places) in NETWORKS.items() for place in places]


@pytest.mark.parametrize("kind", ["zero", "mean", "resample"])
@pytest.mark.parametrize(("name", "place"), CASES)
def test_as_one_filter_at_a_time(name: str, place: int, kind: Kind) -> None:
    build, shape, _ = NETWORKS[name]
    model = build()
    block, images = block_of(model, shape, place), images_for(shape)
    mean = block_outputs(model, [block], images_for(shape, seed=5)[0][0])[0][block.layer].mean(0)
    generator, again = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    intact, ablated = ablate(model, block, images, kind, mean=mean, generator=generator)
    losses, hits = [], []
    for inputs, labels in images:
        maps = block_outputs(model, [block], inputs)[0][block.layer]
        order = torch.randperm(len(maps), generator=again)
        donors = torch.empty_like(order)
        donors[order] = order.roll(1)
        replaced = {"zero": torch.zeros_like(maps), "mean": mean.expand_as(maps), "resample": maps[donors]}[kind]
        logits = replaced_one_by_one(model, block, inputs, replaced)
        losses.append(torch.stack([cross_entropy(each, labels, reduction="none") for each in logits]))
        hits.append(logits.argmax(2) == labels)
    expected = torch.cat(losses, 1).double().numpy()
    np.testing.assert_allclose(ablated.loss, expected, atol=2e-5)
    assert np.abs(ablated.loss - intact.loss).max() > 1e-4
    assert (ablated.correct == torch.cat(hits, 1).numpy()).mean() > 0.999


@pytest.mark.parametrize("size", [1, 2])
def test_nobody_gets_its_own_map_by_resampling(size: int) -> None:
    model, shape = NETWORKS["lenet"][0](), (1, 28, 28)
    inputs = torch.zeros((2, *shape))
    inputs[1] = 1
    block, labels = block_of(model, shape, 0), torch.tensor([0, 0])
    chunks = list(zip(inputs.split(size), labels.split(size), strict=True))
    _, ablated = ablate(model, block, chunks, "resample", generator=torch.Generator().manual_seed(0))
    maps = block_outputs(model, [block], inputs)[0][block.layer]
    expected = replaced_one_by_one(model, block, inputs, maps.flip(0))
    losses = torch.stack([cross_entropy(each, labels, reduction="none") for each in expected])
    np.testing.assert_allclose(ablated.loss, losses.numpy(), atol=1e-5)


def test_what_gets_worse_is_positive() -> None:
    build, shape, _ = NETWORKS["lenet"]
    model, images = build(), images_for(shape, n=40)
    intact, ablated = ablate(model, block_of(model, shape, 1), images, "zero")
    chosen = np.arange(7, 31)
    found = increases(intact, ablated, chosen)
    np.testing.assert_allclose(found["loss"], ablated.loss[:, chosen].mean(1) - intact.loss[chosen].mean())
    np.testing.assert_allclose(found["accuracy"], intact.correct[chosen].mean() - ablated.correct[:, chosen].mean(1))
    one = calibration_error(ablated.confidence[3, chosen], ablated.correct[3, chosen])[0]
    assert found["calibration"][3] == pytest.approx(
        one - calibration_error(intact.confidence[chosen], intact.correct[chosen])[0]
    )


def test_calibration_error_is_the_gap_in_each_bin() -> None:
    confidence, correct = np.array([0.31, 0.32, 0.95, 0.96, 1.0]), np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    expected = (abs(1 - 0.63) + abs(2 - 1.91 - 1.0)) / 5
    assert calibration_error(confidence, correct) == pytest.approx(expected)
