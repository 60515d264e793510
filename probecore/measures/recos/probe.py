"""One network at one epoch with everything it is measured on, for the modules that make rows of tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from probecore.determinism import numpy_generator, torch_generator
from probecore.errors import InputError
from probecore.measures.network import Network
from probecore.measures.recos.geometry import check_layer
from probecore.measures.recos.params import RecosParams
from probecore.models import blocks, list_layers
from probecore.models.layers import Block
from probecore.models.selection import choose_layers

Rows = Iterator[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Probe:
    """One network at one epoch.

    Attributes
    ----------
    weighted
        All its blocks; the first one has the first layer.
    layers
        Conv and linear layers to measure, by name, in the order they run.
    images, labels
        The whole test split, on the device.
    """

    network: Network
    model: nn.Module
    epoch: int
    params: RecosParams
    images: Tensor
    labels: Tensor
    weighted: Sequence[Block] = field(init=False)
    layers: Mapping[str, nn.Module] = field(init=False)

    def __post_init__(self) -> None:
        weighted = blocks(self.model, self.network.dataset.input_shape)
        if not weighted:
            raise InputError("recos: the network has no conv or linear layer; write `recos: null`")
        object.__setattr__(self, "weighted", weighted)
        object.__setattr__(self, "layers", _chosen(self.model, weighted, self.params.layers))

    @classmethod
    def at(cls, network: Network, epoch: int, params: RecosParams) -> "Probe":
        """The probe of a network at one epoch."""
        return cls(network, network.at(epoch), epoch, params, *network.test_tensors())

    def placed(self, rows: Iterable[dict[str, Any]]) -> Rows:
        """Add to rows of layers what they ``reads``: pixels or features."""
        first = self.weighted[0].layer
        return ({**row, "reads": "pixels" if row["layer"] == first else "features"} for row in rows)

    @property
    def first_dense(self) -> str | None:
        """The first linear layer behind a convolution; None where there is none."""
        names = [block.layer for block in self.weighted]
        kinds = [isinstance(self.model.get_submodule(name), nn.Linear) for name in names]
        if all(kinds) or kinds[0] or not any(kinds):
            return None
        return names[kinds.index(True)]

    @property
    def maps_before_dense(self) -> tuple[int, ...] | None:
        """The shape (C, H, W) of the maps that `first_dense` reads flattened; None where they were averaged."""
        name = self.first_dense
        if name is None:
            return None
        wanted = self.model.get_submodule(name).get_parameter("weight").shape[1]
        layers = list_layers(self.model, self.network.dataset.input_shape)
        before = [layer.output_shape for layer in takewhile(lambda layer: layer.name != name, layers)]
        fitting = [shape for shape in before if len(shape) == 3 and prod(shape) == wanted and shape[1] > 1]
        return fitting[-1] if fitting else None

    def tap_grid(self, name: str) -> tuple[int, int]:
        """Height and width of the grid that a layer's taps lie on; (1, 1) where they have no place."""
        layer = self.layers[name]
        if isinstance(layer, nn.Conv2d):
            return layer.kernel_size[0], layer.kernel_size[1]
        maps = self.maps_before_dense if name == self.first_dense else None
        return (maps[1], maps[2]) if maps else (1, 1)

    def numpy_generator(self, *key: str) -> np.random.Generator:
        """A generator for one purpose at this epoch."""
        return numpy_generator(*self._key, *key)

    def torch_generator(self, *key: str) -> torch.Generator:
        """A generator for one purpose at this epoch."""
        return torch_generator(*self._key, *key)

    @property
    def _key(self) -> tuple[str | int, ...]:
        return self.network.info.experiment, self.network.info.network, "recos", self.epoch


def _chosen(model: nn.Module, weighted: Sequence[Block], patterns: Sequence[str]) -> dict[str, nn.Module]:
    names = [block.layer for block in weighted]
    chosen = choose_layers(names, patterns, where="recos.layers")
    for name in chosen:
        try:
            check_layer(model.get_submodule(name))
        except InputError as error:
            raise InputError(f"recos.layers: {name}: {error}") from None
    return {name: model.get_submodule(name) for name in chosen}
