"""Rows of tables: the polarity experiment of one network at one epoch."""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from probecore.dataset import Dataset
from probecore.measures.recos.keys import AROUND_MEAN
from probecore.measures.recos.polarity import (
    around_mean,
    doubled_logits,
    hits_per_filter,
    identity_error,
    mean_free,
    polarity_logits,
    reverse,
    weight_of,
)
from probecore.measures.recos.probe import Probe, Rows
from probecore.statistics import paired_difference, wilson_interval
from probecore.train.batches import Scaling
from probecore.train.evaluation import correct, correct_images, predicted
from probecore.train.params import Normalise

Logits = dict[tuple[str, str], Tensor]


class Polarity:
    """The logits of one network on normal and reversed images, and what follows from them."""

    def __init__(self, probe: Probe) -> None:
        self.probe, self.scale = probe, probe.network.scale
        self.first = probe.weighted[0].layer
        self.layer = probe.model.get_submodule(self.first)
        weight_of(self.layer)

    @cached_property
    def logits(self) -> Logits:
        """Plain and negated filters."""
        return polarity_logits(self.probe.model, self.layer, self.probe.images, scale=self.scale)

    def accuracies(self) -> Rows:
        """Accuracy on both kinds of images, filters as they are and negated."""
        yield from self._accuracies(self.logits)

    def repaired(self) -> Rows:
        """Accuracy on both kinds of images with mean-free filters, and with a doubled set of filters."""
        probe = self.probe
        with mean_free(self.layer):
            without = polarity_logits(probe.model, self.layer, probe.images, scale=self.scale)
        yield from self._accuracies({("mean_free", shown): without["plain", shown] for shown in ("normal", "reversed")})
        if probe.weighted[0].unseen:
            return  # polarities would cancel before an activation that cannot be seen
        output = probe.model.get_submodule(probe.weighted[0].output)
        for shown, images in (("normal", probe.images), ("reversed", reverse(probe.images))):
            logits = doubled_logits(probe.model, self.layer, output, images, scale=self.scale)
            yield from self._accuracies({("doubled", shown): logits})

    def around_mean(self) -> Rows:
        """Accuracy on images reversed around their mean: standardised by themselves before and after."""
        probe = self.probe
        scale = around_mean(probe.images, scale=self.scale)
        right = int(correct_images(probe.model, probe.images, probe.labels, scale=scale).sum())
        yield {"filters": "plain", "images": AROUND_MEAN, **accuracy(right, probe.network.dataset)}

    def confusion(self) -> Rows:
        """Counts of (label, prediction) on reversed images, the network as trained."""
        predictions, classes = predicted(self.logits["plain", "reversed"]), self.probe.network.dataset.outputs
        pairs = torch.bincount(self.probe.labels * classes + predictions, minlength=classes**2)
        for index, count in enumerate(pairs.tolist()):
            yield {"label": index // classes, "prediction": index % classes, "count": count}

    def scalings(self) -> Rows:
        """How far the identity holds when the same network is fed with other input scalings, and how it is repaired."""
        probe = self.probe
        for name in probe.params.polarity.scalings:
            normalise = _scaling(name, probe.network.dataset)
            scale = Scaling(normalise, probe.network.dataset.input_shape, probe.network.device)
            logits = polarity_logits(probe.model, self.layer, probe.images, scale=scale)
            with mean_free(self.layer):
                repaired = polarity_logits(probe.model, self.layer, probe.images, scale=scale)
            same = correct(logits["plain", "normal"], predicted(logits["negated", "reversed"]))
            yield {
                "scaling": name,
                "mean": normalise.mean,
                "std": normalise.std,
                "largest_difference": identity_error(logits),
                "largest_difference_mean_free": identity_error(repaired),
                "same_prediction": float(same.double().mean()),
                "n": len(probe.labels),
            }

    def filters(self) -> Rows:
        """What each first-layer filter's sign is worth on the first test images."""
        count = self.probe.params.polarity.images
        labels = self.probe.labels[:count]
        shown_images = self.probe.images[:count]
        for shown, images in (("normal", shown_images), ("reversed", reverse(shown_images))):
            before = correct(self.logits["plain", shown][:count], labels).cpu().numpy()
            after = hits_per_filter(self.probe.model, self.layer, images, labels, scale=self.scale).numpy()
            for index, hits in enumerate(after):
                yield {
                    "layer": self.first,
                    "site": "conv",
                    "filter": index,
                    "quantity": f"accuracy_change_{shown}",
                    **vars(paired_difference(before, hits)),
                }

    def _accuracies(self, logits: Logits) -> Rows:
        for (filters, images), values in logits.items():
            right = int(correct(values, self.probe.labels).sum())
            yield {"filters": filters, "images": images, **accuracy(right, self.probe.network.dataset)}


def accuracy(right: int, dataset: Dataset) -> dict[str, float]:
    """Columns of a test accuracy; null is the share of the largest class."""
    n = len(dataset.test)
    low, high = wilson_interval(right, n)
    null = float(np.bincount(dataset.test.targets).max() / n)
    return {"accuracy": right / n, "low": low, "high": high, "null": null, "n": n}


def _scaling(name: str, dataset: Dataset) -> Normalise:
    if name == "half":
        return Normalise(mean=0.5, std=1.0)
    if name == "unit":
        return Normalise(mean=0.0, std=1.0)
    counts = np.bincount(dataset.train.inputs.reshape(-1), minlength=256)
    levels = np.arange(256) / 255
    mean = float(np.average(levels, weights=counts))
    deviation = float(np.average((levels - mean) ** 2, weights=counts) ** 0.5)
    return Normalise(mean=mean, std=deviation or 1.0)
