"""Whether the assumptions of a regression hold, and what binned and ranked tests say beside it."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri

from probecore.measures.anova.groups import kruskal_wallis, one_way_anova, welch_anova
from probecore.measures.anova.regression import regression_anova
from probecore.statistics.binning import quantile_bins

Array = npt.NDArray[np.float64]


def binned(weights: npt.ArrayLike, excitations: npt.ArrayLike, *, bins: int = 5) -> dict[str, Any]:
    """One-way ANOVA of weights over quantile bins of the excitation, with its robust alternatives.

    Parameters
    ----------
    weights, excitations : pairs of any equal shape
    bins : of equal numbers of pairs

    Returns
    -------
    dict
        Columns of a table row: effect sizes first, then the tests of Fisher, Welch and Kruskal–Wallis.
    """
    values, groups = np.ravel(weights), quantile_bins(np.ravel(excitations), bins)
    anova, ranked = one_way_anova(values, groups), kruskal_wallis(values, groups)
    welch_f, welch_p = welch_anova(values, groups)
    return {
        "eta2": float(anova.eta2),
        "omega2": float(anova.omega2),
        "epsilon2": float(anova.epsilon2),
        "cohen_f": float(anova.cohen_f),
        "power": float(anova.power()),
        "f": float(anova.f),
        "df1": int(anova.df_between),
        "df2": int(anova.df_within),
        "p": float(anova.p),
        "welch_f": float(welch_f),
        "welch_p": float(welch_p),
        "kruskal_h": float(ranked.h),
        "kruskal_p": float(ranked.p),
        "kruskal_epsilon2": float(ranked.epsilon2),
        "n": anova.n,
    }


def assumptions(weights: npt.ArrayLike, excitations: npt.ArrayLike, *, bins: int = 5) -> dict[str, float]:
    """How far residuals of the straight line are from equal variance and from normal.

    Returns
    -------
    dict
        `breusch_pagan_p` (studentised, Koenker 1981, doi 10.1016/0304-4076(81)90062-2), `brown_forsythe_p` (equal
        spread over quantile bins, 1974, doi 10.1080/01621459.1974.10482955), `normal_r` (correlation of the normal
        Q–Q plot, 1 for normal residuals). NaN where weights or excitations are constant.
    """
    values, predictor = (np.asarray(array, dtype=np.float64).reshape(-1) for array in (weights, excitations))
    if np.ptp(values) == 0 or np.ptp(predictor) == 0:
        return dict.fromkeys(("breusch_pagan_p", "brown_forsythe_p", "normal_r"), np.nan)
    line = regression_anova(values, predictor)
    residuals = values - line.intercept - line.coefficients[0] * predictor
    variance = regression_anova(residuals**2, predictor)
    groups = quantile_bins(predictor, bins)
    medians = np.array([np.median(values[groups == group]) if (groups == group).any() else 0 for group in range(bins)])
    return {
        "breusch_pagan_p": float(chdtrc(1, len(values) * variance.r2)),
        "brown_forsythe_p": float(one_way_anova(np.abs(values - medians[groups]), groups).p),
        "normal_r": float(np.corrcoef(np.sort(residuals), normal_quantiles(len(residuals)))[0, 1]),
    }


def normal_quantiles(n: int) -> Array:
    """Expected order statistics of n normal values, by Blom's approximation."""
    return np.asarray(ndtri((np.arange(1, n + 1) - 0.375) / (n + 0.25)))
