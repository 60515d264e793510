"""The gathering job of `anova`: tables of the experiment, the verdict on the claim against each null, figures."""

from pathlib import Path

import pandas as pd

from probecore.files import write_table
from probecore.measures.anova.figures import draw_figures
from probecore.measures.anova.keys import KEYS
from probecore.measures.anova.verdicts import is_main, judge
from probecore.measures.tables import at_the_end, gather, remarks_on_controls
from probecore.statistics import headline_over_seeds
from probecore.summary import FigureEntry, Summary, TableEntry, write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, judge, draw, and write ``summary.json`` into `output`."""
    tables = gather(networks, KEYS, output=output)
    verdicts = judge(tables["relations"], tables["expanded"])
    verdicts.insert(0, "experiment", experiment)
    write_table(output / "verdicts.csv", verdicts, sort_by=["experiment", "condition", "layer", "relation", "null"])
    draw_figures(tables, output)
    summary = Summary(
        step="anova",
        experiment=experiment,
        headline=_headline(tables["relations"], verdicts),
        figures=FIGURES,
        tables=TABLES,
        remarks=[*_remarks(verdicts), *remarks_on_controls(tables["relations"])],
        reconstruction="The paper's definitions of features, dilation, alignment and of its ANOVA are not available to "
        "us, nor is any of its numbers. Excitations, models and nulls are ours; its claim (weights are related to the "
        "features of test images, R2) is what is tested.",
    )
    write_summary(output, summary)


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


FIGURES = [
    FigureEntry(
        file="relations.svg",
        table="relations.csv",
        title="How much of the weights the features explain",
        caption="R² of weights on activation-weighted patches by layer and relation (R1 training images, R2 test "
        "images, R3 their difference), one mark per network with its 95 % interval over filters; grey bands: mean R² "
        "when filters are permuted.",
    ),
    FigureEntry(
        file="epochs.svg",
        table="relations.csv",
        title="Over training",
        caption="R² of R2 by epoch, one line per network; epoch 0 is the untrained network.",
    ),
    FigureEntry(
        file="dilations.svg",
        table="relations.csv",
        title="Layers and probe dilations",
        caption="Mean R² after training by layer and probe dilation, with the largest p over networks when filters are "
        "permuted, after Holm.",
    ),
    FigureEntry(
        file="pairs.svg",
        table="pairs.csv",
        title="Weights against excitations",
        caption="Pairs of the first trained network (thinned to 500 per layer), the line of the regression, and its "
        "95 % interval for the mean, as if pairs were independent.",
    ),
    FigureEntry(
        file="kernels.svg",
        table="kernels.csv",
        title="Filters and what excites them",
        caption="Kernel (top) and activation-weighted patch of test images (bottom) of the first layer's filters, "
        "means over input channels, with their correlation.",
    ),
    FigureEntry(
        file="permutations.svg",
        table="permutations.csv",
        title="Under permutation",
        caption="Distribution of R² (R2) when filters are permuted or kernels (taps) moved; vertical line: observed.",
    ),
    FigureEntry(
        file="residuals.svg",
        table="pairs.csv",
        title="Residuals",
        caption="Residuals of R2's line against fitted values, and their normal Q–Q plot, by layer.",
    ),
]

TABLES = [
    TableEntry(
        file="verdicts.csv",
        title="The claim against each null",
        caption="How far R² lies above each null: mean over networks with interval, and one test over them, after Holm "
        "over layers and relations. Undecided: fewer than three networks; a single network is judged by its own "
        "permutations. Reconstruction.",
    ),
    TableEntry(
        file="relations.csv",
        title="All regressions",
        caption="Per network, checkpoint, layer, excitation, relation, probe dilation, class and response: R² with "
        "interval, F test, nulls, held-out R², change since epoch 0, reliability of the predictor, p after Holm and "
        "Benjamini–Hochberg.",
    ),
    TableEntry(
        file="one_way.csv",
        title="Binned excitations",
        caption="One-way ANOVA of weights over quantile bins of the excitation, Welch, Kruskal–Wallis, and tests of "
        "what the line assumes.",
    ),
    TableEntry(
        file="two_way.csv",
        title="Excitation by filter and by layer",
        caption="Two-way ANOVA of weights with type II sums of squares.",
    ),
    TableEntry(
        file="expanded.csv",
        title="Feature maps and expanded kernels",
        caption="Share of filters whose mean map matches their expanded kernel, by the constrained test and by the one "
        "that takes pixels for independent; 5 % are expected by chance.",
    ),
    TableEntry(
        file="filters.csv",
        title="Filters",
        caption="Correlation of each filter with its excitation over taps; 95 % interval and p from moved kernels.",
    ),
]
