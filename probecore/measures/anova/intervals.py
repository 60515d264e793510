"""Intervals of R² and of its change: jackknife over filters, which are the sample, with Student's t."""

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Array = npt.NDArray[np.float64]

FITTED = 3
"""Degrees of freedom lost: mean of the replicates, and the line's two. With one lost, six filters that follow their
excitations by different slopes (R² 0.83) have the truth in 88 % of their intervals; with three in 93 %."""


def r2_interval(r2: float, replicates: Array) -> tuple[float, float]:
    """95 % interval of R² by the jackknife on the scale of Fisher's z of its root (Tukey 1958; Miller 1974).

    Parameters
    ----------
    r2 : of all filters
    replicates : without each filter in turn, shape (n_filters,); NaN for a filter that is not in the sample

    Returns
    -------
    tuple
        low, at least 0, and high; NaN with three filters or fewer.
    """
    roots, root = (np.arctanh(np.minimum(np.sqrt(np.clip(values, 0, 1)), 1 - 1e-12)) for values in (replicates, r2))
    half = _half_width(np.asarray(roots))
    return float(np.tanh(np.maximum(0.0, root - half)) ** 2), float(np.tanh(root + half) ** 2)


def difference_interval(difference: float, replicates: Array) -> tuple[float, float]:
    """95 % interval of a difference of two R² by the jackknife; parameters as `r2_interval`."""
    half = _half_width(replicates)
    return difference - half, difference + half


def _half_width(replicates: Array) -> float:
    """Student's quantile times the jackknife's standard error."""
    sample = replicates[np.isfinite(replicates)]
    n = len(sample)
    if n <= FITTED:
        return np.nan
    return float(stdtrit(n - FITTED, 0.975) * np.sqrt((n - 1) * sample.var()))
