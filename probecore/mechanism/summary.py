"""The gathering job of `mechanism`: the networks' tables into those of the experiment, figures and the summary."""

import math
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

from probecore.files import write_table
from probecore.measuring import NAMES, at_the_end, gather
from probecore.mechanism.figures import draw_depth, draw_matrices, draw_sizes, draw_sweep
from probecore.mechanism.figures_worth import draw_pruning, draw_quality, draw_worth
from probecore.mechanism.layer import AUTHORS
from probecore.mechanism.run import KEYS
from probecore.statistics import adjust
from probecore.summary import FigureEntry, Summary, TableEntry, write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = gather(networks, KEYS, output=output)
    tables["worth"] = _adjusted(tables["worth"])
    write_table(output / "worth.csv", tables["worth"], sort_by=[*NAMES, *KEYS["worth"]])
    draw_depth(tables["layers"], output / "depth")
    draw_matrices(tables["examples"], output / "matrices")
    draw_sizes(tables["sizes"], output / "sizes")
    draw_sweep(tables["sweep"], output / "sweep")
    draw_worth(tables["worth"], output / "worth")
    draw_quality(tables["filters"], tables["layers"], output / "quality")
    draw_pruning(tables["pruning"], output / "pruning")
    summary = Summary(
        step="mechanism",
        experiment=experiment,
        headline=_headline(tables),
        figures=FIGURES,
        tables=TABLES,
        remarks=_remarks(tables),
        reconstruction=RECONSTRUCTION,
    )
    write_summary(output, summary)


FIGURES = [
    FigureEntry(
        file="depth.svg",
        table="layers.csv",
        title="Accuracy and signal by layer",
        caption="Test accuracy of a bias-free linear head on each block of the frozen network, and how many filters "
        "have a label on the diagonal of their clipped matrix over how many have a pair of different labels (ours). "
        "One line per network, 95 % intervals over images; dashed: largest class, and permuted labels.",
    ),
    FigureEntry(
        file="matrices.svg",
        table="examples.csv",
        title="What one filter says",
        caption="Field of one filter on every output by label of the image, over its largest element; clipped; and "
        "with its clusters of labels side by side (outlined). Of each layer the filter with most clusters.",
    ),
    FigureEntry(
        file="sizes.svg",
        table="sizes.csv",
        title="Cluster sizes",
        caption="Share of the clusters of a layer's filters by number of labels, all networks of a condition together.",
    ),
    FigureEntry(
        file="sweep.svg",
        table="sweep.csv",
        title="Other thresholds",
        caption="Signal over background by clipping threshold, mean over networks; dashed: no signal.",
    ),
    FigureEntry(
        file="worth.svg",
        table="worth.csv",
        title="Do qualities tell a filter's worth?",
        caption="Spearman correlation, over a layer's filters, of each quality with the increase of the loss when the "
        "filter is silent. One mark per network after training; intervals, nulls and corrected p in the table.",
    ),
    FigureEntry(
        file="quality.svg",
        table="filters.csv",
        title="Quality and worth",
        caption="Every filter after training: accuracy of the filter alone, and how much the network's loss increases "
        "without it.",
    ),
    FigureEntry(
        file="pruning.svg",
        table="pruning.csv",
        title="Pruning by clusters",
        caption="Test accuracy with only the connections between filters that share a label, by their matrices over "
        "training images, against as many per layer "
        "chosen by magnitude and at random; dashed: unpruned.",
    ),
]

TABLES = [
    TableEntry(
        file="layers.csv",
        title="Layers",
        caption="Every quantity of every layer: 95 % interval over images (Wilson for accuracies, else percentiles "
        "of a bootstrap within labels), null and p (accuracies: largest class, one-sided; winner_share: 1/K, the "
        "least it can be, no p; else: median under permuted labels, two-sided). Names ending in _all are means over "
        "all filters, their namesakes over those with a cluster.",
    ),
    TableEntry(
        file="worth.csv",
        title="Qualities against worth",
        caption="Spearman correlations over a layer's filters with bootstrap interval and permutation p, corrected "
        "within each pair of quality and worth (Holm; Benjamini and Hochberg).",
    ),
    TableEntry(
        file="pruning.csv",
        title="Pruned networks",
        caption="Accuracy (Wilson interval over images) as pruned and retrained; parameters and multiply-adds of the "
        "network without its connectionless filters, and of these the ones that are not zero.",
    ),
    TableEntry(file="connections.csv", title="Connections kept by clusters", caption="Per layer and threshold."),
    TableEntry(
        file="filters.csv",
        title="Filters",
        caption="Per filter: clusters, labels in them, noise counts, strength, winners, and worth: how much loss "
        "increases (normal interval) and accuracy drops (interval for matched pairs) when it is silent.",
    ),
]


def _adjusted(worth: pd.DataFrame) -> pd.DataFrame:
    """With p-values corrected within a family: all layers, networks and epochs of one quality and one worth."""
    families = worth.groupby(["quantity", "worth"])["p"]
    return worth.assign(
        p_holm=families.transform(lambda p: adjust(p, method="holm")),
        p_bh=families.transform(lambda p: adjust(p, method="benjamini_hochberg")),
    )


def _headline(tables: dict[str, pd.DataFrame]) -> dict[str, int | float | None]:
    """Means over networks by condition: accuracy and SNR of the first and last layer, and how both go with depth."""
    shown = at_the_end(tables["layers"])
    headline: dict[str, int | float | None] = {}
    for (condition, quantity), rows in shown[shown["quantity"].isin(["accuracy", "snr"])].groupby(
        ["condition", "quantity"]
    ):
        by_layer = rows.groupby(["depth", "layer"])["value"].mean()
        for (_, layer), value in (by_layer.iloc[[0, -1]] if len(by_layer) > 1 else by_layer).items():
            headline[f"{quantity}.{condition}.{layer}"] = _finite(value)
        if len(by_layer) > 2:
            rank = spearmanr(by_layer.index.get_level_values("depth"), by_layer).statistic
            headline[f"{quantity}_with_depth.{condition}"] = _finite(rank)
    pruning = tables["pruning"]
    for method, rows in pruning[pruning["retrained"] == 1].groupby("method"):
        sparsest = rows[rows["threshold"] == rows["threshold"].max()]
        headline[f"accuracy.pruned_by_{method}"] = float(sparsest["accuracy"].mean())
    return headline


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _remarks(tables: dict[str, pd.DataFrame]) -> list[str]:
    remarks = [
        "Where a block leaves 1×1 maps (neurons, or a last pooling), a filter's matrix is the product of its mean "
        "activation per label and its weights: rank one by construction, so that it votes for one output whatever "
        "the label. Only for larger maps is that an observation.",
        f"Names the authors' code gives a meaning to: {', '.join(AUTHORS)}, and the accuracies; the rest is ours.",
    ]
    if tables["pruning"].empty:
        remarks.append("No network was pruned: it was not wanted, or none is a plain chain of layers.")
    return remarks


RECONSTRUCTION = (
    "The papers' full texts are not available to us: recipe, matrices, clipping, clusters and noise counts follow the "
    "authors' public code; signal, background and their ratio, winner statistics, worth, intervals and nulls are ours."
)
