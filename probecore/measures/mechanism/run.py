"""The job of one network: a data set and checkpoints in, tables and matrices of the chosen checkpoints out."""

from pathlib import Path

import h5py
import torch
from torch import nn

from probecore.determinism import Numerics
from probecore.errors import InputError
from probecore.files import create_hdf5
from probecore.measures.mechanism.keys import ARRAYS, KEYS
from probecore.measures.mechanism.params import MechanismParams, Pruning
from probecore.measures.mechanism.probe import Probe
from probecore.measures.mechanism.pruning import Chain
from probecore.measures.mechanism.retraining import prune, retrain, size_of
from probecore.measures.network import Network, Tables
from probecore.networks import condition_of
from probecore.progress import say
from probecore.statistics import share_of
from probecore.train.evaluation import correct


def run_network(*, data: Path, checkpoints: Path, params: MechanismParams, numerics: Numerics, output: Path) -> None:
    """Write the tables of `KEYS`, ``filters.csv`` and ``fields.h5`` of one network into `output`.

    Raises
    ------
    InputError
        If the data are no labelled images, belong to another training, or lack a label in the test split.
    """
    network = Network.read(data=data, checkpoints=checkpoints, numerics=numerics)
    network.need_labelled_images("mechanism")
    with create_hdf5(output / ARRAYS) as file:
        tables = measure_network(network, params, file)
    tables.write(output)


def measure_network(network: Network, params: MechanismParams, file: h5py.File) -> Tables:
    """Fill the tables of one network, and `file` with the matrices of its filters.

    Raises
    ------
    InputError
        If the test split lacks a label, or a layer is unknown.
    """
    tables = Tables(network, KEYS)
    first, last = network.epochs[0], network.epochs[-1]
    chosen = {"ends": sorted({first, last}), "last": [last], "all": network.epochs}[params.epochs]
    for epoch in chosen:
        probe = Probe(network, epoch, params)
        group = file.create_group(f"epoch-{epoch:03d}")
        for layer, fields in probe.fields.items():
            group.create_dataset(layer, data=fields, track_times=False)
        tables.add("layers", epoch, [*probe.accuracies(), *probe.layers()])
        tables.add("sweep", epoch, probe.sweep())
        tables.add("sizes", epoch, probe.sizes())
        tables.add("filters", epoch, probe.filters())
        tables.add("importance", epoch, probe.correlations())
        if epoch == last:
            tables.add("examples", epoch, probe.examples())
            tables.add("label_order", epoch, probe.label_order())
            if params.pruning is not None and condition_of(network.info.network) != "shuffled":
                _add_pruning(tables, probe, params.pruning)
    return tables


def _add_pruning(tables: Tables, probe: Probe, params: Pruning) -> None:
    try:
        Chain(probe.model)
    except InputError as error:
        say(f"not pruned: {error}")
        return
    assert isinstance(probe.model, nn.Sequential)
    network = probe.network
    shape, batches = network.dataset.input_shape, network.batches(params.batch, params.augmentation)
    key = probe.key("pruning")
    pruned_networks = prune(
        probe.model,
        probe.training_fields(),
        thresholds=params.thresholds,
        keep_clusterless=params.clusterless == "keep",
        key=key,
    )
    whole = {"method": "none", "threshold": 0.0, "kept": 1.0, **vars(size_of(probe.model, {}, shape))}
    tables.add("pruning", probe.epoch, [{**whole, "retrained": 0, **_accuracy(probe, probe.model)}])
    for pruned in pruned_networks:
        names = {"method": pruned.method, "threshold": pruned.threshold}
        kept = {layer: (int(mask.sum()), mask.numel()) for layer, mask in pruned.chosen.items()}
        share = sum(count for count, _ in kept.values()) / sum(total for _, total in kept.values())
        sizes = {**names, "kept": share, **vars(size_of(probe.model, pruned.masks, shape))}
        if pruned.method == "clusters":
            rows = ({"layer": layer, "kept": count, "of": total} for layer, (count, total) in kept.items())
            tables.add("connections", probe.epoch, ({"threshold": pruned.threshold, **row} for row in rows))
        tables.add("pruning", probe.epoch, [{**sizes, "retrained": 0, **_accuracy(probe, pruned.model)}])
        if params.epochs:
            retrain(pruned, batches, recipe=params, key=key)
            tables.add("pruning", probe.epoch, [{**sizes, "retrained": 1, **_accuracy(probe, pruned.model)}])


@torch.inference_mode()
def _accuracy(probe: Probe, model: nn.Module) -> dict[str, float]:
    right = sum(int(correct(model(inputs), labels).sum()) for inputs, labels in probe.images())
    return share_of(right, len(probe.labels), name="accuracy")
