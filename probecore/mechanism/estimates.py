"""From matrices and their replicates to estimates: values, intervals, nulls and p-values, by quantity."""

import numpy as np
import numpy.typing as npt

from probecore.mechanism.clusters import filter_statistics
from probecore.mechanism.fields import clip_fields
from probecore.mechanism.layer import layer_statistics
from probecore.mechanism.winners import winner_statistics
from probecore.statistics import percentile_interval, permutation_p

Array = npt.NDArray[np.float64]
Quantities = dict[str, Array]

COUNTS = ("clusters", "labels", "noise", "column_noise", "row_noise")
"""Counts of `FilterStatistics` that are kept of every filter."""

RANGES = {
    **dict.fromkeys(("strength", "z_snr"), (-np.inf, np.inf)),
    **dict.fromkeys(("clusterless", "dead", "row_winners"), (0, 1)),
    **dict.fromkeys(("single_accuracy", "winner_constancy", "winner_share"), (0, 1)),
}
"""What values a quantity can have; all others are 0 or more."""


def of_fields(fields: npt.NDArray[np.floating], threshold: float) -> tuple[Quantities, Quantities]:
    """Quantities of every filter (..., F) and of the layer (...), from matrices (..., F, K, K).

    ``strength`` is the largest element of a filter's matrix: ours, the plain size that the clusters are compared with.
    """
    masks = clip_fields(fields, threshold)
    statistics = filter_statistics(masks)
    counts = {name: np.asarray(getattr(statistics, name), dtype=np.float64) for name in COUNTS}
    strength = {"strength": fields.max(axis=(-2, -1)).astype(np.float64)}
    return counts | strength, dict(vars(layer_statistics(statistics, masks)))


def of_winners(rates: npt.NDArray[np.floating]) -> tuple[Quantities, Quantities]:
    """Quantities of every filter, and their means over the filters that fire."""
    filters = dict(vars(winner_statistics(rates)))
    with np.errstate(invalid="ignore"):
        means = {name: np.nansum(each, axis=-1) / np.isfinite(each).sum(axis=-1) for name, each in filters.items()}
    return filters, means


def estimates(
    observed: Array, drawn: Array, permuted: Array, *, within: tuple[float, float] = (0, np.inf)
) -> dict[str, Array]:
    """Columns ``value``, ``low``, ``high``, ``null`` and ``p`` of one quantity.

    Parameters
    ----------
    observed : shape (...)
    drawn : bootstrap replicates (B, ...), for the 95 % percentile interval, moved by the bootstrap's bias
    permuted : values under permuted labels (P, ...); null is their median, p is two-sided
    within : the values that are possible; the interval does not leave them

    Notes
    -----
    Values may be infinite (signal without noise): quantiles and bias are those of x / (1 + abs(x)).
    """
    value, replicates, null = _bounded(observed), _bounded(drawn), _bounded(permuted)
    bias = replicates.mean(axis=0) - value
    least, most = _bounded(np.array(within))
    low, high = (_unbounded(np.clip(bound - bias, least, most)) for bound in percentile_interval(replicates))
    p = permutation_p(value, null, tail="two-sided")
    return {"value": observed, "low": low, "high": high, "null": _unbounded(np.median(null, axis=0)), "p": p}


def _bounded(values: Array) -> Array:
    finite = np.isfinite(values)
    return np.where(finite, values / (1 + np.abs(np.where(finite, values, 0))), np.sign(values))


def _unbounded(values: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(values / (1 - np.abs(values)))
