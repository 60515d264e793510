"""How every figure looks, and how it is written: one style, fixed colours, equal bytes each time.

Figures are drawn from tables by each step; no measure is known here. Nothing global changes and
pyplot is never imported: the style holds inside `style()`, also as a decorator.

    @style()
    def draw_accuracy(table: pd.DataFrame, *, ax: Place = None) -> Axes:
        axes = one_panel(ax, 5.4, 3.6)
        axes.plot(table.epoch, table.accuracy, color=colour_of("trained-0"))
        return axes

A measure names its figures in a mapping of `Drawing`: its step writes all of them, a user's `Result.plot` draws one.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from probecore.errors import InputError
from probecore.files import replacing
from probecore.networks import CONDITIONS, in_order

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.typing import RcKeyType

Place: TypeAlias = "Axes | Figure | None"
"""Where to draw: axes, the whole of an empty figure, or a new figure, which pyplot does not know."""

CONDITION_COLOURS = {
    "untrained": "#7A7A7A",
    "trained": "#0072B2",
    "twin": "#7B4FA3",
    "shuffled": "#D55E00",
    "given": "#009E73",
    "reinitialised": "#7A7A7A",
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


class NothingToDraw(Exception):
    """A figure's tables have no rows for it; the message says why."""


@dataclass(frozen=True)
class Drawing:
    """A figure of a measure.

    Attributes
    ----------
    draw
        Takes the tables in this order and ``ax``, a `Place`, and gives the first panel.
    tables
        Names of the measure's tables; ``arrays`` are the arrays of one network by path.
    without
        What to say where the first of them has no rows.
    """

    draw: "Callable[..., Axes]"
    tables: tuple[str, ...]
    without: str = "not measured"

    def __call__(self, tables: Mapping[str, Any], *, ax: Place = None) -> "Axes":
        """Draw from `tables`, by name.

        Raises
        ------
        NothingToDraw
            If the first table has no rows, or none for this figure.
        """
        if not len(tables[self.tables[0]]):
            raise NothingToDraw(self.without)
        return self.draw(*(tables[name] for name in self.tables), ax=ax)


def write_figures(drawings: Mapping[str, Drawing], tables: Mapping[str, Any], folder: Path) -> None:
    """Write each figure into `folder`, by its name; one without rows says why it is empty."""
    for name, drawing in drawings.items():
        figure = new_figure(5.4, 0.8)
        try:
            drawing(tables, ax=figure)
        except NothingToDraw as reason:
            _write_reason(figure, str(reason))
        save_figure(figure, folder / name)


@style()
def _write_reason(figure: "Figure", reason: str) -> None:
    figure.text(0.5, 0.5, reason, ha="center", va="center")


@style()
def new_figure(width: float = 5.4, height: float = 3.6) -> "Figure":
    """An empty figure, `width` by `height` inches, whose layout keeps labels from overlapping.

    Up to 5.4 inches wide, it is shown whole on a phone and in pairs on a wide screen.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def figure_at(ax: Place, width: float, height: float) -> "Figure | SubFigure":
    """A figure for several panels: a new one, a given one in this size, or one in the place of axes, which go.

    Raises
    ------
    InputError
        If the axes are not those of a grid, as ``pyplot.subplots`` makes them.
    """
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        whole = ax or new_figure()
        whole.set_size_inches(width, height)
        return whole
    place = ax.get_subplotspec()
    if place is None or place.get_gridspec() is not place.get_topmost_subplotspec().get_gridspec():
        raise InputError("ax: this figure has several panels; give it axes of `pyplot.subplots`, or none")
    figure = ax.figure
    ax.remove()
    return figure.add_subfigure(place)


def one_panel(ax: Place, width: float, height: float) -> "Axes":
    """Axes for a figure of one panel: those given, or the only ones of a figure of this size."""
    from matplotlib.axes import Axes

    return ax if isinstance(ax, Axes) else figure_at(ax, width, height).subplots()


def add_legend(place: "Axes | Figure | SubFigure", *, ncols: int = 4, **options: Any) -> None:
    """Name what is shown, each label once, conditions first in their order.

    Parameters
    ----------
    place : a figure, whose panels get one legend above them; or one panel, above it where it is alone, else inside
    ncols : of a legend above, at most
    options : of `matplotlib.axes.Axes.legend`
    """
    from matplotlib.axes import Axes

    figure = place.figure if isinstance(place, Axes) else place
    panels = [place] if isinstance(place, Axes) else figure.axes
    found: dict[str, Any] = {}
    for panel in panels:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    labels = [*in_order(found), *(label for label in found if label not in CONDITIONS)]
    handles = [found[label] for label in labels]
    if place is figure or (figure.axes == panels and figure.get_layout_engine() is not None):
        figure.legend(handles, labels, loc="outside upper center", ncols=max(1, min(ncols, len(labels))), **options)
    else:
        place.legend(handles, labels, **options)


@style()
def save_figure(figure: "Figure", path_stem: Path) -> None:
    """Write ``<path_stem>.svg`` and ``<path_stem>.png``, arranged once; equal figures give equal bytes."""
    if figure.axes and (arrangement := figure.get_layout_engine()):
        arrangement.execute(figure)
    figure.set_layout_engine(None)
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


def named(condition: str) -> dict[str, Any]:
    """Return colour and label of what is drawn of a condition, as keywords of matplotlib."""
    return {"color": colour_of(condition), "label": condition}


def error_lengths(rows: "pd.DataFrame", value: str = "value") -> "np.ndarray":
    """Return the lengths of error bars (2, N) from `value` to ``low`` and ``high``; 0 where an end is not finite."""
    import numpy as np

    middle, low, high = rows[[value, "low", "high"]].to_numpy(dtype=np.float64).T
    with np.errstate(invalid="ignore"):
        lengths = np.array([middle - low, high - middle])
    return np.asarray(np.clip(np.nan_to_num(lengths, posinf=0, neginf=0), 0, None))


def log_scale(axes: "Axes") -> None:
    """Make the y-axis logarithmic if what is drawn has a value above 0."""
    if axes.dataLim.minposy < float("inf"):
        axes.set_yscale("log")


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
