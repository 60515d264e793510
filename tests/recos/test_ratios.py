"""Intervals over images: against plain formulas, where nothing varies, and that they cover."""

import numpy as np
import pytest
import torch
from scipy.stats import t as student

from probecore.measures.recos.cascade_rows import relative_variances
from probecore.measures.recos.ratios import effective_occupancy, entropy, ratio_over_images


def test_a_mean_has_students_interval() -> None:
    values = torch.from_numpy(np.random.default_rng(0).normal(40, 5, size=(30, 1)))
    found = ratio_over_images(values, torch.ones_like(values), proportion=False)
    low, high = student.interval(0.95, 29, loc=values.mean(), scale=values.std() / 30**0.5)
    assert [found["low"][0], found["high"][0]] == pytest.approx([low, high])


def test_ninety_nine_replicates_were_too_short() -> None:
    """A percentile bootstrap covered .89 to .93."""
    rng, covered = np.random.default_rng(1), 0
    for _ in range(400):
        positive = rng.gamma(2, 1, size=(200, 1))
        negative = 0.3 * positive * rng.gamma(1, 1, size=(200, 1))
        found = ratio_over_images(torch.from_numpy(negative), torch.from_numpy(positive + negative))
        covered += found["low"][0] <= 0.3 / 1.3 <= found["high"][0]
    assert 0.92 < covered / 400 < 0.98


def test_where_all_images_agree_there_is_no_interval() -> None:
    found = ratio_over_images(torch.zeros(5, 1), torch.ones(5, 1))
    assert found["value"] == 0
    assert np.isnan([found["low"], found["high"]]).all()
    assert np.isnan(ratio_over_images(torch.zeros(5, 1), torch.zeros(5, 1))["value"]).all()


def test_effective_occupancy() -> None:
    """Few patches use few anchors: the entropy of what was seen is too small, the jackknife takes that off."""
    rng = np.random.default_rng(2)
    shares = np.full(50, 0.02)
    found = effective_occupancy(torch.from_numpy(rng.multinomial(1, shares, size=300)))
    plain = np.exp(entropy(rng.multinomial(1, shares, size=300).sum(0))) / 50
    assert found["low"] < found["value"] <= found["high"] <= 1
    assert plain < 0.95 < found["value"]


def test_variance_by_place_against_leaving_anchors_out() -> None:
    weights = np.random.default_rng(3).normal(size=(8, 2, 4))
    value, low, high = relative_variances(weights)

    def ratios(kept: np.ndarray) -> np.ndarray:
        variances = kept.var(0).mean(0)
        return np.log(variances / variances.mean())

    without = np.stack([ratios(np.delete(weights, index, 0)) for index in range(8)])
    half = student.ppf(0.975, 7) * np.sqrt(7 * without.var(0))
    np.testing.assert_allclose(np.log(value), ratios(weights))
    np.testing.assert_allclose([np.log(low), np.log(high)], [np.log(value) - half, np.log(value) + half])
