"""Sign confusion against all products, and that rectifiers end it."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from probecore.measures.recos.signs import Contributions
from probecore.models.activations import Absolute, CReLU, Identity, TReLU


def all_products(layer: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Both kinds of positive contributions (N, F), each as the layer's own outputs on what is left of its weights."""
    sums = []
    for sign in (1, -1):
        part = type(layer).__new__(type(layer))
        part.__dict__ = {**layer.__dict__, "_parameters": {}, "bias": None}
        part.weight = nn.Parameter((sign * layer.get_parameter("weight").detach()).relu())
        output = part((sign * inputs).relu()).detach()
        sums.append(output.flatten(2).sum(2) if isinstance(layer, nn.Conv2d) else output.flatten(1, -2).sum(1))
    return sums[0], sums[1]


LAYERS = {
    "conv": (nn.Conv2d(3, 5, 3, padding=1, stride=2), (6, 3, 9, 9)),
    "grouped, dilated": (nn.Conv2d(4, 6, 3, padding=2, dilation=2, groups=2), (6, 4, 9, 9)),
    "tokens": (nn.Linear(7, 5), (6, 4, 7)),
}


@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_contributions_are_sums_of_products(layer: nn.Module, shape: tuple[int, ...]) -> None:
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    contributions = Contributions(layer)
    for part in inputs.split(4):
        contributions.add(part)
    positive, negative = all_products(layer, inputs)
    assert torch.allclose(contributions.positive.float(), positive, rtol=1e-4)
    assert torch.allclose(contributions.negative.float(), negative, rtol=1e-4)
    rate = negative.sum(0) / (positive + negative).sum(0)
    assert torch.allclose(contributions.rate().float(), rate, rtol=1e-4)


@pytest.mark.parametrize("rectifier", [nn.ReLU(), TReLU(0.0), TReLU(0.5), CReLU(), Absolute(), nn.Sigmoid()])
def test_rectifiers_end_sign_confusion(rectifier: nn.Module) -> None:
    inputs = rectifier(torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)) + 1)
    contributions = Contributions(nn.Conv2d(inputs.shape[1], 5, 3))
    contributions.add(inputs)
    assert (contributions.negative == 0).all()
    assert (contributions.rate() == 0).all()


@pytest.mark.parametrize(("rectifier", "least"), [(Identity(), 0.4), (nn.Tanh(), 0.4), (nn.LeakyReLU(0.1), 0.03)])
def test_others_do_not(rectifier: nn.Module, least: float) -> None:
    torch.manual_seed(0)
    contributions = Contributions(nn.Linear(400, 5))
    contributions.add(rectifier(torch.randn(50, 400)))
    assert least < contributions.rate().min() < contributions.rate().max() < 0.6


def test_moved_filters_meet_other_inputs() -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Conv2d(2, 6, 3, groups=2), torch.randn(4, 2, 3, 3)
    contributions = Contributions(layer)
    contributions.add(inputs)
    orders = np.stack([np.random.default_rng(seed).permutation(9) for seed in range(5)])
    by_filter, whole = contributions.moved(orders)
    for order, rates, rate in zip(orders, by_filter, whole, strict=True):
        moved = Contributions(layer)
        moved.add(inputs.flatten(2)[:, :, order].view(inputs.shape))
        assert torch.allclose(rates, moved.rate())
        assert rate == pytest.approx(float(moved.negative.sum() / (moved.positive + moved.negative).sum()))


def test_an_input_without_contributions_has_no_rate() -> None:
    contributions = Contributions(nn.Linear(3, 2))
    contributions.add(torch.zeros(4, 3))
    assert contributions.rate().isnan().all()
