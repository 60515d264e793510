"""What every network must keep to before it is trained or measured, checked once when it is built.

A network is a function of one image in float32 that changes nothing of itself, made of layers that can be listened
to. Whatever else is brought is made so (`unwrapped`, `plain_weights`) or refused in one line.
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, remove_spectral_norm, remove_weight_norm

from probecore.errors import InputError
from probecore.models.kinds import WEIGHTED, is_parametrization, kind_of
from probecore.models.layers import first_line
from probecore.models.tracing import evaluating, listening, steps

TOLERANCE = 1e-3
"""Largest difference between an image alone and among others, as a share of the largest value."""


def unwrapped(model: nn.Module) -> nn.Module:
    """The network itself in the place of what `torch.compile` and `DataParallel` wrap around it or its modules.

    Raises
    ------
    InputError
        If a part of it is TorchScript, which cannot be listened to.
    """
    model = _inner(model)
    for name, module in list(model.named_modules()):
        if isinstance(module, torch.jit.ScriptModule):
            raise InputError(
                f"model: {name or 'the network'} is TorchScript, whose layers nothing can listen to; return the "
                "nn.Module that it was made of"
            )
        module._compiled_call_impl = None
        for child_name, child in list(module.named_children()):
            if (inner := _inner(child)) is not child:
                setattr(module, child_name, inner)
    return model


def check_contract(model: nn.Module, inputs: Tensor) -> None:
    """Check that `model` is a function of one image that leaves itself alone, and that its parts can be measured.

    Parameters
    ----------
    model : in any mode; it is run in evaluation mode, and left as it was
    inputs : two different images, (2, ...)

    Raises
    ------
    InputError
        With the first module where it is not so.
    """
    _check_tensors(model)
    _check_layers(model, inputs)
    with evaluating(model), torch.random.fork_rng(devices=[]):
        before = {key: value.clone() for key, value in _tensors_of(model)}
        first = _answers(model, inputs)
        _check_unchanged(model, before)
        output = first[-1][1]
        if output is not None and not output.isfinite().all():
            raise InputError("model: gives NaN or infinite values for noise, before any training; correct its forward")
        alone = (_first_difference(_of_image(index, first), _answers(model, inputs[[index]])) for index in (0, 1))
        if place := next(filter(None, alone), None):
            _check_repeats(model, inputs, first)
            raise InputError(
                f"model: an image alone and beside another one gets different answers, first at {place}; each image "
                "must count for itself: use batch normalisation with running statistics, and reductions over its own "
                "axes alone"
            )


def check_training(model: nn.Module, inputs: Tensor) -> None:
    """Check on a copy that `model` can be trained: something learns, and in training mode the output is a tensor.

    Raises
    ------
    InputError
        If not.
    """
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError("model: all parameters are frozen, so nothing can be trained; write `seeds: []`")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            output = copy.deepcopy(model).train()(inputs.clone())
        except (Exception, SystemExit) as error:
            raise InputError(f"model: fails in training mode: {first_line(error)}") from error
    if not isinstance(output, Tensor):
        raise InputError(
            f"model: gives {type(output).__name__} in training mode; training needs one tensor: switch its auxiliary "
            "outputs off, or write `seeds: []`"
        )


def plain_weights(model: nn.Module) -> nn.Module:
    """Put the weights that parametrizations (spectral norm, weight norm) give in their place; `model` itself.

    It must be in evaluation mode, for some change when they are read while training.
    """
    for module in list(model.modules()):
        if parametrize.is_parametrized(module):
            for name in list(module.parametrizations):  # type: ignore[arg-type]
                parametrize.remove_parametrizations(module, name, leave_parametrized=True)
        for hook in list(module._forward_pre_hooks.values()):
            remove = {"SpectralNorm": remove_spectral_norm, "WeightNorm": remove_weight_norm}.get(type(hook).__name__)
            if remove is not None:
                remove(module, hook.name)  # type: ignore[attr-defined]
    return model


def _inner(model: nn.Module) -> nn.Module:
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def _tensors_of(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _check_tensors(model: nn.Module) -> None:
    if next(model.parameters(), None) is None:
        raise InputError("model: it has no parameters, so there is nothing to measure; return a network with layers")
    for key, value in _tensors_of(model):
        if (value.is_floating_point() or value.is_complex()) and value.dtype != torch.float32:
            kind = str(value.dtype).removeprefix("torch.")
            raise InputError(f"model: {key} is {kind}; networks are measured in float32: return model.float()")
    for key, value in model.state_dict().items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"model: {key} is {type(value).__name__} (get_extra_state), and checkpoints hold tensors alone; make "
                "it a buffer"
            )


def _check_layers(model: nn.Module, inputs: Tensor) -> None:
    for step in steps(model, inputs[:1]):
        if step.call is None or kind_of(step.call.module) not in WEIGHTED:
            continue
        module = step.call.module
        if not isinstance(module, (nn.Conv2d, nn.Linear)):
            raise InputError(
                f"model: {step.name} is a {type(module).__name__}; the measures know Conv2d and Linear layers"
            )


def _check_unchanged(model: nn.Module, before: dict[str, Tensor]) -> None:
    if names := [name for name, module in model.named_modules() if module.training]:
        raise InputError(
            f"model: its forward puts {names[0] or 'the network'} into training mode; leave modes to who calls it"
        )
    for key, value in _tensors_of(model):
        if not torch.equal(value, before[key]):
            raise InputError(
                f"model: its forward changes {key} in evaluation mode; a network that is measured must stay as it is"
            )


_Answers = list[tuple[str, Tensor | None]]


def _answers(model: nn.Module, inputs: Tensor) -> _Answers:
    """What each call gave for each image, in two numbers: mean and mean size of its values; and the output.

    None where a call gave no values by image.
    """
    found: _Answers = []

    def receive(name: str, _index: int, _given: Any, output: Any) -> None:
        by_image = isinstance(output, Tensor) and output.is_floating_point() and output.shape[:1] == inputs.shape[:1]
        values = output.double().reshape(len(inputs), -1) if by_image and output.numel() else None
        found.append((name, None if values is None else torch.stack([values.abs().mean(1), values.mean(1)], 1)))

    names = [name for name, _ in model.named_modules() if name and not is_parametrization(name)]
    with listening(model, names, receive):
        output = model(inputs.clone())
    return [*found, ("its output", output.double())]


def _check_repeats(model: nn.Module, inputs: Tensor, first: _Answers) -> None:
    if place := _first_difference(first, _answers(model, inputs)):
        raise InputError(
            f"model: two passes of the same images differ, first at {place}; evaluation mode must draw no random "
            "numbers: use nn.Dropout, or F.dropout(x, p, self.training)"
        )


def _of_image(index: int, answers: _Answers) -> _Answers:
    return [(name, None if values is None else values[[index]]) for name, values in answers]


def _first_difference(first: _Answers, second: _Answers) -> str | None:
    """The name of the first call that did not give the same; of the output if there were other calls.

    A table that every image shares, as of positions, has values for one image alone, or for none.
    """
    for (name, one), (other_name, other) in zip(first, second, strict=False):
        if name != other_name:
            return name
        if one is None or other is None:
            continue
        size = max(float(one.abs().nan_to_num().max()), 1e-6)
        if not torch.allclose(one, other, rtol=0, atol=TOLERANCE * size, equal_nan=True):
            return name
    return None if len(first) == len(second) else "its output"
