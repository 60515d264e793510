"""Fisher ratios: how far groups of images lie apart in a filter's map, against the spread within them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import stdtrit
from torch import Tensor

from probecore.statistics import permutation_p

Array = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fisher:
    """Ratios of a layer's filters, and last that of the whole layer; all of shape (F + 1,).

    Attributes
    ----------
    value, low, high, p
        The ratio, its 95 % interval, and the p-value of groups that mean nothing.
    null
        The ratio to expect of such groups: 0.
    n
        Images in groups of two or more.
    """

    value: Array
    low: Array
    high: Array
    p: Array
    null: float
    n: int


def fisher_ratio(maps: Tensor, groups: Groups, *, generator: np.random.Generator, resamples: int = 99) -> Fisher:
    """Estimate the scatter between groups over the scatter within, trace by trace, of each filter's map.

    Parameters
    ----------
    maps : (N, F) or (N, F, H, W)
    groups : the group of each image, (N,), any whole numbers; images alone in their group are left out
    resamples : permutations

    Returns
    -------
    Fisher
        J = Σ_k n_k |μ_k - μ|² / Σ_k n_k v_k, with v_k the variance within group k, summed over the positions of a map.
        Both sums are estimated without bias, so J does not depend on the number of images, and can fall below 0. The
        interval is by the delta method, images drawn within groups, with Student's t; p permutes the groups. A map that
        is the same for all images of a group in each group gives NaN, and so does the interval of one that hangs on one
        image.
    """
    groups = np.unique(groups, return_inverse=True)[1]
    kept = np.bincount(groups)[groups] > 1
    groups = np.unique(groups[kept], return_inverse=True)[1]
    if groups.max(initial=0) == 0:
        nothing = np.full(maps.shape[1] + 1, np.nan)
        return Fisher(value=nothing, low=nothing, high=nothing, p=nothing, null=0.0, n=len(groups))
    scatter = _Scatter(maps[torch.from_numpy(kept).to(maps.device)], groups)
    observed = scatter.between(groups[None])[0]
    shuffled = scatter.between(groups[np.argsort(generator.random((resamples, len(groups))), axis=1)])
    p = permutation_p(observed, shuffled)
    value, half = scatter.ratios()
    known = scatter.total - observed > 1e-6 * scatter.total
    value, half, p = (np.where(known, column, np.nan) for column in (value, half, p))
    return Fisher(value=value, low=value - half, high=value + half, p=p, null=0.0, n=len(groups))


class _Scatter:
    """Maps around their mean, as sums over positions; columns are filters, and last the whole layer."""

    def __init__(self, maps: Tensor, groups: Groups) -> None:
        features = maps.double().reshape(len(maps), maps.shape[1], -1)
        features = features - features.mean(0)
        self._groups, self._sizes = groups, np.bincount(groups)
        self._filters = maps.shape[1]
        self.total = self._summed(features.flatten(1).square()).sum(0)
        self._features = features.flatten(1).float()

    def between(self, groupings: Groups) -> Array:
        """Scatter between groups (R, F + 1) for groupings (R, N) with groups of these sizes."""
        scatter = np.zeros((len(groupings), self._filters + 1))
        for group, size in enumerate(self._sizes.tolist()):
            inside = torch.from_numpy((groupings == group).astype(np.float32)).to(self._features.device)
            scatter += self._summed((inside @ self._features).square()) / size
        return scatter

    def ratios(self) -> tuple[Array, Array]:
        """J and half the width of its interval, (F + 1,) each, from what each image adds to both scatters."""
        n, kinds, sizes = len(self._groups), len(self._sizes), self._sizes[:, None]
        means = torch.stack([self._features[torch.from_numpy(self._groups == k)].mean(0) for k in range(kinds)])
        own = means[torch.from_numpy(self._groups)]
        rest = self._features - own
        squares = self._summed(rest.square())
        variances = np.stack([squares[self._groups == k].sum(0) for k in range(kinds)]) / (sizes - 1)
        between = (sizes * self._summed(means.square()) - (1 - sizes / n) * variances).sum(0) / n
        within = (sizes * variances).sum(0) / n
        lost = (sizes / (sizes - 1))[self._groups]
        with np.errstate(divide="ignore", invalid="ignore"):
            value = between / within
            moves = 2 * np.sqrt(lost) * self._summed(own * rest)
            moves -= value * (lost * squares - variances[self._groups])
            energy = (moves**2).sum(0)
            half = stdtrit(n - kinds, 0.975) * np.sqrt(energy) / (n * within)
        return value, np.where((moves**2).max(0) > energy / 2, np.nan, half)

    def _summed(self, values: Tensor) -> Array:
        """Σ over positions (R, F·P) by filter and for the layer, in double: (R, F + 1)."""
        sums = values.view(len(values), self._filters, -1).double().sum(2)
        summed: Array = torch.cat([sums, sums.sum(1, keepdim=True)], 1).cpu().numpy()
        return summed
