"""Mutual information of discrete variables, and ways to make variables discrete."""

import numpy as np
import numpy.typing as npt

from probecore.errors import InputError
from probecore.measures.mutual_information.result import (
    Array,
    Labels,
    MutualInformation,
    conclude,
    entropy,
    mean_of,
    same_length,
    symbols,
)
from probecore.statistics.binning import quantile_bins


def plugin(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    miller_madow: bool = True,
    repeats: int = 0,
    generator: np.random.Generator | None = None,
) -> MutualInformation:
    """I(X;Y) of two discrete variables from their joint frequencies.

    Parameters
    ----------
    x, y : whole numbers, shape (N,); their order does not matter
    miller_madow : subtract the first-order bias, (K_xy - K_x - K_y + 1) / 2N with K the occupied cells
        (Miller 1955, Information Theory in Psychology)
    repeats : permutations of y behind the null; 0: none
    generator : draws them

    Raises
    ------
    InputError
        If x or y are no whole numbers, or differ in length.
    """
    first, second = symbols(x, "x"), symbols(y, "y")
    n = same_length(first, second)
    shape = (int(first.max()) + 1, int(second.max()) + 1)
    p_x, p_y = (np.bincount(part) / n for part in (first, second))

    def contributions(order: npt.NDArray[np.intp]) -> Array:
        _, cells, counts = np.unique(first * shape[1] + second[order], return_inverse=True, return_counts=True)
        local = np.log(counts[cells] / n / (p_x[first] * p_y[second[order]]))
        bias = (len(counts) - sum(shape) + 1) / (2 * n) if miller_madow else 0.0
        return np.asarray(local - bias)

    ceiling = min(
        entropy(part) + (states - 1) / (2 * n) * miller_madow
        for part, states in zip((first, second), shape, strict=True)
    )
    return conclude(
        contributions,
        estimator="miller_madow" if miller_madow else "plugin",
        n=n,
        ceiling=ceiling,
        parameters={"symbols_x": shape[0], "symbols_y": shape[1]},
        repeats=repeats,
        generator=generator,
    )


def equal_bins(values: npt.ArrayLike, bins: int, *, low: float | None = None, high: float | None = None) -> Labels:
    """The bin of each value, 0 to bins - 1, of equal bins from `low` to `high` (default: the values' range)."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError("values: NaN or infinity cannot be binned; remove them")
    low = float(array.min()) if low is None else low
    high = float(array.max()) if high is None else high
    if high <= low:
        return np.zeros(array.shape, np.int64)
    return np.clip(((array - low) / (high - low) * bins).astype(np.int64), 0, bins - 1)


def class_information(values: Array, labels: Labels, *, classes: int, bins: int = 10) -> Array:
    """Î(T; 1[Y = c]) of units with each class, Miller-Madow corrected, nats.

    All units and classes come from one pass of counters over quantile bins.

    Parameters
    ----------
    values : shape (N, U)
    labels : whole numbers 0 to `classes` - 1, shape (N,), or (B, N) for B relabellings at once

    Returns
    -------
    array of shape (U, K), or (B, U, K)

    Raises
    ------
    InputError
        If labels are others, such as 1 to `classes`.
    """
    if labels.dtype.kind not in "iu":
        raise InputError(f"labels: {labels.dtype}; wanted: 0 to {classes - 1}, as integers")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"labels: from {labels.min()} to {labels.max()}; wanted: 0 to {classes - 1}")
    n, units = values.shape
    cells = (quantile_bins(values, bins) + bins * np.arange(units)) * classes
    found = []
    for row in np.atleast_2d(labels):
        counts = np.bincount((cells + row[:, None]).ravel(), minlength=units * bins * classes)
        found.append(_class_information(counts.reshape(units, bins, classes), n))
    return np.stack(found) if labels.ndim == 2 else found[0]


def _class_information(inside: npt.NDArray[np.int64], n: int) -> Array:
    """Information (U, K) from counts by unit, bin and class."""
    together = inside.sum(2, keepdims=True)
    outside, size = together - inside, inside.sum(1)
    information = _plogp(inside, n).sum(1) + _plogp(outside, n).sum(1) - _plogp(together, n).sum(1)
    information -= _plogp(size, n) + _plogp(n - size, n)
    occupied = (inside > 0).sum(1) + (outside > 0).sum(1) - (together > 0).sum(1)
    sides = (size > 0).astype(int) + (size < n)
    return np.asarray(information - (occupied - sides + 1) / (2 * n))


def unit_entropies(bins: Labels) -> tuple[Array, Array, Array]:
    """Entropy of each column of binned values (N, U), Miller-Madow corrected, nats, and its normal 95 % interval.

    Returns
    -------
    value, low, high, each (U,)
    """
    found = []
    for column in bins.T:
        _, cells, counts = np.unique(column, return_inverse=True, return_counts=True)
        found.append(mean_of((len(counts) - 1) / (2 * len(column)) - np.log(counts / len(column))[cells]))
    value, low, high = (np.array([getattr(one, name) for one in found]) for name in ("value", "low", "high"))
    return value, np.maximum(low, 0), high


def binary_entropy(share: npt.ArrayLike) -> Array:
    """Entropy of a yes that has probability `share`, nats: the ceiling of one class's information."""
    p = np.asarray(share, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = p * np.log(p) + (1 - p) * np.log1p(-p)
    return np.where((p <= 0) | (p >= 1), 0.0, -terms)


def vector_symbols(bins: Labels) -> Labels:
    """Each row of binned values (N, d) as one symbol, shape (N,): the layer as a single discrete variable."""
    return np.unique(bins, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _plogp(counts: npt.NDArray[np.int64], n: int) -> Array:
    table = np.arange(n + 1) / n
    table[1:] *= np.log(table[1:])
    table[0] = 0.0
    return np.asarray(table[counts])
