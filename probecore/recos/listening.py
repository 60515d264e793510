"""What layers of a network read and give, batch by batch, so that memory does not grow with the images."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from probecore.train.batches import Scaling

BATCH = 100

Places = Mapping[str, tuple[str, int]]
"""Names for module calls: the module, and which of its calls within a forward pass, from 0."""


def inputs_of(
    model: nn.Module, layers: Iterable[str], images: Tensor, *, scale: Scaling
) -> Iterator[dict[str, Tensor]]:
    """Run `model` on uint8 images, 100 at a time, and yield what the layers read, by name; of their first calls."""
    return _listen(model, {name: (name, 0) for name in layers}, images, scale, outputs=False)


def outputs_of(model: nn.Module, places: Places, images: Tensor, *, scale: Scaling) -> Iterator[dict[str, Tensor]]:
    """Run `model` on uint8 images, 100 at a time, and yield what the module calls gave, by the names of `places`."""
    return _listen(model, places, images, scale, outputs=True)


def _listen(
    model: nn.Module, places: Places, images: Tensor, scale: Scaling, *, outputs: bool
) -> Iterator[dict[str, Tensor]]:
    """Hooks are removed when the caller stops, whatever happens."""
    wanted = {place: name for name, place in places.items()}
    heard: dict[str, Tensor] = {}
    calls: Counter[str] = Counter()

    def hear(module_name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            place = module_name, calls[module_name]
            calls[module_name] += 1
            if place in wanted:  # a copy, because what follows may work in place
                heard[wanted[place]] = (output if outputs else inputs[0]).clone()

        return hook

    with ExitStack() as stack, torch.inference_mode():
        for module_name in dict.fromkeys(module for module, _ in places.values()):
            module = model.get_submodule(module_name)
            stack.callback(module.register_forward_hook(hear(module_name)).remove)
        for part in images.split(BATCH):
            calls.clear()
            model(scale(part))
            yield dict(heard)
