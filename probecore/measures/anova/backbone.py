"""The network whose features are compared with parameters: the measured one, or one of a file in own/."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from probecore.errors import InputError
from probecore.measures.anova.image_features import last_map
from probecore.measures.anova.params import Features
from probecore.measures.network import Network
from probecore.models.build import outline_model
from probecore.train import describe, epochs_in, load_network
from probecore.train.checkpoints import NetworkInfo


@dataclass(frozen=True)
class Backbone:
    """The network whose features count, as it is and before training, if that is known."""

    model: nn.Module
    untrained: nn.Module | None
    layer: str
    given: bool


def find_backbone(network: Network, features: Features) -> Backbone:
    """Load the backbone and look up its layer.

    Raises
    ------
    InputError
        If the file is missing or reads other images, or the network has no such layer.
    """
    last, shape = network.epochs[-1], network.dataset.input_shape
    if features.network is None:
        model = network.at(last)
        untrained = network.at(0) if 0 in network.epochs[:-1] else None
    else:
        path = Path(features.network)
        _check_shape(path, shape)
        epochs = epochs_in(path)
        model = load_network(path, epochs[-1], device=network.device)
        untrained = load_network(path, 0, device=network.device) if 0 in epochs[:-1] else None
    layer = layer_of(features, model, shape)
    return Backbone(model, untrained, layer, given=features.network is not None)


def check_features(features: Features, model: nn.Module, input_shape: tuple[int, ...]) -> None:
    """Look up file and layer before there are networks: `model` is the outline of those that will be measured.

    Raises
    ------
    InputError
        Like `find_backbone`.
    """
    if features.network is not None:
        info = _check_shape(Path(features.network), input_shape)
        model = outline_model(info.model, input_shape=input_shape, outputs=info.outputs)
    layer_of(features, model, input_shape)


def layer_of(features: Features, model: nn.Module, input_shape: tuple[int, ...]) -> str:
    """Name the module whose output counts."""
    layer = features.layer or last_map(model, input_shape)
    if layer is None or layer not in dict(model.named_modules()):
        raise InputError(f"anova.published.features.layer: no module {layer!r}; name one that gives a map")
    return layer


def _check_shape(path: Path, shape: tuple[int, ...]) -> NetworkInfo:
    info = describe(path)
    if tuple(info.input_shape) != shape:
        raise InputError(f"{path}: reads images of {tuple(info.input_shape)}, not of {shape}; choose another")
    return info
