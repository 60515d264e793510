"""The job of one network: a data set and checkpoints in, tables of all its checkpoints out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import betaincc
from torch import nn

from probecore.dataset import Dataset
from probecore.determinism import Numerics
from probecore.errors import InputError
from probecore.measuring import Keys, Network, Tables
from probecore.models import blocks
from probecore.recos.params import RecosParams
from probecore.recos.polarity import dc_share, hits_per_filter, identity_error, polarity_logits, reverse, weight_of
from probecore.statistics import paired_difference, wilson_interval
from probecore.train.batches import Scaling
from probecore.train.params import Normalise


def run_network(*, data: Path, checkpoints: Path, params: RecosParams, numerics: Numerics, output: Path) -> None:
    """Write ``polarity.csv``, ``confusion.csv``, ``scalings.csv`` and ``filters.csv`` of one network into `output`.

    Raises
    ------
    InputError
        If the data are no labelled images, or belong to another training.
    """
    network = Network(data=data, checkpoints=checkpoints, numerics=numerics)
    network.need_labelled_images("recos")
    tables = Tables(network, KEYS)
    first, last = network.epochs[0], network.epochs[-1]
    for epoch in network.epochs:
        probe = _Probe(network, network.at(epoch))
        tables.add("polarity", epoch, probe.accuracies())
        if epoch in (first, last):
            tables.add("filters", epoch, probe.filters(params.polarity.images))
        if epoch == last:
            tables.add("confusion", epoch, probe.confusion())
            tables.add("scalings", epoch, probe.scalings(params))
    tables.write(output)


KEYS: Keys = {"polarity": ["filters", "images"], "confusion": ["label", "prediction"], "scalings": ["scaling"]}


class _Probe:
    """One network at one epoch, with the test images on its device."""

    def __init__(self, network: Network, model: nn.Module) -> None:
        dataset, device = network.dataset, network.device
        weighted = blocks(model, dataset.input_shape)
        if not weighted:
            raise InputError("recos: the network has no conv or linear layer; write `recos: null`")
        self.model, self.layer_name = model, weighted[0].layer
        self.layer = model.get_submodule(self.layer_name)
        self.dataset, self.device, self.scale = dataset, device, network.scale
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
