"""Rows of tables: what the weights alone say of anchors, and what their signs meet in a layer's input."""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.special import betainc, betaincc
from torch import Tensor

from probecore.recos.geometry import anchor_vectors
from probecore.recos.listening import BATCH, inputs_of
from probecore.recos.polarity import dc_share, mean_free, weight_of
from probecore.recos.probe import Probe, Rows
from probecore.recos.signs import Contributions
from probecore.statistics import bootstrap_counts, paired_difference, percentile_interval


def weight_rows(probe: Probe) -> Rows:
    """Norm of each filter, and the share of its energy in its mean."""
    for name, layer in probe.layers.items():
        weight = weight_of(layer).detach().double().flatten(1)
        taps = weight.shape[1]
        keys = {"layer": name, "site": "conv", "n": taps}
        for index, (norm, share) in enumerate(zip(weight.norm(dim=1).tolist(), dc_share(weight).tolist(), strict=True)):
            p = float(betaincc(0.5, (taps - 1) / 2, share))
            yield {**keys, "filter": index, "quantity": "norm", "value": norm}
            yield {**keys, "filter": index, "quantity": "dc_share", "value": share, "null": 1 / taps, "p": p}


class Turned:
    """How far anchors have turned since the first checkpoint."""

    def __init__(self, first: Probe) -> None:
        self.anchors = {name: anchor_vectors(layer) for name, layer in first.layers.items()}

    def layer_rows(self, probe: Probe) -> Rows:
        """Mean angle of a layer's anchors."""
        for name, degrees in self._degrees(probe):
            yield {"layer": name, "quantity": "turned", "value": float(degrees.mean()), "null": 90.0, "n": len(degrees)}

    def filter_rows(self, probe: Probe) -> Rows:
        """The angle of each anchor; p is the chance of a random direction to be at least as close."""
        for name, degrees in self._degrees(probe):
            free = self.anchors[name].shape[1] - 2  # directions of D - 1 dimensions, as the mean is gone
            for index, angle in enumerate(degrees.tolist()):
                beyond = float(betainc(free / 2, 0.5, np.sin(np.radians(angle)) ** 2)) if free else 1.0
                yield {
                    "layer": name,
                    "site": "conv",
                    "filter": index,
                    "quantity": "turned",
                    "value": angle,
                    "null": 90.0,
                    "p": beyond / 2 if angle <= 90 else 1 - beyond / 2,
                    "n": self.anchors[name].shape[1],
                }

    def _degrees(self, probe: Probe) -> Iterator[tuple[str, Tensor]]:
        for name, before in self.anchors.items():
            cosines = (before.double() * anchor_vectors(probe.layers[name]).double()).sum(1)
            yield name, torch.rad2deg(torch.acos(cosines.clamp(-1, 1)))


class Signs:
    """Sign confusion of all chosen layers, from one pass over test images."""

    def __init__(self, probe: Probe) -> None:
        images = probe.images[: probe.params.images]
        self.contributions = {name: Contributions(layer) for name, layer in probe.layers.items()}
        for inputs in inputs_of(probe.model, probe.layers, images, scale=probe.network.scale):
            for name, own in self.contributions.items():
                own.add(inputs[name])
        generator = probe.numpy_generator("images")
        self.counts = torch.from_numpy(bootstrap_counts(len(images), probe.params.resamples, generator)).double()

    def layer_rows(self) -> Rows:
        """The rate over all filters of a layer."""
        for name, own in self.contributions.items():
            (columns,) = self._columns(own.positive.sum(1, keepdim=True), own.negative.sum(1, keepdim=True))
            yield {"layer": name, "quantity": "sign_confusion", **columns, "null": own.expected()[1]}

    def filter_rows(self) -> Rows:
        """The rate of each filter."""
        for name, own in self.contributions.items():
            nulls = own.expected()[0].tolist()
            for index, columns in enumerate(self._columns(own.positive, own.negative)):
                keys = {"layer": name, "site": "conv", "filter": index, "quantity": "sign_confusion"}
                yield {**keys, **columns, "null": nulls[index]}

    def _columns(self, positive: Tensor, negative: Tensor) -> list[dict[str, float]]:
        rates = negative.sum(0) / (positive + negative).sum(0)
        redrawn = self.counts @ negative / (self.counts @ (positive + negative))
        low, high = percentile_interval(redrawn.numpy())
        return [
            {"value": value, "low": low[index], "high": high[index], "n": len(positive)}
            for index, value in enumerate(rates.tolist())
        ]


def mean_anchor_rows(probe: Probe) -> Rows:
    """How accuracy changes when the filters of one layer lose their mean."""
    images, labels = probe.images[: probe.params.images], probe.labels[: probe.params.images]
    before = _hits(probe, images, labels)
    for name, layer in probe.layers.items():
        with mean_free(layer):
            change = paired_difference(before, _hits(probe, images, labels))
        yield {"layer": name, "quantity": "accuracy_change_without_mean", **vars(change)}


@torch.inference_mode()
def _hits(probe: Probe, images: Tensor, labels: Tensor) -> np.ndarray:
    scale = probe.network.scale
    predictions = torch.cat([probe.model(scale(part)).argmax(1) for part in images.split(5 * BATCH)])
    return (predictions == labels).cpu().numpy()
