"""Features against parameters, two arrays of numbers: as the authors' arrays suggest, and as a relation is found.

Not here: where the arrays come from, see `byte_reading` and `image_features`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from probecore.errors import InputError
from probecore.measures.anova.groups import one_way_anova
from probecore.measures.anova.regression import regression_anova

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TwoMeans:
    """A single factor with the levels "feature" and "parameter": whether two means are equal."""

    f: float
    p: float
    n: int


@dataclass(frozen=True, kw_only=True)
class ByPosition:
    """A regression of parameters on the features of the same position."""

    r: float
    r2: float
    f: float
    p: float
    """Of the F test, as if positions were independent."""
    rotated_p: float
    """Share of the n rotations of the features against the parameters that are correlated as much or more."""
    n: int


def two_means(features: npt.ArrayLike, parameters: npt.ArrayLike) -> TwoMeans:
    """Test with one factor of two levels, features and parameters, whether both have the same mean.

    No feature is paired with any parameter here, so that nothing about a relation of the two can follow.

    Raises
    ------
    InputError
        If values are not finite, or all of them are 0.

    Examples
    --------
    >>> found = two_means([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    >>> round(found.f, 3), found.n
    (2.4, 6)
    """
    first, second = _scaled(features, parameters, together=True)
    table = one_way_anova(np.concatenate([first, second]), np.repeat([0, 1], [len(first), len(second)]))
    return TwoMeans(f=float(table.f), p=float(table.p), n=table.n)


def by_position(features: npt.ArrayLike, parameters: npt.ArrayLike) -> ByPosition:
    """Regress parameters on the features of the same position; the longer array is cut to the shorter one's length.

    Neighbouring positions resemble each other, in maps and in kernels, and the F test takes them for independent: it
    finds relations between any two smooth arrays. A rotation leaves all neighbours but one pair as they are and undoes
    the pairing; all n of them are looked at.

    Raises
    ------
    InputError
        If values are not finite, or fewer than three.
    """
    n = min(np.size(features), np.size(parameters))
    x, y = _scaled(np.ravel(features)[:n], np.ravel(parameters)[:n])
    table = regression_anova(y, x)
    correlations = _rotated(x, y)
    r = float(correlations[0])
    beyond = np.abs(correlations) >= abs(r) - 1e-12
    p = float(beyond.mean()) if np.isfinite(r) else np.nan
    return ByPosition(r=r, r2=table.r2, f=table.f, p=table.p, rotated_p=p, n=n)


def _rotated(x: Array, y: Array) -> Array:
    """Correlation (n,) of y with x, and with x moved on by 1, 2, … places."""
    centred = [values - values.mean() for values in (x, y)]
    norm = np.linalg.norm(centred[0]) * np.linalg.norm(centred[1])
    if not norm:
        return np.full(len(x), np.nan)
    spectrum = np.fft.rfft(centred[1]) * np.conj(np.fft.rfft(centred[0]))
    return np.asarray(np.fft.irfft(spectrum, len(x)) / norm)


def _scaled(*arrays: npt.ArrayLike, together: bool = False) -> list[Array]:
    """Arrays over their largest size: bytes read as numbers reach 1e272, whose square is no number."""
    values = [np.asarray(array, dtype=np.float64).reshape(-1) for array in arrays]
    if not all(np.isfinite(each).all() and each.size for each in values):
        raise InputError("comparisons: values are missing or not finite; leave out what is infinite or not a number")
    sizes = [float(np.abs(each).max()) for each in values]
    if together:
        sizes = [max(sizes)] * len(values)
        if not sizes[0]:
            raise InputError("comparisons: all values are 0; there is nothing to compare")
    return [each / (size or 1.0) for each, size in zip(values, sizes, strict=True)]
