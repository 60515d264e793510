"""The gathering job of `anova`: tables of the experiment, the verdict on the claim against each null, figures."""

from pathlib import Path

import pandas as pd

from probecore.figures import write_figures
from probecore.files import write_table
from probecore.measures.anova.measure import MEASURE
from probecore.measures.anova.plots import PLOTS
from probecore.measures.anova.verdicts import COLUMNS, is_main, judge
from probecore.measures.answer import answer_from
from probecore.measures.tables import at_the_end, gather, remarks_on_controls, representative
from probecore.statistics import headline_over_seeds
from probecore.summary import write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, judge, draw, and write ``summary.json`` into `output`."""
    tables = gather(networks, MEASURE.keys, text=MEASURE.text, output=output)
    verdicts = judge(tables["relations"], tables["expanded"])
    verdicts.insert(0, "experiment", experiment)
    write_table(output / "verdicts.csv", verdicts, sort_by=["experiment", *COLUMNS[:5]])
    write_figures(PLOTS, tables, output)
    write_summary(
        output,
        MEASURE.summary(
            experiment,
            headline=_headline(tables["relations"], verdicts),
            answer=answer_from(tables, MEASURE.answer),
            remarks=[*_remarks(verdicts), *remarks_on_controls(tables["relations"])],
            network=representative(tables["filters"]),
        ),
    )


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
