"""Figures of the step `mechanism`, from its tables."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from probecore.figures import Place, add_legend, error_lengths, figure_at, log_scale, named, spread, style
from probecore.measures.mechanism.panels import by_layer, condition_panels, name_layers
from probecore.measures.tables import at_the_end, by_network, of_one_network


@style()
def draw_depth(layers: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Accuracy of the heads and signal-to-noise ratio by layer, one line per network and condition."""
    figure = figure_at(ax, 5.4, 4.6)
    panels = figure.subplots(2, 1, sharex=True)
    for axes, quantity in zip(panels, ("accuracy", "snr"), strict=True):
        rows = layers[layers["quantity"] == quantity].replace(np.inf, np.nan)
        lines = list(by_network(at_the_end(rows)))
        for offset, (condition, line) in zip(spread(len(lines), 0.3), lines, strict=True):
            axes.errorbar(
                line["layer_index"] + offset,
                line["value"],
                error_lengths(line),
                fmt="o-",
                ms=3,
                lw=1,
                **named(condition),
            )
        axes.plot(
            sorted(set(rows["layer_index"])), rows.groupby("layer_index")["null"].median(), color="0.4", lw=1, ls="--"
        )
    panels[0].set(ylabel="accuracy of the head", ylim=(0, 1.02))
    panels[1].set_ylabel("signal / background")
    log_scale(panels[1])
    name_layers(panels[1], layers[layers["quantity"] == "snr"])
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_matrices(examples: pd.DataFrame, *, ax: Place = None) -> Axes:
    """One filter's matrix before clipping, after, and with its clusters side by side, for up to three layers.

    Of the first trained network, where there is one.
    """
    first = of_one_network(examples)
    depths = sorted(set(first["layer_index"]))
    shown = sorted({depths[0], depths[len(depths) // 2], depths[-1]})
    figure = figure_at(ax, 5.4, 1.8 * len(shown))
    panels = figure.subplots(len(shown), 3, squeeze=False)
    for row, depth in zip(panels, shown, strict=True):
        filter_ = first[first["layer_index"] == depth]
        layer, index = filter_["layer"].iloc[0], filter_["filter"].iloc[0]
        field, clipped = (filter_.pivot(index="label", columns="output", values=name) for name in ("field", "clipped"))
        cluster = filter_.drop_duplicates("label").set_index("label")["cluster"]
        order = sorted(cluster.index, key=lambda label: (cluster[label] < 0, cluster[label], label))
        largest = max(float(field.to_numpy().max()), 1e-12)
        row[0].imshow(field / largest, vmin=-1, vmax=1, cmap="RdBu_r")
        row[1].imshow(clipped, vmin=0, vmax=1)
        row[2].imshow(clipped.loc[order, order], vmin=0, vmax=1)
        _outline_clusters(row[2], cluster[order].to_list())
        row[0].set(ylabel=f"{layer}, filter {index}\nlabel")
        for axes, labels in zip(row, (list(field), list(field), order), strict=True):
            ticks = range(len(labels)) if len(labels) <= 12 else []
            axes.set_xticks(ticks, labels if ticks else [], fontsize=6)
            axes.set_yticks(ticks, labels if ticks else [], fontsize=6)
    for axes, title in zip(panels[0], ("field", "clipped", "permuted"), strict=True):
        axes.set_title(title)
    for axes in panels[-1]:
        axes.set_xlabel("output")
    return figure.axes[0]


@style()
def draw_sizes(sizes: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Share of clusters by their number of labels, one line per layer, a panel per condition."""
    figure, panels, conditions = condition_panels(sizes, ax)
    for axes, (condition, rows) in zip(panels, conditions, strict=True):
        for colour, line in by_layer(rows):
            counts = line.groupby("labels")["count"].sum()
            axes.plot(
                counts.index, counts / max(1, counts.sum()), "o-", ms=3, lw=1, color=colour, label=line["layer"].iloc[0]
            )
        axes.set(title=condition, xlabel="labels in a cluster", ylim=(-0.02, 1.02))
    panels[0].set_ylabel("share of clusters")
    add_legend(figure, ncols=5)
    return figure.axes[0]


@style()
def draw_sweep(sweep: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Signal-to-noise ratio against the clipping threshold, mean over networks, a panel per condition."""
    figure, panels, conditions = condition_panels(sweep[sweep["quantity"] == "snr"], ax)
    for axes, (condition, rows) in zip(panels, conditions, strict=True):
        for colour, line in by_layer(rows.replace(np.inf, np.nan)):
            means = line.groupby("threshold")["value"].mean()
            axes.plot(means.index, means, "o-", ms=3, lw=1, color=colour, label=line["layer"].iloc[0])
        axes.axhline(1, color="0.4", lw=1, ls="--")
        axes.set(title=condition, xlabel="threshold")
        log_scale(axes)
    panels[0].set_ylabel("signal / background")
    add_legend(figure, ncols=5)
    return figure.axes[0]


def _outline_clusters(axes: Axes, numbers: list[int]) -> None:
    from matplotlib.patches import Rectangle

    for number in range(max(numbers) + 1):
        start, size = numbers.index(number) - 0.5, numbers.count(number)
        axes.add_patch(Rectangle((start, start), size, size, fill=False, ec="#D55E00", lw=1.2))
