"""Chains pruned by clusters, by magnitude and at random: how well each does, before and after a short retraining."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from probecore.determinism import torch_generator
from probecore.errors import InputError
from probecore.measures.mechanism.clusters import cluster_numbers
from probecore.measures.mechanism.fields import clip_fields
from probecore.measures.mechanism.params import Pruning
from probecore.measures.mechanism.pruning import (
    Chain,
    Masks,
    apply_masks,
    closed,
    connection_masks,
    drawn,
    shrink,
    strongest,
)
from probecore.models import list_layers
from probecore.train.batches import Batches


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """One pruned network."""

    method: str
    """clusters, magnitude or random."""
    threshold: float
    chosen: Masks
    """What the method keeps: as many connections in each layer, whatever the method."""
    masks: Masks
    """The same without connections that lead nowhere, or come from nowhere."""
    model: nn.Sequential
    """Of full size, with weights of 0."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a network costs to keep and to run."""

    parameters: int
    multiply_adds: int
    """For one image; conv and linear layers, without biases."""
    nonzero_parameters: int
    """Without the weights of pruned connections between filters that stay."""
    nonzero_multiply_adds: int


def prune(
    model: nn.Sequential,
    fields: Mapping[str, npt.NDArray[np.floating]],
    *,
    thresholds: Sequence[float],
    keep_clusterless: bool,
    key: Sequence[str | int],
) -> Iterator[Pruned]:
    """Prune by clusters at each threshold, and each time as many connections per layer by magnitude and at random.

    Parameters
    ----------
    model : a plain chain of layers, which stays as it is
    fields : name of a layer → matrices (F, K, K) of its filters
    key : names this unit of work; the random connections follow from it
    """
    chain = Chain(model)
    for threshold in thresholds:
        labels = {layer: cluster_numbers(clip_fields(values, threshold)) >= 0 for layer, values in fields.items()}
        shared = closed(chain, connection_masks(chain, labels, keep_clusterless=keep_clusterless))
        methods = {
            "clusters": shared,
            "magnitude": strongest(chain, shared),
            "random": drawn(shared, torch_generator(*key, "random", str(threshold))),
        }
        for method, chosen in methods.items():
            masks, pruned = closed(chain, chosen), copy.deepcopy(model)
            apply_masks(Chain(pruned), masks)
            yield Pruned(method=method, threshold=threshold, chosen=chosen, masks=masks, model=pruned)


def retrain(pruned: Pruned, batches: Batches, *, recipe: Pruning, key: Sequence[str | int]) -> None:
    """Train what is left of a pruned network, in place; connections that are gone stay gone."""
    model, chain = pruned.model, Chain(pruned.model)
    optimiser = torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=True,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    generator = torch_generator(*key, "retraining")
    model.train()
    for _ in range(recipe.epochs):
        for inputs, targets in batches.epoch(generator):
            optimiser.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimiser.step()
            apply_masks(chain, pruned.masks)
    model.eval()


def size_of(model: nn.Module, masks: Masks, input_shape: tuple[int, ...]) -> Size:
    """Size of a pruned chain without its connectionless filters; zeros if a layer has none left."""
    try:
        small = shrink(model, masks)
    except InputError:
        return Size(parameters=0, multiply_adds=0, nonzero_parameters=0, nonzero_multiply_adds=0)
    layers = list_layers(small, input_shape)
    weights = {name: layer.weight for name, layer in Chain(small).layers.items()}
    zeros = {name: int((weight == 0).sum()) for name, weight in weights.items()}
    parameters = sum(parameter.numel() for parameter in small.parameters())
    skipped = sum(layer.macs // weights[layer.name].numel() * zeros[layer.name] for layer in layers if layer.macs)
    multiply_adds = sum(layer.macs for layer in layers)
    return Size(
        parameters=parameters,
        multiply_adds=multiply_adds,
        nonzero_parameters=parameters - sum(zeros.values()),
        nonzero_multiply_adds=multiply_adds - skipped,
    )
