"""The gathering job of `mean_dimension`: the networks' tables into those of the experiment, figures and the summary."""

from pathlib import Path

import numpy as np
import pandas as pd

from probecore.measures.mean_dimension.figures import (
    draw_companions,
    draw_deletion,
    draw_heatmaps,
    draw_layers,
    draw_outputs,
)
from probecore.measures.mean_dimension.inference import what_follows
from probecore.measures.mean_dimension.intervals import LEAST_EFFECTIVE
from probecore.measures.mean_dimension.keys import ARRAYS, KEYS
from probecore.measures.tables import after_training, at_the_end, gather, remarks_on_controls
from probecore.networks import has_untrained_control, shown_network
from probecore.statistics import headline_over_seeds
from probecore.summary import FigureEntry, Summary, TableEntry, write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = gather(networks, KEYS, output=output)
    draw_outputs(tables["outputs"], output / "outputs")
    draw_companions(tables["companions"], output / "companions")
    draw_layers(tables["layers"], output / "layers")
    shown = shown_network(tables["outputs"].groupby("network")["epoch"].max().to_dict())
    draw_heatmaps(next(folder for folder in networks if folder.name == shown) / ARRAYS, output / "heatmaps")
    draw_deletion(tables["deletion"], output / "deletion")
    figures = [entry for entry in FIGURES if len(tables[Path(entry.table).stem])]
    summary = Summary(
        step="mean_dimension",
        experiment=experiment,
        headline=_headline(tables),
        figures=figures,
        tables=TABLES,
        remarks=[*what_follows(tables["companions"]), *_remarks(tables)],
        reconstruction="The paper's tables are not available to us; its authors' public code is. Ours: E[Δ²]/2 in "
        "place of Var(Δ)/2 (theirs stands beside it as variance_form), principal components of the training inputs, "
        "centred only, the trace over outputs, filters and units, intervals, drawing coordinates without bias, "
        "deletion curves.",
    )
    write_summary(output, summary)


FIGURES = [
    FigureEntry(
        file="outputs.svg",
        table="outputs.csv",
        title="Mean dimension over training",
        caption="Mean dimension of the logits (or outputs), trace over outputs, by epoch; one line per network with "
        "its 95 % interval over test points (studentised bootstrap over blocks of pairs). Epoch 0 is the untrained "
        "network. Dashed: 1, what every linear network has in principal components; below it coordinates depend on "
        "each other, and nothing follows about additivity.",
    ),
    FigureEntry(
        file="companions.svg",
        table="companions.csv",
        title="What is below 1, and why",
        caption="Left: mean dimension of the logits (or outputs) on the given points, within classes, with the same "
        "coordinates made independent, and of the best linear function on the given points. With independent "
        "coordinates every function has 1 (dashed) or more, and additive ones exactly 1. Right: R² of a linear, an "
        "additive and a non-additive function, fitted to test images other than those that judge. After training and, "
        "grey, before; one mark per network with its 95 % interval over images.",
    ),
    FigureEntry(
        file="layers.svg",
        table="layers.csv",
        title="Layer by layer",
        caption="Mean dimension of what each layer gives (open) and of what its activation gives (filled), trace over "
        "nodes, after training and, grey, before; one mark per network.",
    ),
    FigureEntry(
        file="heatmaps.svg",
        table="heatmaps.csv",
        title="Where exchanging pixels moves the logits",
        caption="Generalised total indices of the logits in pixels, over the test points of each class and over all, "
        "at three checkpoints of the first network; sums over channels, each panel on a scale of its own.",
    ),
    FigureEntry(
        file="deletion.svg",
        table="deletion.csv",
        title="Do the indices name what the network needs?",
        caption="Test accuracy when the share of pixels that an order puts first is replaced by the mean training "
        "image; orders by class, from other images than those shown. Mean over trained networks, each a thin "
        "line; the lower the curve, the better the order.",
    ),
]

TABLES = [
    TableEntry(
        file="outputs.csv",
        title="Outputs",
        caption="Mean dimension of logits, softmax and NLL (label of the base point), or of a regression's output, by "
        "checkpoint and basis: value, 95 % interval, points that make up the value (effective), the value of the "
        "untrained network (null) and the change since with its paired interval, the same with Var(Δ)/2 (the authors' "
        "variant), spread over shuffles, constant outputs, coordinates, evaluations.",
    ),
    TableEntry(
        file="companions.csv",
        title="What stands beside the outputs' mean dimension",
        caption="Of the logits or outputs, trace, at the first and last checkpoint: given_points, as in outputs.csv; "
        "independent_margins, with each coordinate permuted over the points; within_classes, donors and variance "
        "within classes; linear_surrogate, of the best linear function; r2_linear, r2_additive, r2_non_additive: R² at "
        "the base points of functions fitted to other test images; r2_gain, non-additive less additive.",
    ),
    TableEntry(file="units.csv", title="Single outputs", caption="The same for each logit and each softmax output."),
    TableEntry(
        file="layers.csv",
        title="Layers",
        caption="Trace over nodes, mean over nodes that vary (node_mean), and how many do not (dead).",
    ),
    TableEntry(
        file="heatmaps.csv",
        title="Heatmaps",
        caption="Sum of the total indices by class (-1: all), and the share of their variance over pixels that is not "
        "noise (reliability). The maps and their standard errors are in heatmaps.h5 of each network; there are no "
        "intervals, for squared changes of single pixels are so skewed that ± 1.96 errors held the truth in 33 to 93 % "
        "of simulations.",
    ),
    TableEntry(file="deletion.csv", title="Deletion curves", caption="Accuracy, 95 % interval over images (Wilson)."),
    TableEntry(
        file="filters.csv",
        title="Filters",
        caption="Mean dimension of each filter or neuron, trace over its positions; null: the same before training; "
        "mean_dimension_*_change: the difference, with its paired interval.",
    ),
]


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
        "((Σ|c|)² / Σ c² of the points' contributions, column effective), for there neither percentile, studentised "
        f"nor BCa intervals held 95 %: {', '.join(counts)}. More base points (`images`) help."
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
