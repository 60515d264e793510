"""Simple functions fitted to a network on some points and judged on others: linear, additive and neither.

Kernel ridge regression with three kernels; its penalty is chosen by leave-one-out on the points of the fit.
"""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from probecore.measures.mean_dimension.bases import Basis
from probecore.measures.mean_dimension.intervals import Array, Ratios, estimate_ratios

PENALTIES = 10.0 ** np.arange(-5, 3)
"""Multiples of the mean eigenvalue of the kernel matrix."""

KNOTS = (-1.0, 0.0, 1.0)
"""Where additive functions may bend: standard deviations from the mean of a coordinate."""

CHUNK = 2000
"""Coordinates whose functions are in memory at once."""


class KernelRidge:
    """Kernel ridge regression with an intercept, for any number of outputs at the same points.

    Parameters
    ----------
    kernel : between the points of the fit, shape (N, N)
    """

    def __init__(self, kernel: Array) -> None:
        self._mean = kernel.mean(axis=0)
        centred = kernel - self._mean - self._mean[:, None] + self._mean.mean()
        scales, self._vectors = np.linalg.eigh(centred)
        self._scales = np.maximum(scales, 0)

    def fit(self, values: Array) -> Array:
        """Coefficients (N, K) of the points for values (N, K), with the penalty of the least error when left out."""
        centred = values - values.mean(axis=0)
        turned = self._vectors.T @ centred
        fits = []
        for penalty in PENALTIES * max(float(self._scales.mean()), np.finfo(float).tiny):
            kept = self._scales / (self._scales + penalty)
            leverage = self._vectors**2 @ kept + 1 / len(values)
            errors = (centred - self._vectors @ (kept[:, None] * turned)) / np.maximum(1 - leverage, 1e-9)[:, None]
            fits.append((float((errors**2).sum()), penalty))
        _, best = min(fits)
        return np.asarray(self._vectors @ (turned / (self._scales + best)[:, None]))

    def predict(self, kernel: Array, coefficients: Array, values: Array) -> Array:
        """Predictions (M, K) from the kernel (M, N) between other points and those of the fit, which had `values`."""
        centred = kernel - kernel.mean(axis=1, keepdims=True) - self._mean + self._mean.mean()
        return np.asarray(centred @ coefficients + values.mean(axis=0))


class Surrogates:
    """Linear, additive and non-additive functions of the same points, for any number of networks.

    Additive functions are sums over coordinates of piecewise linear ones that bend at `KNOTS`; the non-additive
    kernel is exp(-‖x - y‖² / mean ‖x - y‖²). Linear and non-additive ones are the same in every basis.

    Parameters
    ----------
    fitted, judged
        Points (N, ...) and (M, ...), none in both.
    bases
        By name; None for the inputs' own coordinates.
    """

    def __init__(self, fitted: Tensor, judged: Tensor, bases: Mapping[str, Basis | None]) -> None:
        self._fitted, self._judged, self._bases = _rows(fitted), _rows(judged), bases
        kernels = {"linear": (self._fitted @ self._fitted.T, self._judged @ self._fitted.T)}
        kernels["non_additive"] = _gaussian(self._fitted, self._judged)
        for name, basis in bases.items():
            pair = (self._fitted, self._judged) if basis is None else (_in(basis, fitted), _in(basis, judged))
            kernels[f"additive {name}"] = _additive(*pair)
        self._fits = {name: KernelRidge(own) for name, (own, _) in kernels.items()}
        self._kernels = {name: other for name, (_, other) in kernels.items()}

    def compare(self, fitted: Array, judged: Array, basis: str, generator: np.random.Generator) -> dict[str, Ratios]:
        """What functions fitted to the values (N, K) of a network explain of those (M, K) at the points that judge.

        Returns
        -------
        dict
            ``linear_surrogate``: mean dimension of the best linear function over the judged points; ``r2_linear``,
            ``r2_additive``, ``r2_non_additive``: R², trace over outputs; ``r2_gain``: of the last over the one before;
            in a basis also ``linear_surrogate_published``: of the first function in the authors' coordinates.
            Intervals are over judged points; the fits are as they are.
        """
        total = ((judged - judged.mean(axis=0)) ** 2).sum(axis=1)
        coefficients, explained = {}, {}
        for name in ("linear", f"additive {basis}", "non_additive"):
            coefficients[name] = self._fits[name].fit(fitted)
            predicted = self._fits[name].predict(self._kernels[name], coefficients[name], fitted)
            explained[name] = total - ((judged - predicted) ** 2).sum(axis=1)
        weights = self._fitted.T @ (coefficients["linear"] - coefficients["linear"].mean(axis=0))
        additive = explained[f"additive {basis}"]
        contributions = {
            "linear_surrogate": _linear(self._judged, weights, self._bases[basis]),
            "r2_linear": (explained["linear"], total),
            "r2_additive": (additive, total),
            "r2_non_additive": (explained["non_additive"], total),
            "r2_gain": (explained["non_additive"] - additive, total),
        }
        directions = self._bases[basis]
        if directions is not None:
            contributions["linear_surrogate_published"] = _linear_published(
                self._fitted, self._judged, weights, directions
            )
        return {
            name: estimate_ratios(np.stack(pair, axis=1)[:, None], reach=0, generator=generator)
            for name, pair in contributions.items()
        }


def _rows(points: Tensor) -> Array:
    return points.flatten(1).double().cpu().numpy()


def _in(basis: Basis, points: Tensor) -> Array:
    return basis.coordinates(points.double()).cpu().numpy()


def _linear(points: Array, weights: Array, basis: Basis | None) -> tuple[Array, Array]:
    """Contributions of points (M, D) to total indices and variance of a linear function with weights (D, K)."""
    centred = points - points.mean(axis=0)
    if basis is not None:
        centred, weights = centred @ basis.directions.T, basis.directions @ weights
    return centred**2 @ (weights**2).sum(axis=1), ((centred @ weights) ** 2).sum(axis=1)


def _linear_published(fitted: Array, judged: Array, weights: Array, basis: Basis) -> tuple[Array, Array]:
    """As `_linear`, in the coordinates of the authors' inverse-PCA layer: components of raw data, standardised points.

    These coordinates are correlated, so that a linear function does not come out as 1.
    """
    deviation = fitted.std(axis=0)
    deviation[deviation == 0] = 1
    return _linear(judged / deviation, weights * deviation[:, None], basis)


def _gaussian(fitted: Array, judged: Array) -> tuple[Array, Array]:
    squares = (fitted**2).sum(axis=1)
    own = squares[:, None] + squares - 2 * fitted @ fitted.T
    other = (judged**2).sum(axis=1)[:, None] + squares - 2 * judged @ fitted.T
    scale = max(float(own.mean()), np.finfo(float).tiny)
    return np.exp(-own / scale), np.exp(-other / scale)


def _additive(fitted: Array, judged: Array) -> tuple[Array, Array]:
    """Σ_j k_j of coordinates (N, D) and (M, D), each with the variance that its coordinate has."""
    own, other = np.zeros((len(fitted), len(fitted))), np.zeros((len(judged), len(fitted)))
    for start in range(0, fitted.shape[1], CHUNK):
        part = slice(start, start + CHUNK)
        mean, deviation = fitted[:, part].mean(axis=0), fitted[:, part].std(axis=0)
        first, second = (_bent(each[:, part] - mean, deviation) for each in (fitted, judged))
        own += first @ first.T
        other += second @ first.T
    return own, other


def _bent(centred: Array, deviation: Array) -> Array:
    """(N, D) to (N, 4 D): each coordinate, and its distance from each knot."""
    return np.concatenate([centred, *(np.abs(centred - knot * deviation) for knot in KNOTS)], axis=1)
