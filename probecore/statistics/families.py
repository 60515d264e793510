"""Corrections for many tests. A family is one experiment and one quantity.

`statsmodels` and `scipy.stats` have them too, and take a job longer to import than these few lines to run.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt


def adjust(p: npt.ArrayLike, method: Literal["holm", "benjamini_hochberg"]) -> npt.NDArray[np.float64]:
    """Adjusted p-values of one family, shape (N,); NaN counts as no test and stays NaN.

    `holm` bounds the chance of any false positive (Holm 1979), `benjamini_hochberg` the expected share of
    false ones among the positives (doi 10.1111/j.2517-6161.1995.tb02031.x).
    """
    adjusted = np.array(p, dtype=np.float64)
    tested = np.isfinite(adjusted)
    if tested.any():
        adjusted[tested] = (_holm if method == "holm" else _benjamini_hochberg)(adjusted[tested])
    return adjusted


def _holm(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted


def _benjamini_hochberg(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    scaled = p[order] * (len(p) / np.arange(1, len(p) + 1))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
