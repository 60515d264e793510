"""One network at one epoch with everything it is measured on, for the modules that make rows of tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from probecore.determinism import numpy_generator, torch_generator
from probecore.errors import InputError
from probecore.measuring import Network
from probecore.models import blocks
from probecore.models.layers import Block
from probecore.recos.geometry import check_layer
from probecore.recos.params import RecosParams

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
        """Rows of layers with the column ``position``: their place in the order they run."""
        order = list(self.layers)
        return ({**row, "position": order.index(row["layer"])} for row in rows)

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
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(f"recos.layers: {pattern!r} matches none of {', '.join(names)}")
    chosen = [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]
    for name in chosen:
        try:
            check_layer(model.get_submodule(name))
        except InputError as error:
            raise InputError(f"recos.layers: {name}: {error}") from None
    return {name: model.get_submodule(name) for name in chosen}
