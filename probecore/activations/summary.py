"""The gathering job of `activations`: what was dumped, layer by layer, and which channels are inactive."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from probecore.activations.figures import draw_inactive
from probecore.activations.reader import Activations
from probecore.files import write_table
from probecore.networks import condition_at
from probecore.statistics import headline_over_seeds
from probecore.summary import FigureEntry, Summary, TableEntry, write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Read the activations files `networks`; write ``layers.csv``, a figure and ``summary.json`` into `output`."""
    table = pd.DataFrame([row for path in networks for row in _rows(experiment, path)])
    write_table(output / "layers.csv", table, sort_by=["experiment", "network", "epoch", "split", "layer_index"])
    draw_inactive(table, output / "inactive")
    last = table[table["epoch"] == table.groupby("network")["epoch"].transform("max")]
    inactive = last.groupby(["network", "epoch"])["inactive"].mean().dropna().reset_index()
    conditions = [condition_at(row.network, row.epoch) for row in inactive.itertuples()]
    headline: dict[str, int | float | None] = {}
    for condition, shares in inactive["inactive"].groupby(conditions):
        headline |= headline_over_seeds(f"silent_channels.{condition}", shares)
    write_summary(
        output,
        Summary(
            step="activations",
            experiment=experiment,
            headline=headline,
            figures=[
                FigureEntry(
                    file="inactive.svg",
                    table="layers.csv",
                    title="Silent channels",
                    caption="Share of a layer's channels that are never above zero for any image of the split, after "
                    "training; one mark per network.",
                )
            ],
            tables=[
                TableEntry(
                    file="layers.csv",
                    title="Layers in the dump",
                    caption="Per network, checkpoint, split and layer: images, the mean of all "
                    "values, and the share of inactive channels; empty where `pooled` is not stored.",
                )
            ],
            remarks=_unseen(networks),
        ),
    )


def _unseen(networks: list[Path]) -> list[str]:
    """What could not be seen of any network, once each."""
    found: dict[str, None] = {}
    for path in networks:
        with Activations(path) as activations:
            for epoch in activations.epochs:
                found |= dict.fromkeys(f"{line[:1].upper()}{line[1:]}." for line in activations.unseen(epoch))
    return list(found)


def _rows(experiment: str, path: Path) -> list[dict[str, Any]]:
    with Activations(path) as activations:
        return [
            {
                "experiment": experiment,
                "network": path.stem,
                "epoch": epoch,
                "split": split,
                "layer_index": index,
                "layer": layer,
                **_statistics(activations, epoch, split, layer),
            }
            for epoch in activations.epochs
            for split in activations.splits(epoch)
            for index, layer in enumerate(activations.layers(epoch, split))
        ]


def _statistics(activations: Activations, epoch: int, split: str, layer: str) -> dict[str, Any]:
    """Mean and share of inactive channels; NaN where `pooled` is not stored."""
    statistics: dict[str, Any] = {"n": len(activations.labels(epoch, split)), "mean": math.nan, "inactive": math.nan}
    if activations.stores(epoch, split, layer, "pooled"):
        pooled = activations.pooled(epoch, split, layer)
        statistics["mean"] = float(pooled.mean.mean(dtype="float64"))
        statistics["inactive"] = float((pooled.max.max(axis=0) <= 0).mean())
    return statistics
