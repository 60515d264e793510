"""Figures of the step `recos`, from its tables."""

from pathlib import Path

import numpy as np
import pandas as pd

from probecore.figures import colour_of, new_figure, save_figure, spread, style
from probecore.networks import condition_at, condition_of

COMBINATIONS = [("plain", "normal"), ("plain", "reversed"), ("negated", "normal"), ("negated", "reversed")]


@style()
def draw_polarity(table: pd.DataFrame, path_stem: Path) -> None:
    """Accuracy by combination of filters and images, one mark per network, untrained ones beside."""
    last = table.groupby("network")["epoch"].transform("max")
    shown = table[(table["epoch"] == last) | ((table["epoch"] == 0) & table["network"].str.startswith("trained"))]
    groups = {
        (condition_at(str(network), int(epoch)), network): rows.set_index(["filters", "images"])
        for (network, epoch), rows in shown.groupby(["network", "epoch"])
    }
    figure = new_figure(5.4, 3.2)
    axes = figure.subplots()
    places = np.arange(len(COMBINATIONS))
    labelled: set[str] = set()
    for offset, (condition, network) in zip(spread(len(groups), 0.6), sorted(groups), strict=True):
        rows = groups[condition, network].loc[COMBINATIONS]
        errors = [rows["accuracy"] - rows["low"], rows["high"] - rows["accuracy"]]
        label = None if condition in labelled else condition
        labelled.add(condition)
        axes.errorbar(
            places + offset,
            rows["accuracy"],
            errors,
            fmt="o",
            ms=4,
            lw=1,
            color=colour_of(condition),
            label=label,
        )
    axes.axhline(table["null"].mean(), color="0.4", lw=1, ls="--")
    axes.set_xticks(places, [f"{filters}\nfilters\n{images}\nimages" for filters, images in COMBINATIONS])
    axes.set(ylabel="test accuracy", ylim=(-0.02, 1.02))
    figure.legend(loc="outside upper center", ncols=len(labelled))
    save_figure(figure, path_stem)


@style()
def draw_confusion(table: pd.DataFrame, path_stem: Path) -> None:
    """Row-normalised confusion matrices on reversed images, one panel per condition."""
    conditions = table["network"].map(condition_of)
    names = [name for name in ("trained", "shuffled", "given") if (conditions == name).any()]
    figure = new_figure(2.7 * len(names), 2.8)
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
    save_figure(figure, path_stem)
