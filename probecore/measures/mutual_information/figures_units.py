"""Figures of units, from the tables of `mutual_information`."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from probecore.figures import Place, add_legend, figure_at, named, one_panel, rasterise, spread, style
from probecore.measures.mutual_information.figures import BIT
from probecore.measures.mutual_information.redundancy import cluster_order
from probecore.measures.tables import at_the_end, is_last, layers_in_order, of_one_network
from probecore.networks import in_order

SHOWN = 64
"""Units of a layer that a chart of single units shows."""


@style()
def draw_units(table: pd.DataFrame, convergence: pd.DataFrame, *, ax: Place = None) -> Axes:
    """I(T;Y) of every unit by layer and condition, with the mean null; all networks of a condition together."""
    layers = layers_in_order(convergence)
    ends = at_the_end(table[table["quantity"] == "label_information"])
    names = in_order(ends["condition"])
    axes = one_panel(ax, 5.4, 3.4)
    shift = np.random.default_rng(0)
    for name, offset in zip(names, spread(len(names), 0.6), strict=True):
        rows = ends[ends["condition"] == name]
        place = rows["layer"].map(layers.index) + offset + shift.uniform(-0.06, 0.06, len(rows))
        axes.scatter(place, rows["value"] / BIT, s=3, **named(name), rasterized=rasterise(len(ends)), lw=0)
        null = rows.groupby("layer")["null"].mean().reindex(layers) / BIT
        axes.plot(np.arange(len(layers)) + offset, null, "_", color="black", ms=9)
    axes.set_xticks(range(len(layers)), layers, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_ylabel("I(T;Y) of a unit in bits")
    add_legend(axes, ncols=len(names), markerscale=3)
    return axes


@style()
def draw_classes(table: pd.DataFrame, convergence: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Units by classes, as shares of the ceiling, of one network: untrained above, at its end below."""
    one = of_one_network(table)
    shown = [layer for layer in layers_in_order(convergence) if (one["layer"] == layer).any()]
    epochs = sorted({one["epoch"].min(), one["epoch"].max()})
    figure = figure_at(ax, 1.6 * len(shown) + 1, 2.8 * len(epochs))
    panels = figure.subplots(len(epochs), len(shown), squeeze=False)
    for epoch, row in zip(epochs, panels, strict=True):
        for layer, axes in zip(shown, row, strict=True):
            rows = one[(one["epoch"] == epoch) & (one["layer"] == layer)]
            share = rows.assign(share=rows["value"] / rows["ceiling"].where(rows["ceiling"] > 0)).pivot(
                index="filter", columns="label", values="share"
            )
            shares = share.to_numpy()  # NaN: a class without images, which has no ceiling
            shares = shares[np.argsort(-np.nanmax(shares, axis=1), kind="stable")[:SHOWN]]
            image = axes.imshow(shares, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
            for place in np.flatnonzero(np.nanmax(np.abs(shares), axis=1) == 0):
                axes.axhspan(place - 0.5, place + 0.5, fill=False, hatch="////", lw=0, ec="0.6")
            axes.set(title=f"{layer}, epoch {epoch}", xlabel="class")
            axes.set_yticks([])
        row[0].set_ylabel("units, most informative first")
    figure.colorbar(image, ax=panels, shrink=0.6, label="I(T;1[Y=c]) / ceiling")
    return figure.axes[0]


@style()
def draw_orders(table: pd.DataFrame, orders: pd.DataFrame, convergence: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Ranks of a layer's units by I(T;Y) over checkpoints, of one network, above the ranks' correlations."""
    known = table[table["quantity"] == "label_information"]
    one = of_one_network(known)
    agreement = orders[orders["network"].isin(one["network"])]
    layers = layers_in_order(convergence)
    shown = layers[:-1] or layers
    figure = figure_at(ax, 1.9 * len(shown) + 0.8, 4.2)
    panels = figure.subplots(2, len(shown), squeeze=False, height_ratios=[3, 1])
    for layer, (above, below) in zip(shown, panels.T, strict=True):
        wide = one[one["layer"] == layer].pivot(index="epoch", columns="filter", values="value")
        ranks = wide.rank(axis=1, ascending=False, method="first")
        final = ranks.iloc[-1].sort_values().index[:SHOWN]
        steps = np.arange(len(ranks))
        for place, unit in enumerate(final):
            colour = (place / max(len(final) - 1, 1)) * 0.8
            above.plot(steps, ranks[unit], lw=0.9, color=(colour, 0.45 + colour / 3, 0.7 - colour / 2))
        above.invert_yaxis()
        above.set(title=layer)
        above.set_xticks([])
        rows = agreement[agreement["layer"] == layer].sort_values("epoch")
        if len(rows):
            below.plot(np.arange(len(rows)) + 0.5, rows["value"], ".-", color="0.3")
        below.set(ylim=(-1.05, 1.05), xlabel="epoch", xlim=above.get_xlim())
        below.set_xticks(steps, [str(epoch) for epoch in ranks.index])
    panels[0, 0].set_ylabel("rank by I(T;Y)")
    panels[1, 0].set_ylabel("Spearman")
    return figure.axes[0]


@style()
def draw_redundancy(table: pd.DataFrame, convergence: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Pairs of units of one network at its end: what they share, and their redundancy; similar units side by side."""
    one = of_one_network(table)
    one = one[is_last(one)]
    shown = [layer for layer in layers_in_order(convergence) if (one["layer"] == layer).any()]
    figure = figure_at(ax, 2.0 * len(shown) + 0.8, 4.6)
    panels = figure.subplots(2, len(shown), squeeze=False)
    for layer, (above, below) in zip(shown, panels.T, strict=True):
        rows = one[one["layer"] == layer]
        units = sorted({*rows["filter"], *rows["to_filter"]})
        place = {unit: index for index, unit in enumerate(units)}
        first, second = rows["filter"].map(place), rows["to_filter"].map(place)
        grids = {}
        for name in ("shared", "redundancy"):
            grid = np.zeros((len(units), len(units)))
            grid[first, second] = grid[second, first] = rows[name] / BIT
            grids[name] = grid
        order = cluster_order(grids["shared"])
        largest = max(float(np.abs(grids["redundancy"]).max()), 1e-9)
        image = above.imshow(grids["shared"][np.ix_(order, order)], vmin=0, interpolation="nearest")
        figure.colorbar(image, ax=above, shrink=0.6)
        image = below.imshow(
            grids["redundancy"][np.ix_(order, order)], vmin=-largest, vmax=largest, cmap="RdBu", interpolation="nearest"
        )
        figure.colorbar(image, ax=below, shrink=0.6)
        above.set_title(layer)
        for axes in (above, below):
            axes.set_xticks([])
            axes.set_yticks([])
    panels[0, 0].set_ylabel("shared, bits")
    panels[1, 0].set_ylabel("redundancy, bits")
    return figure.axes[0]
