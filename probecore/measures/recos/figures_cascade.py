"""Figures of the step `recos` on backgrounds: the network itself, the heads, and the places anchors differ at."""

from pathlib import Path

import pandas as pd

from probecore.figures import new_figure, save_figure, style
from probecore.measures.recos.figures import draw_marks, draw_nothing
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
def draw_cascade(table: pd.DataFrame, path_stem: Path) -> None:
    """Accuracy of the network on plain images and on both groups of backgrounds."""
    if not len(table):
        draw_nothing("cascade: not wanted", path_stem)
        return
    shown = at_the_end(table)
    figure = new_figure(4.4, 3.2)
    axes = figure.subplots()
    draw_marks(axes, shown.assign(place=shown["images"].map(IMAGES.index), value=shown["accuracy"]), width=0.4)
    axes.axhline(table["null"].mean(), color="0.4", lw=1, ls="--")
    axes.set_xticks(range(len(IMAGES)), ["plain", "seen\nbackgrounds", "unseen\nbackgrounds"])
    axes.set(ylabel="test accuracy", ylim=(-0.02, 1.02))
    figure.legend(loc="outside upper center", ncols=4)
    save_figure(figure, path_stem)


@style()
def draw_heads(table: pd.DataFrame, path_stem: Path) -> None:
    """Accuracy of the heads, a panel per kind of images."""
    if not len(table):
        draw_nothing("heads: not wanted, or no linear layer behind a convolution", path_stem)
        return
    shown = at_the_end(table)
    figure = new_figure(8.4, 3.4)
    for axes, images in zip(figure.subplots(1, len(IMAGES), sharey=True), IMAGES, strict=True):
        rows = shown[shown["images"] == images]
        draw_marks(axes, rows.assign(place=rows["head"].map(list(HEADS).index), value=rows["accuracy"]))
        axes.set_xticks(range(len(HEADS)), list(HEADS.values()), rotation=35, ha="right", rotation_mode="anchor")
        axes.set_title(images if images == "plain" else f"{images} backgrounds")
        handles = axes.get_legend_handles_labels()
    figure.axes[0].set_ylabel("test accuracy")
    figure.legend(*handles, loc="outside upper center", ncols=4)
    save_figure(figure, path_stem)


@style()
def draw_positions(table: pd.DataFrame, path_stem: Path) -> None:
    """How much anchors differ at each place, mean over networks, a panel per condition."""
    if not len(table):
        draw_nothing("no linear layer reads maps", path_stem)
        return
    shown = at_the_end(table)
    names = in_order(shown["condition"])
    figure = new_figure(2.6 * len(names) + 0.8, 2.6)
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
    save_figure(figure, path_stem)
