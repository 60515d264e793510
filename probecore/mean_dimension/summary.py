"""The gathering job of `mean_dimension`: the networks' tables into those of the experiment, figures and the summary."""

from pathlib import Path

import numpy as np
import pandas as pd

from probecore.mean_dimension.figures import draw_deletion, draw_heatmaps, draw_layers, draw_outputs
from probecore.mean_dimension.run import HEATMAPS, KEYS
from probecore.measuring import at_the_end, gather
from probecore.summary import FigureEntry, Summary, TableEntry, write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = gather(networks, KEYS, output=output)
    draw_outputs(tables["outputs"], output / "outputs")
    draw_layers(tables["layers"], output / "layers")
    draw_heatmaps({folder.name: folder / HEATMAPS for folder in networks}, output / "heatmaps")
    draw_deletion(tables["deletion"], output / "deletion")
    figures = [entry for entry in FIGURES if len(tables[Path(entry.table).stem])]
    summary = Summary(
        step="mean_dimension",
        experiment=experiment,
        headline=_headline(tables),
        figures=figures,
        tables=TABLES,
        remarks=_remarks(tables["outputs"]),
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
        "its 95 % interval over test points (bootstrap over blocks of pairs). Epoch 0 is the untrained network. "
        "Dashed: 1, what every linear network has in principal components.",
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
        "checkpoint and basis: value, 95 % interval, the same with Var(Δ)/2 (the authors' variant), spread over "
        "shuffles, constant outputs, coordinates, evaluations; null: the untrained network.",
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
        "noise (reliability). The maps and their standard errors are in heatmaps.h5 of each network.",
    ),
    TableEntry(file="deletion.csv", title="Deletion curves", caption="Accuracy, 95 % interval over images (Wilson)."),
    TableEntry(
        file="filters.csv",
        title="Filters",
        caption="Mean dimension of each filter or neuron, trace over its positions; null: the same before training.",
    ),
]


def _headline(tables: dict[str, pd.DataFrame]) -> dict[str, int | float | None]:
    """Means over networks: the outputs by condition after training, and the area under the deletion curves."""
    table = tables["outputs"]
    shown = at_the_end(table[table["output"].isin(["logits", "output"])])
    means = shown.groupby(["condition", "basis"])["value"].mean()
    headline: dict[str, int | float | None] = {
        f"{condition}.{basis}": float(value) for (condition, basis), value in means.items()
    }
    curves = tables["deletion"]
    curves = curves[~curves["network"].str.startswith("shuffled")]
    areas = [
        (str(order), _area(rows["fraction"].to_numpy(), rows["accuracy"].to_numpy()))
        for (order, _), rows in curves.groupby(["order", "network"])
    ]
    for order, values in pd.DataFrame(areas, columns=["order", "area"]).groupby("order")["area"]:
        headline[f"deletion_area.{str(order).replace(' ', '_')}"] = float(values.mean())
    return headline


def _area(fraction: np.ndarray, accuracy: np.ndarray) -> float:
    return float(np.trapezoid(accuracy, fraction))


def _remarks(outputs: pd.DataFrame) -> list[str]:
    remarks = [
        "Inputs are correlated, so a mean dimension below 1 is possible in pixels: neighbours that agree move the "
        "output together, and one alone moves it little. In principal components a linear network has 1.",
    ]
    if (outputs["output"] == "nll").any():
        remarks.append(
            "The NLL's mean dimension is a ratio to the variance of the NLL over test points, which a few misjudged "
            "points make up once a network is trained: read it with its interval."
        )
    return remarks
