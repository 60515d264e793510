"""The gathering job of `anova`: tables of the experiment, the verdict on the claim against each null, figures."""

from pathlib import Path

import pandas as pd

from probecore.figures import write_figures
from probecore.files import write_table
from probecore.measures.anova.ansatz import holds_here
from probecore.measures.anova.audit import REPORTED, known_by_related, numbers, reported
from probecore.measures.anova.measure import MEASURE
from probecore.measures.anova.plots import PLOTS
from probecore.measures.anova.verdicts import COLUMNS, is_main, judge
from probecore.measures.answer import answer_from
from probecore.measures.audit import audit_table, remarks_of, without_audit, write_audit
from probecore.measures.audit_figure import AUDIT_PLOT
from probecore.measures.tables import at_the_end, gather, remarks_on_controls, representative
from probecore.statistics import headline_over_seeds
from probecore.summary import write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, judge, draw, and write ``summary.json`` into `output`."""
    tables = gather(networks, MEASURE.keys, text=MEASURE.text, output=output)
    verdicts = judge(tables["relations"], tables["expanded"])
    verdicts.insert(0, "experiment", experiment)
    write_table(output / "verdicts.csv", verdicts, sort_by=["experiment", *COLUMNS[:5]])
    audit = audit_table(experiment, MEASURE.audits, numbers(tables))
    write_audit(output, audit)
    _write_published(experiment, tables["published"], output)
    write_figures({**PLOTS, **AUDIT_PLOT}, {**tables, "audit": audit}, output)
    write_summary(
        output,
        MEASURE.summary(
            experiment,
            headline=_headline(tables["relations"], verdicts),
            answer=answer_from(tables, MEASURE.answer),
            remarks=[
                *_remarks(verdicts),
                *holds_here(tables["ansatz"]),
                *remarks_on_controls(tables["relations"]),
                *remarks_of(audit),
            ],
            network=representative(tables["filters"]),
            without=without_audit(audit),
        ),
    )


def _write_published(experiment: str, published: pd.DataFrame, output: Path) -> None:
    """Write what the procedures report over networks, and the authors' two-way design."""
    for name, table, keys in (
        ("reported", reported(published), REPORTED),
        ("known_by_related", known_by_related(published), ["condition", "reading", "term"]),
    ):
        table.insert(0, "experiment", experiment)
        write_table(output / f"{name}.csv", table, sort_by=["experiment", *keys])


def _headline(relations: pd.DataFrame, verdicts: pd.DataFrame) -> dict[str, int | float | None]:
    """R2 by layer: R² by condition and its change, over seeds; then against how many nulls it held."""
    shown = at_the_end(relations[is_main(relations) & (relations["relation"] == "R2")])
    headline: dict[str, int | float | None] = {}
    for (condition, layer), rows in shown.groupby(["condition", "layer"]):
        headline |= headline_over_seeds(f"r2.{condition}.{layer}", rows["r2"])
        if condition == "trained":
            headline |= headline_over_seeds(f"heldout_r2.{condition}.{layer}", rows["heldout_r2"])
        if condition not in ("untrained", "given") and "change" in rows:
            headline |= headline_over_seeds(f"r2_trained_minus_untrained.{condition}.{layer}", rows["change"])
    decided = verdicts[(verdicts["relation"] == "R2") & verdicts["held"].isin(["held", "not held"])]
    headline["nulls_tested"] = len(decided)
    headline["nulls_held"] = int((decided["held"] == "held").sum())
    return headline


def _remarks(verdicts: pd.DataFrame) -> list[str]:
    remarks = [
        "An F test on the pairs of a layer finds a relation already in an untrained network: a filter's excitation is "
        "what it selects, so it resembles the filter by construction. It takes pairs for independent, which they are "
        "not, so it is in the tables and not among the verdicts. The number to read is trained minus untrained.",
        "Networks are the sample: each verdict is one test over them, after Holm over layers and relations.",
    ]
    for null, rows in verdicts[verdicts["relation"] == "R2"].groupby("null"):
        layers = ", ".join(f"{row.condition} {row.layer} {row.held}" for row in rows.itertuples())
        remarks.append(f"R2 against {null}: {layers}.")
    return remarks
