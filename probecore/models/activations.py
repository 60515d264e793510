"""Activation functions as modules, by name. `probecore.models.catalogue` lists names and options."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from probecore.models.params import ActivationParams


class Activation(nn.Module):
    """Base of the activation functions that torch lacks; `list_layers` and `blocks` know it."""

    multiplies = 1
    """Channels given for each channel read."""


class Identity(Activation):
    """x itself: the network without rectification."""

    def forward(self, x: Tensor) -> Tensor:
        """Give x back."""
        return x


class Absolute(Activation):
    """abs(x): full-wave rectification."""

    def forward(self, x: Tensor) -> Tensor:
        """Drop the sign."""
        return x.abs()


class TReLU(Activation):
    """0 below the threshold phi, (x - phi) / (1 - phi) from there (Kuo 2016, arXiv 1609.04112).

    phi = 0 is ReLU. The scale is meant for correlations of unit vectors.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        """Rectified above the threshold; the shape stays."""
        return torch.relu((x - self.threshold) / (1 - self.threshold))

    def extra_repr(self) -> str:
        """The threshold, for `print(model)`."""
        return f"threshold={self.threshold}"


class CReLU(Activation):
    """relu(x), then relu(-x), along the channels (Shang et al. 2016, arXiv 1603.05201)."""

    multiplies = 2

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, …) to (N, 2 F, …)."""
        return torch.relu(torch.cat((x, -x), dim=1))


ACTIVATION_MODULES: Mapping[str, Callable[..., nn.Module]] = {
    "relu": nn.ReLU,
    "identity": Identity,
    "leaky_relu": lambda slope: nn.LeakyReLU(slope),
    "abs": Absolute,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "trelu": TReLU,
    "crelu": CReLU,
}


def build_activation(params: ActivationParams) -> nn.Module:
    """A new instance of the activation function that `params` describes."""
    return ACTIVATION_MODULES[params.name](**params.model_dump(exclude={"name"}, exclude_none=True))


def channels_multiplied(activation: nn.Module) -> int:
    """How many channels `activation` gives for each channel it reads."""
    return activation.multiplies if isinstance(activation, Activation) else 1
