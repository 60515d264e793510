"""Bootstrap and permutation: intervals and p-values from replicates."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from probecore.statistics.proportions import Z
from probecore.statistics.ranks import average_ranks
from probecore.statistics.result import Estimate

Array = npt.NDArray[np.float64]


def bootstrap_counts(
    n: int, repeats: int, generator: np.random.Generator, *, drawn: int | None = None
) -> npt.NDArray[np.int64]:
    """How often each of n samples is drawn in each bootstrap replicate, shape (B, N); rows sum to n, or to `drawn`.

    A statistic that is a function of means becomes one product: ``counts @ values / n``
    (Efron 1979, doi 10.1214/aos/1176344552).
    """
    return generator.multinomial(drawn or n, np.full(n, 1 / n), size=repeats)


def percentile_interval(replicates: npt.ArrayLike) -> tuple[Array, Array]:
    """95 % percentile interval over the first axis of replicates (B, ...); NaN where a replicate is NaN."""
    low, high = np.quantile(np.asarray(replicates, dtype=np.float64), [0.025, 0.975], axis=0)
    return low, high


def permutation_p(
    observed: npt.ArrayLike, null: npt.ArrayLike, *, tail: Literal["greater", "less", "two-sided"] = "greater"
) -> Array:
    """p-values of a permutation test, (1 + number as extreme) / (B + 1).

    Parameters
    ----------
    observed : shape (...)
    null : values under permutation, shape (B, ...)
    tail : which values are extreme; two-sided doubles the smaller of the two p-values

    Notes
    -----
    The observed order counts as a permutation, so p is never 0 (Phipson and Smyth 2010, doi 10.2202/1544-6115.1585).
    Values that differ by rounding alone count as equal. NaN stays NaN. The p of one value is a number, which tables
    take, and no array without dimensions, of which they write the text.
    """
    value, values = np.asarray(observed, dtype=np.float64), np.asarray(null, dtype=np.float64)
    if tail == "two-sided":
        sides = [permutation_p(value, values, tail="greater"), permutation_p(value, values, tail="less")]
        return np.asarray(np.minimum(1.0, 2 * np.minimum(*sides)))[()]
    slack = 1e-12 * np.maximum(1.0, np.abs(value))
    extreme = values >= value - slack if tail == "greater" else values <= value + slack
    p = (1 + extreme.sum(axis=0)) / (len(values) + 1)
    return np.where(np.isnan(value) | np.isnan(values).any(axis=0), np.nan, p)[()]


def rank_correlation(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Compute Spearman's rank correlation of x and y, both (N,), with average ranks for ties.

    NaN with fewer than three pairs, or where x or y is constant; pairs that lack either are left out.
    """
    pairs = np.column_stack([x, y]).astype(np.float64)
    ranks = average_ranks(pairs[np.isfinite(pairs).all(axis=1)], axis=0)
    if len(ranks) < 3 or not np.ptp(ranks, axis=0).all():
        return np.nan
    return float(_correlation(ranks[:, 0], ranks[:, 1]))


def spearman(x: npt.ArrayLike, y: npt.ArrayLike, *, generator: np.random.Generator, repeats: int = 999) -> Estimate:
    """Estimate `rank_correlation` with its interval and a test.

    Returns
    -------
    Estimate
        The 95 % interval is normal for arctanh of the correlation, with the larger of two standard errors: that
        of Bonett and Wright (2000, doi 10.1007/BF02294183) and the jackknife's; p is a two-sided permutation test,
        null 0. No interval below `SPEARMAN_LEAST` pairs, or where the ranks agree wholly: none holds the truth
        there as often as it says. With fewer than three pairs, or where x or y is constant, all but `n` is NaN.
    """
    pairs = np.column_stack([x, y]).astype(np.float64)
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    n, value = len(pairs), rank_correlation(x, y)
    if np.isnan(value):
        return Estimate(value=value, n=n)
    ranks = average_ranks(pairs, axis=0)
    shuffled = np.argsort(generator.random((repeats, n)), axis=1)
    null = _correlation(ranks[:, 0], ranks[shuffled, 1])
    p = permutation_p(value, null, tail="two-sided")
    low, high = _spearman_interval(value, pairs)
    return Estimate(value=value, low=low, high=high, null=0.0, p=float(p), n=n)


SPEARMAN_LEAST = 8
"""Pairs from which on Spearman's correlation has an interval."""


def _spearman_interval(value: float, pairs: Array) -> tuple[float, float]:
    n = len(pairs)
    if n < SPEARMAN_LEAST or 1 - abs(value) < 1e-9:
        return np.nan, np.nan
    others = ~np.eye(n, dtype=bool)
    without = (average_ranks(np.broadcast_to(side, (n, n))[others].reshape(n, n - 1), axis=1) for side in pairs.T)
    jackknife = np.nan_to_num(_correlation(*without))
    error = np.sqrt((n - 1) * jackknife.var()) / (1 - value**2)
    half = Z * max(np.sqrt((1 + value**2 / 2) / (n - 3)), error)
    return float(np.tanh(np.arctanh(value) - half)), float(np.tanh(np.arctanh(value) + half))


def _correlation(x: Array, y: Array) -> Array:
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray((x * y).sum(axis=-1) / np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1)))
