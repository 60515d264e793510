"""Rows of tables: what the weights alone say of anchors, and what their signs meet in a layer's input."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import betainc, betaincc, stdtrit
from torch import Tensor

from probecore.measures.recos.geometry import anchor_vectors
from probecore.measures.recos.listening import inputs_of
from probecore.measures.recos.polarity import dc_share, mean_free, weight_of
from probecore.measures.recos.probe import Probe, Rows
from probecore.measures.recos.ratios import ratio_over_images
from probecore.measures.recos.signs import Contributions
from probecore.statistics import paired_difference, permutation_p
from probecore.statistics.moved_grid import Orders, moved_taps
from probecore.train.evaluation import correct_images

Array = npt.NDArray[np.float64]

MOVES = 999
"""Moves of a layer's filters behind the null of its sign confusion."""


def weight_rows(probe: Probe) -> Rows:
    """Norm of each filter, and the share of its energy in its mean."""
    for name, layer in probe.layers.items():
        weight = weight_of(layer).detach().double().flatten(1)
        taps = weight.shape[1]
        keys = {"layer": name, "site": "conv", "n": taps}
        for index, (norm, share) in enumerate(zip(weight.norm(dim=1).tolist(), dc_share(weight).tolist(), strict=True)):
            against = {"null": 1 / taps, "p": dc_share_p(share, taps)}
            yield {**keys, "filter": index, "quantity": "norm", "value": norm}
            yield {**keys, "filter": index, "quantity": "dc_share", "value": share, **against}


def dc_share_p(share: float, taps: int) -> float:
    """Chance that a random direction has as much of its energy in its mean."""
    return float(betaincc(0.5, (taps - 1) / 2, share))


class Rotation:
    """How far training has rotated anchors from what they were at the first checkpoint."""

    def __init__(self, first: Probe) -> None:
        self.anchors = {name: anchor_vectors(layer) for name, layer in first.layers.items()}

    def layer_rows(self, probe: Probe) -> Rows:
        """Mean angle of a layer's anchors, with Student's t interval over them."""
        for name, degrees in self._degrees(probe):
            value, low, high = angle_interval(degrees.numpy())
            numbers = {"value": value, "low": low, "high": high, "null": 90.0, "n": len(degrees)}
            yield {"layer": name, "quantity": "rotation", **numbers}

    def filter_rows(self, probe: Probe) -> Rows:
        """The angle of each anchor; p is the chance of a random direction to be at least as close."""
        for name, degrees in self._degrees(probe):
            for index, angle in enumerate(degrees.tolist()):
                yield {
                    "layer": name,
                    "site": "conv",
                    "filter": index,
                    "quantity": "rotation",
                    "value": angle,
                    "null": 90.0,
                    "p": turned_p(angle, self.anchors[name].shape[1]),
                    "n": self.anchors[name].shape[1],
                }

    def _degrees(self, probe: Probe) -> Iterator[tuple[str, Tensor]]:
        for name, before in self.anchors.items():
            cosines = (before.double() * anchor_vectors(probe.layers[name]).double()).sum(1)
            yield name, torch.rad2deg(torch.acos(cosines.clamp(-1, 1))).cpu()


def angle_interval(degrees: Array) -> tuple[float, float, float]:
    """Mean angle of anchors, (F,), and its 95 % interval over them, Student's t."""
    n, mean = len(degrees), float(degrees.mean())
    half = float(stdtrit(n - 1, 0.975) * degrees.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    return mean, mean - half, mean + half


def turned_p(degrees: float, taps: int) -> float:
    """Chance that a random direction lies at most so far from an anchor; both are mean-free, of taps - 1 dimensions."""
    beyond = float(betainc((taps - 2) / 2, 0.5, np.sin(np.radians(degrees)) ** 2)) if taps > 2 else 1.0
    return beyond / 2 if degrees <= 90 else 1 - beyond / 2


class Signs:
    """Sign confusion of all chosen layers, from one pass over test images."""

    def __init__(self, probe: Probe) -> None:
        images = probe.images[: probe.params.images]
        self.contributions = {name: Contributions(layer) for name, layer in probe.layers.items()}
        for inputs in inputs_of(probe.model, probe.layers, images, scale=probe.network.scale):
            for name, own in self.contributions.items():
                own.add(inputs[name])
        self._moved = {name: own.moved(self._orders(probe, name)) for name, own in self.contributions.items()}

    def layer_rows(self) -> Rows:
        """The rate over all filters of a layer."""
        for name, own in self.contributions.items():
            rates = _rates(own.positive.sum(1, keepdim=True), own.negative.sum(1, keepdim=True))
            moved = self._moved[name][1][:, None]
            yield {"layer": name, "quantity": "sign_confusion", **next(_columns(rates, moved)), "n": len(own.positive)}

    def filter_rows(self) -> Rows:
        """The rate of each filter."""
        for name, own in self.contributions.items():
            rates = _rates(own.positive, own.negative)
            for index, columns in enumerate(_columns(rates, self._moved[name][0])):
                keys = {"layer": name, "site": "conv", "filter": index, "quantity": "sign_confusion"}
                yield {**keys, **columns, "n": len(own.positive)}

    @staticmethod
    def _orders(probe: Probe, name: str) -> Orders:
        taps = probe.layers[name].get_parameter("weight")[0].numel()
        generator = probe.numpy_generator("moved", name)
        return moved_taps(taps, probe.tap_grid(name), count=MOVES, generator=generator)


def _rates(positive: Tensor, negative: Tensor) -> dict[str, Array]:
    return ratio_over_images(negative, positive + negative)


def _columns(rates: dict[str, Array], moved: Tensor) -> Iterator[dict[str, float]]:
    """Columns of a row for each rate; null and p are of moved filters."""
    columns = {**rates, "null": moved.numpy().mean(0), "p": permutation_p(rates["value"], moved, tail="two-sided")}
    for numbers in zip(*columns.values(), strict=True):
        yield dict(zip(columns, map(float, numbers), strict=True))


def mean_anchor_rows(probe: Probe) -> Rows:
    """How accuracy changes when the filters of one layer lose their mean."""
    images, labels = probe.images[: probe.params.images], probe.labels[: probe.params.images]
    before = _hits(probe, images, labels)
    for name, layer in probe.layers.items():
        with mean_free(layer):
            change = paired_difference(before, _hits(probe, images, labels))
        yield {"layer": name, "quantity": "accuracy_change_without_mean", **vars(change)}


def _hits(probe: Probe, images: Tensor, labels: Tensor) -> np.ndarray:
    return correct_images(probe.model, images, labels, scale=probe.network.scale).cpu().numpy()
