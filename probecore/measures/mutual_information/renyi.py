"""Matrix-based Rényi information: spectra of kernel matrices. Not Shannon's, and it follows the kernel's width."""

import math

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from probecore.errors import InputError
from probecore.measures.mutual_information.result import Array, points, same_length


def matrix_renyi(x: npt.ArrayLike, y: npt.ArrayLike, *, width_x: float, width_y: float, alpha: float = 1.01) -> float:
    """S_α(X) + S_α(Y) - S_α(X, Y) in nats, with kernels exp(-d²/2σ²) of unit trace (arXiv 1211.2459).

    Parameters
    ----------
    x, y : shape (N,) or (N, d)
    width_x, width_y : σ; 0 for a kernel that knows equal and unequal alone, as labels need
    alpha : order, above 0; 1 is von Neumann's entropy

    Raises
    ------
    InputError
        If samples are not finite, widths negative or the order not above 0.
    """
    first, second = points(x, "x"), points(y, "y")
    same_length(first, second)
    if min(width_x, width_y) < 0 or alpha <= 0:
        raise InputError("width_x, width_y, alpha: give widths of 0 or more and an order above 0")
    kernels = _kernel(first, width_x), _kernel(second, width_y)
    alone = sum(_entropy(kernel, alpha) for kernel in kernels)
    return alone - _entropy(kernels[0] * kernels[1], alpha)


def _kernel(values: Array, width: float) -> Array:
    squared = cdist(values, values, "sqeuclidean")
    return np.asarray(np.exp(-squared / (2 * width**2)) if width else (squared == 0).astype(np.float64))


def _entropy(kernel: Array, alpha: float) -> float:
    spectrum = np.linalg.eigvalsh(kernel / np.trace(kernel))
    spectrum = spectrum[spectrum > 1e-14]
    if alpha == 1:
        return float(-(spectrum * np.log(spectrum)).sum())
    return math.log(float((spectrum**alpha).sum())) / (1 - alpha)
