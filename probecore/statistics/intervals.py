"""Intervals that correct the plain bootstrap's: for skewed statistics, and for means and ratios with heavy tails."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from probecore.statistics.proportions import Z
from probecore.statistics.resampling import permutation_p
from probecore.statistics.result import Estimate

Array = npt.NDArray[np.float64]

LEVELS = np.array([0.025, 0.975])


class Intervals(NamedTuple):
    """Values with 95 % intervals, arrays of one shape; NaN where there is no interval."""

    value: Array
    low: Array
    high: Array


def bca_interval(value: npt.ArrayLike, replicates: npt.ArrayLike, jackknife: npt.ArrayLike) -> tuple[Array, Array]:
    """Compute the 95 % bias-corrected and accelerated interval (Efron 1987, doi 10.1080/01621459.1987.10478410).

    Parameters
    ----------
    value : shape (...), the statistic of the sample
    replicates : bootstrap replicates of it, shape (B, ...); 999 or more
    jackknife : its values without each sample (or group of samples) in turn, shape (N, ...)

    Returns
    -------
    low, high
        Shape (...); NaN where all replicates lie on one side of the value, or one is NaN.
    """
    observed, drawn = np.asarray(value, dtype=np.float64), np.asarray(replicates, dtype=np.float64)
    without = np.asarray(jackknife, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = (drawn < observed).mean(axis=0) + (drawn == observed).mean(axis=0) / 2
        bias = ndtri(below)
        influence = without.mean(axis=0) - without
        acceleration = np.nan_to_num((influence**3).sum(axis=0) / (6 * (influence**2).sum(axis=0) ** 1.5))
        low, high = (_quantile(drawn, ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))) for z in ndtri(LEVELS))
    return low, high


def studentised_interval(
    value: npt.ArrayLike, error: npt.ArrayLike, replicates: npt.ArrayLike, errors: npt.ArrayLike
) -> tuple[Array, Array]:
    """Compute the 95 % bootstrap-t interval (Hall 1988, doi 10.1214/aos/1176350933).

    Parameters
    ----------
    value, error : shape (...), the statistic of the sample and its standard error
    replicates, errors : both of each bootstrap replicate, shape (B, ...); 999 or more

    Returns
    -------
    low, high
        Shape (...); NaN where more than 2.5 % of the replicates differ from the value but have no error: so few
        samples carry the statistic that nothing is known of its spread.
    """
    observed, drawn = np.asarray(value, dtype=np.float64), np.asarray(replicates, dtype=np.float64)
    difference = drawn - observed
    with np.errstate(divide="ignore", invalid="ignore"):
        pivots = np.where(difference == 0, 0.0, difference / np.asarray(errors, dtype=np.float64))
        below, above = np.quantile(pivots, LEVELS, axis=0, method="lower")
        low, high = observed - above * np.asarray(error), observed - below * np.asarray(error)
    known = np.isfinite(low) & np.isfinite(high)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def ratio_interval(above: npt.ArrayLike, below: npt.ArrayLike, counts: npt.NDArray[np.integer]) -> Intervals:
    """Estimate a ratio of sums over samples, with its bootstrap-t interval; errors by linearisation.

    Parameters
    ----------
    above, below : shape (N, ...), of each sample; their sums are divided
    counts : shape (B, N), from `bootstrap_counts`; 999 replicates or more
    """
    above, below = np.broadcast_arrays(np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64))
    n, shape = len(above), above.shape[1:]
    a, b = above.reshape(n, -1), below.reshape(n, -1)
    value, error = _linearised(np.ones((1, n)), a, b)
    low, high = studentised_interval(value[0], error[0], *_linearised(counts.astype(np.float64), a, b))
    return Intervals(value[0].reshape(shape), low.reshape(shape), high.reshape(shape))


def mean_interval(values: npt.ArrayLike, counts: npt.NDArray[np.integer]) -> Intervals:
    """Estimate a mean over the first axis of values (N, ...), with its bootstrap-t interval; `ratio_interval` else."""
    values = np.asarray(values, dtype=np.float64)
    return ratio_interval(values, np.ones(1), counts)


CARRIERS = 20
"""Least number of samples that have to carry a mean, (Σ|x|)² / Σx², for `mean_estimates` to give an interval."""


def mean_estimates(values: npt.ArrayLike, counts: npt.NDArray[np.integer]) -> list[Estimate]:
    """Estimate the means over the first axis of values (N, M) against 0, where a few samples may carry them.

    Parameters
    ----------
    values : shape (N, M)
    counts : shape (B, N), from `bootstrap_counts`; 999 replicates or more

    Returns
    -------
    list of Estimate
        The 95 % interval spans the normal and the bootstrap-t one, and p is the larger of the normal p and the
        bootstrap-t's, which has no say where no replicate is as extreme. Neither is given where fewer than
        `CARRIERS` samples carry the mean: the samples that matter are then too rare to have been seen, and every
        interval that was tried holds the truth in 75 to 88 % of samples.
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    (value, error), (drawn, errors) = (
        _linearised(weights, values, np.ones_like(values)) for weights in (np.ones((1, n)), counts.astype(np.float64))
    )
    low, high = studentised_interval(value[0], error[0], drawn, errors)
    with np.errstate(divide="ignore", invalid="ignore"):
        carriers = np.abs(values).sum(axis=0) ** 2 / (values**2).sum(axis=0)
        statistic, pivots = (value / error)[0], (drawn - value) / errors
    by_bootstrap = permutation_p(statistic, pivots, tail="two-sided")
    p = np.fmax(2 * ndtr(-np.abs(statistic)), np.where(by_bootstrap > 2 / (len(drawn) + 1), by_bootstrap, 0))
    half = Z * error[0]
    lows, highs = np.fmin(low, value[0] - half), np.fmax(high, value[0] + half)
    return [
        Estimate(value=value[0, i], low=lows[i], high=highs[i], null=0.0, p=p[i], n=n)
        if carriers[i] >= CARRIERS
        else Estimate(value=value[0, i], null=0.0, n=n)
        for i in range(values.shape[1])
    ]


def _linearised(counts: Array, above: Array, below: Array) -> tuple[Array, Array]:
    """Ratios (B, M) of weighted sums of (N, M), and their standard errors."""
    n = len(above)
    top, bottom = counts @ above, counts @ below
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = top / bottom
        squares = counts @ above**2 - 2 * ratio * (counts @ (above * below)) + ratio**2 * (counts @ below**2)
        return ratio, np.sqrt(np.maximum(squares, 0) * n / (n - 1)) / np.abs(bottom)


def _quantile(replicates: Array, levels: Array) -> Array:
    """Quantile of each column at a level of its own, linear between order statistics."""
    ordered, place = np.sort(replicates, axis=0), np.asarray(levels * (len(replicates) - 1))
    known = np.isfinite(place)
    start = np.floor(np.where(known, place, 0)).astype(np.int64)
    end = np.minimum(start + 1, len(replicates) - 1)
    lower, upper = (np.take_along_axis(ordered, each[None], axis=0)[0] for each in (start, end))
    return np.asarray(np.where(known, lower + (place - start) * (upper - lower), np.nan))
