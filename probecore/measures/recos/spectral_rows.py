"""Rows of tables and arrays: spectral components, the maps of filters averaged over classes, and how they separate."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from probecore.measures.recos.fisher import Groups, fisher_ratio
from probecore.measures.recos.listening import outputs_of
from probecore.measures.recos.probe import Probe
from probecore.statistics.by_class import class_means

Maps = Mapping[str, Tensor]
"""What the block of each layer gives for N images: (N, F) or (N, F, H, W)."""

SIDE = 16
"""Larger maps are averaged to this many rows and columns."""


def block_maps(probe: Probe, images: Tensor) -> Maps:
    """What the block of each chosen layer gives for uint8 images; maps of at most 16×16."""
    places = {block.layer: (block.output, block.output_call) for block in probe.weighted if block.layer in probe.layers}
    axes = {block.layer: block.axis for block in probe.weighted}
    parts: dict[str, list[Tensor]] = {name: [] for name in places}
    for given in outputs_of(probe.model, places, images, scale=probe.network.scale):
        for name, output in given.items():
            parts[name].append(_shrunk(output, axes[name]))
    return {name: torch.cat(batches) for name, batches in parts.items()}


def fisher_rows(
    probe: Probe, maps: Maps, quantity: str, groups: Groups
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Fisher ratios of groups of images: rows of layers, rows of filters.

    A filter that a block turned into several channels (CReLU) counts with all of them.
    """
    layer_rows: list[dict[str, Any]] = []
    filter_rows: list[dict[str, Any]] = []
    for name, own in maps.items():
        filters = len(probe.layers[name].get_parameter("weight"))
        merged = own.reshape(len(own), -1, filters, *own.shape[2:]).transpose(1, 2).flatten(2)
        generator = probe.numpy_generator("fisher", quantity, name)
        result = fisher_ratio(merged, groups, generator=generator, resamples=probe.params.resamples)
        for index in range(filters + 1):
            row = {"layer": name, "quantity": quantity, "null": result.null, "n": result.n}
            row |= {column: getattr(result, column)[index] for column in ("value", "low", "high", "p")}
            if index < filters:
                filter_rows.append({**row, "filter": index, "site": "block"})
            else:
                layer_rows.append(row)
    return layer_rows, filter_rows


def class_mean_maps(maps: Maps, labels: Groups, classes: int) -> dict[str, npt.NDArray[np.float32]]:
    """Maps averaged over the images of each class, (K, F, H, W); linear layers left out; NaN for an absent class."""
    means = {}
    for name, own in maps.items():
        if own.ndim == 4:
            means[name] = class_means(own.cpu(), torch.from_numpy(labels), classes).float().numpy()
    return means


def _shrunk(given: Tensor, axis: int) -> Tensor:
    if given.ndim != 4 or axis > 0:
        return given.reshape(len(given), -1, given.shape[-1]).mean(1)
    height, width = given.shape[2:]
    return given if max(height, width) <= SIDE else adaptive_avg_pool2d(given, (min(SIDE, height), min(SIDE, width)))
