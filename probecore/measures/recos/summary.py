"""The gathering job of `recos`: the networks' tables into those of the experiment, figures and the summary."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from probecore.figures import write_figures
from probecore.files import open_hdf5, write_table
from probecore.measures.answer import answer_from
from probecore.measures.audit import Found, Reported, audit_table, over_networks, remarks_of, without_audit, write_audit
from probecore.measures.audit_figure import AUDIT_PLOT
from probecore.measures.recos.families import count_significant
from probecore.measures.recos.keys import AROUND_MEAN, ARRAYS, BOTH, BOTH_AROUND_MEAN
from probecore.measures.recos.measure import MEASURE
from probecore.measures.recos.plots import PLOTS
from probecore.measures.tables import (
    at_the_end,
    gather,
    is_last,
    of_one_condition,
    remarks_on_controls,
    representative,
)
from probecore.statistics import headline_over_seeds
from probecore.summary import write_summary

Tables = Mapping[str, pd.DataFrame]

HEADS = ("one_layer", "two_layer")
"""In the headline."""


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = gather(networks, MEASURE.keys, text=MEASURE.text, output=output)
    families = count_significant(tables)
    families.insert(0, "experiment", experiment)
    write_table(output / "families.csv", families, sort_by=list(families.columns[:5]))
    layers = tables["layers"]
    shown = representative(tables["filters"])
    with open_hdf5(next(folder for folder in networks if folder.name == shown) / ARRAYS) as arrays:
        audit = audit_table(experiment, MEASURE.audits, _audited(tables["polarity"]))
        write_audit(output, audit)
        write_figures({**PLOTS, **AUDIT_PLOT}, {**tables, "arrays": arrays, "audit": audit}, output)
    write_summary(
        output,
        MEASURE.summary(
            experiment,
            headline=_headline(tables),
            answer=answer_from(tables, MEASURE.answer),
            remarks=[_remark_on_scalings(tables["scalings"]), *remarks_on_controls(layers), *remarks_of(audit)],
            network=shown,
            without=[*_missing(tables), *without_audit(audit)],
        ),
    )


def _audited(polarity: pd.DataFrame) -> dict[str, Found]:
    """Give the audit's numbers: reversed images by either scaling, to networks after training and before it.

    What an untrained network reaches is a property of its weights, near chance but not at it: nothing is right of it.
    """
    plain = polarity[polarity["filters"] == "plain"]
    trained = of_one_condition(plain)
    before = plain[(plain["epoch"] == 0) & plain["network"].isin(trained["network"]) & ~is_last(plain)]

    def accuracy(table: pd.DataFrame, images: str) -> Reported:
        rows = table[table["images"] == images]
        return over_networks(rows["accuracy"], rows["network"])

    found: dict[str, Found] = {}
    if len(before):
        found["polarity"] = Found(
            published=accuracy(trained, "reversed"),
            published_nothing=accuracy(before, "reversed"),
            corrected=accuracy(trained, AROUND_MEAN),
            corrected_nothing=accuracy(before, AROUND_MEAN),
        )
    both, around = (of_one_condition(polarity[polarity["filters"] == name]) for name in (BOTH, BOTH_AROUND_MEAN))
    if len(both):
        found["both polarities"] = Found(
            published=accuracy(both, "reversed"),
            published_nothing=accuracy(trained, "reversed"),
            corrected=accuracy(around, AROUND_MEAN),
            corrected_nothing=accuracy(trained, AROUND_MEAN),
        )
    return found


def _missing(tables: Tables) -> list[str]:
    """Figures that have nothing to show."""
    missing = [name for name in ("cascade", "heads", "positions") if not len(tables[name])]
    if not (tables["layers"]["quantity"] == "rotation").any():
        missing.append("rotation")
    return missing


def _headline(tables: Tables) -> dict[str, int | float | None]:
    """Over seeds after training, by condition where chance is of interest, and the identity's error.

    Sign confusion of a layer that reads pixels is a constant of the input's scaling, and left out.
    """
    layers, heads = tables["layers"], tables["heads"]
    signs = layers[(layers["quantity"] == "sign_confusion") & (layers["reads"] == "features")]
    fisher = layers[layers["quantity"].isin(["fisher_class", "fisher_background_unseen"])]
    headline: dict[str, int | float | None] = {}
    for (condition, filters, images), rows in _groups(tables["polarity"], ["filters", "images"], ["untrained"]):
        headline |= headline_over_seeds(f"accuracy.{condition}.{filters}_filters.{images}_images", rows["accuracy"])
    for (condition, quantity, layer), rows in _groups(pd.concat([signs, fisher]), ["quantity", "layer"]):
        headline |= headline_over_seeds(f"{quantity}.{condition}.{layer}", rows["value"])
    for (condition, images), rows in _groups(tables["cascade"], ["images"]):
        headline |= headline_over_seeds(f"backgrounds.{condition}.{images}", rows["accuracy"])
    for (condition, head, images), rows in _groups(heads[heads["head"].isin(HEADS)], ["head", "images"]):
        headline |= headline_over_seeds(f"heads.{condition}.{head}.{images}", rows["accuracy"])
    half = tables["scalings"].query("scaling == 'half'")
    if len(half):
        headline["identity_error"] = float(half["largest_difference"].max())
    return headline


def _groups(table: pd.DataFrame, keys: list[str], without: Sequence[str] = ("untrained", "shuffled")) -> Any:
    """Rows after training by condition and keys."""
    if not len(table):
        return []
    shown = at_the_end(table)
    return shown[~shown["condition"].isin(without)].groupby(["condition", *keys])


def _remark_on_scalings(scalings: pd.DataFrame) -> str:
    parts = [
        f"{SCALING_NAMES[str(name)]}: {'exactly equal' if worst == 0 else f'logits differ by up to {worst:.3g}'}"
        for name, worst in scalings.groupby("scaling")["largest_difference"].max().items()
    ]
    return (
        "Negating all first-layer filters and reversing the images undo each other, bit for bit, where reversal "
        f"negates the input, and not elsewhere. Measured: {'; '.join(parts)}."
    )


SCALING_NAMES = {
    "half": "inputs in [-0.5, 0.5]",
    "unit": "inputs in [0, 1]",
    "standard": "standardised inputs",
}
