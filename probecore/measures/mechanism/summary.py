"""The gathering job of `mechanism`: the networks' tables into those of the experiment, figures and the summary."""

from pathlib import Path

import numpy as np
import pandas as pd

from probecore.figures import write_figures
from probecore.files import write_table
from probecore.measures.answer import answer_from
from probecore.measures.audit import (
    NOT_RUN,
    Found,
    Reported,
    audit_table,
    exactly,
    remarks_of,
    without_audit,
    write_audit,
)
from probecore.measures.audit_figure import AUDIT_PLOT
from probecore.measures.mechanism.layer import AUTHORS
from probecore.measures.mechanism.measure import MEASURE
from probecore.measures.mechanism.plots import PLOTS
from probecore.measures.tables import (
    after_training,
    at_the_end,
    gather,
    of_one_condition,
    remarks_on_controls,
    representative,
    sorting,
)
from probecore.statistics import adjust, headline_over_seeds, rank_correlation
from probecore.statistics.intervals import CARRIERS
from probecore.summary import write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = gather(networks, MEASURE.keys, text=MEASURE.text, output=output)
    for name, family in FAMILIES.items():
        tables[name] = _adjusted(tables[name], family)
        write_table(output / f"{name}.csv", tables[name], sort_by=sorting(MEASURE.keys[name]))
    audit = audit_table(experiment, MEASURE.audits, _audited(tables["label_order"]))
    write_audit(output, audit)
    write_figures({**PLOTS, **AUDIT_PLOT}, {**tables, "audit": audit}, output)
    write_summary(
        output,
        MEASURE.summary(
            experiment,
            headline=_headline(tables),
            answer=answer_from(tables, MEASURE.answer),
            remarks=[*_remarks(tables), *remarks_of(audit)],
            network=representative(tables["filters"]),
            without=without_audit(audit),
        ),
    )


def _audited(label_order: pd.DataFrame) -> dict[str, Found]:
    """Give the audit's numbers: over the filters of all layers and networks of the condition that stands for all."""
    shown = of_one_condition(label_order)
    if shown.empty or not shown["n"].sum():
        return {}

    def share(rule: str) -> Reported:
        rows = shown[(shown["rule"] == rule) & (shown["n"] > 0)]
        return exactly(float(np.average(rows["value"], weights=rows["n"])), n=int(rows["n"].sum()))

    return {
        "order of labels": Found(
            published=NOT_RUN,
            published_nothing=share("ascending"),
            corrected=NOT_RUN,
            corrected_nothing=share("strongest_first"),
        )
    }


FAMILIES = {"layers": ["quantity"], "sweep": ["quantity"], "importance": ["quantity", "importance"]}
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
        depths = rows.drop_duplicates("layer_index").set_index("layer_index")["layer"].sort_index()
        for depth in sorted({depths.index[0], depths.index[-1]}):
            values = rows[rows["layer_index"] == depth]["value"]
            headline |= headline_over_seeds(f"{quantity}.{condition}.{depths[depth]}", values)
        if len(depths) > 2:
            ranks = [rank_correlation(line["layer_index"], line["value"]) for _, line in rows.groupby("network")]
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
