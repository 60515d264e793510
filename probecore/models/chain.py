"""Writing a plain network down layer by layer, with names and sizes worked out.

Layers are numbered by the convolutional or linear layer they follow: ``conv2``, ``norm2``,
``act2``, ``pool2``; linear layers count for themselves: ``fc1``. Every activation is a module of
its own, and none works in place.
"""

from collections import OrderedDict
from math import prod
from typing import Self

from torch import nn

from probecore.errors import InputError
from probecore.models.activations import build_activation, channels_multiplied
from probecore.models.params import ModelParams, filled


class Chain:
    """An ``nn.Sequential`` in the making that follows the shape of one image.

    Parameters
    ----------
    params
        Gives the activation function, and the name for messages.
    input_shape
        (C, H, W), or (D,) where the first layer is linear.
    """

    def __init__(self, params: ModelParams, input_shape: tuple[int, ...]) -> None:
        self.name = params.name
        self.activation = filled(params.activation)
        self.shape = input_shape
        self._modules: OrderedDict[str, nn.Module] = OrderedDict()
        self._weighted = 0
        self._linear = 0

    def conv(self, filters: int, kernel: int, *, stride: int = 1, padding: int = 0) -> Self:
        """Convolve to `filters` maps."""
        if len(self.shape) != 3:
            raise InputError(
                f"model: {self.name} needs images (channels, height, width), got inputs of shape {self.shape}; use mlp"
            )
        self._weighted += 1
        module = nn.Conv2d(self.shape[0], filters, kernel, stride=stride, padding=padding)
        return self._add(f"conv{self._weighted}", module, filters, kernel, stride, padding)

    def norm(self) -> Self:
        """Normalise each map over the batch."""
        self._modules[f"norm{self._weighted}"] = nn.BatchNorm2d(self.shape[0])
        return self

    def act(self) -> Self:
        """Apply the activation function."""
        module = build_activation(self.activation)
        self._modules[f"act{self._weighted}"] = module
        self.shape = (self.shape[0] * channels_multiplied(module), *self.shape[1:])
        return self

    def max_pool(self, kernel: int = 2, *, stride: int = 2, padding: int = 0) -> Self:
        """Keep the maximum of each window."""
        module = nn.MaxPool2d(kernel, stride=stride, padding=padding)
        return self._add(f"pool{self._weighted}", module, self.shape[0], kernel, stride, padding)

    def average_pool(self, kernel: int) -> Self:
        """Keep the mean of each window; windows do not overlap."""
        module = nn.AvgPool2d(kernel)
        return self._add(f"avgpool{self._weighted}", module, self.shape[0], kernel, kernel, 0)

    def dropout(self, probability: float) -> Self:
        """Silence inputs with this probability while training."""
        self._modules[f"drop{self._weighted}"] = nn.Dropout(probability)
        return self

    def linear(self, outputs: int, *, bias: bool = True) -> Self:
        """Map to `outputs` neurons; maps are flattened first."""
        if len(self.shape) > 1:
            self._modules["flatten"] = nn.Flatten()
            self.shape = (prod(self.shape),)
        self._weighted += 1
        self._linear += 1
        self._modules[f"fc{self._linear}"] = nn.Linear(self.shape[0], outputs, bias=bias)
        self.shape = (outputs,)
        return self

    def build(self) -> nn.Sequential:
        """The network so far."""
        return nn.Sequential(self._modules)

    def _add(self, name: str, module: nn.Module, channels: int, kernel: int, stride: int, padding: int) -> Self:
        sides = [(side + 2 * padding - kernel) // stride + 1 for side in self.shape[1:]]
        if min(sides) < 1:
            height, width = self.shape[1:]
            raise InputError(
                f"model: {self.name} cannot read these images: the {height}x{width} maps before {name} are "
                "too small for it; use larger images or another model"
            )
        self._modules[name] = module
        self.shape = (channels, *sides)
        return self
