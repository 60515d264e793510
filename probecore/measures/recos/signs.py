"""Sign confusion: how much of what drives a layer's outputs is negative times negative.

A positive contribution w·y to an output comes from a pattern that is there (w > 0, y > 0), or from the
opposite of one that is unwanted (w < 0, y < 0); the output cannot tell. A rectifier before the layer
makes the second kind impossible (Kuo 2016, arXiv 1609.04112). The rate is ours: the share of the second kind in the
sum of all positive contributions.
"""

from math import prod

import torch
from torch import Tensor, nn

from probecore.measures.recos.geometry import check_layer, pad, taps
from probecore.statistics.moved_grid import Orders


class Contributions:
    """Sums of the positive contributions to a layer's outputs, over all positions; no convolution is computed.

    Parameters
    ----------
    layer : 2-d convolution or linear layer

    Attributes
    ----------
    positive, negative
        Contributions from both positive and both negative, per image and filter: float64 (N, F), on the CPU.

    Raises
    ------
    InputError
        If the layer is of another kind.
    """

    def __init__(self, layer: nn.Module) -> None:
        check_layer(layer)
        self._layer = layer
        weight = layer.get_parameter("weight").detach().double().flatten(1)
        groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
        self._weights = weight.relu().unflatten(0, (groups, -1)), (-weight).relu().unflatten(0, (groups, -1))
        shape = groups, weight.shape[1]
        self._met = [torch.zeros(shape, dtype=torch.float64, device=weight.device) for _ in range(2)]
        self.positive = self.negative = torch.empty(0, len(weight), dtype=torch.float64)

    def add(self, inputs: Tensor) -> None:
        """Add what the layer reads from one batch, (B, C, H, W) or (B, ..., D)."""
        self.positive = torch.cat([self.positive, self._sum(0, inputs.relu())])
        self.negative = torch.cat([self.negative, self._sum(1, (-inputs).relu())])

    def rate(self) -> Tensor:
        """Sign confusion of each filter, (F,); NaN where nothing contributes."""
        return self.negative.sum(0) / (self.positive + self.negative).sum(0)

    def moved(self, orders: Orders) -> tuple[Tensor, Tensor]:
        """Rates if filters stood elsewhere on what they read: of each filter (B, F), and of the whole layer (B,).

        Parameters
        ----------
        orders : which tap's input each weight meets instead of its own, (B, taps), in all filters alike; what is met
            keeps its mean and variance, also where a tap comes twice
        """
        places = torch.from_numpy(orders).to(self._met[0].device)
        positive, negative = (
            torch.einsum("gbd,gfd->bgf", _alike(met[:, places], met), weights).flatten(1).cpu()
            for weights, met in zip(self._weights, self._met, strict=True)
        )
        return negative / (positive + negative), negative.sum(1) / (positive + negative).sum(1)

    def _sum(self, sign: int, inputs: Tensor) -> Tensor:
        met = _met_by_weights(self._layer, inputs)
        self._met[sign] += met.sum(0)
        return torch.einsum("ngd,gfd->ngf", met, self._weights[sign]).flatten(1).cpu()


def _alike(moved: Tensor, met: Tensor) -> Tensor:
    """Moved values (G, B, taps) with the mean and variance of the values themselves, (G, taps)."""
    centred = moved - moved.mean(2, keepdim=True)
    widths = moved.std(2, keepdim=True, correction=0)
    scale = met.std(1, correction=0)[:, None, None] / torch.where(widths > 0, widths, 1.0)
    return centred * scale + met.mean(1)[:, None, None]


def _met_by_weights(layer: nn.Module, inputs: Tensor) -> Tensor:
    """What each weight meets, summed over positions: float64 (N, G, taps)."""
    if isinstance(layer, nn.Linear):
        return inputs.double().reshape(len(inputs), 1, -1, inputs.shape[-1]).sum(2)
    assert isinstance(layer, nn.Conv2d)
    rows = [
        torch.stack([part.sum((2, 3), dtype=torch.float64) for part in taps(layer, row, 3)], dim=2)
        for row in taps(layer, pad(layer, inputs), 2)
    ]
    return torch.stack(rows, dim=2).reshape(len(inputs), layer.groups, prod(layer.weight.shape[1:]))
