"""What a mean dimension below 1 does and does not say: dependence, additivity, controls and intervals."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from benchmarks.simulations.mean_dimension import (
    AGREEMENT,
    SIMULATIONS,
    Majority,
    independent_truth,
    labelled_bits,
    within_truth,
)
from probecore.measures.mean_dimension import mean_dimension, pca_basis
from probecore.measures.mean_dimension.companions import (
    independent_margins,
    mean_dimension_of_independent,
    mean_dimension_within_classes,
)
from probecore.measures.mean_dimension.inference import what_follows
from probecore.measures.mean_dimension.intervals import LEAST_EFFECTIVE, change_since, estimate_ratios
from probecore.measures.mean_dimension.surrogates import Surrogates


def held_out(function: nn.Module, points: Tensor) -> dict[str, float]:
    """What functions fitted to the second half of the points explain of the first."""
    judged, fitted = points.chunk(2)
    surrogates = Surrogates(fitted, judged, {"pixels": None})
    values = (function(part).double().numpy() for part in (fitted, judged))
    found = surrogates.compare(*values, "pixels", np.random.default_rng(0))
    return {name: float(ratios.value[0]) for name, ratios in found.items()}


def test_a_majority_of_bits_that_share_a_label_is_no_additive_function_though_its_mean_dimension_is_near_0() -> None:
    bits, _ = labelled_bits(np.random.default_rng(0), 3000, 0.9)
    assert mean_dimension(Majority(), bits).value == pytest.approx(0.023, abs=0.015)
    options = {"basis": None, "features": None, "generator": np.random.default_rng(1)}
    found = mean_dimension_of_independent(Majority(), bits, **options)
    assert independent_truth() == pytest.approx(2.707, abs=0.001)
    assert found.low[0] < independent_truth() < found.high[0] and found.low[0] > 2
    bits, labels = labelled_bits(np.random.default_rng(0), 3000, AGREEMENT)
    within = mean_dimension_within_classes(Majority(), bits, labels, **options)
    assert within is not None and within.low[0] < within_truth() < within.high[0]


def test_permuted_margins_keep_every_coordinate_and_lose_their_correlation() -> None:
    points = torch.randn(500, 1, generator=torch.Generator().manual_seed(0)) + 0.1 * torch.randn(500, 6)
    mixed = independent_margins(points.view(500, 2, 3), None, np.random.default_rng(0))
    assert mixed.shape == (500, 2, 3)
    assert torch.equal(mixed.flatten(1).sort(0).values, points.sort(0).values)
    assert np.abs(np.corrcoef(mixed.flatten(1).numpy().T) - np.eye(6)).max() < 0.2
    basis = pca_basis(points)
    mixed = independent_margins(points, basis, np.random.default_rng(0))
    expected = basis.coordinates(points).sort(0).values
    torch.testing.assert_close(basis.coordinates(mixed).sort(0).values, expected, atol=1e-5, rtol=1e-4)


class Additive(nn.Module):
    def forward(self, points: Tensor) -> Tensor:
        return (points.abs() + points).sum(1, keepdim=True)


class Products(nn.Module):
    def forward(self, points: Tensor) -> Tensor:
        return (points[:, 0::2] * points[:, 1::2]).sum(1, keepdim=True)


def test_an_additive_function_is_explained_by_an_additive_fit_and_products_are_not() -> None:
    points = torch.randn(1000, 6, generator=torch.Generator().manual_seed(0))
    additive, products = held_out(Additive(), points), held_out(Products(), points)
    assert additive["r2_additive"] > 0.99 > 0.9 > additive["r2_linear"] and additive["r2_gain"] < 0
    assert products["r2_additive"] < 0.1 and products["r2_non_additive"] > 0.6
    assert products["r2_gain"] == pytest.approx(products["r2_non_additive"] - products["r2_additive"])


def test_the_linear_surrogate_of_a_linear_function_has_its_mean_dimension() -> None:
    generator = np.random.default_rng(0)
    points = torch.from_numpy(generator.standard_normal((800, 1)) + generator.standard_normal((800, 3)))
    linear = nn.Linear(3, 2).double()
    with torch.inference_mode():
        found = held_out(linear, points)
        assert found["linear_surrogate"] == pytest.approx(mean_dimension(linear, points[:400]).value, rel=0.1)
    assert found["r2_linear"] > 0.999


def test_the_authors_coordinates_mistake_a_linear_function() -> None:
    """Components of raw inputs, standardised inputs: by the closed form as by exchanging coordinates one by one."""
    generator = np.random.default_rng(0)
    scales = np.logspace(-1, 1, 12)
    x = (generator.standard_normal((4_000, 1)) + 0.5 * generator.standard_normal((4_000, 12))) * scales
    weights = generator.choice([-1.0, 1.0], 12) / scales
    basis, values = pca_basis(x), (x @ weights)[:, None]
    surrogates = Surrogates(torch.from_numpy(x[:1000]), torch.from_numpy(x[1000:]), {"pca": basis})
    found = surrogates.compare(values[:1000], values[1000:], "pca", generator)
    mean, std = x[:1000].mean(axis=0), x[:1000].std(axis=0)
    turned = (x[1000:] - mean) / std @ basis.directions.T
    theirs = mean_dimension(lambda z: (z @ basis.directions * std + mean) @ weights, turned)
    published = found["linear_surrogate_published"]
    assert float(published.value[-1]) == pytest.approx(theirs.value, rel=0.05)
    assert published.low[-1] > 1.5
    assert found["linear_surrogate"].low[-1] < 1 < found["linear_surrogate"].high[-1]


def test_a_heavy_tail_has_no_interval_and_a_light_one_has() -> None:
    generator = np.random.default_rng(0)
    points = generator.standard_normal((60, 10))
    heavy = mean_dimension(lambda x: np.prod(1 + x, axis=1), points)
    assert heavy.effective < LEAST_EFFECTIVE and np.isnan(heavy.interval).all()
    light = mean_dimension(lambda x: np.tanh(x.sum(axis=1)), points)
    assert light.effective > LEAST_EFFECTIVE and light.interval[0] < light.value < light.interval[1]
    change = change_since(light.ratios, heavy.ratios, generator=generator)
    assert np.isfinite(change.value).all() and np.isnan(change.low).all()


def test_fewer_than_one_effective_point_in_forty_are_too_few() -> None:
    """The same large contributions among more points: what a sample of so heavy a tail shows is not to be relied on."""
    for n, printed in ((700, True), (1000, False)):
        contributions = np.full((n, 1, 2), 1e-3)
        contributions[:: n // 20] = 1 + np.arange(20)[:, None, None] / 100
        found = estimate_ratios(contributions, reach=1, generator=np.random.default_rng(0))
        assert LEAST_EFFECTIVE < found.effective[0] < 25
        assert np.isfinite(found.low[0]) == printed


def test_uneven_contributions_need_more_effective_points() -> None:
    """About one in 33 points is effective: enough of a rare bit, too few of a tail."""
    uneven = -np.log(np.linspace(0.99, 0.01, 60))
    for sizes, printed in ((np.ones(31), True), (uneven, False)):
        contributions = np.full((1000, 1, 2), 1e-3)
        contributions[: len(sizes)] = sizes[:, None, None]
        found = estimate_ratios(contributions, reach=1, generator=np.random.default_rng(0))
        assert 1000 / 40 < found.effective[0] < 1000 / 27
        assert np.isfinite(found.low[0]) == printed


def test_the_interval_of_a_change_is_paired() -> None:
    generator = np.random.default_rng(0)
    before = generator.chisquare(4, (200, 1, 2))
    after = before * [1.1, 1.0]
    first, second = (estimate_ratios(each, reach=1, generator=generator) for each in (before, after))
    change = change_since(first, second, generator=generator)
    assert change.value == pytest.approx(0.1 * first.value)
    assert 0 < change.low[0] < change.value[0] < change.high[0]
    assert change.high[0] - change.low[0] < 0.2 * (first.high[0] - first.low[0])


@pytest.mark.parametrize("simulation", SIMULATIONS, ids=lambda simulation: simulation.name)
def test_simulations_run(simulation: object) -> None:
    found = simulation.repeat(np.random.default_rng(0))  # type: ignore[attr-defined]
    assert np.isfinite(found.value).all() and np.isfinite(found.truth).all()


def companions(independent: tuple[float, float, float], gain: tuple[float, float, float]) -> pd.DataFrame:
    rows = {
        "given_points": (0.5, 0.4, 0.6),
        "independent_margins": independent,
        "r2_additive": (0.6, 0.5, 0.7),
        "r2_non_additive": (0.8, 0.7, 0.9),
        "r2_gain": gain,
    }
    return pd.DataFrame(
        [
            {
                "network": "trained-0",
                "epoch": 3,
                "basis": "pca",
                "quantity": name,
                **dict(zip(COLUMNS, row, strict=True)),
            }
            for name, row in rows.items()
        ]
    )


COLUMNS = ("value", "low", "high")


def test_the_sentence_says_what_the_intervals_allow_and_no_more() -> None:
    (strong,) = what_follows(companions((2.4, 2.1, 2.7), (0.2, 0.1, 0.3)))
    assert "0.50 on the given points and 2.40" in strong and "says nothing of additivity" in strong
    assert "So it is not additive" in strong and "is not noise" in strong
    (weak,) = what_follows(companions((1.1, 0.9, 1.3), (0.0, -0.1, 0.1)))
    assert "not told apart from an additive function" in weak and "nothing that additive functions miss" in weak
    (none,) = what_follows(companions((2.4, np.nan, np.nan), (0.2, 0.1, 0.3)))
    assert "So it is not additive" not in none
    assert what_follows(pd.DataFrame()) == []
