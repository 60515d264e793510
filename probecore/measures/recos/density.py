"""How frequent the patterns are that anchors stand for: against random directions and k-means centres."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from probecore.measures.recos.geometry import SphereCorrelations, sphere_correlations
from probecore.measures.recos.ratios import Array, entropy

NEAR = 0.5
"""Cosine of 60 degrees: a patch at least as close to a direction counts as its pattern."""

BINS = 36
"""Bins of angles from 0 to 180 degrees."""


SETS = 99
"""Sets of random directions that a layer's anchors are compared with, at least."""

NUMBERS = 2**26
"""Fewer sets, but one, where all their directions would be more numbers than this; p is at least 2 / (sets + 1)."""

TOGETHER = 2**28
"""Numbers of the directions of all layers."""

NULL_IMAGES = 200
"""Images behind the comparison, at most; fewer, but 20, where `PRODUCTS` would be exceeded."""

COSINES = 2**26
"""Correlations of patches with random directions that are held at once, of one image at least."""

PRODUCTS = 10**10
"""Multiplications for the correlations of a layer's patches with all its random directions."""


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


def number_of_sets(count: int, filters: int, weights: int, *, layers: int) -> int:
    """Sets that have `count` directions, of a layer with so many filters and weights, see `RandomSets`."""
    numbers = min(NUMBERS, TOGETHER // layers)
    return min(max(SETS, -(-count // filters)), max(1, numbers // weights))


class RandomSets:
    """What patches make of sets of random directions, each set as many as a layer has anchors.

    Parameters
    ----------
    count : directions at least, and `SETS` sets at least, within `NUMBERS`
    layers : how many layers have such sets at once, which share `TOGETHER`

    Attributes
    ----------
    vectors
        The directions, (S, F, D).
    images
        How many images have been added.
    """

    def __init__(self, layer: nn.Module, count: int, generator: torch.Generator, *, layers: int = 1) -> None:
        self._layer, groups, filters = layer, groups_of(layer), len(layer.get_parameter("weight"))
        sets = number_of_sets(count, filters, layer.get_parameter("weight").numel(), layers=layers)
        self._flat = random_directions(layer, sets * filters, generator)
        self._shape = groups, sets, filters // groups
        self.vectors = self._flat.unflatten(0, self._shape).transpose(0, 1).flatten(1, 2)
        self.images, self._wanted = 0, NULL_IMAGES
        self._near, self._nearest = (torch.zeros(self._shape, dtype=torch.float64) for _ in range(2))
        self._angles = torch.zeros(sets, dtype=torch.float64)
        self._patches = torch.zeros(groups, dtype=torch.float64)

    def add(self, inputs: Tensor) -> None:
        """Add what the layer reads from one batch, as long as more images are wanted."""
        for part in inputs.split(self._at_once(inputs)):
            part = part[: max(0, self._wanted - self.images)]
            if not len(part):
                return
            correlations = sphere_correlations(self._layer, part, vectors=self._flat)
            products = correlations.cosines[0].numel() * self._flat.shape[1]
            self._wanted = min(NULL_IMAGES, max(20, PRODUCTS // products))
            self._add(correlations)
            self.images += len(part)

    def _at_once(self, inputs: Tensor) -> int:
        """Images whose correlations are held at once."""
        places = inputs[0].numel() // inputs.shape[1 if isinstance(self._layer, nn.Conv2d) else -1]
        return min(10, max(1, COSINES // (places * len(self._flat))))

    def _add(self, correlations: SphereCorrelations) -> None:
        flat = correlations.flat.flatten(2) if correlations.flat.ndim > 2 else correlations.flat[..., None]
        cosines = correlations.cosines.reshape(len(flat), *self._shape, flat.shape[2])
        known = ~flat[:, :, None]
        best, index = cosines.max(dim=3)
        nearest = torch.zeros(cosines.shape[:4], device=flat.device)
        nearest.scatter_add_(3, index, known.float().expand_as(best).contiguous())
        degrees = torch.rad2deg(torch.acos(best.clamp(-1, 1))).double() * known
        self._near += ((cosines >= NEAR) & known[:, :, None]).sum((0, 4)).cpu()
        self._nearest += nearest.double().sum(0).cpu()
        self._angles += degrees.sum((0, 1, 3)).cpu()
        self._patches += known.sum((0, 2, 3)).cpu()

    def same_images(self, sums: PatchSums) -> PatchSums:
        """Those of the images that have been added, the first ones."""
        return PatchSums(*(getattr(sums, field.name)[: self.images] for field in fields(sums)))

    @property
    def densities(self) -> Array:
        """Share of patches within 60 degrees of each direction, (S·F,)."""
        return np.asarray((self._near / self._patches[:, None, None]).flatten())

    @property
    def layer_densities(self) -> Array:
        """The same for each set, (S,)."""
        return np.asarray(self._near.sum((0, 2)) / (self._patches.sum() * self._shape[2]))

    @property
    def occupancies(self) -> Array:
        """Share of patches whose nearest in its set is each direction, (S·F,)."""
        return np.asarray((self._nearest / self._patches[:, None, None]).flatten())

    @property
    def angles(self) -> Array:
        """Mean angle of patches to the nearest of each set, in degrees, (S,)."""
        return np.asarray(self._angles / self._patches.sum())

    @property
    def effective(self) -> Array:
        """Effective occupancy of each set, (S,), without correction for bias."""
        counts = self._nearest.transpose(0, 1).flatten(1).numpy()
        return np.asarray(np.exp(entropy(counts)) / counts.shape[1])


def groups_of(layer: nn.Module) -> int:
    """Groups of input channels; 1 for a linear layer."""
    return layer.groups if isinstance(layer, nn.Conv2d) else 1


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
