"""Figures of the step `mean_dimension`, from its tables and heatmaps."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from probecore.figures import (
    SERIES_COLOURS,
    Place,
    add_legend,
    colour_of,
    error_lengths,
    figure_at,
    named,
    one_panel,
    spread,
    style,
)
from probecore.measures.tables import at_the_end, is_last, layers_in_order, of_one_condition
from probecore.networks import condition_at, condition_of, in_order

BASES = {"pixels": "pixels", "pca": "principal components"}
QUANTITIES = (
    {
        "given_points": "given\npoints",
        "within_classes": "within\nclasses",
        "independent_margins": "independent\nmargins",
        "linear_surrogate": "best\nlinear",
        "boolean": "black or\nwhite",
    },
    {"r2_linear": "linear", "r2_additive": "additive", "r2_non_additive": "non-\nadditive"},
)
"""Mean dimensions, and what functions explain, as the axes name them."""

SITES = ("conv", "act")
"""Where `draw_layers` shows a layer: its own output, and that of its activation, which runs after it."""

MANY_CLASSES = 20
"""With more classes heatmaps show these many."""


@style()
def draw_outputs(table: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Mean dimension of the network's output by epoch, one panel per basis."""
    shown = table[table["output"].isin(["logits", "output"])]
    bases = [basis for basis in BASES if (shown["basis"] == basis).any()]
    epochs = sorted(shown["epoch"].unique())
    figure = figure_at(ax, 2.7 * len(bases), 3.2)
    panels = figure.subplots(1, len(bases), squeeze=False)[0]
    for axes, basis in zip(panels, bases, strict=True):
        for network, rows in shown[shown["basis"] == basis].groupby("network"):
            condition = condition_of(str(network))
            places = [epochs.index(epoch) for epoch in rows["epoch"]]
            axes.errorbar(places, rows["value"], error_lengths(rows), fmt="o-", ms=3, lw=1, **named(condition))
        axes.axhline(1, color="0.4", lw=1, ls="--")
        axes.set(title=BASES[basis], xlabel="epoch", ylim=(0, None))
        axes.set_xticks(range(len(epochs)), [str(epoch) for epoch in epochs])
    panels[0].set_ylabel("mean dimension")
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_companions(table: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Mean dimensions and R² that stand beside the output's, after training and before; a row per basis."""
    shown = at_the_end(table)
    bases = [basis for basis in BASES if (shown["basis"] == basis).any()] or ["pixels"]
    figure = figure_at(ax, 7.2, 0.6 + 2.4 * len(bases))
    panels = figure.subplots(len(bases), 2, squeeze=False, width_ratios=[len(QUANTITIES[0]), len(QUANTITIES[1])])
    known = in_order(shown["condition"])
    offsets = dict(zip(known, spread(len(known), 0.4), strict=True))
    for row, basis in zip(panels, bases, strict=True):
        for axes, quantities in zip(row, QUANTITIES, strict=True):
            for condition in known:
                rows = shown[(shown["basis"] == basis) & (shown["condition"] == condition)]
                rows = rows[rows["quantity"].isin(quantities)]
                places = [list(quantities).index(quantity) + offsets[condition] for quantity in rows["quantity"]]
                axes.errorbar(places, rows["value"], error_lengths(rows), fmt="o", ms=3, lw=1, **named(condition))
            axes.set_xticks(range(len(quantities)), list(quantities.values()))
            axes.set_xlim(-0.5, len(quantities) - 0.5)
        row[0].axhline(1, color="0.4", lw=1, ls="--")
        row[0].set(title=BASES[basis], ylabel="mean dimension", ylim=(0, None))
        row[1].set(ylabel="held-out R²", ylim=(min(0, *row[1].get_ylim()), 1.02))
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_layers(table: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Mean dimension by layer, before and after training, one panel per basis; what layers and activations give."""
    bases = [basis for basis in BASES if (table["basis"] == basis).any()]
    figure = figure_at(ax, 5.4, 0.6 + 2.4 * max(1, len(bases)))
    panels = figure.subplots(max(1, len(bases)), 1, squeeze=False, sharex=True)[:, 0]
    shown = table[(is_last(table) | (table["epoch"] == 0)) & (table["site"] != "block")]
    for axes, basis in zip(panels, bases, strict=False):
        rows = shown[shown["basis"] == basis]
        pairs = [(layer, site) for layer in layers_in_order(rows) for site in SITES]
        known_pairs = set(zip(rows["layer"], rows["site"], strict=True))
        places = {pair: place for place, pair in enumerate(pair for pair in pairs if pair in known_pairs)}
        conditions = [
            condition_at(network, epoch) for network, epoch in zip(rows["network"], rows["epoch"], strict=True)
        ]
        known = in_order(conditions)
        offsets = dict(zip(known, spread(len(known), 0.4), strict=True))
        for (condition, site), group in rows.groupby([pd.Series(conditions, rows.index), "site"]):
            axes.plot(
                [places[key] + offsets[condition] for key in zip(group["layer"], group["site"], strict=True)],
                group["value"],
                "o",
                ms=3.5,
                color=colour_of(condition),
                fillstyle="full" if site == "act" else "none",
                label=condition,
                rasterized=len(rows) > 2000,
            )
        axes.axhline(1, color="0.4", lw=1, ls="--")
        axes.set(title=BASES[basis], ylabel="mean dimension", ylim=(0, None))
        every = max(1, len(places) // 16)
        ticks = [(place, layer) for (layer, site), place in places.items() if site == "conv"][::every]
        axes.set_xticks([place for place, _ in ticks], [layer for _, layer in ticks], rotation=45, ha="right")
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_heatmaps(arrays: Mapping[str, Any], *, ax: Place = None) -> Axes:
    """Total indices of the logits: a row per checkpoint of one network, a column per class."""
    epochs = sorted({path.partition("/")[0] for path in arrays})
    chosen = [epochs[index] for index in sorted({0, len(epochs) // 2, len(epochs) - 1})]
    maps = {epoch: arrays[f"{epoch}/logits/indices"][()] for epoch in chosen}
    columns = min(MANY_CLASSES + 1, next(len(each) for each in maps.values()))
    figure = figure_at(ax, 0.62 * columns + 0.6, 0.78 * len(maps) + 0.3)
    panels = figure.subplots(len(maps), columns, squeeze=False)
    for line, (row, (epoch, indices)) in enumerate(zip(panels, maps.items(), strict=False)):
        for place, (axes, values) in enumerate(zip(row, indices, strict=False)):
            axes.imshow(np.nan_to_num(values.sum(0)))
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            if line == 0:
                axes.set_title("all" if place == 0 else str(place - 1), fontsize=9)
        row[0].set_ylabel(f"epoch {int(epoch.removeprefix('epoch-'))}", fontsize=9)
    return figure.axes[0]


@style()
def draw_deletion(table: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Accuracy by share of removed pixels, one colour per order; trained networks at their last checkpoint."""
    shown = of_one_condition(table)
    axes = one_panel(ax, 5.4, 3.2)
    for colour, (order, rows) in zip(SERIES_COLOURS, shown.groupby("order"), strict=False):
        for _, single in rows.groupby("network"):
            axes.plot(single["fraction"], single["accuracy"], lw=0.5, alpha=0.6, color=colour)
        means = rows.groupby("fraction")["accuracy"].mean()
        axes.plot(means.index, means, "o-", ms=3, color=colour, label=str(order))
    axes.set(xlabel="share of pixels replaced by the training mean", ylabel="test accuracy", ylim=(0, 1.02))
    add_legend(axes, ncols=2)
    return axes
