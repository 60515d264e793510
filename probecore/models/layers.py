"""What a network is made of: its layers in the order they run, and its blocks.

Works on any ``nn.Module``: one image of zeros runs through it in evaluation mode. Hooks are
removed and modes restored whatever happens; nothing of the network changes.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import activation, batchnorm, conv, instancenorm, pooling

from probecore.errors import InputError
from probecore.models.activations import Activation, channels_multiplied


@dataclass(frozen=True)
class Layer:
    """A module that computes, or holds parameters of its own."""

    name: str
    kind: str
    """conv, linear, norm, activation or pool; for others the class name in small letters."""
    output_shape: tuple[int, ...]
    """For one image, without the batch axis; of the first call where `calls` > 1."""
    parameters: int
    """Of the module itself, trainable or not, without those of modules inside it."""
    macs: int
    """Multiply-adds for one image, over all calls; counted for conv and linear, without biases."""
    calls: int
    """How often one forward pass calls the module."""


@dataclass(frozen=True)
class Block:
    """A weighted layer and what runs after it, up to the next weighted layer.

    `activation_call` and `output_call` say which call of that module within a forward pass is
    meant, from 0; `reused` is true where either module is called more than once, so that its
    name alone does not tell.
    """

    layer: str
    """The conv or linear module."""
    activation: str | None
    """The first activation that runs after it."""
    output: str
    """The last norm, activation or pool that runs after it, else the layer itself."""
    activation_call: int
    output_call: int
    reused: bool


@dataclass(frozen=True)
class Call:
    """One call of one module in a forward pass."""

    name: str
    module: nn.Module
    kind: str
    shape: tuple[int, ...]
    macs: int
    index: int
    """How often the module was called before."""


def list_layers(model: nn.Module, input_shape: tuple[int, ...]) -> list[Layer]:
    """The layers of `model` that run on an input of `input_shape` (without batch axis), in order.

    A module that is called again is listed once, where it ran first.

    Raises
    ------
    InputError
        If the network cannot read such an input.
    """
    calls = trace(model, input_shape)
    times = Counter(call.name for call in calls)
    macs: Counter[str] = Counter()
    for call in calls:
        macs[call.name] += call.macs
    return [
        Layer(
            name=call.name,
            kind=call.kind,
            output_shape=call.shape,
            parameters=sum(parameter.numel() for parameter in call.module.parameters(recurse=False)),
            macs=macs[call.name],
            calls=times[call.name],
        )
        for call in calls
        if call.index == 0
    ]


def blocks(model: nn.Module, input_shape: tuple[int, ...]) -> list[Block]:
    """The blocks of `model`, one for each conv or linear layer, in the order they run.

    What runs after a layer belongs to its block as long as it has the layer's channels: the
    norm that follows a concatenation does not. After a residual addition the activation is that
    of the sum. A weighted layer that is called again counts once, where it ran first.

    Raises
    ------
    InputError
        If the network cannot read such an input.
    """
    calls = trace(model, input_shape)
    times = Counter(call.name for call in calls)
    return [
        _block(call, _followers(call, calls[position + 1 :]), times)
        for position, call in enumerate(calls)
        if call.kind in _WEIGHTED and call.index == 0
    ]


def trace(model: nn.Module, input_shape: tuple[int, ...]) -> list[Call]:
    """Every call of a module that computes, in the order in which they end."""
    calls: list[Call] = []
    times: Counter[str] = Counter()

    def recorder(name: str) -> Any:
        def record(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            shape = _shape(output)
            calls.append(Call(name, module, _kind(module), shape, _macs(module, inputs, shape), times[name]))
            times[name] += 1

        return record

    with contextlib.ExitStack() as stack:
        for name, module in model.named_modules():
            if _computes(module):
                stack.callback(module.register_forward_hook(recorder(name)).remove)
        run_once(model, input_shape)
    return calls


def run_once(model: nn.Module, input_shape: tuple[int, ...]) -> Any:
    """What `model` gives for a batch of one input of zeros, in evaluation mode.

    Raises
    ------
    InputError
        If it fails.
    """
    example = next(model.parameters(), torch.empty(0))
    inputs = torch.zeros((1, *input_shape), dtype=example.dtype, device=example.device)
    try:
        with evaluating(model), torch.no_grad():
            return model(inputs)
    except Exception as error:
        raise InputError(f"model: cannot read inputs of shape {input_shape}: {first_line(error)}") from error


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, then every module's own mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def first_line(error: BaseException) -> str:
    """An error of foreign code in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


_WEIGHTED = ("conv", "linear")

_KINDS: tuple[tuple[str, tuple[type[nn.Module], ...]], ...] = (
    ("conv", (conv._ConvNd,)),
    ("linear", (nn.Linear,)),
    (
        "norm",
        (
            batchnorm._NormBase,
            instancenorm._InstanceNorm,
            nn.GroupNorm,
            nn.LayerNorm,
            nn.RMSNorm,
            nn.LocalResponseNorm,
        ),
    ),
    (
        "pool",
        (
            pooling._MaxPoolNd,
            pooling._AvgPoolNd,
            pooling._AdaptiveMaxPoolNd,
            pooling._AdaptiveAvgPoolNd,
            pooling._LPPoolNd,
        ),
    ),
)

_ACTIVATION_NAMES = {name.lower() for name in activation.__all__} - {
    "multiheadattention",
    "softmax",
    "softmax2d",
    "softmin",
    "logsoftmax",
}


def _kind(module: nn.Module) -> str:
    """The kind of a module; an activation also by its class name, for timm and others define their own."""
    for kind, types in _KINDS:
        if isinstance(module, types):
            return kind
    classes = type(module).__mro__
    if isinstance(module, Activation) or any(cls.__name__.lower() in _ACTIVATION_NAMES for cls in classes):
        return "activation"
    return type(module).__name__.lower()


def _computes(module: nn.Module) -> bool:
    return (
        next(module.children(), None) is None
        or next(module.parameters(recurse=False), None) is not None
        or _kind(module) in ("conv", "linear", "norm", "activation", "pool")
    )


def _shape(output: Any) -> tuple[int, ...]:
    """The shape of an output without the batch axis; of the first tensor where there are several."""
    if isinstance(output, Tensor):
        return tuple(output.shape[1:])
    if isinstance(output, dict):
        output = tuple(output.values())
    return next((_shape(item) for item in output), ()) if isinstance(output, (tuple, list)) else ()


def _macs(module: nn.Module, inputs: tuple[Any, ...], shape: tuple[int, ...]) -> int:
    """Each weight is used once at every position: of the output, or of the input where it is transposed."""
    if isinstance(module, nn.Linear):
        return module.weight.numel() * prod(shape[:-1])
    if not isinstance(module, conv._ConvNd):
        return 0
    positions = _shape(inputs[0])[1:] if module.transposed else shape[1:]
    return module.weight.numel() * prod(positions)


def _followers(layer: Call, later: list[Call]) -> list[Call]:
    """What runs after `layer` up to the next weighted one and has its channels: norms, activations, pools."""
    axis = 0 if layer.kind == "conv" else -1
    channels = layer.shape[axis]
    members: list[Call] = []
    for call in takewhile(lambda call: call.kind not in _WEIGHTED, later):
        if call.kind not in ("norm", "activation", "pool"):
            continue
        channels *= channels_multiplied(call.module)
        if not call.shape or call.shape[axis] != channels:
            break
        members.append(call)
    return members


def _block(layer: Call, members: list[Call], times: Counter[str]) -> Block:
    active = next((call for call in members if call.kind == "activation"), None)
    last = members[-1] if members else layer
    return Block(
        layer=layer.name,
        activation=active.name if active else None,
        output=last.name,
        activation_call=active.index if active else 0,
        output_call=last.index,
        reused=times[last.name] > 1 or (active is not None and times[active.name] > 1),
    )
