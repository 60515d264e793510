"""Pruning by clusters: connections stay only between filters that have a label in common.

Applying Filter Cluster Connections (AFCC): Tzach et al. 2025, arXiv 2501.12880, and the authors' code. For plain
chains of layers, where what a filter is connected to can be read from the weights. A connection is all weights
between two filters (or neurons): a kernel, or the columns of one map in a linear layer.
"""

import copy
import itertools
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from probecore.errors import InputError
from probecore.models.activations import channels_multiplied

Masks = dict[str, Tensor]
"""Name of a layer → bool (filters of the layer, filters of the layer before): which connections stay."""

_PASSING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Flatten, nn.Dropout, nn.Identity)


class Chain:
    """The weighted layers of an ``nn.Sequential`` of conv, linear, normalising, activation and pooling layers.

    Attributes
    ----------
    layers
        Name → module of every conv and linear layer, in the order they run.

    Raises
    ------
    InputError
        If the network is no such chain.
    """

    def __init__(self, model: nn.Module) -> None:
        if not isinstance(model, nn.Sequential):
            raise InputError(
                f"{type(model).__name__}: pruning by clusters needs a plain chain of layers; write `pruning: null`"
            )
        self.layers: dict[str, nn.Conv2d | nn.Linear] = {}
        for name, module in model.named_children():
            if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1):
                self.layers[name] = module
            elif not isinstance(module, (nn.BatchNorm2d, *_PASSING)) and not _is_pointwise(module):
                raise InputError(
                    f"{name}: pruning by clusters does not know {type(module).__name__}; write `pruning: null`"
                )

    def connections(self) -> Iterator[tuple[str, str]]:
        """Pairs of names of layers that follow each other."""
        return itertools.pairwise(self.layers)


def connection_masks(
    chain: Chain, labels: Mapping[str, npt.NDArray[np.bool_]], *, keep_clusterless: bool = False
) -> Masks:
    """Which connections stay: those between filters that share a label; an output's label is itself.

    Parameters
    ----------
    chain : the network's layers
    labels : name of a layer → bool (F, K), the labels in the clusters of each filter; connections to and from
        layers that are not named all stay
    keep_clusterless : whether filters in no cluster keep all connections instead of losing them
    """
    last = list(chain.layers)[-1]
    known = {**labels, last: np.eye(_filters(chain.layers[last]), dtype=bool)}
    masks: Masks = {}
    for before, after in chain.connections():
        if before in known and after in known:
            to, of = torch.from_numpy(known[after]), torch.from_numpy(known[before])
            masks[after] = (to[:, None] & of).any(-1)
            if keep_clusterless:
                masks[after] |= ~to.any(1)[:, None] | ~of.any(1)
    return masks


def strongest(chain: Chain, masks: Masks) -> Masks:
    """As many connections in each layer, those with the largest Euclidean norm."""
    return {name: _largest(_norms(chain, name, mask), int(mask.sum())) for name, mask in masks.items()}


def drawn(masks: Masks, generator: torch.Generator) -> Masks:
    """As many connections in each layer, at random."""
    return {
        name: _largest(torch.rand(mask.shape, generator=generator), int(mask.sum())) for name, mask in masks.items()
    }


def closed(chain: Chain, masks: Masks) -> Masks:
    """Without the connections of filters that nothing reaches, or that reach nothing.

    A filter that nothing reaches gives a constant; it is dropped with what it says.
    """
    masks = {name: mask.clone() for name, mask in masks.items()}
    changed = True
    while changed:
        changed = False
        for before, after in chain.connections():
            if before in masks and after in masks:
                alive = masks[before].any(1) & masks[after].any(0)
                changed |= bool(masks[before][~alive].any() or masks[after][:, ~alive].any())
                masks[before][~alive] = False
                masks[after][:, ~alive] = False
    return masks


@torch.no_grad()
def apply_masks(chain: Chain, masks: Masks) -> None:
    """Set the weights of all connections that do not stay to 0, in place."""
    for name, mask in masks.items():
        weight = chain.layers[name].weight
        weight.view(*mask.shape, -1).mul_(mask.to(weight.device)[..., None])


def shrink(model: nn.Module, masks: Masks) -> nn.Sequential:
    """A smaller copy of a pruned chain, without the filters that have no connection to the next layer.

    Raises
    ------
    InputError
        If a layer would have no filter left.
    """
    small = copy.deepcopy(model)
    chain = Chain(small)
    apply_masks(chain, masks)
    assert isinstance(small, nn.Sequential)
    follower = dict(chain.connections())
    kept: Tensor | None = None
    for name, module in list(small.named_children()):
        if name in chain.layers:
            after = follower.get(name)
            alive = (
                masks[after].any(0) if after in masks else torch.ones(_filters(chain.layers[name]), dtype=torch.bool)
            )
            if not alive.any():
                raise InputError(f"{name}: no filter is left after pruning; lower the threshold")
            _cut(chain.layers[name], kept, alive)
            kept = alive
        elif isinstance(module, nn.BatchNorm2d) and kept is not None:
            _cut_norm(module, kept)
    return small


def _is_pointwise(module: nn.Module) -> bool:
    return not list(module.parameters()) and channels_multiplied(module) == 1


def _filters(layer: nn.Conv2d | nn.Linear) -> int:
    return len(layer.weight)


def _norms(chain: Chain, name: str, mask: Tensor) -> Tensor:
    by_connection: Tensor = chain.layers[name].weight.detach().cpu().reshape(*mask.shape, -1)
    return by_connection.square().sum(-1)


def _largest(scores: Tensor, count: int) -> Tensor:
    chosen = torch.zeros(scores.numel(), dtype=torch.bool)
    chosen[scores.flatten().argsort(descending=True, stable=True)[:count]] = True
    return chosen.reshape(scores.shape)


@torch.no_grad()
def _cut(layer: nn.Conv2d | nn.Linear, inputs: Tensor | None, filters: Tensor) -> None:
    weight = layer.weight[filters]
    if inputs is not None:
        by_input = weight.reshape(len(weight), len(inputs), -1)[:, inputs]
        weight = by_input.reshape(len(weight), -1, *weight.shape[2:])
    layer.weight = nn.Parameter(weight.contiguous())
    if layer.bias is not None:
        layer.bias = nn.Parameter(layer.bias[filters])
    if isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = weight.shape
    else:
        layer.out_channels, layer.in_channels = weight.shape[:2]


@torch.no_grad()
def _cut_norm(norm: nn.BatchNorm2d, filters: Tensor) -> None:
    norm.num_features = int(filters.sum())
    for name in ("weight", "bias"):
        if (value := getattr(norm, name)) is not None:
            setattr(norm, name, nn.Parameter(value[filters]))
    for name in ("running_mean", "running_var"):
        if (value := getattr(norm, name)) is not None:
            setattr(norm, name, value[filters])
