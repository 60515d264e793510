"""What the jobs of all measures share: a network with its data, and the tables they write. No measure is known here."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import h5py
import pandas as pd
import torch
from torch import Tensor, nn

from probecore.dataset import Dataset, load_dataset
from probecore.determinism import Numerics, torch_device
from probecore.errors import InputError
from probecore.files import arranged, read_table, write_table
from probecore.networks import NO_CONTROL, condition_at, condition_of, lacks_control, shown_condition, shown_network
from probecore.statistics.filters import filter_table, write_filters
from probecore.train import describe, epochs_in, load_network
from probecore.train.batches import Batches, Scaling
from probecore.train.inference import check_data
from probecore.train.params import Augmentation, Normalise

Keys = Mapping[str, Sequence[str]]
"""The tables of a measure beside ``filters.csv``, and what identifies a row of one network and epoch."""

Arrays = Callable[[h5py.File], None]
"""Writes a measure's arrays into an HDF5 file."""

NAMES = ["experiment", "network", "epoch"]
"""The leading columns of every table of a measure."""


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
        self._names = {"experiment": network.info.experiment, "network": network.info.network}
        self._keys = keys
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in (*keys, "filters")}

    def add(self, name: str, epoch: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to the table `name`."""
        self._rows[name] += [{**self._names, "epoch": epoch, **row} for row in rows]

    def write(self, folder: Path) -> None:
        """Write one CSV per table into `folder`."""
        write_tables(folder, self._unordered(), self._keys)

    def in_order(self) -> dict[str, pd.DataFrame]:
        """The tables as `write` writes them, with floats as they are."""
        return tables_in_order(self._unordered(), self._keys)

    def _unordered(self) -> dict[str, pd.DataFrame]:
        return {name: pd.DataFrame(rows) for name, rows in self._rows.items()}


def gather(networks: Sequence[Path], keys: Keys, *, output: Path) -> dict[str, pd.DataFrame]:
    """Stack the tables in the folders `networks` and write them into `output`."""
    tables = {
        name: pd.concat([read_table(folder / f"{name}.csv") for folder in networks], ignore_index=True)
        for name in (*keys, "filters")
    }
    write_tables(output, tables, keys)
    return tables


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame], keys: Keys) -> None:
    """Write ``filters.csv`` and the tables of `keys`; a table without rows has its key columns alone."""
    for name, key in keys.items():
        write_table(folder / f"{name}.csv", _with_leading(tables[name], key), sort_by=[*NAMES, *key])
    write_filters(folder / "filters.csv", tables["filters"])


def tables_in_order(tables: Mapping[str, pd.DataFrame], keys: Keys) -> dict[str, pd.DataFrame]:
    """What `write_tables` writes: the same columns and rows, in the same order."""
    found = {
        name: arranged(_with_leading(tables[name], key), sort_by=[*NAMES, *key], where=name)
        for name, key in keys.items()
    }
    return {"filters": filter_table(tables["filters"], where="filters"), **found}


def _with_leading(table: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    leading = [*NAMES, *key]
    return table.reindex(columns=[*leading, *(column for column in table if column not in leading)])


def is_last(table: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are of the last checkpoint of their network."""
    return table["epoch"] == table.groupby("network")["epoch"].transform("max")


def at_the_end(table: pd.DataFrame) -> pd.DataFrame:
    """Rows after training, and those of trained networks before it, with the column ``condition``.

    Networks of one seed start from the same weights, so that each untrained network is there once.
    """
    initial = (table["epoch"] == 0) & (table["network"].map(condition_of) == "trained")
    shown = table[is_last(table) | initial]
    pairs = zip(shown["network"], shown["epoch"], strict=True)
    return shown.assign(condition=[condition_at(str(network), int(epoch)) for network, epoch in pairs])


def after_training(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the last checkpoint of each network, with the column ``condition``."""
    return at_the_end(table[is_last(table)])


def of_one_condition(table: pd.DataFrame) -> pd.DataFrame:
    """Rows after training of the condition that stands for the others: trained networks where there are some."""
    last = after_training(table)
    return last[last["condition"] == shown_condition(last["condition"])] if len(last) else last


def of_one_network(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the network that stands for the others in a figure: the first trained one where there is one."""
    if table.empty:
        return table
    return table[table["network"] == shown_network(table.groupby("network")["epoch"].max().to_dict())]


def remarks_on_controls(table: pd.DataFrame) -> list[str]:
    """What a summary says of an experiment, known by a table of its, whose given weights have no untrained control."""
    return [NO_CONTROL] if lacks_control(at_the_end(table)["condition"]) else []
