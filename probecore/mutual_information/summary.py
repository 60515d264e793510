"""The gathering job of `mutual_information`: the networks' tables into those of the experiment, figures, summary."""

from pathlib import Path

import pandas as pd

from probecore.measuring import at_the_end, gather, is_last
from probecore.mutual_information.figures import (
    BIT,
    draw_ablation,
    draw_convergence,
    draw_layers,
    draw_plane,
)
from probecore.mutual_information.figures_units import draw_classes, draw_orders, draw_redundancy, draw_units
from probecore.mutual_information.tables import KEYS
from probecore.statistics import adjust
from probecore.summary import FigureEntry, Summary, TableEntry, write_summary

LEVEL = 0.05


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = gather(networks, KEYS, output=output)
    convergence = tables["convergence"]
    layers = [str(name) for name in convergence.sort_values("position")["layer"].unique()]
    draw_plane(tables["plane"], layers, output / "plane")
    draw_convergence(convergence, layers, output / "convergence")
    draw_units(tables["filters"], layers, output / "units")
    draw_classes(tables["classes"], layers, output / "classes")
    draw_orders(tables["filters"], tables["orders"], layers, output / "orders")
    draw_redundancy(tables["pairs"], layers, output / "redundancy")
    draw_ablation(tables["ablation"], layers, output / "ablation")
    draw_layers(tables["layers"], layers, output / "layers")
    summary = Summary(
        step="mutual_information",
        experiment=experiment,
        headline=_headline(tables, layers),
        figures=FIGURES,
        tables=TABLES,
        remarks=[MEANING, *_remarks(tables)],
        reconstruction="The paper's estimator, its random variables and its numbers are not available to us: the "
        "estimators, units as pooled maps, the redundancy measures, the orders and the ablation are ours.",
    )
    write_summary(output, summary)


FIGURES = [
    FigureEntry(
        file="plane.svg",
        table="plane.csv",
        title="Information plane",
        caption="One line per layer and network over checkpoints, marks growing with the epoch; dashed: the bound "
        "I(T;Y) = min(I(X;T), H(Y)). Left: pairwise bounds with Gaussian noise, thick: from lower to upper at the "
        "end; middle: each binned vector as one symbol; right: I(T;Y) from a linear probe. An estimate at its "
        "ceiling says that all images are told apart, no more.",
    ),
    FigureEntry(
        file="convergence.svg",
        table="convergence.csv",
        title="Convergence",
        caption="Horizontal plus vertical distance from each layer's place in the plane to the bound, and test "
        "accuracy; one line per network.",
    ),
    FigureEntry(
        file="units.svg",
        table="filters.csv",
        title="What single units know",
        caption="I(T;Y) of every filter and neuron by layer; black: mean under permuted labels. Untrained networks are "
        "the trained ones at epoch 0.",
    ),
    FigureEntry(
        file="classes.svg",
        table="classes.csv",
        title="Which class a unit tells from the rest",
        caption="I(T;1[Y = c]) as a share of its ceiling, first trained network, before and after training; hatched: "
        "constant units.",
    ),
    FigureEntry(
        file="orders.svg",
        table="orders.csv",
        title="MI orders",
        caption="Ranks of units by I(T;Y) over checkpoints, first trained network, coloured by their last rank; below: "
        "Spearman's correlation between successive checkpoints.",
    ),
    FigureEntry(
        file="redundancy.svg",
        table="pairs.csv",
        title="Redundancy",
        caption="Pairs of units of the first trained network: I(T_i;T_j), and I(T_i;Y) + I(T_j;Y) - I(T_i,T_j;Y), "
        "above 0 (blue) redundant, below (red) synergetic. Units are ordered by clustering.",
    ),
    FigureEntry(
        file="ablation.svg",
        table="ablation.csv",
        title="Removing units by information",
        caption="Test accuracy when units are silenced, the most or the least informative first, or at random; dashed: "
        "after short retraining. Means over networks. Networks of shuffled labels are not retrained.",
    ),
    FigureEntry(
        file="layers.svg",
        table="layers.csv",
        title="Layer to layer",
        caption="Gaussian information between layers (first principal components, with noise), means over networks; "
        "cross: the data-processing order is broken in a network.",
    ),
]

TABLES = [
    TableEntry(
        file="choice.csv",
        title="Choice order",
        caption="Units in the order in which they add most to every single unit chosen before; `adds` is 0 where that "
        "is within the 95 % of permuted labels.",
    ),
    TableEntry(
        file="design.csv",
        title="Networks trained anew",
        caption="Full widths, as many filters as the first units of the choice order that make up most of its gains, "
        "and a uniformly narrowed network of that size.",
    ),
]

MEANING = (
    "In a deterministic network I(X;T) is that of the input, or infinite: what noise, bins or neighbours make of it is "
    "how well images are told apart at that resolution. A falling I(X;T) is geometric clustering, not forgetting; "
    "estimates need not obey the data-processing inequality."
)


def _headline(tables: dict[str, pd.DataFrame], layers: list[str]) -> dict[str, int | float | None]:
    """Means over networks by condition, in bits."""
    headline: dict[str, int | float | None] = {}
    convergence = at_the_end(tables["convergence"])
    for condition, rows in convergence[convergence["layer"] == layers[-1]].groupby("condition"):
        headline[f"distance_to_bound.{condition}"] = float(rows["distance"].mean() / BIT)
        headline[f"label_information_of_output.{condition}"] = float(rows["label"].mean() / BIT)
    known = tables["filters"].query("quantity == 'label_information'").copy()
    known["adjusted"] = adjust(known["p"], "benjamini_hochberg")
    for condition, rows in at_the_end(known).groupby("condition"):
        headline[f"label_information_per_unit.{condition}"] = float(rows["value"].mean() / BIT)
        headline[f"informative_units.{condition}"] = float((rows["adjusted"] < LEVEL).mean())
    if len(pairs := tables["pairs"]):
        for condition, rows in at_the_end(pairs[pairs["layer"] == layers[0]]).groupby("condition"):
            headline[f"redundancy_of_first_layer.{condition}"] = float(rows["redundancy"].mean() / BIT)
    ablation = at_the_end(tables["ablation"])
    if len(ablation):
        removed = ablation[(ablation["condition"] == "trained") & (ablation["removed"] > 0)]
        for (order, again), rows in removed.groupby(["order", "retrained"]):
            headline[f"accuracy_after_removal.{order}{'.retrained' * int(again)}"] = float(rows["accuracy"].mean())
    for variant, rows in tables["design"].groupby("variant"):
        headline[f"design_accuracy.{variant}"] = float(rows["accuracy"].mean())
    return headline


def _remarks(tables: dict[str, pd.DataFrame]) -> list[str]:
    plane = tables["plane"][is_last(tables["plane"])].query("main == 1")
    shares = plane.groupby(["estimator", "quantity"])["saturated"].mean()
    full = [f"{estimator} of the {quantity}" for (estimator, quantity), share in shares.items() if share > 0.5]
    remarks = [f"The smallest permutation p-value of a unit is {tables['filters']['p'].min():.2g}."]
    if full:
        remarks.append(f"At the last checkpoint most layers are above 95 % of the ceiling: {', '.join(full)}.")
    return remarks
