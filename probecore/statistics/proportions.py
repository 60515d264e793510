"""Intervals and tests for proportions of images."""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, chdtri

from probecore.statistics.result import Estimate

Z = 1.959963984540054
"""97.5 % point of the normal distribution."""


def wilson_interval(successes: float, n: int) -> tuple[float, float]:
    """95 % score interval of a proportion (Wilson 1927, doi 10.1080/01621459.1927.10502953).

    With up to three successes, or failures, the end beside 0, or 1, is Poisson's: the score interval would hold the
    truth in as few as 84 % of samples there (Brown, Cai and DasGupta 2001, doi 10.1214/ss/1009213286). Successes may
    be parts of one, means over what depends on each other: they vary less than whole ones.
    """
    share = successes / n
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return _lower(successes, n, centre - half), 1 - _lower(n - successes, n, 1 - centre - half)


def _lower(successes: float, n: int, score: float) -> float:
    if successes == 0:
        return 0.0
    return float(chdtri(2 * successes, 0.95)) / (2 * n) if successes < min(4, n) else score


def share_of(count: int, n: int, *, name: str = "value") -> dict[str, float]:
    """Columns `name`, ``low``, ``high`` and ``n`` of `count` out of `n`, with Wilson's interval."""
    low, high = wilson_interval(count, n)
    return {name: count / n, "low": low, "high": high, "n": n}


def paired_difference(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> Estimate:
    """How much a share of images changes when every image is judged twice.

    Parameters
    ----------
    before, after : bool arrays of shape (N,)
        Whether each image was right, without and with a change.

    Returns
    -------
    Estimate
        mean(after) - mean(before); its 95 % interval for matched pairs, with half an image added to each kind
        of change and two to the sample (Agresti and Min 2005, doi 10.1002/sim.1781); null 0; and the exact
        two-sided sign test on the images whose judgement changed (McNemar 1947, doi 10.1007/BF02295996).
    """
    change = after.astype(np.int64) - before.astype(np.int64)
    n, gained, lost = len(change), int((change > 0).sum()), int((change < 0).sum())
    value = float(change.mean())
    centre = (gained - lost) / (n + 2)
    half = Z * math.sqrt((gained + lost + 1) - (gained - lost) ** 2 / (n + 2)) / (n + 2)
    p = min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5))) if gained + lost else 1.0
    return Estimate(value=value, low=centre - half, high=centre + half, null=0.0, p=p, n=n)
