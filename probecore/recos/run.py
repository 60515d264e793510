"""The job of one network: a data set and checkpoints in, tables of all its checkpoints out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import betaincc
from torch import nn

from probecore.dataset import Dataset, load_dataset
from probecore.determinism import Numerics, torch_device
from probecore.errors import InputError
from probecore.files import write_table
from probecore.models import blocks
from probecore.recos.params import RecosParams
from probecore.recos.polarity import dc_share, hits_per_filter, identity_error, polarity_logits, reverse, weight_of
from probecore.statistics import paired_difference, wilson_interval
from probecore.statistics.filters import write_filters
from probecore.train import describe, epochs_in, load_network
from probecore.train.batches import Scaling
from probecore.train.inference import check_data
from probecore.train.params import Normalise


def run_network(*, data: Path, checkpoints: Path, params: RecosParams, numerics: Numerics, output: Path) -> None:
    """Write ``polarity.csv``, ``confusion.csv``, ``scalings.csv`` and ``filters.csv`` of one network into `output`.

    Raises
    ------
    InputError
        If the data are no labelled images, or belong to another training.
    """
    device = torch_device(numerics)
    dataset, info = load_dataset(data), describe(checkpoints)
    check_data(checkpoints, info, dataset)
    if dataset.classes is None or dataset.test.inputs.ndim != 4:
        raise InputError(f"{dataset.name}: the polarity experiment needs labelled images; write `recos: null`")
    names = {"experiment": info.experiment, "network": info.network}
    tables: dict[str, list[dict[str, Any]]] = {"polarity": [], "confusion": [], "scalings": [], "filters": []}
    epochs = epochs_in(checkpoints)
    for epoch in epochs:
        model = load_network(checkpoints, epoch, device=device)
        probe = _Probe(model, dataset, info.normalise, device)
        tables["polarity"] += probe.accuracies()
        if epoch in (epochs[0], epochs[-1]):
            tables["filters"] += probe.filters(params.polarity.images)
        if epoch == epochs[-1]:
            tables["confusion"] += probe.confusion()
            tables["scalings"] += probe.scalings(params)
        for rows in tables.values():
            for row in rows:
                row.setdefault("epoch", epoch)
    for name, rows in tables.items():
        table = pd.DataFrame(rows).assign(**names)
        if name == "filters":
            write_filters(output / "filters.csv", table)
        else:
            leading = [*names, "epoch", *KEYS[name]]
            others = [column for column in table if column not in leading]
            write_table(output / f"{name}.csv", table[leading + others], sort_by=leading)


KEYS = {"polarity": ["filters", "images"], "confusion": ["label", "prediction"], "scalings": ["scaling"]}
"""Tables beside ``filters.csv``, and what identifies a row of one network and epoch."""


class _Probe:
    """One network at one epoch, with the test images on its device."""

    def __init__(self, model: nn.Module, dataset: Dataset, normalise: Normalise, device: torch.device) -> None:
        weighted = blocks(model, dataset.input_shape)
        if not weighted:
            raise InputError("recos: the network has no conv or linear layer; write `recos: null`")
        self.model, self.layer_name = model, weighted[0].layer
        self.layer = model.get_submodule(self.layer_name)
        self.dataset, self.device = dataset, device
        self.scale = Scaling(normalise, dataset.input_shape, device)
        self.images = torch.from_numpy(dataset.test.inputs).to(device)
        self.labels = torch.from_numpy(dataset.test.targets).to(device)
        self.logits = polarity_logits(model, self.layer, self.images, scale=self.scale)

    def accuracies(self) -> Iterator[dict[str, Any]]:
        chance = float(np.bincount(self.dataset.test.targets).max() / len(self.labels))
        for (filters, images), logits in self.logits.items():
            right = int((logits.argmax(1) == self.labels).sum())
            low, high = wilson_interval(right, len(self.labels))
            yield {
                "filters": filters,
                "images": images,
                "accuracy": right / len(self.labels),
                "low": low,
                "high": high,
                "null": chance,
                "n": len(self.labels),
            }

    def confusion(self) -> Iterator[dict[str, Any]]:
        """Counts of (label, prediction) on reversed images, the network as trained."""
        predictions, classes = self.logits["plain", "reversed"].argmax(1), self.dataset.outputs
        pairs = torch.bincount(self.labels * classes + predictions, minlength=classes**2)
        for index, count in enumerate(pairs.tolist()):
            yield {"label": index // classes, "prediction": index % classes, "count": count}

    def scalings(self, params: RecosParams) -> Iterator[dict[str, Any]]:
        """How far the identity holds when the same network is fed with other input scalings."""
        for name in params.polarity.scalings:
            normalise = _scaling(name, self.dataset)
            scale = Scaling(normalise, self.dataset.input_shape, self.device)
            logits = polarity_logits(self.model, self.layer, self.images, scale=scale)
            same = logits["plain", "normal"].argmax(1) == logits["negated", "reversed"].argmax(1)
            yield {
                "scaling": name,
                "mean": normalise.mean,
                "std": normalise.std,
                "largest_difference": identity_error(logits),
                "same_prediction": float(same.double().mean()),
                "n": len(self.labels),
            }

    def filters(self, count: int) -> Iterator[dict[str, Any]]:
        """What each first-layer filter's sign is worth on the first `count` test images."""
        keys = {"layer": self.layer_name, "site": "conv"}
        weight = weight_of(self.layer)
        taps = weight[0].numel()
        for index, share in enumerate(dc_share(weight).tolist()):
            p = float(betaincc(0.5, (taps - 1) / 2, share)) if taps > 1 else 1.0
            yield {
                **keys,
                "filter": index,
                "quantity": "dc_share",
                "value": share,
                "null": 1 / taps,
                "p": p,
                "n": taps,
            }
        labels = self.labels[:count]
        for shown, images in (("normal", self.images[:count]), ("reversed", reverse(self.images[:count]))):
            before = (self.logits["plain", shown][:count].argmax(1) == labels).cpu().numpy()
            after = hits_per_filter(self.model, self.layer, images, labels, scale=self.scale).numpy()
            for index, hits in enumerate(after):
                change = paired_difference(before, hits)
                yield {**keys, "filter": index, "quantity": f"accuracy_change_{shown}", **vars(change)}


def _scaling(name: str, dataset: Dataset) -> Normalise:
    if name == "half":
        return Normalise(mean=0.5, std=1.0)
    if name == "unit":
        return Normalise(mean=0.0, std=1.0)
    counts = np.bincount(dataset.train.inputs.reshape(-1), minlength=256)
    levels = np.arange(256) / 255
    mean = float(np.average(levels, weights=counts))
    return Normalise(mean=mean, std=float(np.average((levels - mean) ** 2, weights=counts) ** 0.5))
