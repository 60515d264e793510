"""What a network is made of: its layers in the order they run, and its blocks.

Works on any ``nn.Module``: one image of zeros runs through it in evaluation mode; nothing of the
network changes.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.modules import activation, batchnorm, conv, instancenorm, pooling

from probecore.errors import InputError
from probecore.models.activations import Activation, channels_multiplied
from probecore.models.tracing import Call, trace


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


def list_layers(model: nn.Module, input_shape: tuple[int, ...]) -> list[Layer]:
    """The layers of `model` that run on an input of `input_shape` (without batch axis), in order.

    A module that is called again is listed once, where it ran first.

    Raises
    ------
    InputError
        If the network cannot read such an input.
    """
    calls = _calls(model, input_shape)
    macs: Counter[str] = Counter()
    for call in calls:
        macs[call.name] += _macs(call)
    return [
        Layer(
            name=call.name,
            kind=_kind(call.module),
            output_shape=call.shape,
            parameters=sum(parameter.numel() for parameter in call.module.parameters(recurse=False)),
            macs=macs[call.name],
            calls=call.times,
        )
        for call in calls
        if call.index == 1
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
    calls = _calls(model, input_shape)
    return [
        _block(call, _followers(call, calls[position + 1 :]))
        for position, call in enumerate(calls)
        if _kind(call.module) in _WEIGHTED and call.index == 1
    ]


@contextlib.contextmanager
def zeros_for(model: nn.Module, input_shape: tuple[int, ...]) -> Iterator[Tensor]:
    """A batch of one input of zeros, for the block to run through `model`.

    Raises
    ------
    InputError
        If the block fails.
    """
    example = next(model.parameters(), torch.empty(0))
    zeros = torch.zeros((1, *input_shape), dtype=example.dtype, device=example.device)
    try:
        yield zeros
    except Exception as error:
        raise InputError(f"model: cannot read inputs of shape {input_shape}: {first_line(error)}") from error


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


def _calls(model: nn.Module, input_shape: tuple[int, ...]) -> list[Call]:
    with zeros_for(model, input_shape) as zeros:
        return [call for call in trace(model, zeros) if _computes(call.module)]


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


def _macs(call: Call) -> int:
    """Each weight is used once at every position: of the output, or of the input where it is transposed."""
    if isinstance(call.module, nn.Linear):
        return call.module.weight.numel() * prod(call.shape[:-1])
    if not isinstance(call.module, conv._ConvNd):
        return 0
    positions = call.input_shape[1:] if call.module.transposed else call.shape[1:]
    return call.module.weight.numel() * prod(positions)


def _followers(layer: Call, later: list[Call]) -> list[Call]:
    """What runs after `layer` up to the next weighted one and has its channels: norms, activations, pools."""
    axis = 0 if _kind(layer.module) == "conv" else -1
    channels = layer.shape[axis]
    members: list[Call] = []
    for call in takewhile(lambda call: _kind(call.module) not in _WEIGHTED, later):
        if _kind(call.module) not in ("norm", "activation", "pool"):
            continue
        channels *= channels_multiplied(call.module)
        if not call.shape or call.shape[axis] != channels:
            break
        members.append(call)
    return members


def _block(layer: Call, members: list[Call]) -> Block:
    active = next((call for call in members if _kind(call.module) == "activation"), None)
    last = members[-1] if members else layer
    return Block(
        layer=layer.name,
        activation=active.name if active else None,
        output=last.name,
        activation_call=active.index - 1 if active else 0,
        output_call=last.index - 1,
        reused=last.times > 1 or (active is not None and active.times > 1),
    )
