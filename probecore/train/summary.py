"""The gathering job of `train`: the networks' histories into tables and headline numbers."""

from pathlib import Path

import pandas as pd

from probecore.files import read_table, write_table
from probecore.networks import condition_of
from probecore.summary import FigureEntry, Summary, TableEntry, write_summary
from probecore.train.figures import draw_learning_curves

MEMORISED = 0.9
"""Accuracy on permuted labels from which on a network counts as a control that has memorised them."""


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables `networks`; write history, final state, figure and ``summary.json`` into `output`."""
    history = pd.concat([read_table(path) for path in networks], ignore_index=True)
    keys = ["experiment", "network", "epoch"]
    write_table(output / "history.csv", history, sort_by=keys)
    final = history.loc[history.groupby("network")["epoch"].idxmax()].drop(columns=["running_loss", "running_accuracy"])
    write_table(output / "final.csv", final, sort_by=keys)
    draw_learning_curves(history, output / "learning_curves")
    write_summary(
        output,
        Summary(
            step="train",
            experiment=experiment,
            headline=_headline(history, final),
            figures=[
                FigureEntry(
                    file="learning_curves.svg",
                    table="history.csv",
                    title="Learning curves",
                    caption="Loss and accuracy on the test images after each epoch, one line per network. Epoch 0 is "
                    "the initial state, the untrained control of its seed. Networks with shuffled labels were "
                    "trained on permuted labels and are tested on true ones.",
                )
            ],
            tables=[
                TableEntry(
                    file="final.csv",
                    title="Networks after training",
                    caption="Loss and accuracy of the last epoch on the whole training set, without augmentation and "
                    "with the labels the network was trained on, and on the test set.",
                )
            ],
            remarks=_remarks(final),
        ),
    )


def _remarks(final: pd.DataFrame) -> list[str]:
    weak = final[(final["network"].map(condition_of) == "shuffled") & (final["train_accuracy"] < MEMORISED)]
    return [
        f"{row.network} fits {100 * row.train_accuracy:.0f} % of its permuted labels, so it is no control that "
        "memorised them. Give `train.shuffled` more epochs or another learning rate."
        for row in weak.itertuples()
    ]


def _headline(history: pd.DataFrame, final: pd.DataFrame) -> dict[str, int | float | None]:
    """Means over seeds by condition; the untrained control is epoch 0 of the trained networks."""
    columns = ["train_accuracy", "test_accuracy"] if history["test_accuracy"].notna().any() else ["test_loss"]
    by_condition = dict(list(final.groupby(final["network"].map(condition_of))))
    if "trained" in by_condition:
        initial = history[(history["epoch"] == 0) & (history["network"].map(condition_of) == "trained")]
        by_condition["untrained"] = initial
        columns_of = {"untrained": columns[-1:]}
    else:
        columns_of = {}
    return {
        f"{column}.{condition}": float(rows[column].mean())
        for condition, rows in by_condition.items()
        for column in columns_of.get(condition, columns)
    }
