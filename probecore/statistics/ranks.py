"""Ranks, without `scipy.stats`, whose import takes a job longer than the work that it would do there."""

import numpy as np
import numpy.typing as npt


def average_ranks(values: npt.ArrayLike, *, axis: int = 0) -> npt.NDArray[np.float64]:
    """Rank along an axis, from 1; equal values share the mean of their ranks, NaN stays NaN and counts for none.

    Examples
    --------
    >>> average_ranks([30.0, 10.0, 10.0, np.nan])
    array([3. , 1.5, 1.5, nan])
    """
    rows = np.moveaxis(np.asarray(values), axis, -1)
    order = np.argsort(rows, axis=-1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=-1)
    place = np.arange(rows.shape[-1])
    differs = ordered[..., 1:] != ordered[..., :-1]
    ends = np.ones((*rows.shape[:-1], 1), dtype=bool)
    first = np.maximum.accumulate(np.where(np.concatenate([ends, differs], axis=-1), place, 0), axis=-1)
    backwards = np.where(np.concatenate([differs, ends], axis=-1), place, len(place))[..., ::-1]
    last = np.minimum.accumulate(backwards, axis=-1)[..., ::-1]
    shared = np.where(np.isnan(ordered), np.nan, (first + last) / 2 + 1)
    ranks = np.empty(rows.shape)
    np.put_along_axis(ranks, order, shared, axis=-1)
    return np.moveaxis(ranks, -1, axis)
