"""Mutual information of a variable seen through Gaussian noise: pairwise bounds and their Monte-Carlo check.

Without noise the information that a deterministic network's layer has of its input is that of the input itself;
what these numbers say is how far apart samples lie, in units of the noise.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from probecore.determinism import numpy_generator
from probecore.errors import InputError
from probecore.measures.mutual_information.result import (
    Array,
    Labels,
    MutualInformation,
    entropy,
    points,
    result_of,
    same_length,
    symbols,
)

BLOCK = 512
"""Rows and columns of distances at once."""

SMALL = 4.0
"""‖t‖²/8σ² up to which single precision keeps exp(-‖t_i - t_j‖²/8σ²) to a millionth."""

SQUARED = (0, 2)
"""How often exp(-‖t_i - t_j‖²/8σ²) is squared to make the kernel of the lower bound, and of the upper."""


class Bounds(NamedTuple):
    """The pair of pairwise estimates."""

    lower: MutualInformation
    upper: MutualInformation


def kolchinsky_tracey(
    t: npt.ArrayLike,
    y: npt.ArrayLike | None = None,
    *,
    noise_variance: float,
    repeats: int = 0,
    interval: bool = True,
    generator: np.random.Generator | None = None,
) -> Bounds:
    """Bounds on what T = t + N(0, σ²I) knows of the sample, or estimates of what it knows of a label.

    With S(c) = -⟨log ⟨exp(-‖t_i - t_j‖² / cσ²)⟩_j⟩_i the information of the sample lies between S(8) and S(2)
    (Kolchinsky and Tracey 2017, arXiv 1706.02419). Both are at most ln N. For a label it is S minus the mean S
    within classes: a difference of bounds, not a bound.

    Parameters
    ----------
    t : shape (N,) or (N, d)
    y : labels, whole numbers (N,); None for the information of the sample
    noise_variance : σ², in the units of t squared
    repeats : permutations of y behind the null; 0: none. The sample itself has no null, for any order of different
        inputs is alike
    interval : whether to give intervals and contributions, which takes as long as the values. They are of the
        estimate's mean over samples of this size, not of more: σ² and N are part of the number
    generator : draws the permutations

    Raises
    ------
    InputError
        If t is not finite, or `noise_variance` not above 0.
    """
    rows = _noisy(t, noise_variance)
    local, null, ceiling = _local(rows, noise_variance, influence=interval), None, math.log(len(rows))
    generator = generator or numpy_generator("mutual_information", "kolchinsky_tracey")
    if y is not None:
        labels = symbols(y, "y")
        same_length(rows, labels)
        whole, ceiling = local, entropy(labels)
        local = whole - _within(rows, labels, noise_variance, influence=interval)
        if repeats:
            orders = (generator.permutation(labels) for _ in range(repeats))
            null = np.stack([(whole - _within(rows, order, noise_variance)).mean(axis=1) for order in orders])
    lower, upper = (
        result_of(
            local[bound],
            None if null is None else null[:, bound],
            estimator=f"kolchinsky_tracey_{name}",
            ceiling=ceiling,
            parameters={"noise_variance": noise_variance},
        )
        for bound, name in enumerate(Bounds._fields)
    )
    if not interval:
        lower, upper = lower.without_interval(), upper.without_interval()
    return Bounds(lower, upper)


def monte_carlo_mixture(
    t: npt.ArrayLike, *, noise_variance: float, draws: int = 32, generator: np.random.Generator
) -> MutualInformation:
    """What T = t + N(0, σ²I) knows of the sample, by drawing noise; between the two bounds but for chance.

    -⟨log ⟨exp(-(‖t_i + z - t_j‖² - ‖z‖²) / 2σ²)⟩_j⟩, the entropy of the mixture less that of the noise (Goldfeld
    et al. 2019, arXiv 1810.05728), with the noise's own entropy taken from the same draws.

    Parameters
    ----------
    t : shape (N,) or (N, d)
    noise_variance : σ², in the units of t squared
    draws : noise vectors per sample
    generator : draws them

    Raises
    ------
    InputError
        If t is not finite, `noise_variance` not above 0, or there are no draws.
    """
    if draws < 1:
        raise InputError(f"draws: {draws}; give 1 or more")
    rows = _noisy(t, noise_variance)
    rows = rows - rows.mean(axis=0)
    n, dimensions = rows.shape
    local = np.empty(n)
    for start in range(0, n, BLOCK):
        part = rows[start : start + BLOCK]
        total = np.zeros(len(part))
        apart = _squared(part, rows)
        for _ in range(draws):
            noise = generator.normal(scale=math.sqrt(noise_variance), size=(len(part), dimensions))
            shift = 2 * ((noise * part).sum(1, keepdims=True) - noise @ rows.T)
            total -= logsumexp(-(apart + shift) / (2 * noise_variance), axis=1) - math.log(n)
        local[start : start + BLOCK] = total / draws
    return result_of(
        local,
        None,
        estimator="monte_carlo_mixture",
        ceiling=math.log(n),
        parameters={"noise_variance": noise_variance, "draws": draws},
    )


def _within(rows: Array, labels: Labels, noise_variance: float, *, influence: bool = False) -> Array:
    """`_local` of each sample among those of its class, shape (2, N)."""
    local = np.empty((2, len(rows)))
    for members in (np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)):
        local[:, members] = _local(rows[members], noise_variance, influence=influence)
    return local


def _local(rows: Array, noise_variance: float, *, influence: bool = False) -> Array:
    """-log ⟨k_ij⟩_j, k_ij = exp(-‖t_i - t_j‖² / cσ²), for c = 8 and c = 2, shape (2, N).

    With `influence` Σ_i log(1 - k_ij / Σ_l k_il) is added, to second order and less its mean: what the others' terms
    lose without sample j, so that these are the jackknife's pseudo-values. To first order alone, intervals of samples
    with few neighbours are too short.
    """
    n, carried = len(rows), _carried(rows, noise_variance)
    ones = np.ones(n, np.float32)
    sums = _kernel_sums(carried, dict.fromkeys(SQUARED, ones))
    local = np.stack([-np.log(sums[power] / n) for power in SQUARED])
    if influence:
        first = {power: 1 / sums[power] for power in SQUARED}
        weights = first | {power + 1: share**2 / 2 for power, share in first.items()}
        lost = _kernel_sums(carried, {power: weight.astype(np.float32) for power, weight in weights.items()})
        for row, power in zip(local, SQUARED, strict=True):
            others = lost[power] - weights[power] + lost[power + 1] - weights[power + 1]
            row -= others - others.mean()
    return local


def _carried(rows: Array, noise_variance: float) -> npt.NDArray[np.float32 | np.float64]:
    """Rows scaled by √8σ beside 1 and their squares, (N, d + 2), of which -D/8σ² is one product."""
    n, blocks = len(rows), [slice(start, start + BLOCK) for start in range(0, len(rows), BLOCK)]
    centre, scale = rows.mean(axis=0), 1 / math.sqrt(8 * noise_variance)
    squares = np.concatenate([(((rows[part] - centre) * scale) ** 2).sum(axis=1) for part in blocks])
    carried = np.ones((n, rows.shape[1] + 2), np.float32 if squares.max() <= SMALL else np.float64)
    carried[:, -1] = squares
    for part in blocks:
        carried[part, :-2] = (rows[part] - centre) * scale
    return carried


def _kernel_sums(
    carried: npt.NDArray[np.float32 | np.float64], weights: Mapping[int, npt.NDArray[np.float32]]
) -> dict[int, Array]:
    """Σ_j k_ij w_j of kernels exp(-D/8σ²) that are squared as often as the key of their weights says, (N,) each.

    One exponential serves all, exp(-D/2σ²) = exp(-D/8σ²)⁴; the diagonal holds 1, so nothing underflows.
    Distances are symmetric, and kept one block at a time.
    """
    blocks = [slice(start, start + BLOCK) for start in range(0, len(carried), BLOCK)]
    sums = {power: np.zeros(len(carried)) for power in weights}
    for position, first in enumerate(blocks):
        own = carried[first]
        facing = np.hstack([2 * own[:, :-2], -own[:, -1:], -own[:, -2:-1]])
        for second in blocks[position:]:
            exponents = facing @ carried[second].T
            if first == second:
                np.fill_diagonal(exponents, 0)
            with np.errstate(over="ignore"):  # what single precision cannot hold is infinitely far
                kernel = exponents.astype(np.float32, copy=False)
            np.exp(np.minimum(kernel, 0, out=kernel), out=kernel)
            for power in range(max(weights) + 1):
                if power:
                    np.square(kernel, out=kernel)
                if power in weights:
                    sums[power][first] += kernel @ weights[power][second]
                    if first != second:
                        sums[power][second] += weights[power][first] @ kernel
    return sums


def _squared(first: Array, second: Array) -> Array:
    """Squared distances (A, B) of rows (A, d) and (B, d); 0 where rounding would go below."""
    squared = first @ second.T
    squared *= -2
    squared += (first**2).sum(1)[:, None]
    squared += (second**2).sum(1)
    return np.maximum(squared, 0, out=squared)


def _noisy(t: npt.ArrayLike, noise_variance: float) -> Array:
    if noise_variance <= 0:
        raise InputError(f"noise_variance: {noise_variance:g}; give a number above 0")
    return points(t, "t")
