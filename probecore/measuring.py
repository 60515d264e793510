"""What the jobs of all measures share: a network with its data, and the tables they write. No measure is known here."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from probecore.dataset import load_dataset
from probecore.determinism import Numerics, torch_device
from probecore.errors import InputError
from probecore.files import read_table, write_table
from probecore.networks import NO_CONTROL, condition_at, condition_of, lacks_control, shown_condition, shown_network
from probecore.statistics.filters import write_filters
from probecore.train import describe, epochs_in, load_network
from probecore.train.batches import Batches, Scaling
from probecore.train.inference import check_data
from probecore.train.params import Augmentation

Keys = Mapping[str, Sequence[str]]
"""The tables of a measure beside ``filters.csv``, and what identifies a row of one network and epoch."""

NAMES = ["experiment", "network", "epoch"]
"""The leading columns of every table of a measure."""


class Network:
    """One network of a study, with its data, on its device.

    Attributes
    ----------
    info
        What its checkpoint file says of it.
    dataset
        The data it was trained on; for ``given`` networks the data of their experiment.
    epochs
        Epochs of its checkpoints, ascending.
    scale
        Makes its input of stored images, or of features.

    Raises
    ------
    InputError
        If a file is missing or damaged, the data belong to another training, or no GPU answers.
    """

    def __init__(self, *, data: Path, checkpoints: Path, numerics: Numerics) -> None:
        self.device = torch_device(numerics)
        self.dataset, self.info = load_dataset(data), describe(checkpoints)
        check_data(checkpoints, self.info, self.dataset)
        self.epochs = epochs_in(checkpoints)
        self.scale = Scaling(self.info.normalise, self.dataset.input_shape, self.device)
        self._checkpoints = checkpoints

    def at(self, epoch: int) -> nn.Module:
        """The network at one epoch, in evaluation mode."""
        return load_network(self._checkpoints, epoch, device=self.device)

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
        write_tables(folder, {name: pd.DataFrame(rows) for name, rows in self._rows.items()}, self._keys)


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
        leading = [*NAMES, *key]
        table = tables[name]
        table = table.reindex(columns=[*leading, *(column for column in table if column not in leading)])
        write_table(folder / f"{name}.csv", table, sort_by=leading)
    write_filters(folder / "filters.csv", tables["filters"])


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
