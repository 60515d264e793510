"""The figure of an audit: both procedures, for real data and for nothing. From the table alone."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from probecore.figures import SERIES_COLOURS, Drawing, NothingToDraw, Place, add_legend, figure_at, style
from probecore.measures.audit import NAME

KINDS = {"": ("real", "o"), "_nothing": ("for nothing", "s")}


@style()
def draw_audit(audit: pd.DataFrame, *, ax: Place = None) -> Axes:
    """What each step's published and corrected procedure reports, and, as a line, what is right for nothing."""
    if audit.empty:
        raise NothingToDraw("No step was audited: the parameters ask for none.")
    figure = figure_at(ax, max(5.4, 2.7 * len(audit)), 3.2)
    panels = figure.subplots(1, len(audit), squeeze=False)[0]
    for axes, row in zip(panels, audit.to_dict("records"), strict=True):
        if np.isfinite(row["right"]):
            axes.axhline(row["right"], color="0.6", lw=1, zorder=0)
        for index, (ending, (label, marker)) in enumerate(KINDS.items()):
            names = [f"{which}{ending}" for which in ("published", "corrected")]
            values, low, high = (
                np.array([row[f"{name}_{part}"] for name in names]) for part in ("value", "low", "high")
            )
            axes.errorbar(
                np.arange(2) + 0.2 * index - 0.1,
                values,
                np.maximum([values - low, high - values], 0),
                fmt=marker,
                ms=4,
                lw=1,
                color=SERIES_COLOURS[index],
                label=label,
            )
        axes.set(title=row["step"], ylabel=row["reports"], xlim=(-0.5, 1.5))
        axes.set_xticks([0, 1], ["published", "corrected"])
    add_legend(figure)
    return figure.axes[0]


AUDIT_PLOT = {NAME: Drawing(draw_audit, (NAME,))}
