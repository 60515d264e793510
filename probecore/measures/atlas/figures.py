"""Figures of the atlas, from its tables."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from probecore.figures import SERIES_COLOURS, Place, add_legend, figure_at, one_panel, spread, style
from probecore.measures.atlas.agreement import ALL
from probecore.measures.atlas.keys import LOSSES, TRUTHS
from probecore.networks import shown_condition

FIVE_PERCENT = 0.05


def _of_shown_condition(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["condition"] == shown_condition(table["condition"])]


@style()
def draw_agreement(agreement: pd.DataFrame, *, ax: Place = None) -> Axes:
    """A panel per truth, a line per quantity: mean correlation, what is left without size, the ceiling."""
    rows = _of_shown_condition(agreement[agreement["layer"] == ALL])
    truths = [truth for truth in LOSSES if truth in set(rows["truth"])] or sorted(set(rows["truth"]))[:1]
    predictors = sorted(set(rows["predictor"]), reverse=True)
    figure = figure_at(ax, 9.0, 1.2 + 0.15 * len(predictors))
    panels = figure.subplots(1, len(truths), sharey=True, squeeze=False)[0]
    for panel, truth in zip(panels, truths, strict=True):
        line = rows[rows["truth"] == truth].set_index("predictor").reindex(predictors).reset_index()
        _draw_truth(panel, line)
        panel.set_title(truth.replace("_", " "))
    panels[0].set_yticks(range(len(predictors)), predictors, fontsize=6)
    panels[0].set_ylim(-1, len(predictors))
    first: Axes = panels[0]
    return first


def _draw_truth(axes: Axes, line: pd.DataFrame) -> None:
    places = np.arange(len(line))
    colour, other = SERIES_COLOURS[:2]
    found = (line["p_max"].fillna(line["p"]) <= FIVE_PERCENT).to_numpy()
    faces = [colour if each else "white" for each in found]
    axes.hlines(places, line["low"], line["high"], color=colour, lw=0.8)
    axes.scatter(line["value"], places, s=14, c=faces, edgecolors=colour, linewidths=0.8, zorder=3)
    axes.scatter(line["partial"], places, s=5, c=other, marker="D", zorder=2)
    ceiling = float(line["ceiling"].iloc[0])
    for sign in (-1, 1):
        axes.axvline(sign * ceiling, color="0.4", lw=1, ls="--")
    axes.axvline(0, color="0.4", lw=0.8)
    axes.set(xlim=(-1.05, 1.05), xlabel="Spearman correlation")
    axes.grid(visible=True, axis="y", lw=0.3)


@style()
def draw_matrix(matrix: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Correlations of all quantities and truths with each other, truths last; columns in the order of rows."""
    rows = _of_shown_condition(matrix)
    names = sorted(set(rows["first"]), key=lambda name: (name in TRUTHS, name))
    values = rows.pivot(index="first", columns="second", values="value").reindex(index=names, columns=names)
    size = 2.6 + 0.1 * len(names)
    axes = one_panel(ax, size, size)
    image = axes.imshow(values.to_numpy(), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks(range(len(names)), names, fontsize=5)
    axes.figure.colorbar(image, ax=axes, shrink=0.6, label="Spearman correlation")
    return axes


@style()
def draw_prediction(prediction: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Predicted against true ranks, by truth and set of features, a mark per network."""
    rows = _of_shown_condition(prediction)
    truths = [truth for truth in LOSSES if truth in set(rows["truth"])]
    features = sorted(set(rows["features"]), key=lambda name: (name == "all", name != "baselines", name))
    axes = one_panel(ax, 9.0, 3.6)
    for colour, offset, name in zip(SERIES_COLOURS, spread(len(features), 0.7), features, strict=False):
        marks = rows[rows["features"] == name]
        places = marks["truth"].map({truth: place for place, truth in enumerate(truths)})
        shown = name if name in ("all", "baselines") else f"with {name.replace('_', ' ')}"
        axes.plot(places + offset, marks["value"], "o", ms=3.5, color=colour, label=shown)
    axes.axhline(0, color="0.4", lw=0.8)
    axes.set_xticks(range(len(truths)), [truth.replace("_", "\n") for truth in truths])
    axes.set(ylabel="Spearman correlation with truth")
    add_legend(axes, ncols=4)
    return axes
