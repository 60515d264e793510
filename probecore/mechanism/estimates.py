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


def estimates(observed: Array, drawn: Array, permuted: Array) -> dict[str, Array]:
    """Columns ``value``, ``low``, ``high``, ``null`` and ``p`` of one quantity.

    Parameters
    ----------
    observed : shape (...)
    drawn : bootstrap replicates (B, ...), for the 95 % percentile interval, widened to the value where it lies outside
    permuted : values under permuted labels (P, ...); null is their median, p is two-sided

    Notes
    -----
    Values may be infinite (signal without noise): quantiles are those of x / (1 + abs(x)).
    """
    value, replicates, null = _bounded(observed), _bounded(drawn), _bounded(permuted)
    low, high = (_unbounded(bound) for bound in percentile_interval(replicates))
    return {
        "value": observed,
        "low": np.minimum(low, observed),
        "high": np.maximum(high, observed),
        "null": _unbounded(np.median(null, axis=0)),
        "p": permutation_p(value, null, tail="two-sided"),
    }


def _bounded(values: Array) -> Array:
    finite = np.isfinite(values)
    return np.where(finite, values / (1 + np.abs(np.where(finite, values, 0))), np.sign(values))


def _unbounded(values: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(values / (1 - np.abs(values)))
