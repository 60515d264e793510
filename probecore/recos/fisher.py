"""Fisher ratios: how far groups of images lie apart in a filter's map, against the spread within them."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from probecore.statistics import bootstrap_counts, percentile_interval, permutation_p

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
        The ratio to expect of such groups.
    n
        Images.
    """

    value: Array
    low: Array
    high: Array
    p: Array
    null: float
    n: int


def fisher_ratio(maps: Tensor, groups: Groups, *, generator: np.random.Generator, resamples: int = 99) -> Fisher:
    """Scatter between groups over scatter within, trace by trace, of each filter's map.

    Parameters
    ----------
    maps : (N, F) or (N, F, H, W)
    groups : the group of each image, (N,), any whole numbers; K of them occur
    resamples : bootstrap replicates, and permutations

    Returns
    -------
    Fisher
        J = tr S_B / tr S_W = Σ_k n_k |m_k - m|² / Σ_i |x_i - m_k(i)|², over the positions of a map. The interval is a
        percentile bootstrap over images within groups, moved by the bootstrap's bias; p permutes the groups; null
        (K - 1) / (N - K). A map that is the same for all images gives NaN,
        and so does the interval of one that only a few images change.
    """
    scatter = _Scatter(maps)
    groups = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(groups)
    n, kinds = len(groups), len(sizes)
    observed = scatter.between(groups[None], sizes)
    total = scatter.energy.sum(0, keepdim=True)
    value = _ratio(observed, total, total)[0]
    shuffled = groups[np.argsort(generator.random((resamples, n)), axis=1)]
    replicates = _ratio(*scatter.redrawn(groups, sizes, resamples, generator), total)
    low, high = percentile_interval(replicates)
    bias = replicates.mean(axis=0) - value
    return Fisher(
        value=value,
        low=np.maximum(low - bias, 0),
        high=np.maximum(high - bias, 0),
        p=permutation_p(value, _ratio(scatter.between(shuffled, sizes), total, total)),
        null=(kinds - 1) / (n - kinds) if n > kinds else math.nan,
        n=n,
    )


class _Scatter:
    """Maps around their mean, and sums of squares of group means; everything else is arithmetic on these."""

    def __init__(self, maps: Tensor) -> None:
        features = maps.double().reshape(len(maps), maps.shape[1], -1)
        features = features - features.mean(0)
        self.energy = features.square().sum(2)
        self.filters = maps.shape[1]
        self.features = features.flatten(1).float()

    def between(self, groupings: Groups, sizes: Groups) -> Tensor:
        """Scatter between groups (R, F) for groupings (R, N) with groups of these sizes."""
        scatter = torch.zeros(len(groupings), self.filters, dtype=torch.float64, device=self.energy.device)
        for group, size in enumerate(sizes.tolist()):
            inside = torch.from_numpy((groupings == group).astype(np.float32)).to(self.features.device)
            scatter += self._squared(inside @ self.features) / size
        return scatter

    def redrawn(
        self, groups: Groups, sizes: Groups, resamples: int, generator: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Scatter between and in all (R, F) when images are drawn anew within each group."""
        device = self.features.device
        between = torch.zeros(resamples, self.filters, dtype=torch.float64, device=device)
        energy, sums = torch.zeros_like(between), torch.zeros(resamples, self.features.shape[1], device=device)
        for group, size in enumerate(sizes.tolist()):
            rows = torch.from_numpy(np.flatnonzero(groups == group)).to(device)
            drawn = torch.from_numpy(bootstrap_counts(size, resamples, generator)).to(device)
            group_sums = drawn.float() @ self.features[rows]
            between += self._squared(group_sums) / size
            energy += drawn.double() @ self.energy[rows]
            sums += group_sums
        overall = self._squared(sums) / len(groups)
        return between - overall, energy - overall

    def _squared(self, sums: Tensor) -> Tensor:
        """Σ over positions of squared sums (R, F·P), in double: (R, F)."""
        return sums.view(len(sums), self.filters, -1).double().square().sum(2)


def _ratio(between: Tensor, total: Tensor, observed: Tensor) -> Array:
    """Between over within (R, F + 1), the whole layer last; NaN where only rounding of what was observed is left."""
    between, total, observed = (torch.cat([part, part.sum(1, keepdim=True)], 1) for part in (between, total, observed))
    within = total - between
    ratio: Array = (between / torch.where(within > 1e-6 * observed, within, torch.nan)).cpu().numpy()
    return ratio
