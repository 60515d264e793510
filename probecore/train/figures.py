"""Figures of the step `train`, from its tables."""

from pathlib import Path

import pandas as pd

from probecore.figures import add_legend, log_scale, named, new_figure, save_figure, style
from probecore.networks import condition_of


@style()
def draw_learning_curves(history: pd.DataFrame, path_stem: Path) -> None:
    """Test loss and, for classification, accuracy by epoch; one line per network."""
    measures = [name for name in ("test_loss", "test_accuracy") if history[name].notna().any()]
    figure = new_figure(2.7 * len(measures), 2.6)
    for axes, measure in zip(figure.subplots(1, len(measures), squeeze=False)[0], measures, strict=True):
        for network, rows in history.groupby("network"):
            condition = condition_of(str(network))
            axes.plot(rows["epoch"], rows[measure], alpha=0.75, **named(condition), marker=".")
        axes.set(xlabel="epoch", title=measure.replace("_", " "))
        if measure == "test_loss":
            log_scale(axes)
        axes.grid(visible=True)
    add_legend(figure)
    save_figure(figure, path_stem)
