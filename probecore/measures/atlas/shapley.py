"""Shapley values of a layer's filters: what each adds to the filters that are there, averaged over all orders.

The game: a set of a block's filters is worth minus the network's loss with all other filters of the block at 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from probecore.models import Block
from probecore.models.ablation import FLOATS_AT_ONCE
from probecore.models.suffix import block_outputs
from probecore.models.tail import Tail

Array: TypeAlias = npt.NDArray[np.float64]

LEAST = 8
"""Pairs of orders that are drawn before their noise is judged."""


@dataclass(frozen=True, kw_only=True)
class Shapley:
    """Shapley values of F filters on N images."""

    pairs: Array
    """The value that each pair of an order and its reverse gives each filter, (P, F)."""
    halves: Array
    """Values on single images, of every second pair from the first and from the second, (2, F, N)."""

    @property
    def value(self) -> Array:
        """The mean over pairs, (F,)."""
        return np.asarray(self.pairs.mean(axis=0))

    @property
    def error(self) -> Array:
        """Its standard error, of the orders drawn and not of the images, (F,)."""
        return np.asarray(self.pairs.std(axis=0, ddof=1) / np.sqrt(len(self.pairs)))

    @property
    def noise(self) -> float:
        """The fraction of the variance between filters that is noise of the orders drawn; NaN where none differ."""
        variance = self.value.var(ddof=1) if self.pairs.shape[1] > 1 else 0.0
        return float((self.error**2).mean() / variance) if variance > 0 else np.nan


@torch.inference_mode()
def shapley_values(
    model: nn.Module,
    block: Block,
    images: Sequence[tuple[Tensor, Tensor]],
    *,
    generator: np.random.Generator,
    most_pairs: int = 100,
    tolerance: float = 0.05,
) -> Shapley:
    """Estimate Shapley values from random orders, each with its reverse (antithetic; Mitchell et al. 2022).

    Pairs are drawn until the noise is at most `tolerance`, or `most_pairs` are drawn. Source: arXiv 2104.12199.

    Parameters
    ----------
    model : network in evaluation mode
    block : one of its blocks, with F filters
    images : scaled images and labels, in chunks
    most_pairs : at least 2
    tolerance : the fraction of the variance between filters that may be noise
    """
    games = [_Game(model, block, inputs, labels) for inputs, labels in images]
    filters = games[0].filters
    pairs: list[Array] = []
    sums = np.zeros((2, filters, sum(len(game.labels) for game in games)))
    while len(pairs) < most_pairs:
        order = generator.permutation(filters)
        added = [(game.added(order) + game.added(order[::-1])) / 2 for game in games]
        sums[len(pairs) % 2] += np.concatenate(added, axis=1)
        pairs.append(sums_of(added))
        found = Shapley(pairs=np.stack(pairs), halves=sums)
        if len(pairs) >= LEAST and not found.noise > tolerance:
            break
    counts = np.array([(len(pairs) + 1) // 2, len(pairs) // 2])
    return Shapley(pairs=np.stack(pairs), halves=sums / counts[:, None, None])


def sums_of(added: Sequence[Array]) -> Array:
    """The mean over all images of what filters add on those of each chunk, (F,)."""
    return np.asarray(sum(part.sum(axis=1) for part in added) / sum(part.shape[1] for part in added))


class _Game:
    """One chunk of images: what filters add to those before them in an order."""

    def __init__(self, model: nn.Module, block: Block, inputs: Tensor, labels: Tensor) -> None:
        self.labels = labels
        self._maps = block_outputs(model, [block], inputs)[0][block.layer]
        self.filters = self._maps.shape[1]
        self._tail = Tail(model, block, inputs, torch.zeros_like(self._maps))

    def added(self, order: npt.NDArray[np.int64]) -> Array:
        """By how much the loss on each image falls as each filter joins those before it, (F, N)."""
        values, losses = self._tail.start, [self._losses(self._tail.start[None].clone())]
        at_once = max(1, FLOATS_AT_ONCE // values.numel())
        for filters in torch.from_numpy(order.copy()).to(values.device).split(at_once):
            effects = self._tail.effect(self._maps[:, filters].transpose(0, 1), filters)
            growing = values + effects.cumsum(0)
            values = growing[-1].clone()
            losses.append(self._losses(growing))
        falls = np.empty((self.filters, len(self.labels)))
        falls[order] = -np.diff(np.concatenate(losses), axis=0)
        return falls

    def _losses(self, values: Tensor) -> Array:
        images = torch.arange(len(self.labels), device=self.labels.device).repeat(len(values))
        logits = self._tail.logits(values.flatten(0, 1), images)
        losses = cross_entropy(logits, self.labels.repeat(len(values)), reduction="none")
        return np.asarray(losses.reshape(len(values), -1).double().cpu().numpy())
