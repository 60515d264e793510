"""One forward pass through any ``nn.Module``, call by call. Not here: what a module is, what is kept of its output.

Functions called in a `forward` are not seen. Hooks are removed and modes restored whatever happens.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Call:
    """One call of a module in a forward pass."""

    name: str
    """Dotted name of the module; the network itself is ''."""
    module: nn.Module
    index: int
    """1 for its first call."""
    times: int
    """How often the forward pass calls the module."""
    input_shape: tuple[int, ...]
    """For one image, without the batch axis; of the first tensor where there are several."""
    shape: tuple[int, ...]
    """Of the output, e.g. (C, H, W); else like `input_shape`."""
    is_tensor: bool
    """Whether the output is one tensor of floats over the images."""

    @property
    def layer(self) -> str:
        """Name of the call: the module's, with `#1`, `#2`, … where the module is called more than once."""
        return self.name if self.times == 1 else f"{self.name}#{self.index}"


def trace(model: nn.Module, inputs: Tensor) -> list[Call]:
    """All calls of one forward pass of `inputs` (N, ...) in evaluation mode, in the order in which they end."""
    modules = dict(model.named_modules())
    calls: list[Call] = []

    def receive(name: str, index: int, given: tuple[Any, ...], output: Any) -> None:
        is_tensor = shape_per_image(output, len(inputs)) is not None
        calls.append(Call(name, modules[name], index, 0, _shape(given), _shape(output), is_tensor))

    with evaluating(model), listening(model, modules, receive) as times:
        model(inputs)
    return [replace(call, times=times[call.name]) for call in calls]


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; every module's own mode is restored in the end.

    Not torch's inference mode, for a network may keep a tensor and need it for training later.
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        with torch.no_grad():
            model.eval()
            yield
    finally:
        for module, training in modes:
            module.training = training


@contextlib.contextmanager
def listening(
    model: nn.Module, names: Iterable[str], receive: Callable[[str, int, tuple[Any, ...], Any], None]
) -> Iterator[Counter[str]]:
    """Call `receive(name, index, inputs, output)` at each call of the named modules, as long as the block lasts.

    Yields the number of calls so far; clear it before each forward pass.
    """
    times: Counter[str] = Counter()

    def hook_of(name: str) -> Callable[[nn.Module, Any, Any, Any], None]:
        def hook(_module: nn.Module, args: Any, keywords: Any, output: Any) -> None:
            times[name] += 1
            receive(name, times[name], (*args, *keywords.values()), output)

        return hook

    with contextlib.ExitStack() as hooks:
        for name in names:
            handle = model.get_submodule(name).register_forward_hook(hook_of(name), with_kwargs=True)
            hooks.callback(handle.remove)
        yield times


def shape_per_image(output: Any, images: int) -> tuple[int, ...] | None:
    """Shape of `output` for one of so many images; None if it is not one tensor of floats over them."""
    if not isinstance(output, Tensor) or not output.is_floating_point() or output.shape[:1] != (images,):
        return None
    return tuple(output.shape[1:])


def _shape(values: Any) -> tuple[int, ...]:
    """The shape of a tensor without the batch axis; of the first one in a tuple, list or dict."""
    if isinstance(values, Tensor):
        return tuple(values.shape[1:])
    if isinstance(values, dict):
        values = tuple(values.values())
    return next((_shape(item) for item in values), ()) if isinstance(values, (tuple, list)) else ()
