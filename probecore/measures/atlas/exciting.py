"""What excites a filter most: test images, and where in them it looks."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from probecore.models import Block
from probecore.models.kinds import units_first
from probecore.models.tracing import listening

Integers: TypeAlias = npt.NDArray[np.int64]

MOST = 4
"""Images per filter."""


class Peaks(NamedTuple):
    """The largest value of each filter's map on single images, each (N, F)."""

    values: npt.NDArray[np.float64]
    places: Integers
    """Where in the map, its positions counted row by row."""


def peaks(maps: Tensor) -> Peaks:
    """Find the largest value of each map of (N, F, ...); the first of equals."""
    values, places = _flat(maps).max(2)
    return Peaks(values.double().cpu().numpy(), places.cpu().numpy())


def strongest(values: npt.NDArray[np.float64]) -> Integers:
    """Choose the images that excite filters most, of (N, F), as (M, F), the strongest first; of equals the first."""
    return np.argsort(-values, axis=0, kind="stable")[:MOST]


def dependence(model: nn.Module, block: Block, inputs: Tensor, filters: Integers, places: Integers) -> Integers:
    """Box the pixels whose change moves a filter's value at one place of its map.

    Parameters
    ----------
    model : in evaluation mode
    block : whose output the maps are
    inputs : shape (M, C, H, W); one image for each value
    filters, places : shape (M,)

    Returns
    -------
    ndarray
        (M, 4): first row, first column, and the row and column behind the last; zeros where no pixel moves it, as of a
        rectifier at rest.

    Notes
    -----
    Pixels of which the gradient is not zero there: the receptive field without what this image's rectifiers and maxima
    shut out.
    """
    kept: dict[int, Tensor] = {}

    def keep(_name: str, index: int, _inputs: Any, output: Tensor) -> Tensor:
        kept[index - 1] = output
        return output.clone()

    images = inputs.detach().clone().requires_grad_()
    with torch.enable_grad(), listening(model, [block.output], keep):
        model(images)
    maps = units_first(kept[block.output_call], block.axis)
    chosen = _flat(maps)[torch.arange(len(inputs)), torch.from_numpy(filters), torch.from_numpy(places)]
    (gradient,) = torch.autograd.grad(chosen.sum(), images)
    moved = (gradient != 0).any(1)
    (top, bottom), (left, right) = _ends(moved.any(2)), _ends(moved.any(1))
    return np.stack([top, left, bottom, right], axis=1)


def _flat(maps: Tensor) -> Tensor:
    return maps.reshape(*maps.shape[:2], -1)


def _ends(moved: Tensor) -> tuple[Integers, Integers]:
    """The first place, and that behind the last, along each line of (M, S); zeros where there is none."""
    lines = np.asarray(moved.cpu().numpy())
    found = lines.any(1)
    first, behind = lines.argmax(1), lines.shape[1] - lines[:, ::-1].argmax(1)
    return np.where(found, first, 0), np.where(found, behind, 0)
