"""The job of one network: a data set and checkpoints in, tables of all its checkpoints out."""

from functools import partial
from pathlib import Path

import h5py

from probecore.determinism import Numerics
from probecore.files import create_hdf5
from probecore.measures.network import Arrays, Network, Tables
from probecore.measures.recos.both import both_polarities
from probecore.measures.recos.cascade_rows import Composites, accuracy_rows, head_rows, position_rows
from probecore.measures.recos.fisher import Groups
from probecore.measures.recos.geometry import anchor_vectors
from probecore.measures.recos.keys import ARRAYS, KEYS
from probecore.measures.recos.params import RecosParams
from probecore.measures.recos.polarity_rows import Polarity
from probecore.measures.recos.probe import Probe
from probecore.measures.recos.spectral_rows import Maps, block_maps, class_mean_maps, fisher_rows
from probecore.measures.recos.sphere_rows import Spheres, embedding_rows
from probecore.measures.recos.weight_rows import Rotation, Signs, mean_anchor_rows, weight_rows
from probecore.progress import track


def run_network(*, data: Path, checkpoints: Path, params: RecosParams, numerics: Numerics, output: Path) -> None:
    """Write the tables of `KEYS`, ``filters.csv`` and ``spectral.h5`` of one network into `output`.

    Polarity, sign confusion and how far anchors are rotated are of all checkpoints; the rest is of the first and
    the last one.

    Raises
    ------
    InputError
        If the data are no labelled images, or belong to another training, or a layer cannot be handled.
    """
    network = Network.read(data=data, checkpoints=checkpoints, numerics=numerics)
    network.need_labelled_images("recos")
    tables, write_arrays = measure_network(network, params)
    with create_hdf5(output / ARRAYS) as file:
        write_arrays(file)
    tables.write(output)


def measure_network(network: Network, params: RecosParams) -> tuple[Tables, Arrays]:
    """The tables of one network, and what writes anchors and class means of its last checkpoint.

    Raises
    ------
    InputError
        If a layer cannot be handled.
    """
    tables = Tables(network, KEYS)
    rotation = Rotation(Probe.at(network, network.epochs[0], params))
    for epoch in track(network.epochs, f"recos of {network.info.network}, epochs"):
        probe = Probe.at(network, epoch, params)
        polarity, signs = Polarity(probe), Signs(probe)
        tables.add("polarity", epoch, polarity.accuracies())
        tables.add("layers", epoch, probe.placed(signs.layer_rows()))
        if epoch != network.epochs[0]:
            tables.add("layers", epoch, probe.placed(rotation.layer_rows(probe)))
        if epoch in (network.epochs[0], network.epochs[-1]):
            tables.add("polarity", epoch, [*polarity.repaired(), *polarity.around_mean()])
            tables.add("filters", epoch, [*polarity.filters(), *signs.filter_rows()])
            _add_geometry(tables, probe)
            maps = _add_separation(tables, probe)
        if epoch == network.epochs[-1]:
            if params.polarity.both is not None:
                tables.add("polarity", epoch, both_polarities(network, params.polarity.both))
            tables.add("confusion", epoch, polarity.confusion())
            tables.add("scalings", epoch, polarity.scalings())
            if epoch != network.epochs[0]:
                tables.add("filters", epoch, rotation.filter_rows(probe))
    return tables, partial(_write_spectral, probe=probe, maps=maps)


def _add_geometry(tables: Tables, probe: Probe) -> None:
    spheres = Spheres(probe)
    tables.add("layers", probe.epoch, probe.placed([*spheres.layer_rows(), *mean_anchor_rows(probe)]))
    tables.add("filters", probe.epoch, [*weight_rows(probe), *spheres.filter_rows()])
    tables.add("angles", probe.epoch, spheres.angle_rows())
    tables.add("embedding", probe.epoch, embedding_rows(probe))


def _add_separation(tables: Tables, probe: Probe) -> Maps:
    """Fisher ratios of classes, and the cascade; gives the maps of plain images."""
    epoch, params = probe.epoch, probe.params
    first = slice(params.images)
    labels = probe.labels[first].cpu().numpy()

    def add(maps: Maps, quantity: str, groups: Groups) -> None:
        layer_rows, filter_rows = fisher_rows(probe, maps, quantity, groups)
        tables.add("layers", epoch, probe.placed(layer_rows))
        tables.add("filters", epoch, filter_rows)

    plain = block_maps(probe, probe.images[first])
    add(plain, "fisher_class", labels)
    tables.add("positions", epoch, position_rows(probe))
    if params.cascade is not None:
        composites = Composites(probe, params.cascade)
        tables.add("cascade", epoch, accuracy_rows(probe, composites))
        tables.add("heads", epoch, head_rows(probe, composites, params.cascade))
        for name, which in composites.background.items():
            maps = block_maps(probe, composites.images[name][first])
            add(maps, f"fisher_class_{name}", labels)
            add(maps, f"fisher_background_{name}", which[first])
    return plain


def _write_spectral(file: h5py.File, probe: Probe, maps: Maps) -> None:
    """Per conv layer: anchors, and class means (K, F, H, W) of what its block gives."""
    labels = probe.labels[: probe.params.images].cpu().numpy()
    for name, means in class_mean_maps(maps, labels, probe.network.dataset.outputs).items():
        group = file.create_group(name)
        group["class_means"] = means
        layer = probe.layers[name]
        group["anchors"] = anchor_vectors(layer).view(layer.get_parameter("weight").shape).cpu().numpy()
