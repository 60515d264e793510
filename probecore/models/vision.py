"""torchvision's networks under our names: any number of channels, CIFAR stems, other activations."""

from typing import Any, Literal

from torch import nn

from probecore.errors import InputError
from probecore.models.activations import build_activation, channels_multiplied
from probecore.models.params import ActivationParams, ModelParams, filled
from probecore.torchvision_import import import_torchvision


def resnet(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """resnet18, 34, 50 or 101. As in torchvision, a block calls its one activation module repeatedly."""
    model = _build(params.name, outputs)
    _fit_stem(model, "conv1", params, input_shape, fan="fan_out")
    if params.stem == "cifar":
        model.maxpool = nn.Identity()
    _swap_activation(model, params)
    return model


def densenet(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """densenet121. Its last ReLU is a function call, so its activation cannot be chosen."""
    model = _build(params.name, outputs)
    features = model.get_submodule("features")
    _fit_stem(features, "conv0", params, input_shape, fan="fan_in")
    if params.stem == "cifar":
        features.pool0 = nn.Identity()
    return model


def alexnet_torchvision(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """The `alexnet` of torchvision."""
    model = _build("alexnet", outputs)
    _fit_stem(model.get_submodule("features"), "0", params, input_shape, fan=None)
    _swap_activation(model, params)
    return model


def _build(name: str, outputs: int) -> nn.Module:
    model: nn.Module = getattr(import_torchvision().models, name)(weights=None, num_classes=outputs)
    return model


def _fit_stem(
    parent: nn.Module,
    name: str,
    params: ModelParams,
    input_shape: tuple[int, ...],
    *,
    fan: Literal["fan_in", "fan_out"] | None,
) -> None:
    """Replace the first layer where channels or stem ask for it, initialised as torchvision does (`fan`)."""
    if len(input_shape) != 3:
        raise InputError(
            f"model: {params.name} needs images (channels, height, width), got inputs of shape {input_shape}; use mlp"
        )
    old: Any = parent.get_submodule(name)
    cifar = params.stem == "cifar"
    if input_shape[0] == old.in_channels and not cifar:
        return
    kernel, stride, padding = (3, 1, 1) if cifar else (old.kernel_size, old.stride, old.padding)
    new = nn.Conv2d(input_shape[0], old.out_channels, kernel, stride, padding, bias=old.bias is not None)
    if fan is not None:
        nn.init.kaiming_normal_(new.weight, mode=fan, nonlinearity="relu")
    parent.add_module(name, new)


def _swap_activation(model: nn.Module, params: ModelParams) -> None:
    """Put the chosen activation in the place of every ReLU module."""
    activation = filled(params.activation)
    if activation == ActivationParams(name="relu"):
        return
    if channels_multiplied(build_activation(activation)) > 1:
        raise InputError(f"model: {activation.name} multiplies channels, and {params.name} is not built for that")
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.ReLU):
                parent.add_module(name, build_activation(activation))
