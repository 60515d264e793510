"""One network at one epoch: heads trained, test images read, estimates made. Gives rows of tables, writes nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import bdtrc
from torch import Tensor

from probecore.determinism import numpy_generator
from probecore.measures.mechanism.backbone import choose_blocks
from probecore.measures.mechanism.clusters import cluster_numbers, filter_statistics
from probecore.measures.mechanism.estimates import Array, Quantities
from probecore.measures.mechanism.fields import clip_fields
from probecore.measures.mechanism.heads import train_heads
from probecore.measures.mechanism.label_order import share_kept
from probecore.measures.mechanism.layer import AUTHORS
from probecore.measures.mechanism.params import MechanismParams
from probecore.measures.mechanism.readout import Floats, ranking_half, read_out
from probecore.measures.mechanism.replication import JUDGED, About, halves, replicated_estimates
from probecore.measures.network import Network
from probecore.models import Block, ablate, blocks
from probecore.statistics import (
    Estimate,
    bootstrap_counts,
    mean_estimates,
    paired_difference,
    share_of,
    spearman,
)
from probecore.train.evaluation import correct
from probecore.train.inference import chunks

Row = dict[str, Any]

QUALITIES = (
    "clusters",
    "labels",
    "noise",
    "column_noise",
    "row_noise",
    "strength",
    "single_accuracy",
    "winner_constancy",
    "winner_share",
)
"""Quantities of a filter that are compared with its importance."""


IMPORTANCE_REPLICATES = 999
"""Bootstrap replicates over images of the loss increase."""


@dataclass(frozen=True, kw_only=True)
class Importance:
    """Importance of the filters of a block, by quantity."""

    estimates: dict[str, list[Estimate]]
    """Of every filter, over all images on which filters are ablated."""
    judged: dict[str, Array]
    """Means (F,) over those of these images that do not rank the filters."""


class Probe:
    """One network at one epoch.

    Attributes
    ----------
    fields
        Matrices (F, K, K) of the filters of every chosen layer, in the order the layers run.
    """

    def __init__(self, network: Network, epoch: int, params: MechanismParams) -> None:
        self.network, self.epoch, self.params = network, epoch, params
        self.model = network.at(epoch)
        self.labels = network.dataset.test.targets
        self.classes = network.dataset.outputs
        self.blocks = choose_blocks(self.model, network.dataset.input_shape, params.layers)
        train = network.dataset.train
        self.heads = train_heads(
            self.model,
            self.blocks,
            train.inputs,
            train.targets,
            classes=self.classes,
            key=self.key("heads"),
            recipe=params.heads,
            normalise=network.info.normalise,
        )
        readout = read_out(self.model, self.blocks, self.heads, self.images)
        self.fields = {layer: fields for layer, (fields, _) in readout.items()}
        self.hits = {layer: hits for layer, (_, hits) in readout.items()}
        self.ranking = ranking_half(self.labels, classes=self.classes)
        self.halves = halves(
            self.model, self.blocks, self.heads, self.images, self.labels, ranking=self.ranking, params=params
        )
        self.estimates = replicated_estimates(
            self.model,
            self.blocks,
            self.heads,
            self.images,
            self.labels,
            fields=self.fields,
            by_half=self.halves,
            params=params,
            key=self.key(),
        )
        self.importance = {block.layer: self._importance_of(block) for block in self.blocks}

    def key(self, *parts: str | int) -> tuple[str | int, ...]:
        """What names a unit of work of this network and epoch."""
        return (self.network.info.experiment, self.network.info.network, "mechanism", self.epoch, *parts)

    def images(self) -> Iterable[tuple[Tensor, Tensor]]:
        """Scaled test images and labels, in chunks."""
        test = self.network.dataset.test
        return chunks(test.inputs, test.targets, scale=self.network.scale, device=self.network.device)

    def training_fields(self) -> dict[str, Floats]:
        """Matrices like `fields`, from the training images as they are: pruning may not see what it is tested on."""
        train, network = self.network.dataset.train, self.network

        def images() -> Iterable[tuple[Tensor, Tensor]]:
            return chunks(train.inputs, train.targets, scale=network.scale, device=network.device)

        readout = read_out(self.model, self.blocks, self.heads, images)
        return {layer: fields for layer, (fields, _) in readout.items()}

    def accuracies(self) -> Iterator[Row]:
        """How often each head is right, and the network itself."""
        with torch.inference_mode():
            own = torch.cat([correct(self.model(inputs), labels) for inputs, labels in self.images()]).cpu().numpy()
        output = blocks(self.model, self.network.dataset.input_shape)[-1].layer
        chance = float(np.bincount(self.labels).max() / len(self.labels))
        for layer, hits in {**self.hits, output: own}.items():
            right, n = int(hits.sum()), len(hits)
            yield {
                "layer": layer,
                "quantity": "accuracy" if layer in self.hits else "network_accuracy",
                **share_of(right, n),
                "null": chance,
                "p": float(bdtrc(right - 1, n, chance)),
                "source": "authors",
            }

    def layers(self) -> Iterator[Row]:
        """What the filters of each layer say together."""
        for layer, quantity, columns in self._about("layer"):
            yield {
                "layer": layer,
                "quantity": quantity,
                **{name: float(column) for name, column in columns.items()},
                "n": self._images_of(quantity),
                "source": "authors" if quantity in AUTHORS else "ours",
            }

    def sweep(self) -> Iterator[Row]:
        """The same over thresholds, for some quantities."""
        for threshold in self.params.sweep:
            for layer, quantity, columns in self._about(threshold):
                yield {
                    "layer": layer,
                    "quantity": quantity,
                    "threshold": threshold,
                    **{name: float(column) for name, column in columns.items()},
                    "n": len(self.labels),
                }

    def sizes(self) -> Iterator[Row]:
        """How many clusters have how many labels."""
        for layer, fields in self.fields.items():
            counts = filter_statistics(clip_fields(fields, self.params.threshold)).sizes.sum(axis=0)
            for labels, count in enumerate(counts[1:], start=1):
                yield {"layer": layer, "labels": labels, "count": int(count)}

    def label_order(self) -> Iterator[Row]:
        """Share of filters whose clusters stay the same when labels are numbered anew, by rule."""
        generator = numpy_generator(*self.key("label order"))
        for layer, fields in self.fields.items():
            masks = clip_fields(fields, self.params.threshold)
            for rule, (share, n) in share_kept(masks, fields, generator=generator).items():
                yield {"layer": layer, "rule": rule, "value": share, "n": n}

    def examples(self) -> Iterator[Row]:
        """The whole matrix of one filter per layer: of those with most clusters, the one with most labels in them.

        One half of the images chooses the filter, the matrix is that over the other half.
        """
        for layer, (ranking, fields) in self.halves.matrices.items():
            statistics = filter_statistics(clip_fields(ranking, self.params.threshold))
            chosen = int(np.lexsort((statistics.labels, statistics.clusters))[-1])
            masks = clip_fields(fields, self.params.threshold)
            numbers = cluster_numbers(masks[chosen])
            for (label, output), field in np.ndenumerate(fields[chosen]):
                yield {
                    "layer": layer,
                    "filter": chosen,
                    "label": label,
                    "output": output,
                    "field": float(field),
                    "clipped": int(masks[chosen, label, output]),
                    "cluster": int(numbers[label]),
                }

    def filters(self) -> Iterator[Row]:
        """What each filter says, and its importance."""
        for layer, quantity, columns in self._about("filter"):
            for index in range(len(columns["value"])):
                values = {name: float(column[index]) for name, column in columns.items()}
                yield _filter_row(layer, index, quantity, {**values, "n": self._images_of(quantity)})
        for layer, importance in self.importance.items():
            for quantity, rows in importance.estimates.items():
                for index, estimate in enumerate(rows):
                    yield _filter_row(layer, index, quantity, vars(estimate))

    def correlations(self) -> Iterator[Row]:
        """Do the filters' qualities, on one half of the images, rank them as importance on the other half does?"""
        for layer, importance in self.importance.items():
            for name, values in importance.judged.items():
                for quantity in QUALITIES:
                    generator = numpy_generator(*self.key("importance", layer, name, quantity))
                    quality = self.halves.qualities[layer, quantity, "filter"]
                    yield {
                        "layer": layer,
                        "quantity": quantity,
                        "importance": name,
                        **vars(spearman(quality, values, generator=generator)),
                    }

    def _about(self, about: About) -> Iterator[tuple[str, str, Quantities]]:
        return ((layer, name, columns) for (layer, name, what), columns in self.estimates.items() if what == about)

    def _images_of(self, quantity: str) -> int:
        """How many images an estimate is made of."""
        return int((~self.ranking).sum()) if quantity == JUDGED else len(self.labels)

    def _importance_of(self, block: Block) -> Importance:
        """Increase of the loss and drop of the accuracy when each filter of a block is ablated."""
        count = self.params.importance_images
        test = self.network.dataset.test
        images = chunks(test.inputs[:count], test.targets[:count], scale=self.network.scale, device=self.network.device)
        intact, ablated = ablate(self.model, block, list(images), "zero")
        increases = ablated.loss - intact.loss
        before, after = intact.correct, ablated.correct
        judging = ~self.ranking[:count]
        counts = bootstrap_counts(
            len(before), IMPORTANCE_REPLICATES, numpy_generator(*self.key("importance", block.layer))
        )
        return Importance(
            estimates={
                "loss_increase": mean_estimates(increases.T, counts),
                "accuracy_drop": [paired_difference(row, before) for row in after],
            },
            judged={
                "loss_increase": increases[:, judging].mean(axis=1),
                "accuracy_drop": (before[judging].astype(np.float64) - after[:, judging]).mean(axis=1),
            },
        )


def _filter_row(layer: str, index: int, quantity: str, columns: Mapping[str, float]) -> Row:
    return {"layer": layer, "filter": index, "site": "block", "quantity": quantity, **columns}
