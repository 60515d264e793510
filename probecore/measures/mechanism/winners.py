"""Which output a filter votes for: statistics of the largest outputs of single filters."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class WinnerStatistics:
    """Of each filter, in the shape of the rates without their last two axes; NaN where a field is always 0."""

    single_accuracy: Array
    """Share of images that the filter alone gets right, mean over labels; an image with a field of 0 is wrong."""
    winner_constancy: Array
    """Share of the labels on which it fires for which its most frequent winner is that over all labels."""
    winner_share: Array
    """Share of the images on which it fires, each label counting alike, that its favourite wins."""


def favourites(rates: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """The output that each filter votes for most often, shape (..., F)."""
    return np.asarray(np.asarray(rates).sum(axis=-2).argmax(axis=-1))


def winner_statistics(rates: npt.ArrayLike, favourite: npt.NDArray[np.intp] | None = None) -> WinnerStatistics:
    """From the share of the images of each label won by each output, (..., F, K, K).

    The authors' code mentions such counts without the code that makes or uses them: these three are ours.

    Parameters
    ----------
    rates : of some images
    favourite : of each filter (F,), from `favourites` of other images, for the most frequent winner of few images wins
        more of these than of all; without it that of the same images
    """
    shares = np.asarray(rates, dtype=np.float64)
    by_output, fires = shares.sum(axis=-2), shares.any(axis=-1)
    own = favourites(shares)[..., None]
    chosen = own if favourite is None else np.broadcast_to(favourite[:, None], own.shape)
    with np.errstate(invalid="ignore"):
        constancy = ((shares.argmax(axis=-1) == own) & fires).sum(axis=-1) / fires.sum(axis=-1)
        share = np.take_along_axis(by_output, chosen, axis=-1)[..., 0] / by_output.sum(axis=-1)
    diagonal = np.diagonal(shares, axis1=-2, axis2=-1)
    return WinnerStatistics(
        single_accuracy=np.where(fires.any(axis=-1), diagonal.mean(axis=-1), np.nan),
        winner_constancy=constancy,
        winner_share=share,
    )
