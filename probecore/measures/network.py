"""What the jobs of one network share in all measures: the network with its data, and the rows of its tables."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import h5py
import pandas as pd
import torch
from torch import Tensor, nn

from probecore.dataset import Dataset, load_dataset
from probecore.determinism import Numerics, torch_device
from probecore.errors import InputError
from probecore.measures.tables import Keys, tables_in_order, write_tables
from probecore.models import blocks
from probecore.statistics.filters import INDEX
from probecore.train import describe, epochs_in, load_network
from probecore.train.batches import Batches, Scaling
from probecore.train.inference import check_data
from probecore.train.params import Augmentation, Normalise

Arrays = Callable[[h5py.File], None]
"""Writes a measure's arrays into an HDF5 file."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a network is called in tables and keys of random numbers, and how its images are scaled."""

    experiment: str
    network: str
    normalise: Normalise


class Network:
    """One network with its data, on its device: of a study (`read`), or of memory (`of_module`).

    Attributes
    ----------
    info
        Its names and scaling.
    dataset
        The data it was trained on; for ``given`` networks the data of their experiment.
    epochs
        Epochs of its checkpoints, ascending.
    at
        Gives the network at one epoch, in evaluation mode, a new one at each call.
    scale
        Makes its input of stored images, or of features.
    """

    def __init__(
        self,
        info: Identity,
        dataset: Dataset,
        *,
        epochs: Sequence[int],
        at: Callable[[int], nn.Module],
        device: torch.device,
    ) -> None:
        self.info, self.dataset, self.epochs, self.at, self.device = info, dataset, list(epochs), at, device
        self.scale = Scaling(info.normalise, dataset.input_shape, device)

    @classmethod
    def read(cls, *, data: Path, checkpoints: Path, numerics: Numerics) -> Self:
        """The network of a checkpoint file.

        Raises
        ------
        InputError
            If a file is missing or damaged, the data belong to another training, or no GPU answers.
        """
        device = torch_device(numerics)
        dataset, info = load_dataset(data), describe(checkpoints)
        check_data(checkpoints, info, dataset)
        return cls(
            Identity(experiment=info.experiment, network=info.network, normalise=info.normalise),
            dataset,
            epochs=epochs_in(checkpoints),
            at=partial(load_network, checkpoints, device=device),
            device=device,
        )

    @classmethod
    def of_module(cls, info: Identity, dataset: Dataset, model: nn.Module) -> Self:
        """A network in memory, in evaluation mode, as the only checkpoint, epoch 0; `model` is left as it is."""
        device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
        return cls(info, dataset, epochs=[0], at=lambda _: copy.deepcopy(model), device=device)

    @cached_property
    def layer_index(self) -> dict[str, int]:
        """Where each weighted layer runs: 0 for the first, by its name."""
        found = blocks(self.at(self.epochs[0]), self.dataset.input_shape)
        return {block.layer: index for index, block in enumerate(found)}

    def test_tensors(self) -> tuple[Tensor, Tensor]:
        """The test split as stored, inputs (N, ...) and targets (N,), on the device."""
        test = self.dataset.test
        return torch.from_numpy(test.inputs).to(self.device), torch.from_numpy(test.targets).to(self.device)

    def batches(self, batch: int, augmentation: Augmentation) -> Batches:
        """Batches of the training split, for a short retraining; of all of it where it is smaller than one."""
        train = self.dataset.train
        return Batches(
            train.inputs,
            train.targets,
            normalise=self.info.normalise,
            augmentation=augmentation,
            batch=min(batch, len(train.targets)),
            device=self.device,
        )

    def need_labelled_images(self, measure: str) -> None:
        """Raise `InputError` if the data are no images with labels."""
        if self.dataset.classes is None or self.dataset.test.inputs.ndim != 4:
            raise InputError(f"{self.dataset.name}: {measure} needs labelled images; write `{measure}: null`")


class Tables:
    """Rows of one network's tables, kept until all are there."""

    def __init__(self, network: Network, keys: Keys) -> None:
        self._network, self._keys = network, keys
        self._names = {"experiment": network.info.experiment, "network": network.info.network}
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in (*keys, "filters")}

    def add(self, name: str, epoch: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to the table `name`, those of layers with the place of these, see `Network.layer_index`."""
        self._rows[name] += [{**self._names, "epoch": epoch, **row, **self._places(row)} for row in rows]

    def _places(self, row: Mapping[str, Any]) -> dict[str, int]:
        """Where a layer runs that a row names; of one that is called again, ``name#2``, its module; of all, the end."""
        if not INDEX.keys() & row.keys():
            return {}
        known = self._network.layer_index
        return {INDEX[key]: known.get(str(row[key]).partition("#")[0], len(known)) for key in INDEX if key in row}

    def write(self, folder: Path) -> None:
        """Write one CSV per table into `folder`."""
        write_tables(folder, self._unordered(), self._keys)

    def in_order(self) -> dict[str, pd.DataFrame]:
        """The tables as `write` writes them, with floats as they are."""
        return tables_in_order(self._unordered(), self._keys)

    def _unordered(self) -> dict[str, pd.DataFrame]:
        return {name: pd.DataFrame(rows) for name, rows in self._rows.items()}
