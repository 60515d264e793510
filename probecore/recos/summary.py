"""The gathering job of `recos`: the networks' tables into those of the experiment, figures and the summary."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from probecore.measuring import at_the_end, gather
from probecore.recos.figures import draw_confusion, draw_polarity, draw_signs
from probecore.recos.figures_cascade import draw_cascade, draw_heads, draw_positions
from probecore.recos.figures_sphere import (
    draw_anchors,
    draw_angles,
    draw_embedding,
    draw_fisher,
    draw_mean_anchor,
    draw_spectral,
    draw_turned,
)
from probecore.recos.run import KEYS
from probecore.recos.texts import RECONSTRUCTION, TABLES, figures
from probecore.summary import Summary, write_summary

Tables = Mapping[str, pd.DataFrame]


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = gather(networks, KEYS, output=output)
    layers = tables["layers"]
    draw_polarity(tables["polarity"], output / "polarity")
    draw_confusion(tables["confusion"], output / "confusion")
    draw_signs(layers, output / "signs")
    draw_anchors(tables["filters"], tables["angles"], layers, output / "anchors")
    draw_mean_anchor(layers, output / "mean_anchor")
    draw_angles(tables["angles"], layers, output / "angles")
    draw_turned(layers, output / "turned")
    draw_embedding(tables["embedding"], layers, output / "embedding")
    draw_fisher(layers, output / "fisher")
    draw_spectral(networks[0] / "spectral.h5", layers, output / "spectral")
    draw_cascade(tables["cascade"], output / "cascade")
    draw_heads(tables["heads"], output / "heads")
    draw_positions(tables["positions"], output / "positions")
    summary = Summary(
        step="recos",
        experiment=experiment,
        headline=_headline(tables),
        figures=figures(networks[0].name, missing=_missing(tables)),
        tables=TABLES,
        remarks=[_remark_on_scalings(tables["scalings"])],
        reconstruction=RECONSTRUCTION,
    )
    write_summary(output, summary)


def _missing(tables: Tables) -> list[str]:
    """Figures that have nothing to show."""
    missing = [name for name in ("cascade", "heads", "positions") if not len(tables[name])]
    if not (tables["layers"]["quantity"] == "turned").any():
        missing.append("turned")
    return missing


def _headline(tables: Tables) -> dict[str, int | float | None]:
    """Means over networks after training, by condition where chance is of interest, and the identity's error."""
    headline: dict[str, int | float | None] = {}
    for row in _means(tables["polarity"], ["filters", "images"], "accuracy", without=["untrained"]):
        headline[f"accuracy.{row.condition}.{row.filters}_filters.{row.images}_images"] = float(row.accuracy)
    layers = tables["layers"]
    shown = layers[layers["quantity"].isin(["sign_confusion", "fisher_class", "fisher_background_unseen"])]
    for row in _means(shown, ["quantity", "layer"], "value"):
        headline[f"{row.quantity}.{row.condition}.{row.layer}"] = float(row.value)
    for row in _means(tables["cascade"], ["images"], "accuracy"):
        headline[f"backgrounds.{row.condition}.{row.images}"] = float(row.accuracy)
    heads = tables["heads"]
    for row in _means(heads[heads["head"].isin(["one_layer", "two_layer"])], ["head", "images"], "accuracy"):
        headline[f"heads.{row.condition}.{row.head}.{row.images}"] = float(row.accuracy)
    half = tables["scalings"].query("scaling == 'half'")
    if len(half):
        headline["identity_error"] = float(half["largest_difference"].max())
    return headline


def _means(
    table: pd.DataFrame, keys: list[str], column: str, *, without: Sequence[str] = ("untrained", "shuffled")
) -> list[Any]:
    if not len(table):
        return []
    shown = at_the_end(table)
    shown = shown[~shown["condition"].isin(without)]
    return list(shown.groupby(["condition", *keys])[column].mean().dropna().reset_index().itertuples())


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
