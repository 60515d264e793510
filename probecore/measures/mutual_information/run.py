"""The job of one network: its activations, data and checkpoints in; tables of all its checkpoints out."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from probecore.activations.reader import Activations
from probecore.determinism import Numerics, numpy_generator
from probecore.errors import InputError
from probecore.measures.mutual_information.discrete import binary_entropy, class_information, equal_bins, unit_entropies
from probecore.measures.mutual_information.groups import stratified_parts
from probecore.measures.mutual_information.keys import KEYS
from probecore.measures.mutual_information.params import MutualInformationParams, Redundancy
from probecore.measures.mutual_information.plane import (
    Point,
    contrast_rows,
    convergence_rows,
    layer_points,
    layer_rows,
    plane_row,
)
from probecore.measures.mutual_information.redundancy import choice_order, pair_information
from probecore.measures.mutual_information.removal import ablation_rows, design_rows
from probecore.measures.mutual_information.result import Array, entropy
from probecore.measures.mutual_information.units import label_information
from probecore.measures.mutual_information.variables import SPLIT, Place, Variables, balanced, places, read_variables
from probecore.measures.network import Network, Tables
from probecore.models import blocks
from probecore.networks import condition_at
from probecore.progress import track
from probecore.statistics import permutation_p, spearman

STEP = "mutual_information"

Row = dict[str, Any]


def run_network(
    *,
    data: Path,
    checkpoints: Path,
    activations: Path,
    params: MutualInformationParams,
    numerics: Numerics,
    output: Path,
) -> None:
    """Write the tables of `KEYS` and ``filters.csv`` of one network into `output`; information in nats.

    Raises
    ------
    InputError
        If the data have no classes or belong to another training, or the dump lacks what is measured.
    """
    network = Network.read(data=data, checkpoints=checkpoints, numerics=numerics)
    network.need_labelled_images(STEP)
    with Activations(activations) as dump:
        if dump.data_sha256 != network.dataset.sha256:
            raise InputError(
                f"{activations}: made from other data than {network.dataset.name}; run `activations` again"
            )
        dump.check_made_of(checkpoints)
        if SPLIT not in dump.splits(dump.epochs[0]):
            raise InputError(f"{activations}: holds no test images; add `test` to `activations.splits`")
        measure_network(network, dump, params).write(output)


def measure_network(network: Network, dump: Activations, params: MutualInformationParams) -> Tables:
    """Fill the tables of one network; raises `InputError` if the dump lacks what is measured."""
    tables, job = Tables(network, KEYS), _Job(network, dump, params)
    for epoch in track(dump.epochs, STEP):
        job.measure(epoch, tables)
    job.compare(tables)
    return tables


class _Job:
    """One network with its dump, and what later checkpoints are compared with."""

    def __init__(self, network: Network, dump: Activations, params: MutualInformationParams) -> None:
        self.network, self.dump, self.params = network, dump, params
        first = dump.epochs[0]
        found = blocks(network.at(network.epochs[0]), network.dataset.input_shape)
        self.places = places(found, dump.layers(first, SPLIT), params.site)
        labels = dump.labels(first, SPLIT)
        self.chosen = balanced(labels, params.images)
        self.labels = labels[self.chosen]
        self.positions = dump.indices(first, SPLIT)[self.chosen]
        self.classes = int(labels.max()) + 1
        if np.unique(self.labels).size < 2:
            raise InputError(
                f"{dump.path}: the chosen test images have fewer than two classes of two images; add test images, or "
                "raise `mutual_information.images`"
            )
        self.ranks = stratified_parts(self.labels, 2, self.generator("halves")) == 0
        """Images that rank units; the others judge what removing units costs."""
        self.points: dict[str, dict[int, list[Point]]] = {place.layer: {} for place in self.places}
        self.accuracy: dict[int, float] = {}
        self.known: dict[str, dict[int, Array]] = {}
        self.untrained: dict[str, Array] = {}
        self.choices: dict[str, int] = {}

    def generator(self, *key: str | int) -> np.random.Generator:
        return numpy_generator(self.network.info.experiment, self.network.info.network, STEP, *key)

    def measure(self, epoch: int, tables: Tables) -> None:
        """Everything that one checkpoint says by itself."""
        ends = epoch in (self.dump.epochs[0], self.dump.epochs[-1])
        ranking: dict[str, Array] = {}
        self.accuracy[epoch] = float((self.dump.predictions(epoch, SPLIT)[self.chosen] == self.labels).mean())
        vectors: dict[str, Array] = {}
        for place in self.places:
            variables = read_variables(self.dump, epoch, place, self.chosen, self.params)
            vectors[place.layer] = variables.vector
            self._measure_plane(epoch, place, variables, tables)
            content = self._measure_units(epoch, place, variables, tables)
            tables.add("classes", epoch, self._classes(epoch, place, variables))
            if ends and self.params.redundancy is not None and variables.units.shape[1] > 1:
                self._measure_pairs(epoch, place, variables, content, self.params.redundancy, tables)
            if ends and self.params.ablation is not None:
                units, labels = variables.units[self.ranks], self.labels[self.ranks]
                ranking[place.layer] = label_information(units, labels, k=self.params.neighbours).value
        if ends:
            rows = layer_rows(
                vectors,
                noise_variance=self.params.noise_variances[0],
                repeats=self.params.layer_shuffles,
                generator=self.generator("layers", epoch),
            )
            tables.add("layers", epoch, rows)
            if self.params.ablation is not None:
                rows = ablation_rows(
                    self.network,
                    epoch,
                    self.places,
                    ranking,
                    self.params.ablation,
                    chosen=self.positions[~self.ranks],
                    retrain=condition_at(self.network.info.network, epoch) != "untrained",
                )
                tables.add("ablation", epoch, rows)

    def compare(self, tables: Tables) -> None:
        """What needs all checkpoints: convergence, orders, and networks at the widths that the last suggests."""
        for layer, points in self.points.items():
            for entry in convergence_rows(points, ceiling=entropy(self.labels), accuracy=self.accuracy):
                tables.add("convergence", entry.pop("epoch"), [{"layer": layer, **entry}])
            first, last = self.dump.epochs[0], self.dump.epochs[-1]
            if first != last and condition_at(self.network.info.network, first) == "untrained":
                rows = contrast_rows(points[first], points[last])
                tables.add("contrasts", last, ({"layer": layer, **row} for row in rows))
        for layer, values in self.known.items():
            epochs = sorted(values)
            for earlier, later in pairwise(epochs):
                found = spearman(values[earlier], values[later], generator=self.generator("orders", layer, earlier))
                tables.add("orders", earlier, [{"layer": layer, "to_epoch": later, **vars(found)}])
        if self.params.design is not None:
            judges = np.setdiff1d(np.arange(len(self.network.dataset.test.targets)), self.positions[self.ranks])
            rows = design_rows(self.network, self.choices, self.params.design, chosen=judges)
            tables.add("design", self.dump.epochs[-1], rows)

    def _measure_plane(self, epoch: int, place: Place, variables: Variables, tables: Tables) -> None:
        points = layer_points(
            variables.vector,
            self.labels,
            noise_variances=self.params.noise_variances,
            bins=self.params.bins,
            repeats=self.params.layer_shuffles,
            generator=self.generator("plane", epoch, place.layer),
        )
        tables.add("plane", epoch, ({"layer": place.layer, **plane_row(point)} for point in points))
        self.points[place.layer][epoch] = points

    def _measure_units(self, epoch: int, place: Place, variables: Variables, tables: Tables) -> Array:
        """Add what each unit knows of the label and keeps of the input; return the latter."""
        known = label_information(
            variables.units,
            self.labels,
            k=self.params.neighbours,
            repeats=self.params.shuffles,
            generator=self.generator("units", epoch, place.layer),
        )
        kept, low, high = unit_entropies(equal_bins(variables.units, self.params.bins))
        untrained = condition_at(self.network.info.network, epoch) == "untrained"
        before = self.untrained.setdefault(place.layer, kept if untrained else np.full(len(kept), np.nan))
        self.known.setdefault(place.layer, {})[epoch] = known.value
        for unit in range(len(kept)):
            keys = {"layer": place.layer, "filter": unit, "site": place.site, "n": known.n}
            label = {
                "value": known.value[unit],
                "low": known.low[unit],
                "high": known.high[unit],
                "null": known.null[unit],
                "p": known.p[unit],
            }
            tables.add("filters", epoch, [{**keys, "quantity": "label_information", **label}])
            content = {"value": kept[unit], "low": low[unit], "high": high[unit], "null": before[unit]}
            tables.add("filters", epoch, [{**keys, "quantity": "input_information", **content}])
        return kept

    def _classes(self, epoch: int, place: Place, variables: Variables) -> Iterator[Row]:
        generator = self.generator("classes", epoch, place.layer)
        shuffled = np.stack([generator.permutation(self.labels) for _ in range(self.params.shuffles)])
        value = class_information(variables.units, self.labels, classes=self.classes)
        null = class_information(variables.units, shuffled, classes=self.classes)
        ceiling = binary_entropy(np.bincount(self.labels, minlength=self.classes) / len(self.labels))
        mean, p = null.mean(axis=0), permutation_p(value, null)
        for unit, label in np.ndindex(value.shape):
            yield {
                "layer": place.layer,
                "filter": unit,
                "label": label,
                "value": value[unit, label],
                "null": mean[unit, label],
                "p": p[unit, label],
                "permutations": self.params.shuffles,
                "n": len(self.labels),
                "ceiling": ceiling[label],
            }

    def _measure_pairs(
        self,
        epoch: int,
        place: Place,
        variables: Variables,
        content: Array,
        params: Redundancy,
        tables: Tables,
    ) -> None:
        chosen = np.sort(np.argsort(-content, kind="stable")[: params.units])
        units, labels = variables.units[:, chosen], np.unique(self.labels, return_inverse=True)[1]
        generator, n = self.generator("pairs", epoch, place.layer), len(labels)
        pairs = pair_information(units, labels, bins=params.bins, shuffles=params.shuffles, generator=generator)
        columns: Mapping[str, Array] = {
            "shared": pairs.shared,
            "shared_p": pairs.shared_p,
            "redundancy": pairs.redundancy,
            "low": pairs.low,
            "high": pairs.high,
            "null": pairs.null,
            "p": pairs.p,
        }
        rows = (
            {"layer": place.layer, "filter": chosen[i], "to_filter": chosen[j]}
            | {name: values[i, j] for name, values in columns.items()}
            | {"permutations": params.shuffles, "n": n}
            for i, j in zip(*np.triu_indices(len(chosen), 1), strict=True)
        )
        tables.add("pairs", epoch, rows)
        choice = choice_order(pairs)
        if self.params.design is not None:
            half = pair_information(
                units[self.ranks], labels[self.ranks], bins=params.bins, shuffles=0, generator=generator
            )
            self.choices[place.layer] = choice_order(half).enough(params.coverage)
        rows = (
            {
                "layer": place.layer,
                "position": position,
                "filter": chosen[unit],
                "gain": choice.gain[position],
                "null_95": choice.null_95[position],
                "p": choice.p[position],
                "adds": int(choice.adds[position]),
                "permutations": params.shuffles,
                "n": n,
            }
            for position, unit in enumerate(choice.unit)
        )
        tables.add("choice", epoch, rows)
