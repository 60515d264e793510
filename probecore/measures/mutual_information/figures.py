"""Figures of networks as wholes, from the tables of `mutual_information`; figures of units: `figures_units`."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from probecore.figures import SERIES_COLOURS, Place, add_legend, colour_of, figure_at, style
from probecore.measures.tables import is_last, layers_in_order
from probecore.networks import condition_of, in_order

BIT = math.log(2)


def conditions_in(table: pd.DataFrame) -> list[str]:
    """The conditions of a table's networks, in the order of every figure."""
    return in_order(table["network"].map(condition_of))


@style()
def draw_plane(table: pd.DataFrame, convergence: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Trajectories of layers over checkpoints: pairwise bounds, bins, and a probe; a row per condition."""
    layers, main = layers_in_order(convergence), table[table["main"] == 1]
    wide = (
        main.pivot_table(index=["network", "layer", "epoch"], columns=["estimator", "quantity"], values="value") / BIT
    )
    conditions = conditions_in(table)
    figure = figure_at(ax, 8.1, 2.9 * len(conditions))
    panels = figure.subplots(len(conditions), 3, squeeze=False, sharey=True)
    upper, lower = "kolchinsky_tracey_upper", "kolchinsky_tracey_lower"
    columns = {"pairwise bounds": (upper, upper), "bins": ("binned", "binned"), "probe": (upper, "probe_bound")}
    ceiling = float(table.loc[table["quantity"] == "label", "ceiling"].max()) / BIT
    for condition, row in zip(conditions, panels, strict=True):
        chosen = wide[wide.index.get_level_values("network").map(condition_of) == condition]
        for axes, (title, (x, y)) in zip(row, columns.items(), strict=True):
            for colour, layer in zip(_colours(layers), layers, strict=True):
                for _, path in chosen.xs(layer, level="layer").groupby(level="network"):
                    known, said = path[x, "input"], path[y, "label"]
                    axes.plot(known, said, "-", color=colour, lw=0.8, alpha=0.6)
                    axes.scatter(known, said, s=np.linspace(4, 22, len(path)), color=colour, zorder=3)
                    if title == "pairwise bounds":
                        end = path.iloc[-1]
                        axes.plot(
                            [end[lower, "input"], end[x, "input"]], [end[y, "label"]] * 2, color=colour, lw=3, alpha=0.3
                        )
                        axes.plot(
                            [end[x, "input"]] * 2, [end[lower, "label"], end[y, "label"]], color=colour, lw=3, alpha=0.3
                        )
            edge = [0, ceiling, max(axes.get_xlim()[1], ceiling)]
            axes.plot(edge, [0, ceiling, ceiling], "--", color="0.4", lw=1, zorder=0)
            axes.set(title=f"{condition}: {title}", xlabel="I(X;T) in bits")
        row[0].set(ylabel="I(T;Y) in bits", ylim=(-0.2, ceiling + 0.2))
    _name_layers(figure, layers)
    return figure.axes[0]


@style()
def draw_convergence(table: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Distance to the bound by epoch and layer, above the accuracy; a line per network."""
    layers, conditions = layers_in_order(table), conditions_in(table)
    figure = figure_at(ax, 2.9 * len(conditions) + 1, 4.4)
    panels = figure.subplots(2, len(conditions), squeeze=False, sharex="col", sharey="row")
    for condition, (above, below) in zip(conditions, panels.T, strict=True):
        chosen = table[table["network"].map(condition_of) == condition]
        for colour, layer in zip(_colours(layers), layers, strict=True):
            for _, path in chosen[chosen["layer"] == layer].groupby("network"):
                above.plot(path["epoch"], path["distance"] / BIT, ".-", color=colour, lw=1)
        for _, path in chosen[chosen["layer"] == layers[-1]].groupby("network"):
            below.plot(path["epoch"], path["accuracy"], ".-", color=colour_of(condition), lw=1)
        above.set_title(condition)
        below.set(xlabel="epoch", ylim=(-0.02, 1.02))
    panels[0, 0].set_ylabel("distance to the bound\nin bits")
    panels[1, 0].set_ylabel("test accuracy")
    _name_layers(figure, layers)
    return figure.axes[0]


@style()
def draw_layers(table: pd.DataFrame, convergence: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Information between layers, the mean over networks; a cross where the data-processing order breaks."""
    layers, conditions = layers_in_order(convergence), conditions_in(table)
    figure = figure_at(ax, 2.9 * len(conditions), 2.9)
    panels = figure.subplots(1, len(conditions), squeeze=False)[0]
    for condition, axes in zip(conditions, panels, strict=True):
        own = table[table["network"].map(condition_of) == condition]
        chosen = own[is_last(own)]
        means = chosen.groupby(["layer", "to_layer"])[["value", "breaks"]].mean()
        grid = np.full((len(layers), len(layers)), np.nan)
        for (first, second), row in means.iterrows():
            place = layers.index(first), layers.index(second)
            grid[place] = row["value"] / BIT
            if row["breaks"] > 0:
                axes.plot(place[1], place[0], "x", color="#D55E00", ms=6)
        image = axes.imshow(grid[:-1, 1:], extent=(0.5, len(layers) - 0.5, len(layers) - 1.5, -0.5), vmin=0)
        axes.set_xticks(range(1, len(layers)), layers[1:], rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(layers) - 1), layers[:-1])
        axes.set_title(condition)
        figure.colorbar(image, ax=axes, shrink=0.7, label="bits")
    return figure.axes[0]


@style()
def draw_ablation(table: pd.DataFrame, convergence: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Accuracy against the share of units removed, by order; before and after retraining, means over networks."""
    chosen = table[is_last(table)]
    conditions = conditions_in(chosen)
    layers = [layer for layer in layers_in_order(convergence) if (chosen["layer"] == layer).any()]
    figure = figure_at(ax, 2.7 * len(layers) + 0.6, 2.5 * len(conditions) + 0.5)
    panels = figure.subplots(len(conditions), len(layers), squeeze=False, sharey=True)
    for condition, row in zip(conditions, panels, strict=True):
        for layer, axes in zip(layers, row, strict=True):
            here = chosen[(chosen["network"].map(condition_of) == condition) & (chosen["layer"] == layer)]
            for (by, again), points in here.groupby(["order", "retrained"]):
                line = points.assign(share=points["removed"] / points["units"]).groupby("share")["accuracy"].mean()
                axes.plot(
                    line.index,
                    line,
                    ".--" if again else ".-",
                    color=ORDERS[str(by)],
                    label=f"{str(by).replace('_', ' ')}{', retrained' if again else ''}",
                )
            axes.set(title=f"{condition}: {layer}", ylim=(-0.02, 1.02))
        row[0].set_ylabel("test accuracy")
    for axes in panels[-1]:
        axes.set_xlabel("share of units removed")
    add_legend(figure, ncols=2)
    return figure.axes[0]


ORDERS = {"most_first": "#D55E00", "least_first": "#0072B2", "random": "#7A7A7A"}


def _colours(layers: Sequence[str]) -> list[str]:
    return [SERIES_COLOURS[index % len(SERIES_COLOURS)] for index in range(len(layers))]


def _name_layers(figure: Figure | SubFigure, layers: Sequence[str]) -> None:
    for colour, layer in zip(_colours(layers), layers, strict=True):
        figure.axes[0].plot([], [], color=colour, marker="o", ms=4, label=layer)
    add_legend(figure, ncols=8)
