"""How many coordinates are exchanged where nobody says: all, unless the network is so large that it takes hours."""

import torch
from torch import nn

from probecore.models import list_layers

MOST_MULTIPLY_ADDS = 10**12
"""Of the exchanges of one estimate, the plain way: about a minute of one core."""

FEWEST = 10
"""Coordinates per pair that are exchanged all the same."""


def affordable_features(model: nn.Module, points: torch.Tensor, *, coordinates: int, shuffles: int) -> int | None:
    """Choose how many coordinates to exchange per pair of points.

    Parameters
    ----------
    model : network
    points : base points (N, ...), each with as many donors as there are `shuffles`
    coordinates : how many there are

    Returns
    -------
    int or None
        As many as keep all exchanges within `MOST_MULTIPLY_ADDS`, but `FEWEST` at least; None, which means all, where
        all do.
    """
    multiply_adds = sum(layer.macs for layer in list_layers(model, tuple(points.shape[1:])))
    most = max(FEWEST, MOST_MULTIPLY_ADDS // max(1, multiply_adds * len(points) * shuffles))
    return most if most < coordinates else None
