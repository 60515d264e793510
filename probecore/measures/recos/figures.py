"""Figures of the step `recos` on signs: polarity, what reversed images are taken for, sign confusion."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from probecore.figures import Place, add_legend, error_lengths, figure_at, named, one_panel, spread, style
from probecore.measures.recos.keys import AROUND_MEAN, BOTH, BOTH_AROUND_MEAN
from probecore.measures.tables import at_the_end, by_network, layers_in_order
from probecore.networks import condition_of, in_order

COMBINATIONS = [
    (filters, images) for filters in ("plain", "negated", "mean_free", "doubled") for images in ("normal", "reversed")
]


@style()
def draw_polarity(table: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Accuracy by combination of filters and images, one mark per network, untrained ones beside."""
    apart = (table["images"] == AROUND_MEAN) | table["filters"].isin([BOTH, BOTH_AROUND_MEAN])
    shown = at_the_end(table[~apart])
    shown = shown.assign(
        place=[COMBINATIONS.index(pair) for pair in zip(shown["filters"], shown["images"], strict=True)]
    )
    axes = one_panel(ax, 5.4, 3.4)
    draw_marks(axes, shown.assign(value=shown["accuracy"]))
    axes.axhline(table["null"].mean(), color="0.4", lw=1, ls="--")
    axes.set_xticks(range(len(COMBINATIONS)), [images for _, images in COMBINATIONS], rotation=30, ha="right")
    for place, name in enumerate(dict.fromkeys(filters for filters, _ in COMBINATIONS)):
        axes.annotate(name.replace("_", "-"), (2 * place + 0.5, 1.04), ha="center", fontsize=9)
    axes.set(ylabel="test accuracy", ylim=(-0.02, 1.1), xlabel="images, by first-layer filters (above)")
    add_legend(axes, ncols=4)
    return axes


@style()
def draw_confusion(table: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Row-normalised confusion matrices on reversed images, one panel per condition."""
    conditions = table["network"].map(condition_of)
    names = in_order(conditions)
    figure = figure_at(ax, 2.7 * len(names), 2.8)
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        counts = table[conditions == name].pivot_table(
            index="label", columns="prediction", values="count", aggfunc="sum"
        )
        shares = counts.div(counts.sum(axis=1), axis=0)
        image = axes.imshow(shares, vmin=0, vmax=1)
        axes.set(title=name, xlabel="prediction", ylabel="label")
        if len(shares) <= 12:
            axes.set_xticks(range(len(shares)))
            axes.set_yticks(range(len(shares)))
    figure.colorbar(image, ax=panels, shrink=0.8, label="share of the label's images")
    return figure.axes[0]


@style()
def draw_signs(layers: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Sign confusion of each layer's input, one mark per network; what to expect if signs had no place, in grey."""
    shown = at_the_end(layers[layers["quantity"] == "sign_confusion"])
    axes = one_panel(ax, 5.4, 3.2)
    expected = draw_by_layer(axes, shown).groupby("place")["null"].mean()
    axes.plot(expected.index, expected, "_", ms=18, mew=1.2, color="0.5", label="expected")
    axes.set(ylabel="sign confusion", ylim=(-0.03, 1.03))
    add_legend(axes, ncols=5)
    return axes


def draw_by_layer(axes: Any, shown: pd.DataFrame) -> pd.DataFrame:
    """`draw_marks` with layers along the x axis in the order they run; gives the table with its ``place``."""
    names = layers_in_order(shown)
    reads = shown.drop_duplicates("layer").set_index("layer")["reads"]
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if len(names) > 6 else {}
    labels = [f"{name}\n(reads pixels)" if reads[name] == "pixels" else name for name in names]
    axes.set_xticks(range(len(names)), labels, **turned)
    placed = shown.assign(place=shown["layer"].map(names.index))
    draw_marks(axes, placed)
    return placed


def draw_marks(axes: Any, shown: pd.DataFrame, *, width: float = 0.6) -> None:
    """Marks of ``value`` with ``low`` and ``high`` at ``place``, a column of marks per condition and network."""
    networks = list(by_network(shown))
    for offset, (condition, rows) in zip(spread(len(networks), width), networks, strict=True):
        axes.errorbar(
            rows["place"] + offset,
            rows["value"],
            error_lengths(rows),
            fmt="o",
            ms=3.5,
            lw=1,
            **named(condition),
        )


def panels_for(
    count: int, ax: Place, *, width: float = 2.3, height: float = 2.2, columns: int = 5
) -> tuple[Figure | SubFigure, Sequence[Axes]]:
    """A figure with that many panels in rows of at most `columns`."""
    across = min(count, columns)
    down = -(-count // across)
    figure = figure_at(ax, width * across, height * down)
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_axis_off()
    return figure, list(grid.flat[:count])
