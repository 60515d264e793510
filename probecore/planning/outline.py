"""The sizes of a network that decide how long measures take. No activations are kept."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Self

from torch import Tensor, nn

from probecore.models import blocks, list_layers


@dataclass(frozen=True)
class BlockSize:
    """Sizes of one conv or linear layer and its block, for one image."""

    layer: str
    output: str
    """The module that ends the block."""
    filters: int
    taps: int
    """Weights of one filter."""
    positions: int
    """Places of the layer's map, 1 for a linear layer on vectors."""
    values: int
    """Values that the layer gives."""
    macs: int
    after: int
    """Multiply-adds of the layers behind."""


@dataclass(frozen=True)
class Outline:
    """A network's sizes for inputs of one shape."""

    input_shape: tuple[int, ...]
    outputs: int
    blocks: tuple[BlockSize, ...]
    calls: int
    """Calls of modules that compute, in one forward pass."""
    parameters: int

    @classmethod
    def of(cls, model: nn.Module, input_shape: tuple[int, ...]) -> Self:
        """Run one image of zeros through the network.

        Raises
        ------
        InputError
            If the network cannot read such an input.
        """
        layers = {layer.name: layer for layer in list_layers(model, input_shape)}
        found = blocks(model, input_shape)
        total = sum(layer.macs for layer in layers.values())
        done = accumulate(layers[block.layer].macs for block in found)
        sizes = []
        for block, before in zip(found, done, strict=True):
            weight, layer = model.get_submodule(block.layer).weight, layers[block.layer]
            assert isinstance(weight, Tensor)
            filters = len(weight)
            values = prod(layer.output_shape)
            taps = weight[0].numel()
            positions = max(1, values // filters)
            sizes.append(
                BlockSize(block.layer, block.output, filters, taps, positions, values, layer.macs, total - before)
            )
        calls = sum(layer.calls for layer in layers.values())
        parameters = sum(parameter.numel() for parameter in model.parameters())
        return cls(tuple(input_shape), sizes[-1].filters if sizes else 1, tuple(sizes), calls, parameters)

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of one image."""
        return sum(block.macs for block in self.blocks)

    @property
    def inner(self) -> tuple[BlockSize, ...]:
        """All blocks but the last, the output."""
        return self.blocks[:-1]
