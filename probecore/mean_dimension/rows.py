"""Rows of the tables of `mean_dimension`, from results."""

from collections.abc import Iterator
from typing import Any

from probecore.mean_dimension.network import NetworkMeanDimension
from probecore.mean_dimension.result import MeanDimension

Row = dict[str, Any]


def output_rows(found: NetworkMeanDimension, basis: str) -> list[Row]:
    """Every output of the network."""
    return [
        {
            "basis": basis,
            "output": name_of(found, name),
            **estimate(result),
            "variance_form": result.variance_form,
            "shuffles": len(result.per_shuffle),
            "spread": float(result.per_shuffle.std(ddof=1)) if len(result.per_shuffle) > 1 else float("nan"),
            "dead": result.dead,
            "coordinates": result.total_indices.size,
            "evaluations": result.evaluations,
        }
        for name, result in found.outputs.items()
    ]


def unit_rows(found: NetworkMeanDimension, basis: str) -> list[Row]:
    """Every unit of every output."""
    return [
        {
            "basis": basis,
            "output": name_of(found, name),
            "unit": unit,
            "value": result.outputs.value[unit],
            "low": result.outputs.low[unit],
            "high": result.outputs.high[unit],
            "n": result.points,
        }
        for name, result in found.outputs.items()
        for unit in range(len(result.outputs.value))
    ]


def layer_row(result: MeanDimension, layer: str, site: str, place: int, basis: str) -> Row:
    """One layer at one site; `place` counts the sites in the order they run."""
    return {
        "basis": basis,
        "layer": layer,
        "site": site,
        "place": place,
        **estimate(result),
        "node_mean": result.node_mean,
        "nodes": result.nodes,
        "dead": result.dead,
        "evaluations": result.evaluations,
    }


def filter_rows(result: MeanDimension, layer: str, site: str, basis: str) -> list[Row]:
    """Every filter of a conv layer, every neuron of a linear one."""
    return [
        {
            "layer": layer,
            "filter": index,
            "site": site,
            "quantity": f"mean_dimension_{basis}",
            "value": value,
            "low": low,
            "high": high,
            "n": result.points,
        }
        for index, (value, low, high) in enumerate(
            zip(result.outputs.value, result.outputs.low, result.outputs.high, strict=True)
        )
    ]


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
    low, high = result.interval
    return {"value": result.value, "low": low, "high": high, "n": result.points}


def name_of(found: NetworkMeanDimension, name: str) -> str:
    """How tables call an output: those of a classifier are logits."""
    return "logits" if name == "output" and "nll" in found.outputs else name
