"""Ablated channels and changed outputs, of all calls of a module or of one."""

import torch
from torch import nn

from probecore.models import build_model
from probecore.models.intervention import ablated, output_changed
from probecore.models.params import ModelParams


def lenet() -> nn.Module:
    torch.manual_seed(0)
    return build_model(ModelParams(name="lenet5"), input_shape=(1, 28, 28), outputs=10).eval()


def test_ablated_channels_are_those_without_weights_after_them() -> None:
    model, images = lenet(), torch.randn(4, 1, 28, 28)
    with torch.no_grad():
        before = model(images)
        with ablated(model, "act1", [1, 4]):
            silent = model(images)
        assert torch.equal(model(images), before)
        model.get_submodule("conv2").weight[:, [1, 4]] = 0  # type: ignore[index, operator]
        assert torch.allclose(model(images), silent, atol=1e-6)
    assert not torch.allclose(silent, before)


class Twice(nn.Module):
    """One activation called at two widths, as in a residual network's bottleneck."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.relu = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 5, 1), nn.ReLU()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.relu(self.conv2(self.relu(self.conv1(images))) + 1)


def test_one_call_of_a_module_is_ablated() -> None:
    model, images = Twice(), torch.randn(3, 1, 4, 4)
    with torch.no_grad():
        before = model(images)
        with ablated(model, "relu#2", [0, 4]):
            for _ in range(2):  # the count of calls begins anew with every forward pass
                silent = model(images)
                assert not silent[:, [0, 4]].any()
                assert torch.equal(silent[:, 1:4], before[:, 1:4])
        with ablated(model, "relu#1", [0, 1]):
            bias = model.conv2.bias.reshape(-1, 1, 1) + 1
            assert torch.allclose(model(images), bias.relu().expand(3, 5, 4, 4))
    assert not model._forward_pre_hooks and not model.relu._forward_hooks


def test_an_error_inside_leaves_no_hook() -> None:
    model = Twice()
    try:
        with output_changed(model, "relu", lambda _: 1 / 0):
            model(torch.zeros(1, 1, 4, 4))
    except ZeroDivisionError:
        pass
    assert not model._forward_pre_hooks and not model.relu._forward_hooks
