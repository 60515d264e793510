"""The gathering job of `recos`: the networks' tables into those of the experiment, figures and the summary."""

from pathlib import Path

import pandas as pd

from probecore.measuring import gather
from probecore.networks import condition_at
from probecore.recos.figures import draw_confusion, draw_polarity
from probecore.recos.run import KEYS
from probecore.summary import FigureEntry, Summary, TableEntry, write_summary


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = gather(networks, KEYS, output=output)
    draw_polarity(tables["polarity"], output / "polarity")
    draw_confusion(tables["confusion"], output / "confusion")
    summary = Summary(
        step="recos",
        experiment=experiment,
        headline=_headline(tables),
        figures=FIGURES,
        tables=TABLES,
        remarks=[_remark_on_scalings(tables["scalings"])],
        reconstruction="The paper's tables are not available to us: the 2×2 design, the per-filter quantities and the "
        "comparison of scalings are ours; the identity net(W, x) = net(-W, -x) holds by algebra.",
    )
    write_summary(output, summary)


FIGURES = [
    FigureEntry(
        file="polarity.svg",
        table="polarity.csv",
        title="Polarity",
        caption="Test accuracy on normal and on reversed images, with first-layer filters as trained and negated; one "
        "mark per network, with its 95 % interval over images (Wilson); dashed: chance. Untrained networks "
        "are the trained ones at epoch 0.",
    ),
    FigureEntry(
        file="confusion.svg",
        table="confusion.csv",
        title="What reversed images are taken for",
        caption="Share of predictions per label on reversed test images, filters as trained, all networks of a "
        "condition together. Rows sum to 1.",
    ),
]

TABLES = [
    TableEntry(
        file="scalings.csv",
        title="The identity under other input scalings",
        caption="Largest absolute difference between logits that the identity says are equal, and the share of images "
        "with equal predictions, when the trained network is fed with inputs in [-0.5, 0.5] (half), [0, 1] (unit) "
        "or standardised ones.",
    ),
    TableEntry(
        file="filters.csv",
        title="First-layer filters",
        caption="Per filter: the share of its energy in its mean, and how accuracy changes on normal and on reversed "
        "images when this filter alone is negated (95 % interval over images; p from the exact sign test).",
    ),
]


def _headline(tables: dict[str, pd.DataFrame]) -> dict[str, int | float | None]:
    """Means over networks by condition, after training, and the identity's error with [-0.5, 0.5]."""
    table = tables["polarity"]
    final = table[table["epoch"] == table.groupby("network")["epoch"].transform("max")]
    conditions = [condition_at(row.network, row.epoch) for row in final.itertuples()]
    means = final.groupby([conditions, "filters", "images"])["accuracy"].mean()
    headline: dict[str, int | float | None] = {
        f"accuracy.{condition}.{filters}_filters.{images}_images": float(value)
        for (condition, filters, images), value in means.items()
    }
    half = tables["scalings"].query("scaling == 'half'")
    if len(half):
        headline["identity_error"] = float(half["largest_difference"].max())
    return headline


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
