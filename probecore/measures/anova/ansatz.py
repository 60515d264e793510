"""The neural feature ansatz: is WᵀW of a layer a power of the average outer product of the gradients there?

With balanced weights and gradient flow it is, of the first of L linear layers with the exponent 1/L (arXiv 2510.15563);
with nonlinear activations there are counterexamples, so that it is measured. A layer further on counts as the first of
those from it on. For convolutions the product is of patches, which is ours.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from probecore.errors import InputError
from probecore.measures.tables import after_training
from probecore.statistics import over_seeds

Array = npt.NDArray[np.float64]

EXPONENTS = np.arange(1, 121) / 60
"""Among which the best one is chosen: up to 2, with 1, 1/2, … 1/6."""

HOLDS = 0.95
"""Correlation from which on WᵀW counts as that power; the choice is ours."""


def power_correlations(weights: npt.ArrayLike, product: npt.ArrayLike, exponents: npt.ArrayLike) -> Array:
    """Correlate the entries of WᵀW with those of powers of a symmetric matrix without negative eigenvalues.

    Parameters
    ----------
    weights : (F, D)
    product : (D, D); eigenvalues that are rounding errors count as 0
    exponents : (E,), above 0

    Returns
    -------
    array (E,), NaN where either matrix is constant

    Raises
    ------
    InputError
        If the shapes do not fit.

    Examples
    --------
    >>> singular = np.array([1.0, 2.0, 3.0])
    >>> power_correlations(np.diag(singular), np.diag(singular**4), [0.5, 1.0]).round(3)
    array([1.   , 0.968])
    """
    rows, matrix = np.asarray(weights, dtype=np.float64), np.asarray(product, dtype=np.float64)
    if rows.ndim != 2 or matrix.shape != (rows.shape[1],) * 2:
        raise InputError(f"power_correlations: weights {rows.shape}, matrix {matrix.shape}; give (F, D) and (D, D)")
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    values = values / (values.max() if values.max() > 0 else 1.0)
    values[values < len(values) * np.finfo(np.float64).eps * 10] = 0
    powers = values ** np.atleast_1d(exponents)[:, None]
    gram = rows.T @ rows
    products = powers @ ((rows @ vectors) ** 2).sum(axis=0)
    sums = powers @ vectors.sum(axis=0) ** 2
    n = gram.size
    spread = np.maximum((powers**2).sum(axis=1) - sums**2 / n, 0) * ((gram - gram.mean()) ** 2).sum()
    varies = spread > 1e-12 * (powers**2).sum(axis=1) * (gram**2).sum()
    covariance = products - sums * gram.mean()
    return np.where(varies, covariance / np.sqrt(np.where(varies, spread, 1)), np.nan)


def ansatz_row(weights: Array, chosen_on: Array, judged_on: Array, *, depth: int) -> dict[str, Any]:
    """Compare the published exponent with the best one, which is chosen on other images than those that judge both.

    Parameters
    ----------
    weights : (F, D)
    chosen_on, judged_on : average outer products of gradients (D, D), over one half of the images each
    depth : layers from this one to the output, L
    """
    candidates = power_correlations(weights, chosen_on, EXPONENTS)
    best = float(EXPONENTS[np.nanargmax(candidates)]) if np.isfinite(candidates).any() else np.nan
    found = power_correlations(weights, judged_on, [1 / depth, best])
    return {
        "depth": depth,
        "published_exponent": 1 / depth,
        "r_published": float(found[0]),
        "best_exponent": best,
        "r_best": float(found[1]),
    }


def holds_here(ansatz: pd.DataFrame) -> list[str]:
    """Say of each condition and layer whether the ansatz holds with the published exponent, over networks.

    It holds where the 95 % interval of the mean correlation, Student's over five networks or more, lies above `HOLDS`,
    and does not where it lies below.
    """
    if ansatz.empty:
        return []
    shown = after_training(ansatz)
    return [
        f"Neural feature ansatz, {condition} {layer}: {_verdict(rows)}."
        for (_, layer, condition), rows in shown.groupby(["layer_index", "layer", "condition"])
    ]


def _verdict(rows: pd.DataFrame) -> str:
    found = over_seeds(rows["r_published"].dropna().tolist())
    if not found.n:
        return "no numbers"
    interval = f" [{found.low:.3g}, {found.high:.3g}]" if np.isfinite(found.low) else ""
    held = "holds here" if found.low >= HOLDS else "does not hold here" if found.high < HOLDS else "undecided"
    exponent, best, r_best = (float(rows[name].mean()) for name in ("published_exponent", "best_exponent", "r_best"))
    return (
        f"{held}, correlation {found.value:.3g}{interval} with exponent {exponent:.3g} over "
        f"{found.n} networks, {r_best:.3g} with the best, {best:.3g} (holds from "
        f"{HOLDS} on)"
    )
