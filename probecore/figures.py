"""How every figure looks, and how it is written: one style, fixed colours, equal bytes each time.

Figures are drawn from tables by each step; no measure is known here. Nothing global changes and
pyplot is never imported: the style holds inside `style()`, also as a decorator.

    @style()
    def draw_accuracy(table: pd.DataFrame, path_stem: Path) -> None:
        figure = new_figure()
        axes = figure.subplots()
        axes.plot(table.epoch, table.accuracy, color=colour_of("trained-0"))
        save_figure(figure, path_stem)
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probecore.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

CONDITION_COLOURS = {
    "trained": "#0072B2",
    "twin": "#7B4FA3",
    "shuffled": "#D55E00",
    "untrained": "#7A7A7A",
    "reinitialised": "#7A7A7A",
    "given": "#009E73",
}
"""One colour per condition in every figure; distinct to colour-blind eyes (10.1038/nmeth.1618)."""

SERIES_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A7A7A", "#000000")
"""Colours of anything else, in this order."""

DPI = 200
"""Dots per inch of PNG files and of rasterised marks."""

MANY_MARKS = 2000
"""More marks than this are drawn as pixels inside the SVG."""

_INK, _SOFT = "#222222", "#8A8A8A"


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw in the shared style inside this block, whatever the user's matplotlibrc says.

    The settings from before return after it.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_settings())
        yield


@style()
def new_figure(width: float = 5.4, height: float = 3.6) -> "Figure":
    """An empty figure, `width` by `height` inches, whose layout keeps labels from overlapping.

    Up to 5.4 inches wide, it is shown whole on a phone and in pairs on a wide screen.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


@style()
def save_figure(figure: "Figure", path_stem: Path) -> None:
    """Write ``<path_stem>.svg`` and ``<path_stem>.png``; equal figures give equal bytes."""
    empty: dict[str, dict[str, str | None]] = {
        "svg": {"Date": None, "Creator": None},
        "png": {"Software": None},
    }
    for kind, metadata in empty.items():
        with replacing(path_stem.with_name(f"{path_stem.name}.{kind}")) as partial:
            figure.savefig(partial, format=kind, dpi=DPI, metadata=metadata)


def colour_of(name: str) -> str:
    """The colour of a condition, or of a network by its condition: ``trained``, ``shuffled-0``."""
    return CONDITION_COLOURS[name.partition("-")[0]]


def rasterise(marks: int) -> bool:
    """Whether so many marks are drawn as pixels: ``axes.scatter(…, rasterized=rasterise(len(x)))``."""
    return marks > MANY_MARKS


def spread(count: int, width: float) -> "np.ndarray":
    """Places of `count` marks side by side around 0, `width` from the first to the last."""
    import numpy as np

    return np.linspace(-width / 2, width / 2, count) if count > 1 else np.zeros(count)


def _settings() -> dict["RcKeyType", Any]:
    from cycler import cycler

    return {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 8,
        "axes.labelsize": 10,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "legend.frameon": False,
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.titlecolor": _INK,
        "axes.edgecolor": _SOFT,
        "xtick.color": _SOFT,
        "ytick.color": _SOFT,
        "xtick.labelcolor": _INK,
        "ytick.labelcolor": _INK,
        "axes.linewidth": 0.7,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": "#E3E3E3",
        "grid.linewidth": 0.6,
        "axes.prop_cycle": cycler(color=SERIES_COLOURS),
        "lines.linewidth": 1.6,
        "lines.markersize": 4.5,
        "errorbar.capsize": 2,
        "image.cmap": "Blues",
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "savefig.bbox": None,
        "svg.fonttype": "path",
        "svg.hashsalt": "probecore",
    }
