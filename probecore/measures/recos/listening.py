"""What layers of a network read and give, batch by batch, so that memory does not grow with the images."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from probecore.models.tracing import listening
from probecore.train.batches import Scaling
from probecore.train.evaluation import at_once

BATCH = 100

Places = Mapping[str, tuple[str, int]]
"""Names for module calls: the module, and which of its calls within a forward pass, from 0."""


def inputs_of(
    model: nn.Module, layers: Iterable[str], images: Tensor, *, scale: Scaling
) -> Iterator[dict[str, Tensor]]:
    """Run `model` on uint8 images, 100 at a time or fewer, and yield what the layers read; of their first calls."""
    return _listen(model, {name: (name, 0) for name in layers}, images, scale, outputs=False)


def outputs_of(model: nn.Module, places: Places, images: Tensor, *, scale: Scaling) -> Iterator[dict[str, Tensor]]:
    """Run `model` on uint8 images, 100 at a time or fewer, and yield what the calls gave, by names of `places`."""
    return _listen(model, places, images, scale, outputs=True)


def _listen(
    model: nn.Module, places: Places, images: Tensor, scale: Scaling, *, outputs: bool
) -> Iterator[dict[str, Tensor]]:
    """Hooks are removed when the caller stops, whatever happens."""
    wanted: dict[tuple[str, int], list[str]] = {}
    for name, (module, index) in places.items():
        wanted.setdefault((module, index + 1), []).append(name)
    heard: dict[str, Tensor] = {}

    def receive(module: str, index: int, inputs: tuple[Any, ...], output: Any) -> None:
        for name in wanted.get((module, index), ()):  # a copy, because what follows may work in place
            heard[name] = (output if outputs else inputs[0]).clone()

    with torch.inference_mode(), listening(model, {module for module, _ in places.values()}, receive) as calls:
        for part in images.split(at_once(images.shape[1:], BATCH)):
            calls.clear()
            model(scale(part))
            yield dict(heard)
