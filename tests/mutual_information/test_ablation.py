"""Silencing, retraining and narrowing of networks."""

import numpy as np
import pytest
import torch
from torch import nn

from probecore.determinism import torch_generator
from probecore.errors import InputError
from probecore.measures.mutual_information.design import narrowed, uniform_widths
from probecore.measures.retraining import retrained
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.train.batches import Batches
from probecore.train.params import Augmentation, Normalise


def lenet() -> nn.Module:
    torch.manual_seed(0)
    return build_model(ModelParams(name="lenet5"), input_shape=(1, 28, 28), outputs=10).eval()


def test_retraining_changes_a_copy_and_not_the_silenced_filter() -> None:
    model, rng = lenet(), np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (64, 1, 28, 28), dtype=np.uint8), rng.integers(0, 10, 64)
    batches = Batches(
        images, labels, normalise=Normalise(), augmentation=Augmentation(), batch=32, device=torch.device("cpu")
    )
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def run() -> nn.Module:
        generator = torch_generator("test")
        return retrained(model, "act1", [2], batches, steps=5, learning_rate=0.05, generator=generator)

    changed, again = run(), run()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(torch.equal(a, b) for a, b in zip(changed.parameters(), again.parameters(), strict=True))
    moved = (changed.get_parameter("conv1.weight") - before["conv1.weight"]).abs().sum((1, 2, 3)) > 0
    assert moved.tolist() == [True, True, False, True, True, True]
    assert not changed.get_submodule("act1")._forward_hooks


def test_narrowed_network_has_the_widths_and_runs() -> None:
    model = narrowed(lenet(), {"conv1": 3, "conv2": 5}, seed=1)
    assert [len(model.get_parameter(f"conv{index}.weight")) for index in (1, 2)] == [3, 5]
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    same = narrowed(lenet(), {}, seed=1)
    shapes = [tensor.shape for tensor in same.parameters()]
    assert shapes == [tensor.shape for tensor in lenet().parameters()]
    assert torch.equal(narrowed(lenet(), {}, seed=1).get_parameter("fc1.weight"), same.get_parameter("fc1.weight"))
    vgg = build_model(ModelParams(name="vgg6", width=4), input_shape=(3, 32, 32), outputs=10)
    assert narrowed(vgg, {"conv3": 3}, seed=0).eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_narrowing_draws_nothing_from_the_global_generator() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    narrowed(lenet_outline(), {}, seed=1)
    assert torch.equal(torch.rand(1), expected)


def lenet_outline() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3, device="meta"), nn.Flatten())


def test_uniform_widths_give_the_nearest_size() -> None:
    model = lenet()
    assert uniform_widths(model, {"conv1": 6, "conv2": 16}) == {"conv1": 6, "conv2": 16}
    found = uniform_widths(model, {"conv1": 6, "conv2": 4})
    sizes = [sum(p.numel() for p in narrowed(model, w, seed=0).parameters()) for w in (found, {"conv1": 6, "conv2": 4})]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.1)
    assert found["conv1"] < 6


def test_a_network_that_is_no_chain_is_refused() -> None:
    class Own(nn.Module):
        pass

    with pytest.raises(InputError, match="design: null"):
        narrowed(Own(), {}, seed=0)
    with pytest.raises(InputError, match="Conv2d in groups"):
        narrowed(nn.Sequential(nn.Conv2d(2, 2, 3, groups=2)), {}, seed=0)
    with pytest.raises(InputError, match="LSTM"):
        narrowed(nn.Sequential(nn.LSTM(2, 2)), {}, seed=0)
