"""What a network loses with one filter replaced: by zero, by its mean map, by its map of another image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from probecore.models.layers import Block
from probecore.models.suffix import block_outputs
from probecore.models.tail import Tail

Array: TypeAlias = npt.NDArray[np.float64]
Kind = Literal["zero", "mean", "resample"]

FLOATS_AT_ONCE = 1 << 20
"""Values behind the block that are held at once; more filters at once than that are no faster."""


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """How a network does on single images; arrays of one shape, (N,) or (F, N)."""

    loss: Array
    """Cross-entropy in nats."""
    correct: npt.NDArray[np.bool_]
    """Whether the largest output is the label's."""
    confidence: Array
    """The largest probability."""


@torch.inference_mode()
def ablate(
    model: nn.Module,
    block: Block,
    images: Sequence[tuple[Tensor, Tensor]],
    kind: Kind,
    *,
    mean: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Outcomes, Outcomes]:
    """Replace the map of each filter of a block in turn, and run what follows for the images whose map changes.

    Parameters
    ----------
    model : network in evaluation mode
    block : one of its blocks, with F filters
    images : scaled images and labels, in chunks
    kind : by what a map is replaced
    mean : the mean maps (F, ...) over other images, for `mean`
    generator : draws for each image of a chunk another one, whose map it gets, for `resample`

    Returns
    -------
    intact, ablated
        Outcomes of the network as it is, (N,), and with each filter replaced, (F, N).
    """
    intact, ablated = [], []
    for inputs, labels in _by_twos(images) if kind == "resample" else images:
        maps = block_outputs(model, [block], inputs)[0][block.layer]
        replaced = _replacement(maps, kind, mean=mean, generator=generator)
        tail = Tail(model, block, inputs, maps)
        logits = tail.logits(tail.start.clone(), torch.arange(len(labels), device=labels.device))
        intact.append(outcomes(logits, labels))
        ablated.append(join([outcomes(each, labels) for each in _ablated(tail, maps, replaced, logits)], axis=0))
    return join(intact, axis=0), join(ablated, axis=1)


def _by_twos(chunks: Sequence[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """Chunks of two images or more, so that each finds another one in its own."""
    joined: list[tuple[Tensor, Tensor]] = []
    for inputs, labels in chunks:
        if joined and 1 in (len(labels), len(joined[-1][1])):
            inputs, labels = torch.cat([joined[-1][0], inputs]), torch.cat([joined.pop()[1], labels])
        joined.append((inputs, labels))
    return joined


def _replacement(maps: Tensor, kind: Kind, *, mean: Tensor | None, generator: torch.Generator | None) -> Tensor:
    if kind == "zero":
        return torch.zeros_like(maps)
    if kind == "mean":
        assert mean is not None
        return mean.expand_as(maps)
    assert generator is not None
    order = torch.randperm(len(maps), generator=generator).to(maps.device)
    donors = torch.empty_like(order)
    donors[order] = order.roll(1)
    return maps[donors]


def _ablated(tail: Tail, maps: Tensor, replaced: Tensor, intact: Tensor) -> Iterable[Tensor]:
    """Outputs (B, N, K) of the network with each filter replaced, some filters at a time."""
    at_once = max(1, FLOATS_AT_ONCE // tail.start.numel())
    for filters in torch.arange(maps.shape[1], device=maps.device).split(at_once):
        change = (replaced[:, filters] - maps[:, filters]).transpose(0, 1)
        moved = change.reshape(*change.shape[:2], -1).any(2)
        logits = intact.expand(len(filters), *intact.shape).clone()
        if moved.any():
            images = moved.nonzero()[:, 1]
            logits[moved] = tail.logits((tail.start + tail.effect(change, filters))[moved], images)
        yield logits


def outcomes(logits: Tensor, labels: Tensor) -> Outcomes:
    """Outcomes (..., N) of outputs (..., N, K)."""
    flat, shape = logits.flatten(0, -2), logits.shape[:-1]
    repeated = labels.expand(shape).flatten()
    return Outcomes(
        loss=cross_entropy(flat, repeated, reduction="none").reshape(shape).double().cpu().numpy(),
        correct=(flat.argmax(1) == repeated).reshape(shape).cpu().numpy(),
        confidence=flat.softmax(1).amax(1).reshape(shape).double().cpu().numpy(),
    )


def join(parts: Sequence[Outcomes], *, axis: int) -> Outcomes:
    """Put outcomes of chunks of images or filters together."""
    return Outcomes(**{name: np.concatenate([vars(part)[name] for part in parts], axis) for name in vars(parts[0])})
