"""The gathering job of `mean_dimension`: the networks' tables into those of the experiment, figures and the summary."""

from pathlib import Path

import numpy as np
import pandas as pd

from probecore.figures import write_figures
from probecore.files import open_hdf5
from probecore.measures.answer import answer_from
from probecore.measures.audit import (
    NOT_RUN,
    Found,
    Reported,
    audit_table,
    over_networks,
    remarks_of,
    without_audit,
    write_audit,
)
from probecore.measures.audit_figure import AUDIT_PLOT
from probecore.measures.mean_dimension.inference import what_follows
from probecore.measures.mean_dimension.intervals import LEAST_EFFECTIVE, MOST_PER_ALIKE, MOST_PER_EFFECTIVE
from probecore.measures.mean_dimension.keys import ARRAYS
from probecore.measures.mean_dimension.measure import MEASURE
from probecore.measures.mean_dimension.plots import PLOTS
from probecore.measures.tables import (
    after_training,
    at_the_end,
    gather,
    of_one_condition,
    remarks_on_controls,
    representative,
)
from probecore.networks import has_untrained_control
from probecore.statistics import headline_over_seeds
from probecore.summary import write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = gather(networks, MEASURE.keys, text=MEASURE.text, output=output)
    shown = representative(tables["outputs"])
    with open_hdf5(next(folder for folder in networks if folder.name == shown) / ARRAYS) as arrays:
        audit = audit_table(experiment, MEASURE.audits, _audited(tables["companions"]))
        write_audit(output, audit)
        write_figures({**PLOTS, **AUDIT_PLOT}, {**tables, "arrays": arrays, "audit": audit}, output)
    empty = [figure.name for figure in MEASURE.figures if tables[Path(figure.source).stem].empty]
    write_summary(
        output,
        MEASURE.summary(
            experiment,
            headline=_headline(tables),
            answer=answer_from(tables, MEASURE.answer),
            remarks=[*what_follows(tables["companions"]), *_remarks(tables), *remarks_of(audit)],
            network=shown,
            without=[*empty, *without_audit(audit)],
        ),
    )


def _audited(companions: pd.DataFrame) -> dict[str, Found]:
    """Give the audit's numbers in principal components; the network itself is not run in the authors' coordinates."""
    if companions.empty:
        return {}
    shown = of_one_condition(companions[companions["basis"] == "pca"]).set_index("quantity")
    if "linear_surrogate_published" not in shown.index:
        return {}

    def reported(quantity: str) -> Reported:
        rows = shown.loc[[quantity]]
        return over_networks(rows["value"], rows["network"], low=rows["low"], high=rows["high"])

    return {
        "inverse PCA": Found(
            published=NOT_RUN,
            published_nothing=reported("linear_surrogate_published"),
            corrected=reported("given_points"),
            corrected_nothing=reported("linear_surrogate"),
        )
    }


def _headline(tables: dict[str, pd.DataFrame]) -> dict[str, int | float | None]:
    """Means over networks (seeds) by condition: outputs and what stands beside them, areas under deletion curves."""
    table, beside = tables["outputs"], tables["companions"]
    headline: dict[str, int | float | None] = {}
    for keys, rows in at_the_end(table[table["output"].isin(["logits", "output"])]).groupby(["condition", "basis"]):
        headline |= headline_over_seeds(".".join(keys), rows["value"])
    for keys, rows in at_the_end(beside[beside["quantity"] != "given_points"]).groupby(
        ["condition", "basis", "quantity"]
    ):
        headline |= headline_over_seeds(".".join(keys), rows["value"])
    for (condition, order), rows in after_training(tables["deletion"]).groupby(["condition", "order"]):
        areas = [_area(one["fraction"].to_numpy(), one["accuracy"].to_numpy()) for _, one in rows.groupby("network")]
        headline |= headline_over_seeds(f"deletion_area.{condition}.{str(order).replace(' ', '_')}", areas)
    return headline


def _area(fraction: np.ndarray, accuracy: np.ndarray) -> float:
    return float(np.trapezoid(accuracy, fraction))


def _remarks(tables: dict[str, pd.DataFrame]) -> list[str]:
    outputs = tables["outputs"]
    remarks = [
        "Inputs are correlated, so a mean dimension below 1 is possible in pixels: neighbours that agree move the "
        "output together, and one alone moves it little. In principal components a linear network has 1.",
    ]
    if (outputs["output"] == "nll").any():
        remarks.append(
            "The NLL's mean dimension is a ratio to the variance of the NLL over test points, which a few misjudged "
            "points make up once a network is trained: where it has no interval, do not read it."
        )
    return [*remarks, *_without_interval(tables), *_without_control(outputs)]


def _without_interval(tables: dict[str, pd.DataFrame]) -> list[str]:
    """How many values have none, and why."""
    counts = []
    for name in ("outputs", "units", "companions", "layers", "filters"):
        table = tables[name]
        known = table[table["value"].notna()] if "value" in table else table
        missing = int(known["low"].isna().sum()) if len(known) else 0
        if missing:
            counts.append(f"{missing} of {len(known)} in {name}.csv")
    if not counts:
        return []
    return [
        f"No interval is given where fewer than {LEAST_EFFECTIVE:.0f} effective points make up a value "
        "((Σ|c|)² / Σ c² of the points' contributions, column effective), or fewer than one of "
        f"{MOST_PER_EFFECTIVE:.0f} points ({MOST_PER_ALIKE:.0f} where contributions are alike), for there neither "
        "percentile, studentised nor BCa intervals held 95 %: "
        f"{', '.join(counts)}. More base points (`images`) help."
    ]


def _without_control(outputs: pd.DataFrame) -> list[str]:
    """Networks without an untrained one beside them, and how to get it."""
    first = outputs.groupby("network")["epoch"].min()
    unmeasured = [str(name) for name, epoch in first.items() if has_untrained_control(str(name), int(epoch))]
    remarks = remarks_on_controls(outputs)
    if unmeasured:
        remarks.append(
            f"{', '.join(unmeasured)}: epoch 0 is not among `mean_dimension.epochs`, so there is no untrained control; "
            "add 0."
        )
    return remarks
