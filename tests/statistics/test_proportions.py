"""Proportions against statsmodels and SciPy."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest
from statsmodels.stats.proportion import proportion_confint

from probecore.statistics import paired_difference, wilson_interval


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (4, 10), (982, 1000), (1000, 1000)])
def test_wilson_interval_is_that_of_statsmodels(successes: int, n: int) -> None:
    expected = proportion_confint(successes, n, method="wilson")
    assert wilson_interval(successes, n) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [10, 50, 200, 1000])
def test_wilson_interval_covers_every_proportion(n: int) -> None:
    """Exactly, by enumeration; Wilson's own ends hold 84 % near 0 and 1."""
    ends = np.array([wilson_interval(successes, n) for successes in range(n + 1)])
    for truth in np.concatenate([np.geomspace(1e-4, 0.05, 60), np.linspace(0.05, 0.5, 60)]):
        inside = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
        assert binom.pmf(np.arange(n + 1), n, truth)[inside].sum() > 0.915
    assert np.allclose(ends, 1 - ends[::-1, ::-1])


def test_paired_difference_counts_changes() -> None:
    before = np.array([True] * 60 + [False] * 40)
    after = before.copy()
    after[:10] = False
    after[60:63] = True
    result = paired_difference(before, after)
    assert result.value == pytest.approx(-0.07)
    assert result.n == 100
    assert result.p == pytest.approx(binomtest(3, 13).pvalue)
    differences = np.concatenate([after.astype(float) - before, [0.5**0.5, -(0.5**0.5)]])  # Agresti and Min
    half = 1.959964 * differences.std() / 102**0.5
    centre = differences.mean()
    assert centre == pytest.approx(-7 / 102)
    assert (result.low, result.high) == pytest.approx((centre - half, centre + half), abs=1e-6)


def test_no_change_is_no_evidence() -> None:
    right = np.ones(50, dtype=bool)
    result = paired_difference(right, right)
    assert (result.value, result.p) == (0.0, 1.0)
    assert -0.06 < result.low < 0 < result.high < 0.06


def test_interval_of_the_difference_covers_the_truth() -> None:
    """95 % within 4 standard errors, for a change that gains 6 % and loses 2 %."""
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(1000):
        kind = rng.choice(3, p=[0.06, 0.02, 0.92], size=300)
        result = paired_difference(kind != 0, kind != 1)
        covered += result.low <= 0.04 <= result.high
    assert abs(covered / 1000 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 1000)


@pytest.mark.parametrize("n", [10, 100, 500, 1000, 2000, 5000, 10_000])
def test_wilson_interval_ends_at_nothing_and_all(n: int) -> None:
    assert wilson_interval(0, n)[0] == 0
    assert wilson_interval(n, n)[1] == 1


def test_p_values_are_uniform_under_the_null() -> None:
    """Rejections at 5 % stay below 5 % (the test is exact and discrete) within 4 standard errors."""
    rng = np.random.default_rng(7)
    p = [paired_difference(rng.random(200) < 0.5, rng.random(200) < 0.5).p for _ in range(2000)]
    assert np.mean(np.array(p) < 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 2000)
    assert np.mean(np.array(p) < 0.05) > 0.02
