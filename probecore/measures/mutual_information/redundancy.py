"""What units of a layer know twice: pairs of units, their redundancy about the label, and a choice order.

All pairs come from one product of indicator matrices per class: units are binned by quantiles, and every joint
table of two units and the label is a block of that product. Logarithms of counts are Grassberger's (2003, arXiv
physics/0307138), whose bias vanishes exponentially in a cell's expected count: that of Miller and Madow is of first
order, and made pairs seem synergetic.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, digamma

from probecore.measures.mutual_information.result import Array, Labels
from probecore.statistics import Z, permutation_p
from probecore.statistics.binning import quantile_bins

LEVEL = 0.05
"""Of the test whether a unit adds."""

SMALL = 20
"""Counts up to which Grassberger's logarithm differs from ψ."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs of units, nats, corrected for bias; arrays of shape (U, U) unless said.

    Attributes
    ----------
    shared, shared_p
        I(T_i;T_j), and the p-value of the G-test of independence.
    alone
        I(T_i;Y), (U,).
    joint, joint_null
        I(T_i,T_j;Y), and under permuted labels, (B, U, U).
    redundancy, low, high
        I(T_i;Y) + I(T_j;Y) - I(T_i,T_j;Y), above 0 what both know, below 0 what only both together know, less the
        bias that I(T_i;T_j|Y) has where units are permuted within classes; its normal 95 % interval over samples.
    null, p
        Mean redundancy where units are permuted within classes, which leaves what each knows and makes them
        independent given the label; two-sided p-value of that. A pair is synergetic where its interval lies below 0
        and p is small, for a pair of such independent units is not.
    """

    shared: Array
    shared_p: Array
    alone: Array
    joint: Array
    joint_null: Array
    redundancy: Array
    low: Array
    high: Array
    null: Array
    p: Array


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The order in which units add most about the label, arrays of shape (U,).

    Attributes
    ----------
    unit
        Units in the order of choice.
    gain, null_95, p
        The least that the unit adds to any unit chosen before, min_j I(T_i;Y|T_j) (for the first I(T_i;Y)); the
        95 % point of the largest such number of all units left, under permuted labels; and the p-value, at least that
        of the units before: the chance that any unit after the last that adds seems to is `LEVEL` (a step-down test
        as that of Westfall and Young 1993).
    """

    unit: npt.NDArray[np.int64]
    gain: Array
    null_95: Array
    p: Array

    @property
    def adds(self) -> npt.NDArray[np.bool_]:
        """Whether each unit adds more than units that know nothing."""
        return self.p <= LEVEL

    def enough(self, coverage: float) -> int:
        """The number of first units whose gains make up the share `coverage` of all; at least 1."""
        gains = np.cumsum(np.maximum(self.gain, 0))
        return int(np.searchsorted(gains, coverage * gains[-1])) + 1 if gains[-1] > 0 else 1


def pair_information(
    values: Array, labels: Labels, *, bins: int, shuffles: int, generator: np.random.Generator
) -> Pairs:
    """Information of all pairs of units with each other and with the label.

    Parameters
    ----------
    values : shape (N, U)
    labels : whole numbers 0 … K-1, (N,)
    bins : quantile bins per unit; bins² · K cells should not outnumber the samples
    shuffles : permutations behind each of the nulls; 0: none, and no p-values
    generator : draws them
    """
    n, units = values.shape
    indicators = np.eye(bins, dtype=np.float32)[quantile_bins(values, bins)].reshape(n, units * bins)
    counts = _tables(indicators, labels, units)
    joint, surprise = _with_label(counts, n)
    alone = np.diag(joint).copy()
    spread = _spread(counts, surprise, n)
    label_null = _null((_tables(indicators, generator.permutation(labels), units) for _ in range(shuffles)), joint)
    null, excess = np.empty((shuffles, units, units)), np.zeros((units, units))
    for draw in range(shuffles):
        apart = _tables(_within_classes(indicators, labels, units, generator), labels, units)
        null[draw] = _redundancy(_with_label(apart, n)[0])
        excess += _given_label(apart, n) / shuffles
    redundancy, null = _redundancy(joint) + excess, null + excess
    plain, correction, freedom = _between(counts.sum(axis=0), n)
    return Pairs(
        shared=plain - correction,
        shared_p=chdtrc(np.maximum(freedom, 1), np.maximum(2 * n * plain, 0)),
        alone=alone,
        joint=joint,
        joint_null=label_null,
        redundancy=redundancy,
        low=redundancy - Z * spread,
        high=redundancy + Z * spread,
        null=null.mean(axis=0) if shuffles else np.full_like(joint, np.nan),
        p=permutation_p(redundancy, null, tail="two-sided"),
    )


def choice_order(pairs: Pairs) -> Choice:
    """Choose units one by one, each time that which adds most to every single unit chosen before.

    The criterion of Fleuret (2004, Journal of Machine Learning Research 5): the conditional information given
    whole sets would need more samples than there are. Each choice is tested against the best choice among the same
    units, after the same ones, that permuted labels offer.
    """
    units = len(pairs.alone)
    gain, null = pairs.alone.copy(), np.diagonal(pairs.joint_null, axis1=1, axis2=2).copy()
    left = np.ones(units, dtype=bool)
    chosen, gains, nulls = [], [], []
    for _ in range(units):
        unit = int(np.argmax(np.where(left, gain, -np.inf)))
        chosen.append(unit)
        gains.append(gain[unit])
        nulls.append(null[:, left].max(axis=1))
        left[unit] = False
        gain = np.minimum(gain, pairs.joint[:, unit] - pairs.alone[unit])
        null = np.minimum(null, pairs.joint_null[:, :, unit] - pairs.joint_null[:, unit, unit][:, None])
    best = np.stack(nulls, axis=1)
    return Choice(
        unit=np.array(chosen),
        gain=np.array(gains),
        null_95=np.quantile(best, 0.95, axis=0) if len(best) else np.full(units, np.nan),
        p=np.maximum.accumulate(permutation_p(np.array(gains), best)),
    )


def cluster_order(similarity: Array) -> npt.NDArray[np.int64]:
    """An order of units in which similar ones lie side by side: leaves of average-linkage clustering."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(similarity) < 3:
        return np.arange(len(similarity))
    apart = similarity.max() - (similarity + similarity.T) / 2
    np.fill_diagonal(apart, 0)
    return np.asarray(leaves_list(linkage(squareform(apart, checks=False), "average")), dtype=np.int64)


def _tables(indicators: npt.NDArray[np.float32], labels: Labels, units: int) -> npt.NDArray[np.int64]:
    """Counts of two units' bins and the label, (K, U, B, U, B); a unit with itself has its own on the diagonal."""
    tables = []
    for label in range(int(labels.max()) + 1):
        rows = indicators[labels == label]
        tables.append((rows.T @ rows).astype(np.int64))
    bins = indicators.shape[1] // units
    return np.stack(tables).reshape(-1, units, bins, units, bins)


def _within_classes(
    indicators: npt.NDArray[np.float32], labels: Labels, units: int, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Indicators (N, U B) with each unit's samples permuted among those of their class."""
    n = len(labels)
    by_class = np.argsort(labels, kind="stable")
    shuffled = np.lexsort((generator.random((units, n)), np.broadcast_to(labels, (units, n))), axis=1)
    blocks, permuted = indicators.reshape(n, units, -1), np.empty((n, units, indicators.shape[1] // units), np.float32)
    permuted[by_class] = blocks[shuffled.T, np.arange(units)]
    return permuted.reshape(n, -1)


def _null(tables: Iterable[npt.NDArray[np.int64]], like: Array) -> Array:
    """I(T_i,T_j;Y) of each of some tables, (B, U, U)."""
    nulls = [_with_label(counts, int(counts[:, 0, :, 0].sum()))[0] for counts in tables]
    return np.stack(nulls) if nulls else np.empty((0, *like.shape))


def _redundancy(joint: Array) -> Array:
    """I(T_i;Y) + I(T_j;Y) - I(T_i,T_j;Y) from the last, (..., U, U), which has the first on its diagonal."""
    alone = np.diagonal(joint, axis1=-2, axis2=-1)
    return np.asarray(alone[..., :, None] + alone[..., None, :] - joint)


def _given_label(counts: npt.NDArray[np.int64], n: int) -> Array:
    """I(T_i;T_j|Y), (U, U): of units that were made independent the bias that is left."""
    units, logs = np.arange(counts.shape[1]), _logarithms(n)
    own = counts[:, units, :, units].diagonal(axis1=2, axis2=3).transpose(1, 0, 2)
    sizes = own[:, 0].sum(axis=1)
    alone = (own * logs[own]).sum(axis=(0, 2)) / n
    together = (counts * logs[counts]).sum(axis=(0, 2, 4)) / n
    within = (sizes * digamma(np.maximum(sizes, 1))).sum() / n
    return np.asarray(together - alone[:, None] - alone + within)


def _logarithms(n: int) -> Array:
    """Grassberger's of counts 0 to n, ψ(c) + (-1)^c (ψ((c + 1)/2) - ψ(c/2)) / 2; 0 for 0.

    Above `SMALL`, where the second term has no mean left, ψ(c) alone: counts that quantiles or the design hold fixed
    would keep its sign.
    """
    counts = np.maximum(np.arange(n + 1), 1)
    sign = np.where(counts % 2, -0.5, 0.5) * (counts <= SMALL)
    found = digamma(counts) + sign * (digamma((counts + 1) / 2) - digamma(counts / 2))
    found[0] = 0
    return np.asarray(found)


def _with_label(counts: npt.NDArray[np.int64], n: int) -> tuple[Array, Array]:
    """I(T_i,T_j;Y), (U, U), and log p(y|t_i,t_j)/p(y) of each cell, 0 where empty."""
    both, sizes = counts.sum(axis=0), counts[:, 0, :, 0].sum(axis=(1, 2))
    logs = _logarithms(n)
    apart = digamma(n) - digamma(np.maximum(sizes, 1))
    surprise = logs[counts] - logs[both] + apart[:, None, None, None, None]
    surprise[counts == 0] = 0
    return (counts * surprise).sum(axis=(0, 2, 4)) / n, surprise


def _spread(counts: npt.NDArray[np.int64], surprise: Array, n: int) -> Array:
    """Standard error over samples of the redundancy, (U, U)."""
    units, bins = counts.shape[1:3]
    own, bin_ = np.arange(units), np.arange(bins)
    alone = surprise[:, own[:, None], bin_, own[:, None], bin_]
    local = alone[:, :, :, None, None] + alone[:, None, None] - surprise
    mean = (counts * local).sum(axis=(0, 2, 4)) / n
    square = (counts * local**2).sum(axis=(0, 2, 4)) / n
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 0) / n))


def _between(both: npt.NDArray[np.int64], n: int) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """Plug-in I(T_i;T_j), (U, U), its first-order bias, and the degrees of freedom of its G-test."""
    units = np.arange(len(both))
    margin = both[units, :, units, :].diagonal(axis1=1, axis2=2)
    logs = np.log(np.maximum(np.arange(n + 1), 1))
    entropies = logs[n] - (margin * logs[margin]).sum(axis=1) / n
    together = logs[n] - (both * logs[both]).sum(axis=(1, 3)) / n
    states = np.count_nonzero(margin, axis=1)
    occupied = np.count_nonzero(both, axis=(1, 3))
    correction = (occupied - states[:, None] - states + 1) / (2 * n)
    freedom = (states[:, None] - 1) * (states - 1)
    return entropies[:, None] + entropies - together, correction, freedom
