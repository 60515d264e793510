"""What an estimate of mean dimension consists of."""

from dataclasses import dataclass

from probecore.measures.mean_dimension.intervals import Array, Ratios
from probecore.statistics import Estimate


@dataclass(frozen=True, kw_only=True)
class PerOutput:
    """The same for each of K outputs; for a layer, for each filter over its positions."""

    value: Array
    """(K,); NaN where an output is constant."""
    low: Array
    """(K,); NaN where a few points make up the value, see `Ratios`."""
    high: Array
    effective: Array
    """(K,), points that make up the value."""
    variance: Array
    total_indices: Array
    """(D, K); empty for layers, where only sums over features are kept."""
    variance_form: Array
    """(K,); empty for layers."""


@dataclass(frozen=True, kw_only=True)
class MeanDimension(Estimate):
    """Mean dimension of a function over given points. With several outputs, their trace: sums over outputs.

    `value` is Σ_i Σ_k ξ_ik / Σ_k Var f_k, ``total_indices.sum() / variance`` (for layers the indices are not kept);
    `low` and `high` are 95 %, studentised bootstrap over blocks of pairs, NaN where a few points make up the value, see
    `effective`; `n` counts points. There is no null.
    """

    effective: float
    """Points that make up the value: N where all contribute alike, 1 where one does."""
    variance: float
    """Σ_k Var f_k over the given points."""
    total_indices: Array
    """Generalised total indices ξ_i = E[Δ_i²]/2, in the shape of one input, or (M,) in a basis of M directions."""
    errors: Array
    """Their standard errors over pairs, same shape. Squared changes are skewed, so that ± 1.96 of them is no interval:
    it held the truth in 33 to 93 % of simulations."""
    variance_form: float
    """The authors' variant, with Var(Δ_i)/2 instead of E[Δ_i²]/2; NaN for layers."""
    per_shuffle: Array
    """(R,), the value of each shuffle alone."""
    outputs: PerOutput
    ratios: Ratios
    """Of the outputs and, last, of their trace: what a change is estimated from, see `change_since`."""
    group_indices: Array
    """(G, ...): total indices of the points of each group, where groups are given."""
    group_errors: Array
    node_mean: float
    """Mean over nodes of their own mean dimension, constant ones left out."""
    nodes: int
    dead: int
    """Nodes that are constant over the given points."""
    evaluations: int
    """Changed inputs at which the function was evaluated."""
