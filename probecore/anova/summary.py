"""The gathering job of `anova`: tables of the experiment, the verdict on the claim against each null, figures."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.special import bdtrc

from probecore.anova.figures import draw_figures
from probecore.anova.measuring import ALPHA, MAIN
from probecore.anova.run import KEYS
from probecore.files import write_table
from probecore.measuring import at_the_end, gather, is_last
from probecore.networks import condition_of, seed_number
from probecore.summary import FigureEntry, Summary, TableEntry, write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, judge, draw, and write ``summary.json`` into `output`."""
    tables = gather(networks, KEYS, output=output)
    verdicts = judge(tables["relations"], tables["expanded"])
    verdicts.insert(0, "experiment", experiment)
    write_table(output / "verdicts.csv", verdicts, sort_by=["experiment", "layer", "relation", "null"])
    draw_figures(tables, output)
    summary = Summary(
        step="anova",
        experiment=experiment,
        headline=_headline(tables["relations"], verdicts),
        figures=FIGURES,
        tables=TABLES,
        remarks=_remarks(verdicts),
        reconstruction="The paper's definitions of features, dilation, alignment and of its ANOVA are not available to "
        "us, nor is any of its numbers. Excitations, models and nulls are ours; its claim (weights are related to the "
        "features of test images, R2) is what is tested.",
    )
    write_summary(output, summary)


def judge(relations: pd.DataFrame, expanded: pd.DataFrame) -> pd.DataFrame:
    """Whether a relation holds in the trained networks, against each null.

    Parameters
    ----------
    relations, expanded : the tables of an experiment, all networks

    Returns
    -------
    DataFrame
        One row per layer, relation and null: networks, how many of them stand the test, and `held` if all do.
        permutations: p after Holm is at most 0.05; untrained: the interval of the change lies above 0; shuffled
        labels: the interval lies above that of the control of the same seed; constrained: more filters match
        their expanded kernel than chance explains (binomial test, 0.05).
    """
    final = relations[is_last(relations) & relations["network"].map(condition_of).isin(["trained", "given"])]
    main = final[_is_main(final)]
    shuffled = relations[is_last(relations) & (relations["network"].map(condition_of) == "shuffled")]
    controls = shuffled[_is_main(shuffled)]
    rows = []
    for (layer, relation), group in main.groupby(["layer", "relation"]):
        tests: dict[str, list[bool]] = {
            "F test": (group["p_holm"] <= ALPHA).tolist(),
            "filters permuted": (group["filters_p_holm"] <= ALPHA).tolist(),
            "taps permuted": (group["taps_p_holm"] <= ALPHA).tolist(),
            "untrained network": (group["change_low"].dropna() > 0).tolist() if "change_low" in group else [],
            "network trained on shuffled labels": _above_controls(group, controls, layer, relation),
            "constrained, kernels expanded": _matching(expanded, group["network"], layer, relation),
        }
        for null, results in tests.items():
            if results:
                rows.append(
                    {
                        "layer": layer,
                        "relation": relation,
                        "null": null,
                        "networks": len(results),
                        "stand": sum(results),
                        "held": "held" if all(results) else "not held",
                    }
                )
    return pd.DataFrame(rows, columns=["layer", "relation", "null", "networks", "stand", "held"])


def _is_main(table: pd.DataFrame) -> "pd.Series[bool]":
    return (table["excitation"] == MAIN) & (table["dilation"] == 1) & (table["class"] == "all")


def _above_controls(group: pd.DataFrame, controls: pd.DataFrame, layer: Any, relation: Any) -> list[bool]:
    of_layer = controls[(controls["layer"] == layer) & (controls["relation"] == relation)]
    highest = {seed_number(str(row.network)): row.high for row in of_layer.itertuples()}
    seeds = [(seed_number(str(row.network)), row.low) for row in group.itertuples()]
    return [bool(low > highest[seed]) for seed, low in seeds if seed in highest]


def _matching(expanded: pd.DataFrame, networks: "pd.Series[str]", layer: Any, relation: Any) -> list[bool]:
    if expanded.empty:
        return []
    rows = expanded[(expanded["layer"] == layer) & (expanded["relation"] == relation) & is_last(expanded)]
    counts = rows.loc[rows["network"].isin(networks), ["significant", "n"]]
    return [bool(bdtrc(round(share * n) - 1, n, ALPHA) <= ALPHA) for share, n in counts.itertuples(index=False)]


def _headline(relations: pd.DataFrame, verdicts: pd.DataFrame) -> dict[str, int | float | None]:
    """R2 by layer: R² trained, untrained, shuffled, and the change; then what was held against how many nulls."""
    shown = at_the_end(relations[_is_main(relations) & (relations["relation"] == "R2")])
    headline: dict[str, int | float | None] = {}
    for (condition, layer), rows in shown.groupby(["condition", "layer"]):
        headline[f"r2.{condition}.{layer}"] = _mean(rows["r2"])
        if condition == "trained":
            headline[f"heldout_r2.{condition}.{layer}"] = _mean(rows["heldout_r2"])
        if condition in ("trained", "shuffled") and "change" in rows:
            headline[f"r2_trained_minus_untrained.{condition}.{layer}"] = _mean(rows["change"])
    of_r2 = verdicts[verdicts["relation"] == "R2"]
    headline["nulls_tested"] = len(of_r2)
    headline["nulls_held"] = int((of_r2["held"] == "held").sum())
    return headline


def _mean(values: "pd.Series[float]") -> float | None:
    mean = float(values.mean())
    return mean if math.isfinite(mean) else None


def _remarks(verdicts: pd.DataFrame) -> list[str]:
    remarks = [
        "An F test on the pairs of a layer finds a relation already in an untrained network: a filter's excitation is "
        "what it selects, so it resembles the filter by construction. The number to read is trained minus untrained.",
        "A family of tests is a checkpoint's layers and relations; fewer than five seeds are shown as points.",
    ]
    for null, rows in verdicts[verdicts["relation"] == "R2"].groupby("null"):
        layers = ", ".join(f"{row.layer} {row.held} ({row.stand}/{row.networks})" for row in rows.itertuples())
        remarks.append(f"R2 against {null}: {layers}.")
    return remarks


FIGURES = [
    FigureEntry(
        file="relations.svg",
        table="relations.csv",
        title="How much of the weights the features explain",
        caption="R² of weights on activation-weighted patches by layer and relation (R1 training images, R2 test "
        "images, R3 their difference), one mark per network with its 95 % bootstrap interval over filters; grey "
        "bands: mean R² when filters are permuted.",
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
        caption="Distribution of R² (R2) when filters or taps are permuted; vertical line: observed.",
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
        caption="Whether weights are related to features in the trained networks: networks that stand the test, and "
        "`held` if all do. Reconstruction.",
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
        caption="Correlation of each filter with its excitation over taps; 95 % interval (Fisher's z), p with taps "
        "permuted.",
    ),
]
