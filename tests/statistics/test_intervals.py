"""BCa and bootstrap-t against SciPy, by hand, and on samples whose truth is known."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from probecore.statistics import (
    bca_interval,
    bootstrap_counts,
    mean_estimates,
    mean_interval,
    percentile_interval,
    ratio_interval,
    studentised_interval,
)


def test_bca_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    sample = rng.exponential(size=(40, 2))
    counts = bootstrap_counts(40, 20_000, rng)
    without = (sample.sum(0) - sample) / 39
    found = np.array(bca_interval(sample.mean(0), counts @ sample / 40, without))
    theirs = bootstrap((sample,), np.mean, n_resamples=20_000, rng=1, method="BCa").confidence_interval
    assert found == pytest.approx(np.array(theirs), abs=0.02)
    assert (found[0] > percentile_interval(counts @ sample / 40)[0]).all()


def test_bca_of_a_symmetric_statistic_is_the_percentile_interval() -> None:
    replicates = np.linspace(-1, 1, 999)
    assert bca_interval(0.0, replicates, [-1.0, 1.0]) == pytest.approx(percentile_interval(replicates), abs=1e-3)
    assert np.isnan(bca_interval(5.0, replicates, [-1.0, 1.0])).all()


def test_studentised_interval_by_hand() -> None:
    replicates = 2 + np.linspace(-1, 3, 1001)
    assert studentised_interval(2.0, 0.5, replicates, np.ones(1001)) == pytest.approx((0.55, 2.45))
    few = np.where(np.arange(1001) < 100, 0.0, 1.0)
    assert np.isnan(studentised_interval(2.0, 0.5, replicates, few)).all()


def test_a_ratio_and_its_interval() -> None:
    rng = np.random.default_rng(1)
    above, below = rng.random((30, 2)), rng.random((30, 2)) + 1
    found = ratio_interval(above, below, bootstrap_counts(30, 999, rng))
    assert found.value == pytest.approx(above.sum(0) / below.sum(0))
    assert ((found.low < found.value) & (found.value < found.high)).all()


def test_values_that_do_not_vary_have_no_width() -> None:
    found = mean_interval(np.full((20, 1), 3.0), bootstrap_counts(20, 99, np.random.default_rng(0)))
    assert (*found.value, *found.low, *found.high) == (3, 3, 3)


def test_nothing_is_said_of_a_mean_that_hangs_on_one_sample() -> None:
    found = mean_interval(np.eye(50)[0], bootstrap_counts(50, 999, np.random.default_rng(0)))
    assert found.value == pytest.approx(1 / 50)
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize(("spread", "least"), [(0.5, 0.92), (1.2, 0.89)])
def test_intervals_of_skewed_means_cover(spread: float, least: float) -> None:
    """Lognormal samples of 60; normal intervals hold 87 % at a spread of 1.2."""
    rng, inside = np.random.default_rng(2), []
    for _ in range(300):
        found = mean_interval(np.exp(spread * rng.normal(size=60)), bootstrap_counts(60, 999, rng))
        inside.append(bool(found.low <= np.exp(spread**2 / 2) <= found.high))
    assert least <= np.mean(inside) <= 0.99


def test_means_carried_by_few_samples_have_no_interval() -> None:
    """One image in a hundred, or none, says nothing of how rare such images are."""
    rng = np.random.default_rng(6)
    values = np.column_stack([np.arange(1000) < 10, np.zeros(1000), rng.normal(0.1, 1, 1000)])
    rare, none, plain = mean_estimates(values, bootstrap_counts(1000, 999, rng))
    assert (rare.value, none.value) == (pytest.approx(0.01), 0)
    assert np.isnan([rare.low, rare.high, rare.p, none.low, none.high, none.p]).all()
    assert (plain.low, plain.high) == pytest.approx((0.1 - 0.062, 0.1 + 0.062), abs=0.08)


def test_means_of_sparse_differences_cover_and_are_found_as_rarely_as_they_say() -> None:
    """A fifth of the images change, by lognormal amounts of either sign; the mean is 0."""
    rng = np.random.default_rng(7)
    counts, found = bootstrap_counts(400, 999, rng), []
    for _ in range(25):
        changed = rng.random((400, 20)) < 0.2
        found += mean_estimates(changed * rng.choice([-1, 1], (400, 20)) * rng.lognormal(0, 1, (400, 20)), counts)
    covered, p = [each.low <= 0 <= each.high for each in found], np.array([each.p for each in found])
    assert np.isfinite(p).mean() > 0.9
    assert 0.92 <= np.mean(np.array(covered)[np.isfinite(p)]) <= 0.99
    assert 0.02 <= np.nanmean(p < 0.05) <= 0.08
