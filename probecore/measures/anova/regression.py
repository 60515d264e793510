"""Regression ANOVA of one response on one or more predictors. Not here: whole layers at once, see `layers`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import Polynomial
from scipy.special import fdtrc, fdtri, ncfdtr

from probecore.errors import InputError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Regression:
    """The ANOVA table of a regression, with its coefficients.

    `f`, `p` and `r2` are NaN where the response is constant (nothing to explain), `f` and `p` where the
    predictors are (nothing that explains). An exact fit has F = inf and p = 0.
    """

    intercept: float
    coefficients: Array
    """Slopes by predictor, or by power of the one predictor, in its own units."""
    ss_regression: float
    ss_residual: float
    df_regression: int
    df_residual: int
    f: float
    p: float
    r2: float
    adjusted_r2: float
    residual_sd: float
    n: int


def regression_anova(weights: npt.ArrayLike, excitations: npt.ArrayLike, *, degree: int = 1) -> Regression:
    """How much of the weights a regression on excitations explains.

    Parameters
    ----------
    weights : response, shape (n,) or any shape that flattens to it
    excitations : one predictor of the same shape, or p predictors (n, p)
    degree : of the polynomial, for one predictor

    Returns
    -------
    Regression
        Sums of squares about the mean; df are the rank of the predictors and n - rank - 1.

    Raises
    ------
    InputError
        If shapes do not fit, values are not finite, there are too few pairs, the degree is below 1, or one above 1
        is asked of several predictors.

    Notes
    -----
    Columns are centred and scaled, and the fit goes through their SVD: NIST's Longley and Norris keep nine digits.
    """
    response, predictors = _columns(weights, excitations)
    if degree < 1:
        raise InputError(f"regression_anova: degree {degree}; give 1 or more")
    if degree > 1 and predictors.shape[1] > 1:
        raise InputError(f"regression_anova: degree {degree} is for one predictor, not {predictors.shape[1]}; use 1")
    centre = predictors.mean(axis=0)
    spread = predictors.std(axis=0)
    scale = np.where(spread > 1e-14 * np.abs(centre), spread, np.inf)
    standard = (predictors - centre) / scale
    design = np.hstack([standard**power for power in range(1, degree + 1)])
    n, p = design.shape
    if n < p + 2:
        raise InputError(f"regression_anova: {n} pairs are too few for {p} predictors; {p + 2} or more are needed")
    offset, mean = design.mean(axis=0), response.mean()
    centred = response - mean
    slopes, _, rank, _ = np.linalg.lstsq(design - offset, centred, rcond=None)
    residuals = centred - (design - offset) @ slopes
    ss_residual = float(residuals @ residuals)
    ss_total = float(centred @ centred)
    if np.ptp(response) == 0:
        ss_residual = ss_total = 0.0
    ss_regression = max(0.0, ss_total - ss_residual)
    df = n - 1 - int(rank)
    f, p_value = f_test(ss_regression, int(rank), ss_residual, df)
    r2 = ss_regression / ss_total if ss_total > 0 else np.nan
    intercept, coefficients = _own_units(mean - offset @ slopes, slopes, centre, scale, degree)
    return Regression(
        intercept=intercept,
        coefficients=coefficients,
        ss_regression=ss_regression,
        ss_residual=ss_residual,
        df_regression=int(rank),
        df_residual=df,
        f=float(f),
        p=float(p_value),
        r2=r2,
        adjusted_r2=1 - (1 - r2) * (n - 1) / df if df else np.nan,
        residual_sd=float(np.sqrt(ss_residual / df)) if df else np.nan,
        n=n,
    )


def f_test(
    ss_effect: npt.ArrayLike, df_effect: npt.ArrayLike, ss_residual: npt.ArrayLike, df_residual: npt.ArrayLike
) -> tuple[Array, Array]:
    """F and its p-value from sums of squares; inf and 0 without a residual, NaN without anything to compare."""
    effect, df1 = np.asarray(ss_effect, dtype=np.float64), np.asarray(df_effect, dtype=np.float64)
    residual, df2 = np.asarray(ss_residual, dtype=np.float64), np.asarray(df_residual, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        f = np.where((df1 > 0) & (df2 > 0), (effect / df1) / (residual / df2), np.nan)
    return f, f_tail(f, df1, df2)


def f_tail(f: npt.ArrayLike, df1: npt.ArrayLike, df2: npt.ArrayLike) -> Array:
    """P(F > f)."""
    value = np.asarray(f, dtype=np.float64)
    return np.where(np.isposinf(value), 0.0, fdtrc(df1, df2, value))


def f_from_r2(r2: npt.ArrayLike, *, predictors: int, n: int) -> tuple[Array, Array]:
    """F and p of a regression from its R²: F = (R²/p) / ((1 - R²)/(n - p - 1))."""
    share = np.asarray(r2, dtype=np.float64)
    return f_test(share, predictors, 1 - share, n - predictors - 1)


def f_power(cohen_f2: npt.ArrayLike, df1: npt.ArrayLike, df2: npt.ArrayLike, n: npt.ArrayLike, alpha: float) -> Array:
    """Power of an F test at level `alpha` for an effect f² (Cohen), by the non-central F with λ = n f²."""
    critical = fdtri(df1, df2, 1 - alpha)
    noncentrality = np.asarray(n) * np.asarray(cohen_f2)
    return np.asarray(1 - ncfdtr(df1, df2, noncentrality, critical), dtype=np.float64)


def _columns(weights: npt.ArrayLike, excitations: npt.ArrayLike) -> tuple[Array, Array]:
    response, predictors = (np.asarray(values, dtype=np.float64) for values in (weights, excitations))
    several = response.ndim == 1 and predictors.ndim == 2 and len(predictors) == len(response)
    if not several and predictors.shape != response.shape:
        raise InputError(
            f"regression_anova: {predictors.shape} excitations for {response.shape} weights; give equal shapes, "
            "or (n, p) for (n,)"
        )
    columns = predictors if several else predictors.reshape(-1, 1)
    if not (np.isfinite(response).all() and np.isfinite(columns).all()):
        raise InputError("regression_anova: values are not all finite; leave out what is infinite or not a number")
    return response.reshape(-1), columns


def _own_units(constant: Any, slopes: Array, centre: Array, scale: Array, degree: int) -> tuple[float, Array]:
    if degree == 1:
        coefficients = slopes / scale
        return float(constant - centre @ coefficients), coefficients
    standard = Polynomial([-centre[0] / scale[0], 1 / scale[0]])
    whole = np.zeros(degree + 1)
    powers = Polynomial([constant, *slopes])(standard).coef
    whole[: len(powers)] = powers
    return float(whole[0]), whole[1:]
