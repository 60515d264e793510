"""What an estimate of mean dimension consists of, and its interval."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from probecore.statistics import bootstrap_counts, percentile_interval

Array = npt.NDArray[np.float64]

REPLICATES = 1000
"""Bootstrap replicates of every interval."""


@dataclass(frozen=True, kw_only=True)
class PerOutput:
    """The same for each of K outputs; for a layer, for each filter over its positions."""

    value: Array
    """(K,); NaN where an output is constant."""
    low: Array
    high: Array
    variance: Array
    total_indices: Array
    """(D, K); empty for layers, where only sums over features are kept."""
    variance_form: Array
    """(K,); empty for layers."""


@dataclass(frozen=True, kw_only=True)
class MeanDimension:
    """Mean dimension of a function over given points. With several outputs, their trace: sums over outputs.

    ``value == total_indices.sum() / variance`` (for layers the indices are not kept).
    """

    value: float
    """Σ_i Σ_k ξ_ik / Σ_k Var f_k."""
    interval: tuple[float, float]
    """95 %, bootstrap over blocks of pairs."""
    variance: float
    """Σ_k Var f_k over the given points."""
    total_indices: Array
    """Generalised total indices ξ_i = E[Δ_i²]/2, in the shape of one input, or (M,) in a basis of M directions."""
    errors: Array
    """Their standard errors over pairs, same shape."""
    variance_form: float
    """The authors' variant, with Var(Δ_i)/2 instead of E[Δ_i²]/2; NaN for layers."""
    per_shuffle: Array
    """(R,), the value of each shuffle alone."""
    outputs: PerOutput
    group_indices: Array
    """(G, ...): total indices of the points of each group, where groups are given."""
    group_errors: Array
    node_mean: float
    """Mean over nodes of their own mean dimension, constant ones left out."""
    nodes: int
    dead: int
    """Nodes that are constant over the given points."""
    points: int
    evaluations: int
    """Changed inputs at which the function was evaluated."""


def ratio_with_interval(
    indices: Array, deviations: Array, *, reach: int, generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Mean dimension of G outputs and its 95 % interval; NaN where an output is constant over the points.

    Parameters
    ----------
    indices : per base point Σ_i Δ_i²/2, shape (N, G), points in the order of the circle
    deviations : per base point (f - mean f)², shape (N, G)
    reach : how far along the circle the donors are
    generator : for the bootstrap

    Notes
    -----
    Neighbours on the circle share points, so whole blocks are drawn (Carlstein 1986, doi 10.1214/aos/1176350057).
    The variance in the denominator is the mean of squared deviations from the mean of all points.
    """
    n = len(indices)
    length = max(1, min(4 * (reach + 1), n // 20))
    starts = np.arange(0, n, length)
    above, below = np.add.reduceat(indices, starts), np.add.reduceat(deviations, starts)
    counts = bootstrap_counts(len(starts), REPLICATES, generator).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(deviations.any(axis=0), indices.sum(axis=0) / deviations.sum(axis=0), np.nan)
        replicates = (counts @ above) / (counts @ below)
    replicates = np.where(np.isfinite(value) & ~np.isfinite(replicates), value, replicates)
    replicates[:, ~np.isfinite(value)] = np.nan
    low, high = percentile_interval(replicates)
    return value, low, high
