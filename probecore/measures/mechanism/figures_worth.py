"""Figures of what filters are worth and of pruning, from the step's tables."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from probecore.figures import SERIES_COLOURS, new_figure, rasterise, save_figure, spread, style
from probecore.measures.mechanism.panels import add_legend, by_layer, name_layers
from probecore.measures.tables import of_one_condition

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUALITIES = ("labels", "noise", "single_accuracy", "strength")
METHODS = ("clusters", "magnitude", "random")


@style()
def draw_worth(worth: pd.DataFrame, path_stem: Path) -> None:
    """Rank correlation of qualities with the loss increase on silencing, by layer, one mark per network."""
    rows = of_one_condition(worth[worth["worth"] == "worth_loss"])
    figure = new_figure(5.4, 3.2)
    axes = figure.subplots()
    for colour, offset, quality in zip(SERIES_COLOURS, spread(len(QUALITIES), 0.5), QUALITIES, strict=False):
        line = rows[rows["quantity"] == quality]
        axes.plot(line["depth"] + offset, line["value"], "o", ms=4, color=colour, label=quality.replace("_", " "))
    axes.axhline(0, color="0.4", lw=1, ls="--")
    axes.set(ylabel="Spearman correlation with worth", ylim=(-1.05, 1.05))
    name_layers(axes, rows)
    figure.legend(loc="outside upper center", ncols=4)
    save_figure(figure, path_stem)


@style()
def draw_quality(filters: pd.DataFrame, layers: pd.DataFrame, path_stem: Path) -> None:
    """Each filter's worth against its share of right images, trained networks at their last checkpoint."""
    rows = of_one_condition(filters[filters["quantity"].isin(["single_accuracy", "worth_loss"])])
    table = rows.pivot(index=["network", "layer", "filter"], columns="quantity", values="value").reset_index()
    table["depth"] = table["layer"].map(layers.drop_duplicates("layer").set_index("layer")["depth"])
    figure = new_figure(5.4, 3.4)
    axes = figure.subplots()
    for colour, marks in by_layer(table):
        axes.plot(
            marks["single_accuracy"],
            marks["worth_loss"],
            "o",
            ms=3,
            alpha=0.7,
            color=colour,
            label=marks["layer"].iloc[0],
            rasterized=rasterise(len(table)),
        )
    axes.set_yscale("symlog", linthresh=1e-3)
    axes.set(xlabel="accuracy of the filter alone", ylabel="loss increase when silent")
    add_legend(figure, axes)
    save_figure(figure, path_stem)


@style()
def draw_pruning(pruning: pd.DataFrame, path_stem: Path) -> None:
    """Accuracy against the share of connections that stay, before (open) and after retraining."""
    figure = new_figure(5.4, 3.4)
    axes = figure.subplots()
    axes.set(xlabel="share of connections kept", ylabel="test accuracy", ylim=(-0.02, 1.02))
    if pruning.empty:
        axes.text(0.5, 0.5, "no network was pruned", ha="center")
    else:
        shown = of_one_condition(pruning)
        _draw_methods(axes, shown)
        axes.axhline(shown[shown["method"] == "none"]["accuracy"].mean(), color="0.4", lw=1, ls="--")
        figure.legend(loc="outside upper center", ncols=3)
    save_figure(figure, path_stem)


def _draw_methods(axes: "Axes", pruning: pd.DataFrame) -> None:
    for colour, method in zip(SERIES_COLOURS, METHODS, strict=False):
        for retrained in (0, 1):
            rows = pruning[(pruning["method"] == method) & (pruning["retrained"] == retrained)]
            label = f"{method}, {'retrained' if retrained else 'as pruned'}"
            fill = colour if retrained else "white"
            for _, line in rows.sort_values("kept").groupby("network"):
                axes.plot(line["kept"], line["accuracy"], "o-", ms=4.5, lw=0.8, color=colour, mfc=fill, label=label)
                label = "_"
