"""The job of one network: excitation sums and checkpoints in, tables of all its checkpoints out."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from probecore.activations.reader import Activations
from probecore.determinism import Numerics, numpy_generator
from probecore.errors import InputError
from probecore.measures.anova.keys import KEYS
from probecore.measures.anova.measuring import LayerMeasures, gradient_products
from probecore.measures.anova.params import AnovaParams
from probecore.measures.anova.published import published_rows
from probecore.measures.anova.tables import drawings, two_way
from probecore.measures.network import Network, Tables
from probecore.models.selection import choose_layers
from probecore.progress import track
from probecore.statistics import adjust


def run_network(
    *, data: Path, checkpoints: Path, activations: Path, params: AnovaParams, numerics: Numerics, output: Path
) -> None:
    """Write the tables of `KEYS` and ``filters.csv`` of one network into the folder `output`.

    Raises
    ------
    InputError
        If the activations hold no excitation sums, or belong to other checkpoints, or a layer is unknown.
    """
    network = Network.read(data=data, checkpoints=checkpoints, numerics=numerics)
    network.need_labelled_images("anova")
    with Activations(activations) as dump:
        dump.check_made_of(checkpoints)
        measure_network(network, dump, params).write(output)


def measure_network(network: Network, dump: Activations, params: AnovaParams) -> Tables:
    """Fill the tables of one network.

    Raises
    ------
    InputError
        If the activations hold no excitation sums, or a layer is unknown.
    """
    tables, layers = Tables(network, KEYS), _layers(dump, params)
    if params.published is not None:
        published, byte_reading = published_rows(network, params.published)
        tables.add("published", network.epochs[-1], published)
        tables.add("byte_reading", network.epochs[-1], byte_reading)
    measures = {
        layer: LayerMeasures(
            layer, params, generator=numpy_generator(network.info.experiment, network.info.network, "anova", layer)
        )
        for layer in layers
    }
    for epoch in track(dump.epochs, f"anova of {network.info.network}, checkpoints"):
        model = network.at(epoch)
        relations: list[dict[str, Any]] = []
        for layer, measure in measures.items():
            module = model.get_submodule(layer)
            sums = {split: dump.excitation_sums(epoch, split, layer) for split in ("train", "test")}
            measure.load(epoch, module, sums["train"], sums["test"])
            relations += measure.relations()
            if "gradient_outer_product" in params.excitations:
                products = gradient_products(model, module, _images(network, params.gradient_images))
                relations += measure.gradients(products)
                tables.add(
                    "ansatz", epoch, measure.ansatz(products, len(network.layer_index) - network.layer_index[layer])
                )
            tables.add("filters", epoch, measure.filters())
            tables.add("expanded", epoch, measure.expanded())
            if epoch in (dump.epochs[0], dump.epochs[-1]):
                tables.add("one_way", epoch, measure.one_way())
            if epoch == dump.epochs[-1]:
                for name, rows in drawings(measure).items():
                    tables.add(name, epoch, rows)
        tables.add("relations", epoch, _adjust(relations))
        if epoch in (dump.epochs[0], dump.epochs[-1]):
            tables.add("two_way", epoch, two_way(list(measures.values()), params.bins))
    return tables


def _layers(dump: Activations, params: AnovaParams) -> list[str]:
    """The layers that the patterns choose, among those with sums for both splits."""
    epoch = dump.epochs[0]
    known = dump.excitation_layers(epoch, "train") if "train" in dump.splits(epoch) else []
    if not known:
        raise InputError(f"{dump.path}: holds no excitations; set `activations.excitations`, e.g. to {{}}")
    return choose_layers(known, params.layers, where="anova.layers", which=" with excitations")


def _images(network: Network, count: int) -> dict[str, torch.Tensor]:
    return {
        split: network.scale(torch.from_numpy(getattr(network.dataset, split).inputs[:count]).to(network.device))
        for split in ("train", "test")
    }


def _adjust(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add p-values after Holm and Benjamini–Hochberg, over the layers, relations and classes of a checkpoint.

    Excitations, probe dilations and responses are families of their own, and so are single classes.
    """
    families: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        families[row["excitation"], row["dilation"], row["response"], row["class"] == "all"].append(row)
    for family in families.values():
        for column in ("p", "filters_p", "taps_p"):
            p = [row.get(column, np.nan) for row in family]
            holm, bh = adjust(p, "holm"), adjust(p, "benjamini_hochberg")
            for row, row_holm, row_bh in zip(family, holm, bh, strict=True):
                row |= {f"{column}_holm": row_holm, f"{column}_bh": row_bh}
    return rows
