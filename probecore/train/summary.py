"""The gathering job of `train`: the networks' histories into tables and headline numbers."""

from pathlib import Path

import pandas as pd

from probecore.files import read_table, write_table
from probecore.networks import condition_at, condition_of
from probecore.statistics import headline_over_seeds
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
                    "trained on permuted labels and are tested on true ones; a twin learns true labels under the "
                    "recipe of shuffled ones, where that is not the recipe of the trained networks.",
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
    """Means over seeds by condition; the untrained control is epoch 0 of the trained networks, and the re-initialised.

    What an untrained network makes of its training images is no result, so that it has its test images alone.
    """
    columns = ["train_accuracy", "test_accuracy"] if history["test_accuracy"].notna().any() else ["test_loss"]
    initial = history[(history["epoch"] == 0) & (history["network"].map(condition_of) == "trained")]
    rows = pd.concat([final, initial]).drop_duplicates(["network", "epoch"])
    conditions = pd.Series([condition_at(row.network, row.epoch) for row in rows.itertuples()], rows.index)
    headline: dict[str, int | float | None] = {}
    for condition, group in rows.groupby(conditions):
        for column in columns[-1:] if condition == "untrained" else columns:
            headline |= headline_over_seeds(f"{column}.{condition}", group[column])
    return headline
