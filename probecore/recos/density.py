"""How frequent the patterns are that anchors stand for: against random directions and k-means centres."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor, nn

from probecore.recos.geometry import SphereCorrelations

NEAR = 0.5
"""Cosine of 60 degrees: a patch at least as close to a direction counts as its pattern."""

BINS = 36
"""Bins of angles from 0 to 180 degrees."""


@dataclass(frozen=True, eq=False)
class PatchSums:
    """Sums over the patches of each image: what every statistic of patches is a ratio of. Float64, on the CPU.

    Attributes
    ----------
    patches, flat
        Patches that have a direction, and near-flat ones, for each of the V directions, (N, V).
    near
        How many patches lie within 60 degrees of each direction, (N, V).
    nearest
        How many patches have it as their nearest direction, (N, V).
    angles
        Sum over patches of the angle to the nearest direction, in degrees, (N, 1).
    histogram
        Patches by that angle, bins of 5 degrees, (N, 36).
    """

    patches: Tensor
    flat: Tensor
    near: Tensor
    nearest: Tensor
    angles: Tensor
    histogram: Tensor

    @classmethod
    def of(cls, correlations: SphereCorrelations) -> Self:
        """Those of one batch."""
        flat = correlations.flat.flatten(2) if correlations.flat.ndim > 2 else correlations.flat[..., None]
        n, groups, places = flat.shape
        cosines = correlations.cosines.reshape(n, groups, -1, places)
        own = cosines.shape[2]
        best, index = cosines.max(dim=2)
        nearest = torch.zeros(n, groups, own + 1, device=flat.device)
        nearest.scatter_add_(2, index.masked_fill(flat, own), torch.ones_like(best))
        degrees = torch.rad2deg(torch.acos(best.clamp(-1, 1)))
        bins = (degrees * (BINS / 180)).long().clamp(max=BINS - 1).masked_fill(flat, BINS).flatten(1)
        histogram = torch.zeros(n, BINS + 1, device=flat.device)
        histogram.scatter_add_(1, bins, torch.ones_like(bins, dtype=torch.float32))
        sums = (
            (~flat).sum(2).repeat_interleave(own, 1),
            flat.sum(2).repeat_interleave(own, 1),
            ((cosines >= NEAR) & ~flat[:, :, None]).sum(3).flatten(1),
            nearest[:, :, :own].flatten(1),
            degrees.double().masked_fill(flat, 0).sum((1, 2))[:, None],
            histogram[:, :BINS],
        )
        return cls(*(part.double().cpu() for part in sums))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Those of all images, from those of batches."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def random_directions(layer: nn.Module, count: int, generator: torch.Generator) -> Tensor:
    """Mean-free unit directions drawn at random, (V, D): `count`, or the next multiple of the layer's filters."""
    weight = layer.get_parameter("weight")
    total = len(weight) * -(-count // len(weight))
    rows = torch.randn(total, weight[0].numel(), generator=generator, dtype=torch.float64)
    return nn.functional.normalize(rows - rows.mean(1, keepdim=True)).float().to(weight.device)


def kmeans_directions(patches: Tensor, count: int, generator: torch.Generator, *, rounds: int = 20) -> Tensor | None:
    """Centres (count, D) of unit patches (S, D), by spherical k-means.

    Dhillon and Modha 2001, doi 10.1023/A:1007612920971.
    None where there are fewer than four patches per centre. An empty cluster starts again at a patch that is far
    from all centres.
    """
    if len(patches) < 4 * count:
        return None
    centres = patches[torch.randperm(len(patches), generator=generator)[:count].to(patches.device)].clone()
    for _ in range(rounds):
        best, nearest = (patches @ centres.T).max(dim=1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, patches)
        empty = torch.bincount(nearest, minlength=count) == 0
        sums[empty] = patches[best.argsort()[: int(empty.sum())]]
        centres = nn.functional.normalize(sums)
    return centres
