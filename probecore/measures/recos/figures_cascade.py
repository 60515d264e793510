"""Figures of the step `recos` on backgrounds: the network itself, the heads, and the places anchors differ at."""

import pandas as pd
from matplotlib.axes import Axes

from probecore.figures import Place, add_legend, figure_at, one_panel, style
from probecore.measures.recos.figures import draw_marks
from probecore.measures.tables import at_the_end
from probecore.networks import in_order

IMAGES = ("plain", "seen", "unseen")
HEADS = {
    "one_layer": "one layer",
    "wide_linear": "wide, linear",
    "two_layer_linear": "two, linear",
    "two_layer": "two, rectified",
    "one_hidden": "one hidden",
}


@style()
def draw_cascade(table: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Accuracy of the network on plain images and on both groups of backgrounds."""
    shown = at_the_end(table)
    axes = one_panel(ax, 4.4, 3.2)
    draw_marks(axes, shown.assign(place=shown["images"].map(IMAGES.index), value=shown["accuracy"]), width=0.4)
    axes.axhline(table["null"].mean(), color="0.4", lw=1, ls="--")
    axes.set_xticks(range(len(IMAGES)), ["plain", "seen\nbackgrounds", "unseen\nbackgrounds"])
    axes.set(ylabel="test accuracy", ylim=(-0.02, 1.02))
    add_legend(axes, ncols=4)
    return axes


@style()
def draw_heads(table: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Accuracy of the heads, a panel per kind of images."""
    shown = at_the_end(table)
    figure = figure_at(ax, 8.4, 3.4)
    for axes, images in zip(figure.subplots(1, len(IMAGES), sharey=True), IMAGES, strict=True):
        rows = shown[shown["images"] == images]
        draw_marks(axes, rows.assign(place=rows["head"].map(list(HEADS).index), value=rows["accuracy"]))
        axes.set_xticks(range(len(HEADS)), list(HEADS.values()), rotation=35, ha="right", rotation_mode="anchor")
        axes.set_title(images if images == "plain" else f"{images} backgrounds")
    figure.axes[0].set_ylabel("test accuracy")
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_positions(table: pd.DataFrame, *, ax: Place = None) -> Axes:
    """How much anchors differ at each place, mean over networks, a panel per condition."""
    shown = at_the_end(table)
    names = in_order(shown["condition"])
    figure = figure_at(ax, 2.6 * len(names) + 0.8, 2.6)
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    highest = shown.groupby(["condition", "row", "column"])["value"].mean().max()
    for axes, name in zip(panels, names, strict=True):
        rows = shown[shown["condition"] == name]
        image = axes.imshow(
            rows.pivot_table(index="row", columns="column", values="value"), vmin=0, vmax=max(highest, 1.0)
        )
        axes.set_title(name)
        axes.grid(visible=False)
    figure.colorbar(image, ax=panels, shrink=0.85, label="variance over anchors / mean")
    return figure.axes[0]
