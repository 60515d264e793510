"""Silencing: the quick way against hooks on the whole network, on chains and on others."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from probecore.models import Block, ablate, blocks, build_model
from probecore.models.params import ModelParams
from tests.mechanism.conftest import Digits, scaled


def by_hooks(model: nn.Module, block: Block, images: torch.Tensor, labels: torch.Tensor, filters: int) -> torch.Tensor:
    losses = []
    for filter_ in range(filters):
        calls = iter(range(100))

        def silence(_module: nn.Module, _inputs: Any, output: torch.Tensor, filter_: int = filter_) -> torch.Tensor:
            if next(calls) != block.output_call:  # noqa: B023
                return output
            output = output.clone()
            output[:, filter_] = 0
            return output

        handle = model.get_submodule(block.output).register_forward_hook(silence)
        with torch.no_grad():
            losses.append(cross_entropy(model(images), labels, reduction="none"))
        handle.remove()
    return torch.stack(losses)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc1", "fc2"])
def test_on_a_chain(lenet: nn.Module, digits: Digits, layer: str) -> None:
    images, labels = scaled(digits[0][:60]), torch.from_numpy(digits[1][:60])
    block = next(block for block in blocks(lenet, (1, 28, 28)) if block.layer == layer)
    chunks = list(zip(images.split(40), labels.split(40), strict=True))
    intact, ablated = ablate(lenet, block, chunks, "zero")
    with torch.no_grad():
        logits = lenet(images)
    np.testing.assert_allclose(intact.loss, cross_entropy(logits, labels, reduction="none"), atol=1e-5)
    assert (intact.correct == (logits.argmax(1) == labels).numpy()).all()
    expected = by_hooks(lenet, block, images, labels, len(ablated.loss))
    np.testing.assert_allclose(ablated.loss, expected, atol=1e-4)
    assert np.abs(ablated.loss - intact.loss).max() > 1e-3
    assert ablated.correct.shape == ablated.loss.shape == (len(expected), 60)


def test_on_a_network_with_shortcuts_and_reused_modules() -> None:
    torch.manual_seed(0)
    model = build_model(ModelParams(name="resnet18", stem="cifar"), input_shape=(3, 8, 8), outputs=3).eval()
    reused = [block for block in blocks(model, (3, 8, 8)) if block.reused]
    images = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype(np.float32))
    labels = torch.tensor([0, 1, 2, 0])
    for block in (reused[0], reused[3]):
        before = {name: value.clone() for name, value in model.state_dict().items()}
        losses = ablate(model, block, [(images, labels)], "zero")[1].loss
        np.testing.assert_allclose(losses, by_hooks(model, block, images, labels, len(losses)), atol=1e-5)
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        assert not model.get_submodule(block.output)._forward_hooks


def test_a_dead_filter_is_worth_nothing(lenet: nn.Sequential, digits: Digits) -> None:
    block = blocks(lenet, (1, 28, 28))[1]
    layer = lenet.get_submodule("conv2")
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    with torch.no_grad():
        layer.weight[3], layer.bias[3] = 0, -1
    try:
        shown = (scaled(digits[0][:50]), torch.from_numpy(digits[1][:50]))
        intact, ablated = ablate(lenet, block, [shown], "zero")
    finally:
        layer.load_state_dict(state)
    assert (ablated.loss[3] == intact.loss).all()
    assert (ablated.correct[3] == intact.correct).all()
