"""Figures of the step `activations`, from its tables."""

from pathlib import Path

import numpy as np
import pandas as pd

from probecore.figures import add_legend, named, new_figure, save_figure, spread, style
from probecore.networks import condition_at


@style()
def draw_inactive(table: pd.DataFrame, path_stem: Path) -> None:
    """Share of inactive channels by layer, one mark per network at its last checkpoint."""
    last = table[table["epoch"] == table.groupby("network")["epoch"].transform("max")]
    layers = last.sort_values("layer_index")["layer"].unique()
    networks = sorted(last["network"].unique())
    figure = new_figure(5.4, 3.0)
    axes = figure.subplots()
    for offset, network in zip(spread(len(networks), 0.5), networks, strict=True):
        rows = last[last["network"] == network].drop_duplicates("layer").set_index("layer").loc[layers]
        condition = condition_at(network, int(rows["epoch"].iloc[0]))
        axes.plot(np.arange(len(layers)) + offset, rows["inactive"], "o", **named(condition))
    axes.set_xticks(range(len(layers)), layers, rotation=45, ha="right", rotation_mode="anchor")
    axes.set(ylabel="inactive channels", ylim=(-0.02, 1.02))
    add_legend(axes)
    save_figure(figure, path_stem)
