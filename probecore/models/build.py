"""From a `model` section to a network."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from probecore.errors import InputError
from probecore.models import plain, vision
from probecore.models.catalogue import MODELS
from probecore.models.contract import check_contract, unwrapped
from probecore.models.foreign import build_foreign
from probecore.models.functions import name_functions
from probecore.models.layers import list_layers, zeros_for
from probecore.models.params import ModelParams
from probecore.models.tracing import evaluating

Builder = Callable[[ModelParams, tuple[int, ...], int], nn.Module]

BUILDERS: Mapping[str, Builder] = {
    "lenet5": plain.lenet5,
    "lenet_caffe": plain.lenet_caffe,
    "vgg6": plain.vgg6,
    "vgg16": plain.vgg16,
    "avgg16": plain.avgg16,
    "alexnet": plain.alexnet,
    "alexnet_torchvision": vision.alexnet_torchvision,
    "resnet18": vision.resnet,
    "resnet34": vision.resnet,
    "resnet50": vision.resnet,
    "resnet101": vision.resnet,
    "densenet121": vision.densenet,
    "sibling_cnn": plain.sibling_cnn,
    "mlp": plain.mlp,
}


_CHECKED: set[tuple[str, tuple[int, ...], int]] = set()


def build_model(params: ModelParams, *, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build the network that `params` describes, on torch's default device.

    Parameters
    ----------
    params
        The `model` section.
    input_shape
        (C, H, W) of an image, or (D,).
    outputs
        Classes, or 1 for a regression.

    Returns
    -------
    nn.Module
        Maps (N, *input_shape) to (N, outputs); its functions have names (`name_functions`).
        Initialised from torch's global generator, which the
        caller seeds.

    Raises
    ------
    InputError
        If there is no such network, if its factory fails, if it does not fit the data, or breaks the contract of
        `probecore.models.contract`, which networks from elsewhere are held to once in a process.
    """
    model = BUILDERS.get(params.name, build_foreign)(params, input_shape, outputs)
    if is_foreign := params.name not in BUILDERS:
        model = unwrapped(model)
    key = (params.model_dump_json(), input_shape, outputs)
    with zeros_for(model, input_shape) as zeros:
        with evaluating(model):
            _check_output(model(zeros), params, outputs)
        name_functions(model, torch.cat([zeros, zeros]))
        if is_foreign and key not in _CHECKED:
            check_contract(model, example_inputs(input_shape))
            _CHECKED.add(key)
    return model


def example_inputs(input_shape: tuple[int, ...]) -> Tensor:
    """Two inputs of noise, (2, *input_shape), the same at every call."""
    return torch.randn(2, *input_shape, generator=torch.Generator().manual_seed(0))


def outline_model(params: ModelParams, *, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Like `build_model`, but a network of the catalogue has shapes only: no memory, no computation."""
    with torch.device("meta" if params.name in MODELS else "cpu"):
        return build_model(params, input_shape=input_shape, outputs=outputs)


def model_layer_names(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> tuple[str, ...]:
    """The names that `list_layers` gives, in its order.

    Raises
    ------
    InputError
        Like `build_model`.
    """
    model = outline_model(params, input_shape=input_shape, outputs=outputs)
    return tuple(layer.name for layer in list_layers(model, input_shape))


def _check_output(output: Any, params: ModelParams, outputs: int) -> None:
    if not isinstance(output, Tensor):
        raise InputError(f"model: {params.name} gives {type(output).__name__}; one tensor (N, {outputs}) is needed")
    if output.shape != (1, outputs):
        raise InputError(
            f"model: {params.name} gives shape {tuple(output.shape)} for one input; (1, {outputs}) is needed"
        )
