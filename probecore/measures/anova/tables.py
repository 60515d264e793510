"""More of a layer than its regressions: two-way tables, and what figures show of the last checkpoint."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from probecore.errors import InputError
from probecore.measures.anova.excitations import RELATIONS
from probecore.measures.anova.groups import two_way_anova
from probecore.measures.anova.measuring import LayerMeasures
from probecore.statistics.binning import quantile_bins

Array = npt.NDArray[np.float64]
Row = dict[str, Any]

SHOWN_PAIRS = 500
"""Pairs of a layer in scatter plots; more are thinned out evenly."""

SHOWN_FILTERS = 8
"""Filters whose kernels are drawn."""

HISTOGRAM_BINS = 40


def two_way(layers: Sequence[LayerMeasures], bins: int) -> Iterator[Row]:
    """Weights by excitation bin and filter in each layer, and by excitation bin and layer over all of them."""
    for layer in layers:
        for relation, weights, excitations in layer.known_pairs():
            filters = np.repeat(np.arange(len(weights)), weights.shape[1])
            groups = quantile_bins(excitations.reshape(-1), bins)
            yield from _two_way_rows("filter", layer.layer, relation, weights.reshape(-1), groups, filters)
    if len(layers) > 1:
        yield from _pooled_two_way(layers, bins)


def drawings(layer: LayerMeasures) -> dict[str, list[Row]]:
    """Rows of the tables `pairs`, `kernels` and `permutations`."""
    return {
        "pairs": list(_pairs(layer)),
        "kernels": list(_kernels(layer)),
        "permutations": list(_permutations(layer)),
    }


def _pooled_two_way(layers: Sequence[LayerMeasures], bins: int) -> Iterator[Row]:
    """Weights by excitation bin and layer; weights and excitations are standardised within their layer."""
    for relation in RELATIONS:
        parts = []
        for index, layer in enumerate(layers):
            weights, excitations = layer.weights.reshape(-1), layer.main[relation].values.reshape(-1)
            known = np.isfinite(excitations)
            if known.any() and np.ptp(weights[known]) and np.ptp(excitations[known]):
                groups = quantile_bins(excitations[known], bins)
                parts.append((weights[known] / weights[known].std(), groups, np.full(known.sum(), index)))
        if len(parts) > 1:
            values, groups, numbers = (np.concatenate(column) for column in zip(*parts, strict=True))
            yield from _two_way_rows("layer", "all", relation, values, groups, numbers)


def _two_way_rows(
    design: str, layer: str, relation: str, values: Array, groups: npt.NDArray[np.int64], factor: npt.NDArray[np.int64]
) -> Iterator[Row]:
    """Rows of a two-way table: the excitation's bin, the other factor, their interaction; none where data lack."""
    try:
        table = two_way_anova(values, groups, factor)
    except InputError:
        return
    for name, term in (("excitation", table.first), (design, table.second), ("interaction", table.interaction)):
        yield {"design": design, "layer": layer, "relation": relation, "term": name, **asdict(term), "n": values.size}


def _pairs(layer: LayerMeasures) -> Iterator[Row]:
    filters, taps = layer.weights.shape
    for place in np.unique(np.linspace(0, filters * taps - 1, SHOWN_PAIRS).astype(int)).tolist():
        row, column = divmod(place, taps)
        excitations = {f"excitation_{name.lower()}": layer.main[name].values[row, column] for name in RELATIONS}
        keys = {"layer": layer.layer, "filter": row, "tap": column}
        yield {**keys, "weight": layer.weights[row, column], **excitations}


def _kernels(layer: LayerMeasures) -> Iterator[Row]:
    """Kernels and excitations of the first filters, means over input channels."""
    if layer.kernels.ndim != 4:
        return
    excitations = layer.main["R2"].values.reshape(layer.kernels.shape)
    for index in range(min(SHOWN_FILTERS, len(layer.kernels))):
        weight, excitation = layer.kernels[index].mean(0), excitations[index].mean(0)
        for row, column in np.ndindex(*weight.shape):
            yield {
                "layer": layer.layer,
                "filter": index,
                "row": row,
                "column": column,
                "weight": weight[row, column],
                "excitation": excitation[row, column],
            }


def _permutations(layer: LayerMeasures) -> Iterator[Row]:
    fit = layer.main_fits.get("R2")
    if fit is None or not np.isfinite(fit.r2):
        return
    for permuted, values in (("filters", fit.filters_r2), ("taps", fit.taps_r2)):
        counts, edges = np.histogram(values, bins=HISTOGRAM_BINS, range=(0, max(values.max(), fit.r2, 1e-12)))
        for index, count in enumerate(counts.tolist()):
            yield {
                "layer": layer.layer,
                "permuted": permuted,
                "bin": index,
                "low": edges[index],
                "high": edges[index + 1],
                "count": count,
                "observed": fit.r2,
                "n": len(values),
            }
