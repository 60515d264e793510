import numpy as np
import pandas as pd
import pytest
from scipy import stats

from probecore.statistics import bootstrap_counts, percentile_interval, permutation_p, spearman


def test_bootstrap_of_a_mean_covers_it() -> None:
    rng = np.random.default_rng(0)
    counts = bootstrap_counts(60, 400, rng)
    assert (counts.sum(axis=1) == 60).all()
    inside = 0
    for _ in range(300):
        values = rng.normal(size=60)
        low, high = percentile_interval(counts @ values / 60)
        inside += bool(low <= 0 <= high)
    assert inside / 300 == pytest.approx(0.94, abs=4 * np.sqrt(0.95 * 0.05 / 300))


def test_permutation_p_counts_the_observed_order() -> None:
    null = np.arange(99.0)
    assert permutation_p(1000.0, null) == pytest.approx(0.01)
    assert permutation_p(98.0, null) == pytest.approx(0.02)
    assert permutation_p(-1.0, null) == 1.0
    assert permutation_p(-1.0, null, tail="less") == pytest.approx(0.01)
    assert permutation_p([-1.0, 49.0], np.tile(null, (2, 1)).T, tail="two-sided") == pytest.approx([0.02, 1.0])
    assert np.isnan(permutation_p(np.nan, null))
    for tail in ("greater", "two-sided"):
        assert pd.DataFrame([{"p": permutation_p(0.3, null, tail=tail)}])["p"].dtype == np.float64


def test_spearman_agrees_with_scipy_with_ties() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 8, 40).astype(float)
    y = x + rng.normal(size=40) * 3
    ours, theirs = spearman(x, y, generator=rng), stats.spearmanr(x, y)
    assert ours.value == pytest.approx(theirs.statistic, abs=1e-12)
    assert ours.low < ours.value < ours.high
    assert ours.n == 40


@pytest.mark.parametrize("n", [8, 16, 84])
def test_spearman_interval_covers(n: int) -> None:
    """A correlation of 0.6 of two normal variables."""
    rng = np.random.default_rng(4)
    truth, inside = 6 / np.pi * np.arcsin(0.6 / 2), []
    for _ in range(300):
        x, noise = rng.normal(size=(2, n))
        found = spearman(x, 0.6 * x + 0.8 * noise, generator=rng, repeats=19)
        inside.append(found.low <= truth <= found.high)
    assert 0.92 <= np.mean(inside) <= 0.99


def test_spearman_has_no_interval_where_none_holds() -> None:
    rng = np.random.default_rng(5)
    for x in (rng.normal(size=(7, 2)).T, [np.arange(20), np.arange(20)]):
        found = spearman(*x, generator=rng)
        assert np.isnan([found.low, found.high]).all()
        assert np.isfinite([found.value, found.p]).all()


def test_spearman_is_calibrated() -> None:
    rng = np.random.default_rng(2)
    p = [spearman(*rng.normal(size=(2, 12)), generator=rng, repeats=199).p for _ in range(300)]
    assert stats.kstest(p, "uniform").pvalue > 0.01


@pytest.mark.parametrize("x", [[1.0, 2.0], [1.0, 1.0, 1.0, 1.0], [np.nan, 1.0, 2.0]])
def test_spearman_without_enough_to_rank(x: list[float]) -> None:
    result = spearman(x, np.arange(len(x)), generator=np.random.default_rng(3))
    assert np.isnan(result.value)
    assert np.isnan(result.p)
