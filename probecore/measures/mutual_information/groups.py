"""Intervals from random groups: an estimate is made anew of disjoint parts of the sample, and how far they differ told.

For estimators from neighbours, whose error is larger than the spread of the samples' contributions says, and for which
a bootstrap, which doubles samples, is of no use.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from probecore.measures.mutual_information.result import Array, Labels

PARTS = 4
PARTITIONS = 10
MEMBERS = 4
"""Samples of each class that a part needs, in units of k; with fewer the estimates' bias is too large."""

Part = npt.NDArray[np.intp]


def groups_interval(
    value: npt.ArrayLike,
    estimate: Callable[[Part], npt.ArrayLike],
    strata: Labels,
    *,
    k: int,
    generator: np.random.Generator,
) -> tuple[Array, Array]:
    """95 % interval of an estimate from the variance between disjoint parts, over several partitions.

    Var(Î) of N samples is a part's variance divided by the number of parts (Wolter 2007, Introduction to Variance
    Estimation, chapter 2); the quantile is Student's with as many degrees of freedom as there are partitions.

    Parameters
    ----------
    value : the estimate of the whole sample, any shape
    estimate : makes it of the samples at some positions
    strata : classes, (N,); every part has its share of each. Zeros where there are none
    k : neighbours of the estimator
    generator : draws the partitions

    Returns
    -------
    low, high, of the shape of `value`; NaN where a part would hold fewer than `MEMBERS` k samples of some class
    """
    centre = np.asarray(value, dtype=np.float64)
    if np.bincount(strata).min() < PARTS * MEMBERS * k:
        missing = np.full_like(centre, np.nan)
        return missing, missing
    variances = []
    for _ in range(PARTITIONS):
        part = stratified_parts(strata, PARTS, generator)
        found = np.stack([np.asarray(estimate(np.flatnonzero(part == which))) for which in range(PARTS)])
        variances.append(found.var(axis=0, ddof=1) / PARTS)
    half = stdtrit(PARTITIONS, 0.975) * np.sqrt(np.mean(variances, axis=0))
    return centre - half, centre + half


def stratified_parts(strata: Labels, parts: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """A random part, 0 to `parts` - 1, of each sample, classes as evenly spread as they allow; shape (N,)."""
    part = np.empty(len(strata), np.int64)
    part[np.lexsort((generator.random(len(strata)), strata))] = np.arange(len(strata)) % parts
    return part
