"""How far two halves of the images rank filters alike: what no predictor can be expected to exceed."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from probecore.statistics.ranks import average_ranks

Array: TypeAlias = npt.NDArray[np.float64]
Images = npt.NDArray[np.int64]

SPLITS = 20
"""Random halvings of the images that are averaged."""


def split_half(
    first: Callable[[Images], Array],
    second: Callable[[Images], Array],
    *,
    n: int,
    generator: np.random.Generator,
) -> Array:
    """Estimate the reliability of M rankings of F filters over n images.

    Spearman's correlation between two halves of the images, averaged over `SPLITS` halvings, stepped up to all images
    (Spearman and Brown, doi 10.1111/j.2044-8295.1910.tb00206.x); 0 where the halves disagree, or one says nothing.

    Parameters
    ----------
    first, second : from some of the images to values (M, F): one function, or two whose other sources of chance are
        independent

    Returns
    -------
    array
        Shape (M,); NaN where all filters have one value.
    """
    found = []
    for _ in range(SPLITS):
        order = generator.permutation(n)
        found.append(rank_correlations(first(order[: n // 2]), second(order[n // 2 :])))
    half = np.maximum(np.nan_to_num(found).mean(axis=0), 0.0)
    constant = np.ptp(first(np.arange(n)), axis=1) == 0
    return np.asarray(np.where(constant, np.nan, 2 * half / (1 + half)))


def rank_correlations(x: Array, y: Array) -> Array:
    """Spearman's correlations of the rows of x and y, both (M, F), shape (M,); NaN where one is constant."""
    a, b = centred_ranks(x), centred_ranks(y)
    with np.errstate(invalid="ignore"):
        return np.asarray((a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1)))


def centred_ranks(values: Array) -> Array:
    """Ranks of each row of (Q, F), minus their mean."""
    return np.asarray(average_ranks(values, axis=1) - (values.shape[1] + 1) / 2)
