"""Which layers a network has, choosing among them, and listening to them. Not here: what is kept.

A layer is one call of a module. A module called once is the layer `relu`; one called three times is the
layers `relu#1`, `relu#2` and `relu#3`. Functions called in a `forward` are not seen.
"""

import contextlib
import fnmatch
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from probecore.errors import InputError
from probecore.schema import did_you_mean

_PASSES_ON = (nn.Flatten, nn.Unflatten, nn.Identity, nn.modules.dropout._DropoutNd)


@dataclass(frozen=True)
class Call:
    """One call of a module in a forward pass.

    Attributes
    ----------
    layer
        Name of the call: the module's, with `#1`, `#2`, … where the module is called more than once.
    module
        Dotted name of the module.
    index
        1 for its first call.
    shape
        Shape of the output of one image, e.g. (C, H, W).
    is_tensor
        False if the output is not one tensor of floats over the images; `shape` is () then.
    computes
        False for containers and for modules that pass values on: Flatten, Identity, Dropout.
    """

    layer: str
    module: str
    index: int
    shape: tuple[int, ...]
    is_tensor: bool
    computes: bool


def trace_calls(model: nn.Module, inputs: torch.Tensor) -> list[Call]:
    """All calls of one forward pass of `inputs` (N, ...), in the order in which they end."""
    modules = {name: module for name, module in model.named_modules() if name}
    seen: list[tuple[str, int, tuple[int, ...] | None]] = []

    def receive(module: str, index: int, output: Any) -> None:
        seen.append((module, index, shape_per_image(output, len(inputs))))

    with inference(model), listening(model, modules, receive) as calls:
        model(inputs)
    return [
        Call(
            layer=module if calls[module] == 1 else f"{module}#{index}",
            module=module,
            index=index,
            shape=shape or (),
            is_tensor=shape is not None,
            computes=not isinstance(modules[module], _PASSES_ON) and not any(modules[module].children()),
        )
        for module, index, shape in seen
    ]


def select_layers(patterns: Sequence[str], calls: Sequence[Call]) -> list[Call]:
    """The calls that any of `patterns` chooses, in order of calling.

    A glob matches layers that compute; an exact name matches any layer, and the name of a module called
    more than once stands for all its calls.

    Raises
    ------
    InputError
        If a pattern matches nothing, or a chosen layer's output is not one tensor.
    """
    if not patterns:
        raise InputError("layers: nothing is chosen; name a layer, or write '*' for all")
    chosen = {call.layer for pattern in patterns for call in _matching(pattern, calls)}
    selected = [call for call in calls if call.layer in chosen]
    for call in selected:
        if not call.is_tensor:
            raise InputError(f"layers: the output of {call.layer!r} is not one tensor over images; choose other layers")
    return selected


@contextlib.contextmanager
def inference(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; every module's own mode is restored in the end."""
    modes = {module: module.training for module in model.modules()}
    try:
        with torch.inference_mode():
            model.eval()
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextlib.contextmanager
def listening(
    model: nn.Module, modules: Iterable[str], receive: Callable[[str, int, Any], None]
) -> Iterator[Counter[str]]:
    """Call `receive(module, index, output)` at each call of `modules`, as long as the block lasts.

    Yields the number of calls so far; clear it before each forward pass.
    """
    calls: Counter[str] = Counter()

    def hook_of(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            calls[name] += 1
            receive(name, calls[name], output)

        return hook

    with contextlib.ExitStack() as hooks:
        for name in modules:
            hooks.callback(model.get_submodule(name).register_forward_hook(hook_of(name)).remove)
        yield calls


def shape_per_image(output: Any, images: int) -> tuple[int, ...] | None:
    """Shape of `output` for one of so many images; None if it is not one tensor of floats over them."""
    if not isinstance(output, torch.Tensor) or not output.is_floating_point() or output.shape[:1] != (images,):
        return None
    return tuple(output.shape[1:])


def _matching(pattern: str, calls: Sequence[Call]) -> list[Call]:
    exact = [call for call in calls if pattern in (call.layer, call.module)]
    matching = exact or [call for call in calls if call.computes and fnmatch.fnmatchcase(call.layer, pattern)]
    if not matching:
        names = {name for call in calls for name in (call.layer, call.module)}
        raise InputError(f"layers: no layer {pattern!r}{did_you_mean(pattern, names)}")
    return matching
