"""Training inside a measure: by a whole recipe, or for a moment with channels ablated."""

import copy
from collections.abc import Sequence
from itertools import cycle, islice

import torch
from torch import nn

from probecore.models.intervention import ablated
from probecore.train.batches import Batches
from probecore.train.loop import make_optimiser, train_epoch
from probecore.train.params import Recipe


def train_by(model: nn.Module, recipe: Recipe, batches: Batches, *, generator: torch.Generator) -> nn.Module:
    """Train a network for all epochs of a recipe, in place, and give it back in evaluation mode."""
    optimiser = make_optimiser(model.parameters(), recipe)
    for epoch in range(1, recipe.epochs + 1):
        train_epoch(model, optimiser, batches, recipe=recipe, epoch=epoch, generator=generator)
    return model.eval()


def retrained(
    model: nn.Module,
    layer: str,
    units: Sequence[int],
    batches: Batches,
    *,
    axis: int = 0,
    steps: int,
    learning_rate: float,
    generator: torch.Generator,
) -> nn.Module:
    """A copy of the network after `steps` steps of SGD with momentum 0.9 while these channels are ablated.

    Batch normalisation keeps its averages; the channels are ablated again only inside `ablated`.
    """
    changed = copy.deepcopy(model).eval()
    optimiser = torch.optim.SGD(changed.parameters(), lr=learning_rate, momentum=0.9)
    epochs = (batches.epoch(generator) for _ in cycle([None]))
    stream = (batch for epoch in epochs for batch in epoch)
    with ablated(changed, layer, units, axis=axis):
        for inputs, labels in islice(stream, steps):
            optimiser.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(changed(inputs), labels).backward()
            optimiser.step()
    return changed
