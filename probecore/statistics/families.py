"""Corrections for many tests. A family is one experiment and one quantity."""

from typing import Literal

import numpy as np
import numpy.typing as npt

METHODS = {"holm": "holm", "benjamini_hochberg": "fdr_bh"}
"""Our names, and those of statsmodels."""


def adjust(p: npt.ArrayLike, method: Literal["holm", "benjamini_hochberg"]) -> npt.NDArray[np.float64]:
    """Adjusted p-values of one family, shape (N,); NaN counts as no test and stays NaN.

    `holm` bounds the chance of any false positive (Holm 1979), `benjamini_hochberg` the expected share of
    false ones among the positives (doi 10.1111/j.2517-6161.1995.tb02031.x).
    """
    from statsmodels.stats.multitest import multipletests

    adjusted = np.array(p, dtype=np.float64)
    tested = np.isfinite(adjusted)
    if tested.any():
        adjusted[tested] = multipletests(adjusted[tested], method=METHODS[method])[1]
    return adjusted
