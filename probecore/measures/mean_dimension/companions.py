"""Mean dimensions that say what part of a network's comes from dependence among its inputs.

Every function of independent inputs has a mean dimension of 1 or more, and an additive one has exactly 1; over given
points neither holds. So the same function is measured where its inputs are independent, and within classes.
"""

import numpy as np
import torch
from torch import Tensor, nn

from probecore.measures.mean_dimension.bases import Basis
from probecore.measures.mean_dimension.intervals import Ratios, estimate_ratios
from probecore.measures.mean_dimension.network import network_mean_dimension


def independent_margins(inputs: Tensor, basis: Basis | None, generator: np.random.Generator) -> Tensor:
    """Return points (N, ...) with the coordinates of `inputs`, each permuted over the points on its own.

    What lies outside of the span of a basis is left out.
    """
    coordinates = inputs.flatten(1) if basis is None else basis.coordinates(inputs)
    order = generator.permuted(np.tile(np.arange(len(inputs))[:, None], coordinates.shape[1]), axis=0)
    mixed = coordinates.gather(0, torch.from_numpy(order).to(coordinates.device))
    if basis is not None:
        directions, origin = (torch.from_numpy(part).to(mixed) for part in (basis.directions, basis.origin))
        mixed = origin + mixed @ directions
    return mixed.view_as(inputs)


def mean_dimension_of_independent(
    model: nn.Module, inputs: Tensor, *, basis: Basis | None, features: int | None, generator: np.random.Generator
) -> Ratios:
    """Estimate the mean dimension of a network's output, trace, if coordinates had their margins but were independent.

    Parameters are those of `network_mean_dimension`.
    """
    points = independent_margins(inputs, basis, generator)
    return _trace(model, points, basis, features, generator)


def boolean_mean_dimension(
    model: nn.Module, ends: Tensor, *, points: int, features: int | None, generator: np.random.Generator
) -> Ratios:
    """Estimate the Boolean mean dimension of a network's output, trace: over all inputs of two values each.

    Σ_S |S| f̂(S)² / Σ_{S≠∅} f̂(S)² of the Fourier expansion of f on the corners of a cube (Demyanenko, Feinauer,
    Malatesta, Saglietti 2024, arXiv 2401.12610): the mean dimension of independent inputs that are either end with
    probability 1/2. It needs no data.

    Parameters
    ----------
    ends : both values of every coordinate, (2, ...), as the network takes them
    points : corners that are drawn
    model, features, generator : as for `network_mean_dimension`

    Examples
    --------
    >>> parity = nn.Linear(3, 1, bias=False)
    >>> parity.forward = lambda x: x.prod(dim=1, keepdim=True)
    >>> ends = torch.tensor([[-1.0] * 3, [1.0] * 3])
    >>> found = boolean_mean_dimension(parity, ends, points=4000, features=None, generator=np.random.default_rng(0))
    >>> round(float(found.value[0]), 1)
    3.0
    """
    chosen = torch.from_numpy(generator.integers(2, size=(points, *ends.shape[1:]))).to(ends.device)
    return _trace(model, torch.where(chosen == 1, ends[1], ends[0]), None, features, generator)


def mean_dimension_within_classes(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    basis: Basis | None,
    features: int | None,
    generator: np.random.Generator,
) -> Ratios | None:
    """Estimate the mean dimension of a network's output, trace, with donors of the same class.

    Total indices over the variance within classes, both averaged over classes by their points. The variance is
    that of a sample, for classes have few points. None where no class has two points.
    """
    parts = []
    for label in labels.unique():
        points = inputs[labels == label]
        if len(points) > 1:
            found = _trace(model, points, basis, features, generator)
            parts.append(found.contributions * [1, len(points) / (len(points) - 1)])
    return estimate_ratios(np.concatenate(parts), reach=1, generator=generator) if parts else None


def _trace(
    model: nn.Module, points: Tensor, basis: Basis | None, features: int | None, generator: np.random.Generator
) -> Ratios:
    """Of few exchanges, for which preparing a fast way takes longer than it saves."""
    found = network_mean_dimension(model, points, basis=basis, features=features, fast=False, generator=generator)
    return found.outputs["output"].ratios.trace()
