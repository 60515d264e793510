"""Whether clusters depend on how labels are numbered, which is nothing of the network: functions of matrices alone."""

import numpy as np
import numpy.typing as npt

from probecore.measures.mechanism.clusters import Bools, Counts, cluster_numbers

RENUMBERINGS = 20


def strongest_first(masks: Bools, fields: npt.ArrayLike) -> Counts:
    """Number clusters by the authors' greedy rule with labels in descending order of a filter's own field on them.

    The order comes from the filter, so that other numbers of the labels give the same clusters.

    Parameters
    ----------
    masks, fields : clipped matrices, and what they were clipped of, (F, K, K)

    Returns
    -------
    array of shape (F, K), as of `cluster_numbers`
    """
    order = np.argsort(-np.diagonal(np.asarray(fields), axis1=1, axis2=2), axis=1, kind="stable")
    rows = np.take_along_axis(np.asarray(masks), order[:, :, None], axis=1)
    sorted_masks = np.take_along_axis(rows, order[:, None, :], axis=2)
    numbers = np.empty_like(order)
    np.put_along_axis(numbers, order, cluster_numbers(sorted_masks), axis=1)
    return numbers


def share_kept(masks: Bools, fields: npt.ArrayLike, *, generator: np.random.Generator) -> dict[str, tuple[float, int]]:
    """Share of filters with the same clusters after labels are numbered anew, mean over `RENUMBERINGS`.

    Returns
    -------
    dict
        Rule → share and number of filters in at least one cluster: ``ascending``, the authors', and
        ``strongest_first``. NaN and 0 where no filter has a cluster.
    """
    values = np.asarray(fields)
    known = np.diagonal(masks, axis1=1, axis2=2).any(axis=1)
    masks, values = masks[known], values[known]
    kept: dict[str, list[float]] = {"ascending": [], "strongest_first": []}
    for _ in range(RENUMBERINGS if len(masks) else 0):
        order = generator.permutation(masks.shape[-1])
        other_masks, other_fields = (each[:, order][:, :, order] for each in (masks, values))
        pairs = {
            "ascending": (cluster_numbers(masks), cluster_numbers(other_masks)),
            "strongest_first": (strongest_first(masks, values), strongest_first(other_masks, other_fields)),
        }
        for rule, (before, after) in pairs.items():
            same = _together(before)[:, order][:, :, order] == _together(after)
            kept[rule].append(float(same.all(axis=(1, 2)).mean()))
    return {rule: (float(np.mean(shares)) if shares else np.nan, len(masks)) for rule, shares in kept.items()}


def _together(numbers: Counts) -> Bools:
    """Which labels share a cluster, (F, K, K)."""
    return np.asarray((numbers[:, :, None] == numbers[:, None]) & (numbers[:, :, None] >= 0))
