"""From matrices and their replicates to estimates: values, intervals, nulls and p-values, by quantity."""

import numpy as np
import numpy.typing as npt

from probecore.measures.mechanism.clusters import filter_statistics
from probecore.measures.mechanism.fields import clip_fields
from probecore.measures.mechanism.layer import layer_statistics
from probecore.measures.mechanism.winners import winner_statistics
from probecore.statistics import Z, permutation_p

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


def of_winners(
    rates: npt.NDArray[np.floating], favourite: npt.NDArray[np.intp] | None = None
) -> tuple[Quantities, Quantities]:
    """Quantities of every filter, and their means over the filters that fire; parameters as `winner_statistics`."""
    filters = dict(vars(winner_statistics(rates, favourite)))
    with np.errstate(invalid="ignore"):
        means = {name: np.nansum(each, axis=-1) / np.isfinite(each).sum(axis=-1) for name, each in filters.items()}
    return filters, means


PROPORTIONS = ("clusterless", "dead", "row_winners", "single_accuracy", "winner_constancy", "winner_share")
"""Quantities from 0 to 1; all others but `strength` and `z_snr` are not negative."""


def estimates(observed: Array, drawn: Array, permuted: Array) -> dict[str, Array]:
    """Columns ``value``, ``low``, ``high``, ``null`` and ``p`` of one quantity.

    Parameters
    ----------
    observed : shape (...)
    drawn : bootstrap replicates (B, ...)
    permuted : values under permuted labels (P, ...); null is their median, p is two-sided

    Returns
    -------
    dict
        The 95 % interval is the value plus and minus 1.96 times the root mean square of what the replicates differ
        from it, for what samples of as many images give on average. Counts of elements above a threshold depend on
        the number of images, and no interval for what infinitely many would give holds.

    Notes
    -----
    Where one is infinite (signal without noise), all is computed for x / (1 + abs(x)).
    """
    finite = np.isfinite(observed) & np.isfinite(drawn).all(axis=0)
    low, high = (
        np.where(finite, *ends) for ends in zip(_ends(observed, drawn), _bounded_ends(observed, drawn), strict=True)
    )
    return {
        "value": observed,
        "low": low,
        "high": high,
        "null": _unbounded(np.median(_bounded(permuted), axis=0)),
        "p": permutation_p(_bounded(observed), _bounded(permuted), tail="two-sided"),
    }


def within_range(quantity: str, columns: Quantities) -> Quantities:
    """The columns, with ends of the interval moved to the least or greatest that the quantity can be."""
    least = -np.inf if quantity in ("strength", "z_snr") else 0.0
    greatest = 1.0 if quantity in PROPORTIONS else np.inf
    return columns | {end: np.clip(columns[end], least, greatest) for end in ("low", "high")}


def _ends(observed: Array, drawn: Array) -> tuple[Array, Array]:
    with np.errstate(invalid="ignore"):
        half = Z * np.sqrt(((drawn - observed) ** 2).mean(axis=0))
        return observed - half, observed + half


def _bounded_ends(observed: Array, drawn: Array) -> tuple[Array, Array]:
    low, high = _ends(_bounded(observed), _bounded(drawn))
    return _unbounded(np.clip(low, -1, 1)), _unbounded(np.clip(high, -1, 1))


def _bounded(values: Array) -> Array:
    finite = np.isfinite(values)
    return np.where(finite, values / (1 + np.abs(np.where(finite, values, 0))), np.sign(values))


def _unbounded(values: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(values / (1 - np.abs(values)))
