"""Changing what a layer gives while a network runs: of a module, or of one of its calls, another output than its own.

Weights stay as they are, and no hook stays behind.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from probecore.models.tracing import find_call


@contextlib.contextmanager
def output_changed(model: nn.Module, layer: str, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Put `change` of a layer's output in its place, as long as the block lasts.

    Parameters
    ----------
    model : network
    layer : a module's name; of one that a forward pass calls more often, ``name#2`` is the second call alone
    change : must not write into the output

    Raises
    ------
    InputError
        If there is no such module.
    """
    module, number = find_call(model, layer)
    calls = count(1)

    def begin(*_: Any) -> None:
        nonlocal calls
        calls = count(1)

    def changed(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        return change(output) if number is None or next(calls) == number else output

    handles = [
        model.register_forward_pre_hook(begin),
        model.get_submodule(module).register_forward_hook(changed),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def ablated(model: nn.Module, layer: str, units: Sequence[int], *, axis: int = 0) -> Iterator[None]:
    """Put 0 in place of these units of a layer's output, as long as the block lasts.

    Parameters
    ----------
    model, layer : see `output_changed`
    units : which of them
    axis : which axis of one image's output are the units
    """

    def ablate(output: Tensor) -> Tensor:
        mask = torch.ones(output.shape[axis + 1], device=output.device)
        mask[list(units)] = 0
        return output * mask.reshape(-1, *[1] * (output.ndim - axis - 2))

    with output_changed(model, layer, ablate):
        yield
