"""Figures of the step `anova`, from its tables."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from probecore.figures import (
    SERIES_COLOURS,
    NothingToDraw,
    Place,
    add_legend,
    colour_of,
    error_lengths,
    figure_at,
    log_scale,
    named,
    rasterise,
    spread,
    style,
)
from probecore.measures.anova.diagnostics import normal_quantiles
from probecore.measures.anova.keys import MAIN
from probecore.measures.tables import at_the_end, by_network, is_last, layers_in_order, of_one_condition, of_one_network
from probecore.networks import condition_at

RELATIONS = ("R1", "R2", "R3")


@style()
def draw_relations(relations: pd.DataFrame, *, ax: Place = None) -> Axes:
    """R² by layer and relation, one mark per network at its last checkpoint, and untrained ones."""
    shown = at_the_end(_main(relations).query("dilation == 1"))
    layers = layers_in_order(shown)
    figure = figure_at(ax, max(5.4, 1.2 + 1.4 * len(layers)), 3.4)
    panels = figure.subplots(1, 3, sharey=True)
    groups = list(by_network(shown))
    for axes, relation in zip(panels, RELATIONS, strict=True):
        for offset, (condition, group) in zip(spread(len(groups), 0.6), groups, strict=True):
            rows = group[group["relation"] == relation].set_index("layer").reindex(layers)
            places = np.arange(len(layers)) + offset
            errors = error_lengths(rows, "r2")
            axes.errorbar(
                places,
                rows["r2"],
                errors,
                fmt="o",
                ms=3.5,
                lw=1,
                capsize=0,
                **named(condition),
            )
            axes.hlines(rows["filters_null"], places - 0.04, places + 0.04, color="0.6", lw=3, zorder=0)
        axes.set_title(relation)
        axes.set_xticks(range(len(layers)), layers, rotation=45, ha="right", rotation_mode="anchor")
    panels[0].set(ylabel="R²", ylim=(-0.02, None))
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_epochs(relations: pd.DataFrame, *, ax: Place = None) -> Axes:
    """R² of R2 by epoch, a panel per layer, a line per network."""
    table = _main(relations).query("dilation == 1 and relation == 'R2'")
    layers = layers_in_order(table)
    figure = figure_at(ax, max(5.4, 2.2 * len(layers)), 3.0)
    panels = figure.subplots(1, max(1, len(layers)), sharey=True, squeeze=False)[0]
    for axes, layer in zip(panels, layers, strict=False):
        for network, rows in table[table["layer"] == layer].groupby("network"):
            condition = condition_at(str(network), 1)
            axes.plot(rows["epoch"], rows["r2"], "o-", ms=3, lw=1.2, **named(condition))
        axes.set(title=layer, xlabel="epoch")
    panels[0].set(ylabel="R² of R2", ylim=(-0.02, None))
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_dilations(relations: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Heat maps of R² over layer and probe dilation, a panel per relation, trained networks."""
    table = _main(relations)
    last, shown = table[is_last(table)], of_one_condition(table)
    layers, dilations = layers_in_order(last), sorted(last["dilation"].unique())
    figure = figure_at(ax, max(5.4, 2.0 * len(dilations)), 1.4 + 0.5 * len(layers))
    panels = figure.subplots(1, 3, sharey=True)
    for axes, relation in zip(panels, RELATIONS, strict=True):
        rows = shown[shown["relation"] == relation]
        means = rows.pivot_table(index="layer", columns="dilation", values="r2").reindex(layers, columns=dilations)
        worst = rows.pivot_table(index="layer", columns="dilation", values="filters_p_holm", aggfunc="max")
        worst = worst.reindex(layers, columns=dilations)
        image = axes.imshow(means, vmin=0, vmax=max(0.01, np.nanmax(means.to_numpy(), initial=0)), aspect="auto")
        for (i, j), value in np.ndenumerate(means.to_numpy()):
            if np.isfinite(value):
                dark = value > 0.6 * image.norm.vmax
                text = f"{value:.2f}\np {worst.iat[i, j]:.2g}"
                axes.text(j, i, text, ha="center", va="center", size=6.5, color="white" if dark else "#222222")
        axes.set_xticks(range(len(dilations)), dilations)
        axes.set_yticks(range(len(layers)), layers)
        axes.grid(visible=False)
        axes.set(title=relation, xlabel="dilation")
    return figure.axes[0]


@style()
def draw_pairs(pairs: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Scatter of weights against excitations of one network, a row per layer, a column per relation."""
    table = of_one_network(pairs)
    layers = layers_in_order(table)
    figure = figure_at(ax, 5.4, max(1, len(layers)) * 1.9 + 0.4)
    panels = figure.subplots(max(1, len(layers)), 3, squeeze=False)
    for row, layer in zip(panels, layers, strict=False):
        for axes, relation in zip(row, RELATIONS, strict=True):
            _scatter(axes, table[table["layer"] == layer], relation)
        row[0].set_ylabel(f"{layer}\nweight")
    for axes, relation in zip(panels[0], RELATIONS, strict=True):
        axes.set_title(relation)
    for axes in panels[-1]:
        axes.set_xlabel("excitation")
    return figure.axes[0]


@style()
def draw_kernels(kernels: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Kernel and excitation of the filters of the first layer of one network."""
    table = of_one_network(kernels)
    rows = table[table["layer"] == layers_in_order(table)[0]]
    filters = sorted(rows["filter"].unique())
    figure = figure_at(ax, 5.4, 2.0)
    panels = figure.subplots(2, max(1, len(filters)), squeeze=False)
    for column, number in zip(panels.T, filters, strict=False):
        images = [
            rows[rows["filter"] == number].pivot_table(index="row", columns="column", values=name, dropna=False)
            for name in ("weight", "excitation")
        ]
        flat = [image.to_numpy().reshape(-1) for image in images]
        varied = all(np.ptp(values) > 0 for values in flat)
        for axes, image in zip(column, images, strict=True):
            limit = np.nanmax(np.abs(image.to_numpy()), initial=1e-12)
            axes.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
            axes.set_xticks([])
            axes.set_yticks([])
        r = f"r {np.corrcoef(*flat)[0, 1]:.2f}" if varied else ""
        column[0].set_title(f"{number}\n{r}", size=8, weight="normal", loc="center")
    panels[0, 0].set_ylabel("kernel", size=8)
    panels[1, 0].set_ylabel("excitation", size=8)
    return figure.axes[0]


@style()
def draw_permutations(permutations: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Histograms of R² under both permutations, a panel per layer, of one network."""
    table = of_one_network(permutations)
    layers = layers_in_order(table)
    figure = figure_at(ax, max(5.4, 2.2 * len(layers)), 2.8)
    panels = figure.subplots(1, max(1, len(layers)), squeeze=False)[0]
    for axes, layer in zip(panels, layers, strict=False):
        of_layer = table[table["layer"] == layer]
        for colour, (permuted, rows) in zip(SERIES_COLOURS, of_layer.groupby("permuted"), strict=False):
            edges = [*rows["low"], rows["high"].iloc[-1]]
            axes.stairs(rows["count"] / rows["n"], edges, color=colour, label=permuted)
        axes.axvline(of_layer["observed"].iloc[0], color="#222222", lw=1.2)
        axes.set(title=layer, xlabel="R² of R2")
        log_scale(axes)
    panels[0].set_ylabel("share of permutations")
    add_legend(figure)
    return figure.axes[0]


@style()
def draw_residuals(pairs: pd.DataFrame, *, ax: Place = None) -> Axes:
    """Residuals of R2 against fitted values and against normal quantiles, a column per layer, of one network."""
    table = of_one_network(pairs)
    layers = layers_in_order(table)
    figure = figure_at(ax, max(5.4, 2.2 * len(layers)), 4.2)
    panels = figure.subplots(2, max(1, len(layers)), squeeze=False)
    for (above, below), layer in zip(panels.T, layers, strict=False):
        rows = table[table["layer"] == layer].dropna(subset=["excitation_r2"])
        if len(rows) < 3 or np.ptp(rows["excitation_r2"]) == 0:
            continue
        slope, intercept = np.polyfit(rows["excitation_r2"], rows["weight"], 1)
        fitted = intercept + slope * rows["excitation_r2"]
        residuals = rows["weight"] - fitted
        many = rasterise(len(rows))
        above.scatter(fitted, residuals, s=4, lw=0, alpha=0.6, rasterized=many)
        below.scatter(normal_quantiles(len(rows)), np.sort(residuals), s=4, lw=0, alpha=0.6, rasterized=many)
        above.set(title=layer, xlabel="fitted")
        below.set(xlabel="normal quantile")
    for axes in panels[:, 0]:
        axes.set_ylabel("residual")
    return figure.axes[0]


def _main(relations: pd.DataFrame) -> pd.DataFrame:
    """Regressions on the main excitation over all images."""
    rows = relations[(relations["excitation"] == MAIN) & (relations["class"] == "all")]
    if rows.empty:
        raise NothingToDraw(f"{MAIN} is not among the excitations")
    return rows


def _scatter(axes: Axes, rows: pd.DataFrame, relation: str) -> None:
    known = rows.dropna(subset=[f"excitation_{relation.lower()}"])
    x, y = known[f"excitation_{relation.lower()}"].to_numpy(), known["weight"].to_numpy()
    axes.scatter(x, y, s=4, lw=0, alpha=0.5, color=colour_of("untrained"), rasterized=rasterise(len(x)))
    if len(x) < 3 or np.ptp(x) == 0:
        return
    slope, intercept = np.polyfit(x, y, 1)
    at = np.linspace(x.min(), x.max(), 50)
    line = intercept + slope * at
    sd = np.sqrt(((y - intercept - slope * x) ** 2).sum() / (len(x) - 2))
    half = 1.96 * sd * np.sqrt(1 / len(x) + (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
    axes.plot(at, line, color=colour_of("trained"))
    axes.fill_between(at, line - half, line + half, color=colour_of("trained"), alpha=0.3, lw=0)
