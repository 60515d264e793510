"""The job of one network: a data set and checkpoints in, tables and heatmaps of all its checkpoints out."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from probecore.determinism import Numerics, numpy_generator
from probecore.errors import InputError
from probecore.files import create_hdf5
from probecore.measures.mean_dimension.bases import Basis, check_size, pca_basis
from probecore.measures.mean_dimension.budget import affordable_features
from probecore.measures.mean_dimension.companions import (
    boolean_mean_dimension,
    mean_dimension_of_independent,
    mean_dimension_within_classes,
)
from probecore.measures.mean_dimension.deletion import FRACTIONS, deletion_curve, gradient_magnitude
from probecore.measures.mean_dimension.intervals import Change, Ratios, change_since, no_change
from probecore.measures.mean_dimension.keys import ARRAYS, KEYS
from probecore.measures.mean_dimension.network import NetworkMeanDimension, network_mean_dimension
from probecore.measures.mean_dimension.params import MeanDimensionParams
from probecore.measures.mean_dimension.result import MeanDimension
from probecore.measures.mean_dimension.rows import (
    Row,
    companion_rows,
    filter_rows,
    heatmap_rows,
    layer_row,
    name_of,
    output_rows,
    unit_rows,
)
from probecore.measures.mean_dimension.surrogates import Surrogates
from probecore.measures.network import Arrays, Network, Tables
from probecore.models import Block, blocks
from probecore.models.tracing import trace
from probecore.networks import condition_of
from probecore.progress import say, track
from probecore.statistics import share_of
from probecore.statistics.by_class import class_means
from probecore.train.evaluation import at_once

LEAST_FITTED = 20
"""Test inputs that functions are fitted to, at least."""


def run_network(
    *, data: Path, checkpoints: Path, params: MeanDimensionParams, numerics: Numerics, output: Path
) -> None:
    """Write the tables of `KEYS`, ``filters.csv`` and ``heatmaps.h5`` of one network into `output`.

    Raises
    ------
    InputError
        If none of the wanted checkpoints exists, the inputs are too few, or the data belong to another training.
    """
    network = Network.read(data=data, checkpoints=checkpoints, numerics=numerics)
    tables, write_arrays = measure_network(network, params)
    tables.write(output)
    with create_hdf5(output / ARRAYS) as file:
        write_arrays(file)


def measure_network(network: Network, params: MeanDimensionParams) -> tuple[Tables, Arrays]:
    """The tables of one network, and what writes its heatmaps.

    Raises
    ------
    InputError
        If none of the wanted checkpoints exists, or the inputs are too few.
    """
    epochs = [epoch for epoch in network.epochs if params.epochs == "all" or epoch in params.epochs]
    if not epochs:
        raise InputError(f"mean_dimension.epochs: none of {params.epochs} is stored; choose among {network.epochs}")
    tables = Tables(network, KEYS)
    probe = _Probe(network, params)
    untrained = _Untrained(network)
    heatmaps: dict[int, NetworkMeanDimension] = {}
    for epoch in track(epochs, "checkpoints"):
        model = network.at(epoch)
        for basis in params.bases:
            found = probe.outputs(model, basis)
            changes = {
                name: untrained.change(epoch, ("outputs", basis, name), result.ratios)
                for name, result in found.outputs.items()
            }
            tables.add("outputs", epoch, output_rows(found, changes, basis, probe.features(model, basis)))
            tables.add("units", epoch, unit_rows(found, changes, basis))
            if epoch in (0, epochs[-1]):
                beside = probe.companions(model, found, basis)
                changes = {name: untrained.change(epoch, (name, basis), ratios) for name, ratios in beside.items()}
                tables.add("companions", epoch, companion_rows(beside, changes, basis))
            if basis == "pixels" and probe.labels is not None:
                heatmaps[epoch] = found
                tables.add("heatmaps", epoch, heatmap_rows(found))
                if params.deletion is not None and epoch == epochs[-1]:
                    tables.add("deletion", epoch, probe.deletion(model, found, params.deletion.images))
            if params.layers is not None:
                layers, filters = probe.layers(model, basis, epoch, untrained)
                tables.add("layers", epoch, layers)
                tables.add("filters", epoch, filters)
    return tables, partial(_write_heatmaps, heatmaps=heatmaps)


class _Untrained:
    """What the untrained network had: epoch 0, which networks given from outside do not have."""

    def __init__(self, network: Network) -> None:
        self._ratios: dict[tuple[str, ...], Ratios] = {}
        self._exists = condition_of(network.info.network) != "given"
        self._names = network.info.experiment, network.info.network, "mean_dimension", "change"

    def change(self, epoch: int, key: tuple[str, ...], ratios: Ratios) -> Change:
        """How `ratios`, found at the points and exchanges of `key`, differ; none at epoch 0."""
        before = self._ratios.get(key)
        if epoch == 0 and self._exists:
            self._ratios[key] = ratios
        if epoch == 0 or before is None:
            return no_change(len(ratios.value))
        return change_since(before, ratios, generator=numpy_generator(*self._names, *key))


class _Probe:
    """The inputs of one network and its bases."""

    def __init__(self, network: Network, params: MeanDimensionParams) -> None:
        self._network, self._params = network, params
        dataset = network.dataset
        inputs, targets = network.test_tensors()
        self._inputs = network.scale(inputs)
        self.labels = None if dataset.classes is None else targets
        if "pca" in params.bases:
            check_size(min(len(dataset.train), params.pca_images), int(np.prod(dataset.input_shape)))
        train = network.scale(torch.from_numpy(dataset.train.inputs[: params.pca_images]).to(network.device)).cpu()
        self._fill = train.mean(0).to(network.device)
        self._bases: dict[str, Basis | None] = {"pixels": None}
        if "pca" in params.bases:
            self._bases["pca"] = pca_basis(train.numpy())
        self._surrogates = self._make_surrogates()
        self._ends = _black_and_white(network) if dataset.test.inputs.dtype == np.uint8 else None

    def outputs(self, model: nn.Module, basis: str) -> NetworkMeanDimension:
        """Outputs of the network, the same exchanges at every checkpoint."""
        params, points = self._params, self._inputs[: self._params.images]
        return network_mean_dimension(
            model,
            points,
            basis=self._bases[basis],
            labels=None if self.labels is None else self.labels[: params.images],
            shuffles=params.shuffles,
            features=self.features(model, basis),
            precision=params.precision,
            generator=self._generator("outputs", basis),
        )

    def features(self, model: nn.Module, basis: str) -> int | None:
        """Coordinates exchanged per pair for the outputs; None: all."""
        params, points, directions = self._params, self._inputs[: self._params.images], self._bases[basis]
        if params.features != "affordable":
            return params.features
        coordinates = points[0].numel() if directions is None else len(directions.directions)
        return affordable_features(model, points, coordinates=coordinates, shuffles=params.shuffles)

    def companions(self, model: nn.Module, found: NetworkMeanDimension, basis: str) -> dict[str, Ratios]:
        """What says where the mean dimension `found` comes from, by quantity, on the same base points."""
        options = self._params.companions
        if options is None:
            return {}
        points = self._inputs[: self._params.images]
        beside: dict[str, Ratios | None] = {
            "given_points": found.outputs["output"].ratios.trace(),
            "independent_margins": mean_dimension_of_independent(
                model,
                points,
                basis=self._bases[basis],
                features=options.features,
                generator=self._generator("independent", basis),
            ),
        }
        if self.labels is not None:
            beside["within_classes"] = mean_dimension_within_classes(
                model,
                points,
                self.labels[: len(points)],
                basis=self._bases[basis],
                features=options.features,
                generator=self._generator("within", basis),
            )
        if basis == "pixels" and self._ends is not None:
            beside["boolean"] = boolean_mean_dimension(
                model,
                self._ends,
                points=len(points),
                features=options.features,
                generator=self._generator("boolean"),
            )
        if self._surrogates is not None:
            fitted = self._inputs[len(points) :][: options.fit_images]
            beside |= self._surrogates.compare(
                _answers(model, fitted), _answers(model, points), basis, self._generator("surrogates", basis)
            )
        return {name: ratios for name, ratios in beside.items() if ratios is not None}

    def _make_surrogates(self) -> Surrogates | None:
        """None where they are not wanted, or too few test inputs are left to fit them to."""
        if self._params.companions is None:
            return None
        judged, rest = self._inputs[: self._params.images], self._inputs[self._params.images :]
        if len(rest) < LEAST_FITTED:
            say(
                f"no additive or other functions fitted: {len(rest)} of {len(self._inputs)} test inputs are no base "
                f"points, {LEAST_FITTED} are needed; lower mean_dimension.images"
            )
            return None
        return Surrogates(rest[: self._params.companions.fit_images], judged, self._bases)

    def layers(self, model: nn.Module, basis: str, epoch: int, untrained: _Untrained) -> tuple[list[Row], list[Row]]:
        """Rows of ``layers.csv`` and of ``filters.csv``."""
        assert self._params.layers is not None
        sites = _sites(model, self._inputs[:1])
        found = network_mean_dimension(
            model,
            self._inputs[: self._params.layers.images],
            basis=self._bases[basis],
            layers=list(dict.fromkeys(call for _, _, call in sites)),
            features=self._params.layers.features,
            generator=self._generator("layers", basis),
        ).layers
        layers, filters = [], []
        for block, site, call in sites:
            result = found[call]
            change = untrained.change(epoch, ("layers", basis, block.layer, site), result.ratios)
            layers.append(layer_row(result, change, block.layer, site, basis))
            layer = model.get_submodule(block.layer)
            assert isinstance(layer.weight, Tensor)
            if len(result.outputs.value) == len(layer.weight):
                filters += filter_rows(result, change, block.layer, site, basis)
        return layers, filters

    def deletion(self, model: nn.Module, found: NetworkMeanDimension, count: int) -> Iterator[Row]:
        """Accuracy on the last `count` test images when the coordinates that an order puts first are removed.

        Images that the orders were found on are left out.
        """
        assert self.labels is not None
        first = slice(self._params.images)
        images, labels = (each[self._params.images :][-count:] for each in (self._inputs, self.labels))
        if not len(images):
            say(f"no deletion curves: all {len(self._inputs)} test images are base points; lower mean_dimension.images")
            return
        classes = self._network.dataset.outputs
        scores = {
            f"total index of {name}": _by_class(found.outputs[key], classes)
            for name, key in (("logits", "output"), ("NLL", "nll"))
        }
        of_images = {
            "gradient magnitude": gradient_magnitude(model, self._inputs[first], self.labels[first]),
            "pixel variance": ((self._inputs[first] - self._fill) ** 2).flatten(1),
        }
        for name, each in of_images.items():
            means = class_means(each, self.labels[first], classes).cpu().numpy()
            scores[name] = _filled(means, each.double().mean(0).cpu().numpy())
        shown = {name: score[labels.cpu().numpy()] for name, score in scores.items()}
        shown["random"] = self._generator("deletion").random((len(images), images[0].numel()))
        for order, score in shown.items():
            hits = deletion_curve(model, images, labels, score, fill=self._fill)
            for fraction, right in zip(FRACTIONS, hits.tolist(), strict=True):
                yield {"order": order, "fraction": fraction, **share_of(right, len(labels), name="accuracy")}

    def _generator(self, *step: str) -> np.random.Generator:
        info = self._network.info
        return numpy_generator(info.experiment, info.network, "mean_dimension", *step)


def _black_and_white(network: Network) -> Tensor:
    """The two images (2, ...) whose pixels are all 0, and all 255, as the network takes them."""
    values = torch.tensor([0, 255], dtype=torch.uint8, device=network.device)
    shape = network.dataset.input_shape
    return network.scale(values.view(2, *[1] * len(shape)).repeat(1, *shape))


def _answers(model: nn.Module, inputs: Tensor) -> np.ndarray:
    """The network's outputs (N, K) in double precision."""
    with torch.inference_mode():
        outputs = torch.cat([model(part.clone()) for part in inputs.split(at_once(inputs.shape[1:]))])
    return outputs.flatten(1).double().cpu().numpy()


def _sites(model: nn.Module, example: Tensor) -> list[tuple[Block, str, str]]:
    """Each block with the calls that its three sites are, in the order they run."""
    calls = {(call.name, call.index): call.layer for call in trace(model, example)}

    sites = []
    for block in blocks(model, tuple(example.shape[1:])):
        sites.append((block, "conv", calls[block.layer, 1]))
        if block.activation is not None:
            sites.append((block, "act", calls[block.activation, block.activation_call + 1]))
        sites.append((block, "block", calls[block.output, block.output_call + 1]))
    return sites


def _by_class(result: MeanDimension, classes: int) -> np.ndarray:
    """Total indices (K, D) by class."""
    groups = result.group_indices.reshape(len(result.group_indices), -1)
    scores = np.full((classes, groups.shape[1]), np.nan)
    scores[: len(groups)] = groups
    return _filled(scores, result.total_indices.reshape(-1))


def _filled(scores: np.ndarray, of_all: np.ndarray) -> np.ndarray:
    """Scores (K, D) by class; where a class has no base point, and yet images to order, those of all (D,)."""
    return np.where(np.isnan(scores).any(axis=1, keepdims=True), of_all, scores)


def _write_heatmaps(file: h5py.File, heatmaps: dict[int, NetworkMeanDimension]) -> None:
    """``epoch-020/logits/indices`` and ``errors``, (1 + K, C, H, W) float32; the first is that of all points."""
    for epoch, found in heatmaps.items():
        group = file.create_group(f"epoch-{epoch:03d}")
        for name, result in found.outputs.items():
            inner = group.create_group(name_of(found, name))
            for what, every, by_class in (
                ("indices", result.total_indices, result.group_indices),
                ("errors", result.errors, result.group_errors),
            ):
                inner[what] = np.concatenate([every[None], by_class]).astype(np.float32)
