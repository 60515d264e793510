"""What a network is made of: its layers in the order they run, and its blocks.

Works on any ``nn.Module``: one image of zeros runs through it in evaluation mode; nothing of the
network changes.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.modules import conv

from probecore.errors import InputError
from probecore.models.activations import channels_multiplied
from probecore.models.kinds import FOLLOWING, WEIGHTED, kind_of
from probecore.models.tracing import Call, Step, steps, trace


@dataclass(frozen=True)
class Layer:
    """A module that computes, or holds parameters of its own."""

    name: str
    kind: str
    """conv, linear, norm, activation, pool or sum; for others the class name in small letters."""
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
    """A weighted layer and what its output goes through, up to the next weighted layer.

    `activation_call` and `output_call` say which call of that module within a forward pass is
    meant, from 0; `reused` is true where either module is called more than once, so that its
    name alone does not tell.
    """

    layer: str
    """The conv or linear module."""
    activation: str | None
    """The first activation that it goes through."""
    output: str
    """The last norm, activation, pool or sum that it goes through, else the layer itself."""
    activation_call: int
    output_call: int
    reused: bool
    axis: int = 0
    """Which axis of one image's output are the units."""
    norm: str | None = None
    """The first norm that it goes through."""
    unseen: tuple[str, ...] = ()
    """Without activation: what reads the output, reshaped or not, and may be one or have one that is not seen."""


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
            kind=kind_of(call.module),
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

    Norms, activations, pools and sums belong to a layer's block as long as each alone reads what the one before it
    gave, and has the layer's units. Where several read it and one of them is a norm or an activation, and the others
    are sums and weighted layers, the block goes on there until it has an activation. After a residual addition the
    activation is that of the sum. A weighted layer that is called again counts once, where it ran first.

    Raises
    ------
    InputError
        If the network cannot read such an input.
    """
    with zeros_for(model, input_shape) as zeros:
        found = steps(model, zeros)
    return [
        _block(place, found)
        for place, step in enumerate(found)
        if step.call is not None and _kind_of(step) in WEIGHTED and step.call.index == 1
    ]


def unseen_parts(model: nn.Module, input_shape: tuple[int, ...]) -> list[str]:
    """What of `model` is computed but cannot be measured, in lines: weights without a module, blocks that end early.

    Raises
    ------
    InputError
        As `blocks`.
    """
    with zeros_for(model, input_shape) as zeros:
        weighted = [step for step in steps(model, zeros) if step.call is None and step.name in _WEIGHTED_FUNCTIONS]
    found = blocks(model, input_shape)
    functions = [f"{step.owner}.{step.name}#{step.number}".removeprefix(".") for step in weighted]
    parts = [f"{block.layer} (read by {', '.join(block.unseen)})" for block in found if block.unseen]
    lines = {
        f"weights in functions, which are no layers: {len(functions)}": functions,
        f"blocks without an activation that can be seen: {len(parts)} of {len(found)}": parts,
    }
    return [f"{line}, {_some(names)}" for line, names in lines.items() if names]


def _some(names: list[str]) -> str:
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


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
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"model: cannot read inputs of shape {input_shape}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """An error of foreign code in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


_SHOWN = 3
"""Blocks that a line names."""

_WEIGHTED_FUNCTIONS = ("linear", *(f"conv{kind}{size}d" for kind in ("", "_transpose") for size in (1, 2, 3)))

_NO_ACTIVATION = (
    *("flatten", "flatten()", "unflatten", "unflatten()", "reshape()", "view()", "squeeze()", "unsqueeze()"),
    *("permute", "permute()", "transpose()", "contiguous()", "norm", "pool"),
)
"""Kinds of what leaves it to its own readers whether there is an activation."""


def _calls(model: nn.Module, input_shape: tuple[int, ...]) -> list[Call]:
    with zeros_for(model, input_shape) as zeros:
        return [call for call in trace(model, zeros) if _computes(call.module)]


def _computes(module: nn.Module) -> bool:
    return (
        next(module.children(), None) is None
        or next(module.parameters(recurse=False), None) is not None
        or kind_of(module) in (*WEIGHTED, *FOLLOWING)
    )


def _macs(call: Call) -> int:
    """Each weight is used once at every position: of the output, or of the input where it is transposed."""
    if isinstance(call.module, nn.Linear):
        return call.module.weight.numel() * prod(call.shape[:-1])
    if not isinstance(call.module, conv._ConvNd):
        return 0
    positions = call.input_shape[1:] if call.module.transposed else call.shape[1:]
    return call.module.weight.numel() * prod(positions)


def _block(place: int, found: list[Step]) -> Block:
    members, unseen = _members(place, found)
    calls = [step.call for step in members if step.call is not None]
    active = next((call for call in calls if kind_of(call.module) == "activation"), None)
    norm = next((call for call in calls if kind_of(call.module) == "norm"), None)
    layer, last = calls[0], calls[-1]
    return Block(
        layer=layer.name,
        activation=active.name if active else None,
        output=last.name,
        activation_call=active.index - 1 if active else 0,
        output_call=last.index - 1,
        reused=last.times > 1 or (active is not None and active.times > 1),
        axis=last.axis,
        norm=norm.name if norm else None,
        unseen=() if active else tuple(unseen),
    )


def _members(place: int, found: list[Step]) -> tuple[list[Step], list[str]]:
    """The layer at this place and what follows it in its block; and what else reads the last of them."""
    layer = found[place]
    from_end = len(layer.shape) - layer.axis
    units, members = layer.shape[layer.axis], [layer]
    while True:
        readers = _readers(found[place], found)
        is_active = any(_kind_of(step) == "activation" for step in members)
        follower = _follower(readers, is_active=is_active)
        if follower is None:
            return members, _unseen(readers, found)
        assert follower.call is not None
        units *= channels_multiplied(follower.call.module)
        on_axis = follower.axis == 0 if layer.axis == 0 else len(follower.shape) - follower.axis == from_end
        if not follower.shape or follower.shape[follower.axis] != units or not on_axis:
            return members, _unseen([follower], found)
        members.append(follower)
        place = found.index(follower)


def _readers(read: Step, found: list[Step]) -> list[Step]:
    place = next(place for place, step in enumerate(found) if step is read)
    return [step for step in found if place in step.sources and not step.passes_on]


def _unseen(readers: list[Step], found: list[Step]) -> list[str]:
    """Which of the steps that read a block's output may hold an activation."""
    names: dict[str, None] = {}
    for step in readers:
        kind = _kind_of(step)
        if kind in _NO_ACTIVATION:
            names |= dict.fromkeys(_unseen(_readers(step, found), found))
        elif kind not in WEIGHTED:
            names[step.name] = None
    return list(names)


def _follower(readers: list[Step], *, is_active: bool) -> Step | None:
    """Which of the steps that read a block's output goes on with the block."""
    kinds = [_kind_of(step) for step in readers]
    if len(readers) == 1:
        return readers[0] if kinds[0] in FOLLOWING else None
    chosen = [step for step, kind in zip(readers, kinds, strict=True) if kind in ("norm", "activation")]
    if is_active or len(chosen) != 1 or not {*kinds} <= {"norm", "activation", "sum", *WEIGHTED}:
        return None
    return chosen[0]


def _kind_of(step: Step) -> str:
    return f"{step.name}()" if step.call is None else kind_of(step.call.module)
