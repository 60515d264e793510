"""Figures of the step `recos` on anchors, patches and spectral components."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from probecore.figures import (
    SERIES_COLOURS,
    NothingToDraw,
    Place,
    add_legend,
    colour_of,
    figure_at,
    one_panel,
    rasterise,
    style,
)
from probecore.measures.recos.figures import draw_by_layer, panels_for
from probecore.measures.tables import at_the_end, layers_in_order, of_one_condition, of_one_network

KINDS = {"anchors": "anchors", "kmeans": "k-means centres", "random": "random directions"}

PROPERTIES = {"norm": "norm", "dc_share": "DC share", "occupancy": "share of patches"}
"""Of filters, with what figures call them."""

FILTERS, CLASSES, PANELS = 16, 10, 6
"""Spectral components shown per layer, at most."""


@style()
def draw_angles(angles: pd.DataFrame, layers: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Angles between patches and the nearest direction of each kind, a panel per layer, trained networks together."""
    shown = of_one_condition(angles)
    names = layers_in_order(layers)
    figure, panels = panels_for(len(names), ax)
    for axes, name in zip(panels, names, strict=True):
        for (kind, label), colour in zip(KINDS.items(), SERIES_COLOURS, strict=False):
            rows = shown[(shown["layer"] == name) & (shown["quantity"] == kind)]
            _draw_shares(axes, rows, color=colour, lw=1.4, label=label)
        axes.set(title=name, xlim=(0, 120), xticks=(0, 30, 60, 90))
    panels[0].set_ylabel("share of patches")
    figure.supxlabel("angle to the nearest direction, degrees", fontsize=10)
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_anchors(filters: pd.DataFrame, angles: pd.DataFrame, layers: pd.DataFrame, *, ax: Place = None) -> Axes:
    """What anchors are like, by condition: shares of filters, and of pairs of anchors; a column per layer."""
    shown = at_the_end(filters)
    pairs = at_the_end(angles[angles["quantity"] == "anchor_pairs"])
    names = _some(layers_in_order(layers), PANELS)
    figure = figure_at(ax, 1.9 * len(names) + 0.6, 1.7 * (len(PROPERTIES) + 1))
    grid = figure.subplots(len(PROPERTIES) + 1, len(names), squeeze=False)
    for column, name in enumerate(names):
        grid[0, column].set_title(name)
        for axes, quantity in zip(grid[:, column], PROPERTIES, strict=False):
            rows = shown[(shown["layer"] == name) & (shown["quantity"] == quantity)].dropna(subset="value")
            edges = np.histogram_bin_edges(rows["value"], bins=20)
            for condition, own in rows.groupby("condition"):
                counts = np.histogram(own["value"], edges)[0]
                axes.stairs(counts / counts.sum(), edges, color=colour_of(str(condition)), lw=1.2, label=condition)
        for condition, own in pairs[pairs["layer"] == name].groupby("condition"):
            _draw_shares(grid[-1, column], own, color=colour_of(str(condition)), lw=1.2)
    for axes, label in zip(grid[:, 0], [*PROPERTIES.values(), "angle of pairs, °"], strict=True):
        axes.set_ylabel(label)
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_mean_anchor(layers: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Change of the accuracy when a layer's filters lose their mean, one mark per network."""
    shown = at_the_end(layers[layers["quantity"] == "accuracy_change_without_mean"])
    axes = one_panel(ax, 5.4, 3.2)
    draw_by_layer(axes, shown)
    axes.axhline(0, color="0.4", lw=1, ls="--")
    axes.set_ylabel("change of test accuracy")
    add_legend(axes, ncols=4)
    return axes


@style()
def draw_rotation(layers: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Mean angle between anchors and what they were at first, by epoch; trained and shuffled networks."""
    shown = layers[layers["quantity"] == "rotation"]
    if not len(shown):
        raise NothingToDraw("one checkpoint: nothing to compare with")
    names = layers_in_order(layers)
    figure, panels = panels_for(len(names), ax)
    for axes, name in zip(panels, names, strict=True):
        for network, rows in shown[shown["layer"] == name].groupby("network"):
            axes.plot([0, *rows["epoch"]], [0, *rows["value"]], marker="o", ms=2.5, lw=1, color=colour_of(str(network)))
        axes.set(title=name, ylim=(0, 95), yticks=(0, 30, 60, 90))
    panels[0].set_ylabel("degrees from initialisation")
    figure.supxlabel("epoch (blue: trained, red: shuffled labels)", fontsize=10)
    return figure.axes[0]


@style()
def draw_embedding(embedding: pd.DataFrame, layers: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Anchors of one network in two dimensions, before and after training, a panel per layer."""
    shown = at_the_end(of_one_network(embedding))
    names = layers_in_order(layers)
    figure, panels = panels_for(len(names), ax)
    for axes, name in zip(panels, names, strict=True):
        for condition, rows in shown[shown["layer"] == name].groupby("condition", sort=False):
            marks: dict[str, Any] = {"s": 10, "alpha": 0.8, "lw": 0, "rasterized": rasterise(len(rows))}
            axes.scatter(rows["x"], rows["y"], color=colour_of(str(condition)), label=condition, **marks)
        axes.set(title=name, xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_fisher(layers: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Fisher ratios by layer: of classes on plain images, and of classes and backgrounds on composites."""
    titles = {
        "fisher_class": "classes, plain",
        "fisher_class_unseen": "classes, on backgrounds",
        "fisher_background_unseen": "backgrounds",
    }
    quantities = [name for name in titles if (layers["quantity"] == name).any()]
    figure = figure_at(ax, 3.0 * len(quantities), 3.2)
    panels = figure.subplots(1, len(quantities), sharey=True, squeeze=False)[0]
    for axes, quantity in zip(panels, quantities, strict=True):
        shown = at_the_end(layers[layers["quantity"] == quantity])
        draw_by_layer(axes, shown)
        axes.axhline(0, color="0.4", lw=1, ls="--")
        axes.set_yscale("symlog", linthresh=0.01)
        axes.set(title=titles[quantity])
    panels[0].set_ylabel("Fisher ratio")
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_spectral(arrays: Mapping[str, Any], layers: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Spectral components of one network's conv layers, `PANELS` at most: rows filters, columns classes."""
    names = _some([name for name in layers_in_order(layers) if f"{name}/class_means" in arrays], PANELS)
    filters = FILTERS if len(names) <= 2 else FILTERS // 2
    maps = {name: arrays[f"{name}/class_means"][:CLASSES, :filters] for name in names}
    if not maps:
        raise NothingToDraw("no convolutional layer: no maps")
    rows = -(-len(maps) // 2)
    figure = figure_at(ax, 5.4, rows * 5.4 * filters / FILTERS)
    panels = figure.subplots(rows, min(2, len(maps)), squeeze=False).flatten()
    for axes in panels[len(maps) :]:
        axes.axis("off")
    for axes, (name, means) in zip(panels, maps.items(), strict=False):
        axes.imshow(_mosaic(means), cmap="gray", interpolation="nearest", aspect="auto")
        step = means.shape[3] + 1
        axes.set_xticks(np.arange(len(means)) * step + step / 2, range(len(means)))
        step = means.shape[2] + 1
        axes.set_yticks(np.arange(means.shape[1]) * step + step / 2, range(means.shape[1]))
        axes.set(title=name, xlabel="class", ylabel="filter")
        axes.grid(visible=False)
    return figure.axes[0]


def _mosaic(means: Any) -> Any:
    """Maps (K, F, H, W) as one image: a row per filter, each scaled to its own range, with gaps of a pixel."""
    low, high = (edge(means, axis=(0, 2, 3), keepdims=True) for edge in (np.nanmin, np.nanmax))
    scaled = (means - low) / np.maximum(high - low, 1e-12)
    padded = np.pad(scaled, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=1)
    classes, filters, height, width = padded.shape
    return padded.transpose(1, 2, 0, 3).reshape(filters * height, classes * width)


def _draw_shares(axes: Any, angles: pd.DataFrame, **line: Any) -> None:
    """Shares by angle, from counts per five degrees."""
    counts = angles.groupby("degrees")["count"].sum().reindex(range(0, 180, 5), fill_value=0)
    if counts.sum():
        axes.stairs(counts / counts.sum(), np.arange(0, 181, 5), **line)


def _some(names: list[str], count: int) -> list[str]:
    """So many of the names at most, evenly over them."""
    return [names[index] for index in np.linspace(0, len(names) - 1, min(len(names), count)).round().astype(int)]
