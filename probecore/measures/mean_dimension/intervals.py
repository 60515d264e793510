"""Intervals of ratios of means over points, and of differences between such ratios at the same points.

A bootstrap over blocks of neighbours, for neighbours on the circle share points (Carlstein 1986, doi
10.1214/aos/1176350057), studentised (Efron and Tibshirani 1993, ch. 12.5): the percentile interval is too short where
contributions are skewed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from probecore.statistics import bootstrap_counts

Array = npt.NDArray[np.float64]
Statistic = Callable[[Array], tuple[Array, Array]]
"""Sums (..., M) to a value (...) and its gradient (..., M)."""

REPLICATES = 1000
"""Bootstrap replicates of every interval."""

LEAST_EFFECTIVE = 15.0
"""With fewer effective points there is no interval: none was found that holds its level."""

HEAVIEST_TAIL = 1.2
"""With a larger tail index there is none either: of products of six inputs, 1,000 points, the interval of samples that
happen to have enough effective points held the truth in 60 %."""

MOST_BLOCKS = 1000
"""More are no use."""

GROUPS = 128
"""Ratios that are replicated at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ratios:
    """G ratios of means over the same points, each with its 95 % interval.

    Attributes
    ----------
    contributions
        Numerator and denominator of each point, shape (N, G, 2), points in the order of the circle.
    reach
        How far along the circle a point's contribution depends on others.
    value, low, high
        (G,). The value is NaN where the denominator is 0, the interval where `effective` is below `LEAST_EFFECTIVE`
        or the tail of numerator or denominator is above `HEAVIEST_TAIL`.
    effective
        (G,), points that make up numerator or denominator, whichever are fewer: (Σ|c|)² / Σ c².
    """

    contributions: Array
    reach: int
    value: Array
    low: Array
    high: Array
    effective: Array

    def trace(self) -> "Ratios":
        """The last of them alone."""
        kept = {name: getattr(self, name)[-1:] for name in ("value", "low", "high", "effective")}
        return Ratios(contributions=self.contributions[:, -1:], reach=self.reach, **kept)


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """Differences of G ratios to those of an untrained network, (G,) each; NaN where there is none."""

    null: Array
    """The untrained network's ratios."""
    value: Array
    low: Array
    high: Array


def estimate_ratios(contributions: Array, *, reach: int, generator: np.random.Generator) -> Ratios:
    """Ratios Σ numerators / Σ denominators of contributions (N, G, 2), with intervals; see `Ratios`."""
    effective = effective_points(contributions)
    with np.errstate(invalid="ignore", divide="ignore"):
        value, _ = _ratio(contributions.sum(axis=0))
    value = np.where(contributions[:, :, 1].any(axis=0), value, np.nan)
    known = (effective >= LEAST_EFFECTIVE) & (tail_index(contributions) <= HEAVIEST_TAIL)
    low, high = _studentised(contributions, _ratio, reach=reach, known=known, generator=generator)
    return Ratios(contributions=contributions, reach=reach, value=value, low=low, high=high, effective=effective)


def change_since(before: Ratios, after: Ratios, *, generator: np.random.Generator) -> Change:
    """How much ratios differ from those before, with a paired interval: both are of the same points and exchanges."""
    both = np.concatenate([before.contributions, after.contributions], axis=2)
    known = np.isfinite(before.low) & np.isfinite(after.low)
    low, high = _studentised(both, _difference, reach=max(before.reach, after.reach), known=known, generator=generator)
    return Change(null=before.value, value=after.value - before.value, low=low, high=high)


def no_change(count: int) -> Change:
    """Of `count` ratios with nothing before them."""
    none = np.full(count, np.nan)
    return Change(null=none, value=none, low=none, high=none)


def effective_points(contributions: Array) -> Array:
    """Effective number of points (G,) of contributions (N, G, 2): N where all contribute alike, 1 where one does."""
    sizes = np.abs(contributions)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = sizes.sum(axis=0) ** 2 / (sizes**2).sum(axis=0)
    return np.asarray(np.nan_to_num(found, nan=0.0).min(axis=1))


def tail_index(contributions: Array) -> Array:
    """Tail index (G,) of contributions (N, G, 2): Hill's (1975, doi 10.1214/aos/1176343247) of the largest tenth.

    The mean of how far the logarithms of the largest tenth (at least 5) of the sizes above 0 lie above that of the
    next, the larger of numerator's and denominator's. From 1/2 on the variance is infinite if the tail goes on so.
    """
    sizes = -np.sort(-np.abs(contributions), axis=0)
    largest = np.clip((sizes > 0).sum(axis=0) // 10, 5, len(sizes) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.log(sizes / np.take_along_axis(sizes, largest[None], axis=0))
    among = np.arange(len(sizes))[:, None, None] < largest
    found = np.where(among, above, 0.0).sum(axis=0) / largest
    return np.asarray(np.nan_to_num(found, nan=np.inf).max(axis=1))


def _studentised(
    contributions: Array,
    statistic: Statistic,
    *,
    reach: int,
    known: npt.NDArray[np.bool_],
    generator: np.random.Generator,
) -> tuple[Array, Array]:
    """Bootstrap-t interval, (G,) and (G,), of a statistic of sums; NaN where it is not `known` to hold."""
    points, groups = contributions.shape[:2]
    length = max(1, min(4 * (reach + 1) if reach else 1, points // 20), points // MOST_BLOCKS)
    blocks = np.add.reduceat(contributions, np.arange(0, points, length), axis=0)
    counts = bootstrap_counts(len(blocks), REPLICATES, generator).astype(np.float64)
    low, high = np.full(groups, np.nan), np.full(groups, np.nan)
    chosen = np.flatnonzero(known)
    for part in np.split(chosen, range(GROUPS, len(chosen), GROUPS)):
        low[part], high[part] = _bootstrap_t(blocks[:, part], counts, statistic)
    return low, high


def _bootstrap_t(blocks: Array, counts: Array, statistic: Statistic) -> tuple[Array, Array]:
    """As `_studentised`, of blocks (B, G, M) and how often each is drawn, (R, B)."""
    value, gradient = statistic(blocks.sum(axis=0))
    error = np.sqrt(((blocks * gradient).sum(axis=2) ** 2).sum(axis=0))
    products = blocks[..., :, None] * blocks[..., None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn, slopes = statistic(np.tensordot(counts, blocks, 1))
        squares = np.einsum("rgm,rgmn,rgn->rg", slopes, np.tensordot(counts, products, 1), slopes)
        studentised = (drawn - value) / np.sqrt(np.maximum(squares, 0))
    # A replicate without error is one of equal blocks: it says nothing where it agrees, and all where it does not.
    studentised = np.nan_to_num(studentised, nan=0.0, posinf=np.inf, neginf=-np.inf)
    with np.errstate(invalid="ignore"):
        upper, lower = np.quantile(studentised, [0.975, 0.025], axis=0)
        return value - upper * error, value - lower * error


def _ratio(sums: Array) -> tuple[Array, Array]:
    above, below = sums[..., 0], sums[..., 1]
    return above / below, np.stack([1 / below, -above / below**2], axis=-1)


def _difference(sums: Array) -> tuple[Array, Array]:
    """Of the second ratio to the first."""
    (before, slope_before), (after, slope_after) = _ratio(sums[..., :2]), _ratio(sums[..., 2:])
    return after - before, np.concatenate([-slope_before, slope_after], axis=-1)
