"""Which labels a filter groups together, and what else it says: counts on Boolean matrices. No network, no files."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from probecore.errors import InputError

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


def find_clusters(mask: npt.ArrayLike) -> list[list[int]]:
    """Disjoint sets of labels that a filter cannot tell apart, by the authors' greedy rule.

    The lowest label on the diagonal that is in no cluster yet starts one; each further one joins, in ascending
    order, if the block of all labels in the cluster stays full in both directions.

    Parameters
    ----------
    mask : bool, shape (K, K)
        A clipped matrix; rows are labels of images, columns outputs.

    Returns
    -------
    list of ascending lists of labels
        In order of their first label; empty for a filter without a 1 on the diagonal.

    Raises
    ------
    InputError
        If the mask is not one square matrix.
    """
    if np.ndim(mask) != 2:
        raise InputError(f"find_clusters: a mask of shape {np.shape(mask)}; give one matrix (K, K)")
    numbers = cluster_numbers(mask)
    return [np.flatnonzero(numbers == number).tolist() for number in range(numbers.max(initial=-1) + 1)]


@dataclass(frozen=True, kw_only=True)
class FilterStatistics:
    """Counts on clipped matrices; each field has the shape of the masks without their last two axes."""

    clusters: Counts
    """N_c, the number of clusters."""
    labels: Counts
    """D, ones on the diagonal: labels in a cluster."""
    block_ones: Counts
    """Q, ones inside the diagonal blocks: Σ s_c²."""
    ones: Counts
    noise: Counts
    """n, ones outside the blocks."""
    column_noise: Counts
    """Ones outside the blocks in columns (outputs) of labels that are in a cluster: the authors' count."""
    row_noise: Counts
    """Ones outside the blocks in rows (labels of images) that are in a cluster: ours."""
    sizes: Counts
    """Number of clusters of 0, 1, …, K labels along a last axis of their own."""


def filter_statistics(mask: npt.ArrayLike) -> FilterStatistics:
    """Clusters and noise of one clipped matrix (K, K), or of many (..., K, K); `InputError` if not square."""
    ones = np.asarray(mask, dtype=bool)
    numbers = cluster_numbers(ones)
    shape, classes = ones.shape[:-2], ones.shape[-1]
    within = numbers >= 0
    members = _histogram(numbers.reshape(-1, classes), classes)
    sizes = _histogram(members, classes + 1)
    sizes[:, 0] = 0
    total, block_ones = ones.sum(axis=(-2, -1)), (members**2).sum(axis=1).reshape(shape)
    return FilterStatistics(
        clusters=numbers.max(axis=-1) + 1,
        labels=within.sum(axis=-1),
        block_ones=block_ones,
        ones=total,
        noise=total - block_ones,
        column_noise=(ones.sum(axis=-2) * within).sum(axis=-1) - block_ones,
        row_noise=(ones.sum(axis=-1) * within).sum(axis=-1) - block_ones,
        sizes=sizes.reshape(*shape, classes + 1),
    )


def cluster_numbers(mask: npt.ArrayLike) -> Counts:
    """The number of each label's cluster, from 0, or -1: shape (..., K) for masks (..., K, K).

    `find_clusters` for many filters at once: a label is looked at in all filters in whose clusters it may be.
    """
    masks = np.asarray(mask, dtype=bool)
    if masks.ndim < 2 or masks.shape[-1] != masks.shape[-2]:
        raise InputError(f"clusters: masks of shape {masks.shape}; give square matrices (..., K, K)")
    classes = masks.shape[-1]
    mutual = (masks & masks.swapaxes(-1, -2)).reshape(-1, classes, classes)
    free = np.diagonal(mutual, axis1=1, axis2=2).copy()
    numbers = np.full(free.shape, -1)
    for seed in range(classes):
        filters = np.flatnonzero(free[:, seed])
        number = numbers[filters].max(axis=1, initial=-1) + 1
        fits = free[filters] & mutual[filters, seed]
        for label in range(seed, classes):
            joins = np.flatnonzero(fits[:, label])
            if len(joins):
                numbers[filters[joins], label] = number[joins]
                fits[joins, label + 1 :] &= mutual[filters[joins], label, label + 1 :]
        free[filters] &= numbers[filters] < 0
    return numbers.reshape(masks.shape[:-1])


def _histogram(values: Counts, bins: int) -> Counts:
    """How often 0, 1, …, bins - 1 occur in each row; negative values do not count."""
    rows, columns = np.nonzero(values >= 0)
    places = rows * bins + values[rows, columns]
    return np.bincount(places, minlength=len(values) * bins).reshape(len(values), bins)
