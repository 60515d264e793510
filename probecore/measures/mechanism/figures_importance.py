"""Figures of filters' importance and of pruning, from the step's tables."""

import pandas as pd
from matplotlib.axes import Axes

from probecore.figures import SERIES_COLOURS, Place, add_legend, one_panel, rasterise, spread, style
from probecore.measures.mechanism.panels import by_layer, name_layers
from probecore.measures.tables import of_one_condition

QUALITIES = ("labels", "noise", "single_accuracy", "strength")
METHODS = ("clusters", "magnitude", "random")


@style()
def draw_importance(importance: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Rank correlation of qualities with the loss increase on silencing, by layer, one mark per network."""
    rows = of_one_condition(importance[importance["importance"] == "loss_increase"])
    axes = one_panel(ax, 5.4, 3.2)
    for colour, offset, quality in zip(SERIES_COLOURS, spread(len(QUALITIES), 0.5), QUALITIES, strict=False):
        line = rows[rows["quantity"] == quality]
        axes.plot(line["layer_index"] + offset, line["value"], "o", ms=4, color=colour, label=quality.replace("_", " "))
    axes.axhline(0, color="0.4", lw=1, ls="--")
    axes.set(ylabel="Spearman correlation with importance", ylim=(-1.05, 1.05))
    name_layers(axes, rows)
    add_legend(axes, ncols=4)
    return axes


@style()
def draw_quality(filters: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Each filter's importance against its share of right images, trained networks at their last checkpoint."""
    rows = of_one_condition(filters[filters["quantity"].isin(["single_accuracy", "loss_increase"])])
    table = rows.pivot(
        index=["network", "layer", "layer_index", "filter"], columns="quantity", values="value"
    ).reset_index()
    axes = one_panel(ax, 5.4, 3.4)
    for colour, marks in by_layer(table):
        axes.plot(
            marks["single_accuracy"],
            marks["loss_increase"],
            "o",
            ms=3,
            alpha=0.7,
            color=colour,
            label=marks["layer"].iloc[0],
            rasterized=rasterise(len(table)),
        )
    axes.set_yscale("symlog", linthresh=1e-3)
    axes.set(xlabel="accuracy of the filter alone", ylabel="loss increase when silent")
    add_legend(axes, ncols=5)
    return axes


@style()
def draw_pruning(pruning: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Accuracy against the share of connections that stay, before (open) and after retraining."""
    axes = one_panel(ax, 5.4, 3.4)
    axes.set(xlabel="share of connections kept", ylabel="test accuracy", ylim=(-0.02, 1.02))
    shown = of_one_condition(pruning)
    _draw_methods(axes, shown)
    axes.axhline(shown[shown["method"] == "none"]["accuracy"].mean(), color="0.4", lw=1, ls="--")
    add_legend(axes, ncols=3)
    return axes


def _draw_methods(axes: Axes, pruning: pd.DataFrame) -> None:
    for colour, method in zip(SERIES_COLOURS, METHODS, strict=False):
        for retrained in (0, 1):
            rows = pruning[(pruning["method"] == method) & (pruning["retrained"] == retrained)]
            label = f"{method}, {'retrained' if retrained else 'as pruned'}"
            fill = colour if retrained else "white"
            for _, line in rows.sort_values("kept").groupby("network"):
                axes.plot(line["kept"], line["accuracy"], "o-", ms=4.5, lw=0.8, color=colour, mfc=fill, label=label)
