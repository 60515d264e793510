"""Intervals of ratios of means over points, and of differences between such ratios at the same points.

A bootstrap over blocks of neighbours, for neighbours on the circle share points (Carlstein 1986, doi
10.1214/aos/1176350057), studentised (Efron and Tibshirani 1993, ch. 12.5): the percentile interval is too short where
contributions are skewed. What is left of the error is of first order in 1 / points (Hall 1988, doi
10.1214/aos/1176350933), which are counted by how much each contributes: `LONGER`.
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

MOST_PER_EFFECTIVE = 27.0
"""With more points to an effective one there is none either: samples that happen to lack so heavy a tail have both more
effective points and a worse estimate."""

MOST_PER_ALIKE, ALIKE = 40.0, 2 / 3
"""So many where contributions that matter are nearly alike, as of rare bits, which have no tail: where there are at
least `ALIKE` times as many points as effective ones even if all count by how near they come to the largest."""

LONGER = 4.0
"""An interval is longer by this many times 1 / effective points. Chosen with the limits above in simulations of some
25 functions, most of which `benchmarks` draws anew: of other functions it is not known to hold."""

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
        or below one in `MOST_PER_EFFECTIVE` of the points (`MOST_PER_ALIKE` where contributions are alike).
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
    low, high = _studentised(contributions, _ratio, reach=reach, effective=effective, generator=generator)
    return Ratios(contributions=contributions, reach=reach, value=value, low=low, high=high, effective=effective)


def change_since(before: Ratios, after: Ratios, *, generator: np.random.Generator) -> Change:
    """How much ratios differ from those before, with a paired interval: both are of the same points and exchanges."""
    both = np.concatenate([before.contributions, after.contributions], axis=2)
    effective, reach = np.minimum(before.effective, after.effective), max(before.reach, after.reach)
    low, high = _studentised(both, _difference, reach=reach, effective=effective, generator=generator)
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


def _studentised(
    contributions: Array,
    statistic: Statistic,
    *,
    reach: int,
    effective: Array,
    generator: np.random.Generator,
) -> tuple[Array, Array]:
    """Bootstrap-t interval, (G,) and (G,), of a statistic of sums; NaN where too few points are effective."""
    points, groups = contributions.shape[:2]
    length = max(1, min(4 * (reach + 1) if reach else 1, points // 20), points // MOST_BLOCKS)
    blocks = np.add.reduceat(contributions, np.arange(0, points, length), axis=0)
    counts = bootstrap_counts(len(blocks), REPLICATES, generator).astype(np.float64)
    low, high = np.full(groups, np.nan), np.full(groups, np.nan)
    chosen = np.flatnonzero(effective >= np.maximum(LEAST_EFFECTIVE, points / _most_per(contributions, effective)))
    for part in np.split(chosen, range(GROUPS, len(chosen), GROUPS)):
        low[part], high[part] = _bootstrap_t(blocks[:, part], counts, statistic, 1 + LONGER / effective[part])
    return low, high


def _most_per(contributions: Array, effective: Array) -> Array:
    """How many points (G,) there may be to an effective one."""
    sizes = np.abs(contributions)
    with np.errstate(invalid="ignore", divide="ignore"):
        as_large = (sizes.sum(axis=0) / sizes.max(axis=0)).min(axis=1)
    return np.where(as_large >= ALIKE * effective, MOST_PER_ALIKE, MOST_PER_EFFECTIVE)


def _bootstrap_t(blocks: Array, counts: Array, statistic: Statistic, longer: Array) -> tuple[Array, Array]:
    """As `_studentised`, of blocks (B, G, M) and how often each is drawn, (R, B); `longer` by factors (G,)."""
    value, gradient = statistic(blocks.sum(axis=0))
    error = longer * np.sqrt(((blocks * gradient).sum(axis=2) ** 2).sum(axis=0))
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
