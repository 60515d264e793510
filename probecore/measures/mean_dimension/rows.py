"""Rows of the tables of `mean_dimension`, from results."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from probecore.measures.mean_dimension.intervals import Change, Ratios
from probecore.measures.mean_dimension.network import NetworkMeanDimension
from probecore.measures.mean_dimension.result import MeanDimension

Row = dict[str, Any]


def output_rows(
    found: NetworkMeanDimension, changes: Mapping[str, Change], basis: str, features: int | None
) -> list[Row]:
    """Every output of the network; `changes` of each by name, and the `features` exchanged per pair; None: all."""
    return [
        {
            "basis": basis,
            "output": name_of(found, name),
            **estimate(result),
            **change_of(changes[name], -1),
            "variance_form": result.variance_form,
            "shuffles": len(result.per_shuffle),
            "spread": float(result.per_shuffle.std(ddof=1)) if len(result.per_shuffle) > 1 else float("nan"),
            "dead": result.dead,
            "coordinates": result.total_indices.size,
            "features": features or result.total_indices.size,
            "evaluations": result.evaluations,
        }
        for name, result in found.outputs.items()
    ]


def unit_rows(found: NetworkMeanDimension, changes: Mapping[str, Change], basis: str) -> list[Row]:
    """Every unit of every output."""
    return [
        {
            "basis": basis,
            "output": name_of(found, name),
            "unit": unit,
            "value": result.outputs.value[unit],
            "low": result.outputs.low[unit],
            "high": result.outputs.high[unit],
            "n": result.n,
            "effective": result.outputs.effective[unit],
            **change_of(changes[name], unit),
        }
        for name, result in found.outputs.items()
        for unit in range(len(result.outputs.value))
    ]


def companion_rows(found: Mapping[str, Ratios], changes: Mapping[str, Change], basis: str) -> list[Row]:
    """What stands beside the outputs' mean dimension."""
    return [
        {
            "basis": basis,
            "quantity": quantity,
            "value": ratios.value[-1],
            "low": ratios.low[-1],
            "high": ratios.high[-1],
            "n": len(ratios.contributions),
            "effective": ratios.effective[-1],
            **change_of(changes[quantity], -1),
        }
        for quantity, ratios in found.items()
    ]


def layer_row(result: MeanDimension, change: Change, layer: str, site: str, basis: str) -> Row:
    """One layer at one site."""
    return {
        "basis": basis,
        "layer": layer,
        "site": site,
        **estimate(result),
        **change_of(change, -1),
        "node_mean": result.node_mean,
        "nodes": result.nodes,
        "dead": result.dead,
        "evaluations": result.evaluations,
    }


def filter_rows(result: MeanDimension, change: Change, layer: str, site: str, basis: str) -> list[Row]:
    """Every filter of a conv layer, every neuron of a linear one; and its change, where there is one."""
    quantity = f"mean_dimension_{basis}"
    outputs = result.outputs
    rows = []
    for index, null in enumerate(change.null[:-1]):
        keys = {"layer": layer, "filter": index, "site": site, "n": result.n}
        found = {"value": outputs.value[index], "low": outputs.low[index], "high": outputs.high[index], "null": null}
        rows.append({**keys, "quantity": quantity, **found})
        if np.isfinite(change.value[index]):
            found = {"value": change.value[index], "low": change.low[index], "high": change.high[index], "null": 0.0}
            rows.append({**keys, "quantity": f"{quantity}_change", **found})
    return rows


def heatmap_rows(found: NetworkMeanDimension) -> Iterator[Row]:
    """Sum of each heatmap, and how much of its variation over pixels is not noise; class -1 is all."""
    for name, result in found.outputs.items():
        maps = [
            (result.total_indices, result.errors),
            *zip(result.group_indices, result.group_errors, strict=True),
        ]
        for label, (indices, errors) in enumerate(maps, start=-1):
            variance = float(indices.var())
            yield {
                "output": name_of(found, name),
                "class": label,
                "total": float(indices.sum()),
                "reliability": 1 - float((errors**2).mean()) / variance if variance > 0 else float("nan"),
            }


def estimate(result: MeanDimension) -> Row:
    """The columns of every estimate."""
    return {name: getattr(result, name) for name in ("value", "low", "high", "n", "effective")}


def change_of(change: Change, index: int) -> Row:
    """The columns of every comparison with the untrained network."""
    return {
        "null": change.null[index],
        "change": change.value[index],
        "change_low": change.low[index],
        "change_high": change.high[index],
    }


def name_of(found: NetworkMeanDimension, name: str) -> str:
    """How tables call an output: those of a classifier are logits."""
    return "logits" if name == "output" and "nll" in found.outputs else name
