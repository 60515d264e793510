"""The gathering job of `mechanism`: the networks' tables into those of the experiment, figures and the summary."""

from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

from probecore.files import write_table
from probecore.measures.mechanism.figures import draw_depth, draw_matrices, draw_sizes, draw_sweep
from probecore.measures.mechanism.figures_worth import draw_pruning, draw_quality, draw_worth
from probecore.measures.mechanism.keys import KEYS
from probecore.measures.mechanism.layer import AUTHORS
from probecore.measures.tables import NAMES, after_training, at_the_end, gather, remarks_on_controls
from probecore.statistics import adjust, headline_over_seeds
from probecore.statistics.intervals import CARRIERS
from probecore.summary import FigureEntry, Summary, TableEntry, write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = gather(networks, KEYS, output=output)
    for name, family in FAMILIES.items():
        tables[name] = _adjusted(tables[name], family)
        write_table(output / f"{name}.csv", tables[name], sort_by=[*NAMES, *KEYS[name]])
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
        caption="Test accuracy of a linear head on each block of the frozen network, and how many filters "
        "have a label on the diagonal of their clipped matrix over how many have a pair of different labels (ours). "
        "One line per network, 95 % intervals over images; dashed: largest class, and permuted labels.",
    ),
    FigureEntry(
        file="matrices.svg",
        table="examples.csv",
        title="What one filter says",
        caption="Field of one filter on every output by label of the image, over its largest element; clipped; and "
        "with its clusters of labels side by side (outlined). Of each layer the filter with most clusters on the "
        "other half of the test images.",
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
        caption="Every quantity of every layer: 95 % interval over images (Wilson for accuracies; else of what samples "
        "of as many images give, from a bootstrap within labels), null and p (accuracies: largest class, one-sided; "
        "winner_share: 1/K, the least it can be, no p; else: median under permuted labels, two-sided), corrected "
        "within a quantity (Holm; Benjamini and Hochberg). Names ending in _all are means over all filters, their "
        "namesakes over those with a cluster.",
    ),
    TableEntry(
        file="worth.csv",
        title="Qualities against worth",
        caption="Spearman correlations over a layer's filters of qualities on one half of the images with worth on the "
        "other: interval on Fisher's scale from 8 filters on, and permutation p, corrected within each pair of quality "
        "and worth (Holm; Benjamini and Hochberg).",
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
        "increases (bootstrap-t interval, where enough images carry it) and accuracy drops (interval for matched "
        "pairs) when it is silent. p_bh: corrected within a quantity (Benjamini and Hochberg).",
    ),
]


FAMILIES = {"layers": ["quantity"], "sweep": ["quantity"], "worth": ["quantity", "worth"]}
"""Tables whose p-values are corrected → what names a family: all layers, networks and epochs of the experiment."""


def _adjusted(table: pd.DataFrame, family: list[str]) -> pd.DataFrame:
    families = table.groupby(family)["p"]
    return table.assign(
        p_holm=families.transform(lambda p: adjust(p, method="holm")),
        p_bh=families.transform(lambda p: adjust(p, method="benjamini_hochberg")),
    )


def _headline(tables: dict[str, pd.DataFrame]) -> dict[str, int | float | None]:
    """Over seeds, by condition: accuracy and SNR of the first and last layer, and how both go with depth."""
    shown = at_the_end(tables["layers"])
    headline: dict[str, int | float | None] = {}
    chosen = shown[shown["quantity"].isin(["accuracy", "snr"])]
    for (condition, quantity), rows in chosen.groupby(["condition", "quantity"]):
        depths = rows.drop_duplicates("depth").set_index("depth")["layer"].sort_index()
        for depth in sorted({depths.index[0], depths.index[-1]}):
            values = rows[rows["depth"] == depth]["value"]
            headline |= headline_over_seeds(f"{quantity}.{condition}.{depths[depth]}", values)
        if len(depths) > 2:
            ranks = [spearmanr(line["depth"], line["value"]).statistic for _, line in rows.groupby("network")]
            headline |= headline_over_seeds(f"{quantity}_with_depth.{condition}", ranks)
    pruning = after_training(tables["pruning"])
    for (condition, method), rows in pruning[pruning["retrained"] == 1].groupby(["condition", "method"]):
        sparsest = rows[rows["threshold"] == rows["threshold"].max()]
        headline |= headline_over_seeds(f"accuracy.{condition}.pruned_by_{method}", sparsest["accuracy"])
    return headline


def _remarks(tables: dict[str, pd.DataFrame]) -> list[str]:
    remarks = [
        "Where a block leaves 1×1 maps (neurons, or a last pooling), a filter's matrix is the product of its mean "
        "activation per label, less that of all labels, and its weights: rank one by construction, so that it votes "
        "for one output above its mean and for another below. Only for larger maps is that an observation.",
        "Intervals of counts say what samples of as many images give on average: how many elements pass a threshold "
        "depends on the number of images. Loss increases that fewer than "
        f"{CARRIERS} images carry have no interval: none that was tried holds there.",
        f"Names the authors' code gives a meaning to: {', '.join(AUTHORS)}, and the accuracies; the rest is ours.",
    ]
    remarks += remarks_on_controls(tables["layers"])
    if tables["pruning"].empty:
        remarks.append("No network was pruned: it was not wanted, or none is a plain chain of layers.")
    return remarks


RECONSTRUCTION = (
    "The papers' full texts are not available to us: recipe, matrices, clipping, clusters and noise counts follow the "
    "authors' public code; that heads see standardised features (`heads.features: raw` is theirs), signal, background "
    "and their ratio, winner statistics, worth, intervals and nulls are ours."
)
