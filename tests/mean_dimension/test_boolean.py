"""The Boolean mean dimension where its Fourier expansion is known, and what is said of its peak."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.simulations.mean_dimension import BITS, Majority, independent_truth
from benchmarks.twin_peaks import EXAMPLES, curve, verdict
from probecore.measures.mean_dimension.companions import boolean_mean_dimension


class Parity(nn.Module):
    """The product of the first `count` signs, as both of two outputs."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, points: Tensor) -> Tensor:
        return points.flatten(1)[:, : self.count].prod(dim=1, keepdim=True).repeat(1, 2)


class Levels(nn.Module):
    """x1 + 2 x1 x2 + 3 x1 x2 x3 of signs."""

    def forward(self, points: Tensor) -> Tensor:
        first, second, third = points.T
        return (first + 2 * first * second + 3 * first * second * third)[:, None]


def found(model: nn.Module, shape: tuple[int, ...], *, low: float = -1.0, points: int = 3000, **options: Any) -> float:
    ends = torch.stack([torch.full(shape, low), torch.ones(shape)])
    settings = {"features": None, "generator": np.random.default_rng(1)} | options
    return float(boolean_mean_dimension(model, ends, points=points, **settings).value[-1])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_parity_has_as_many_dimensions_as_bits(count: int) -> None:
    assert found(Parity(count), (2, 4)) == pytest.approx(count, rel=0.06)
    assert found(Parity(count), (2, 4), features=4) == pytest.approx(count, rel=0.1)


def test_a_linear_function_has_one() -> None:
    torch.manual_seed(0)
    assert found(nn.Linear(9, 3), (9,)) == pytest.approx(1, rel=0.05)


def test_majority_of_bits() -> None:
    truth = BITS * math.comb(BITS - 1, BITS // 2) / 2 ** (BITS - 1)
    assert found(Majority(), (BITS,)) == pytest.approx(truth, rel=0.06)
    assert independent_truth() == truth


def test_it_is_the_mean_size_of_the_terms_of_the_fourier_expansion() -> None:
    assert found(Levels(), (3,)) == pytest.approx((1 * 1 + 4 * 2 + 9 * 3) / 14, rel=0.05)


def measured(error: float, dimension: float) -> dict[int, list[dict[str, float]]]:
    """Of five seeds at three widths: these values at the threshold, and 0.2 and 1 at both ends."""
    values = {20: (0.2, 1.0), EXAMPLES: (error, dimension), 800: (0.2, 1.0)}
    return {
        width: [{"test_error": e + seed / 1000 * (width > 20), "mean_dimension": d + seed / 500} for seed in range(5)]
        for width, (e, d) in values.items()
    }


def test_the_verdict_on_the_peak_follows_from_the_curve() -> None:
    def said(error: float, dimension: float) -> str:
        found = measured(error, dimension)
        found[800] = [
            {name: value + index / 1e4 for name, value in one.items()} for index, one in enumerate(found[800])
        ]
        found[20] = [{name: value - index / 1e4 for name, value in one.items()} for index, one in enumerate(found[20])]
        return verdict(curve(found))

    none = "has no peak that these seeds show"
    assert said(0.5, 2.7) == "at 100 features: test error peaks; Boolean mean dimension peaks"
    assert said(0.1, 2.7) == f"at 100 features: test error {none}; Boolean mean dimension peaks"
    assert said(0.5, 0.7) == f"at 100 features: test error peaks; Boolean mean dimension {none}"
