"""Proportions against statsmodels and SciPy."""

import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from probecore.statistics import paired_difference, wilson_interval


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (982, 1000), (1000, 1000)])
def test_wilson_interval_is_that_of_statsmodels(successes: int, n: int) -> None:
    expected = proportion_confint(successes, n, method="wilson")
    assert wilson_interval(successes, n) == pytest.approx(expected, abs=1e-12)


def test_paired_difference_counts_changes() -> None:
    before = np.array([True] * 60 + [False] * 40)
    after = before.copy()
    after[:10] = False
    after[60:63] = True
    result = paired_difference(before, after)
    assert result.value == pytest.approx(-0.07)
    assert result.n == 100
    assert result.p == pytest.approx(binomtest(3, 13).pvalue)
    differences = after.astype(float) - before
    half = 1.959964 * differences.std() / 10
    assert (result.low, result.high) == pytest.approx((-0.07 - half, -0.07 + half), abs=1e-6)


def test_no_change_is_no_evidence() -> None:
    right = np.ones(50, dtype=bool)
    result = paired_difference(right, right)
    assert (result.value, result.low, result.high, result.p) == (0.0, 0.0, 0.0, 1.0)


def test_p_values_are_uniform_under_the_null() -> None:
    """Rejections at 5 % stay below 5 % (the test is exact and discrete) within 4 standard errors."""
    rng = np.random.default_rng(7)
    p = [paired_difference(rng.random(200) < 0.5, rng.random(200) < 0.5).p for _ in range(2000)]
    assert np.mean(np.array(p) < 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 2000)
    assert np.mean(np.array(p) < 0.05) > 0.02
