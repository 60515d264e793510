"""Intervals over images: of ratios of sums, and of how evenly patches share anchors."""

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, stdtrit
from torch import Tensor

Array = npt.NDArray[np.float64]


def ratio_over_images(above: Tensor, below: Tensor, *, proportion: bool = True) -> dict[str, Array]:
    """Divide sums over images, with intervals by the delta method and Student's t.

    Parameters
    ----------
    above, below : what each image adds, (n_images, V)
    proportion : the ratio lies between 0 and 1, so its interval is that of its log odds

    Returns
    -------
    dict
        ``value``, ``low`` and ``high``, (V,) each; no interval where all images give the same ratio, e.g. 0.
    """
    top, bottom = above.double().numpy(), below.double().numpy()
    n = len(top)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = top.sum(0) / bottom.sum(0)
        error = np.sqrt(((top - value * bottom) ** 2).sum(0) * n / (n - 1)) / bottom.sum(0)
        half = np.where(error > 1e-12 * np.abs(value), stdtrit(n - 1, 0.975) * error, np.nan)
        if not proportion:
            return {"value": value, "low": value - half, "high": value + half}
        odds, half = logit(value), half / (value * (1 - value))
    return {"value": value, "low": expit(odds - half), "high": expit(odds + half)}


def effective_occupancy(nearest: Tensor) -> dict[str, float]:
    """Estimate how many anchors patches use, exp(entropy) of the shares over their number.

    Parameters
    ----------
    nearest : how many patches of each image have each anchor as their nearest, (n_images, n_anchors)

    Returns
    -------
    dict
        ``value``, ``low`` and ``high``: jackknife over images, which takes off the bias of the entropy, on the scale of
        the entropy with Student's t.
    """
    counts = nearest.double().numpy()
    n, anchors = counts.shape
    entropies = entropy(counts.sum(0) - counts)
    value = n * entropy(counts.sum(0)) - (n - 1) * entropies.mean()
    half = stdtrit(n - 1, 0.975) * np.sqrt((n - 1) * entropies.var())
    low, middle, high = (float(np.minimum(1.0, np.exp(edge) / anchors)) for edge in (value - half, value, value + half))
    return {"value": middle, "low": low, "high": high}


def entropy(counts: Array) -> Array:
    """Entropy in nats of shares proportional to counts, over the last axis."""
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum(-1, keepdims=True)
    return -np.asarray((shares * np.log(np.maximum(shares, 1e-300))).sum(-1))
