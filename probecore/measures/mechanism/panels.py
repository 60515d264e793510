"""What the figures of the step share: rows by layer, panels by condition, names of layers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from probecore.figures import Place, figure_at
from probecore.measures.tables import at_the_end, by_network
from probecore.networks import in_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


def by_layer(rows: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame]]:
    """(colour, rows) of every layer, from light to dark with depth."""
    from matplotlib import colormaps

    depths = sorted(set(rows["layer_index"]))
    for place, depth in enumerate(depths, start=1):
        yield colormaps["viridis_r"](place / len(depths)), rows[rows["layer_index"] == depth]


def condition_panels(
    rows: pd.DataFrame, ax: Place
) -> "tuple[Figure | SubFigure, list[Axes], list[tuple[str, pd.DataFrame]]]":
    """A panel for each condition that occurs, side by side."""
    lines: dict[str, list[pd.DataFrame]] = {}
    for condition, line in by_network(at_the_end(rows)):
        lines.setdefault(condition, []).append(line)
    conditions = [(condition, pd.concat(lines[condition])) for condition in in_order(lines)]
    figure = figure_at(ax, 5.4, 3.2)
    panels = list(figure.subplots(1, len(conditions), sharey=True, squeeze=False)[0])
    return figure, panels, conditions


def name_layers(axes: "Axes", rows: pd.DataFrame) -> None:
    """Names of layers along the x axis, which is depth."""
    names = rows.drop_duplicates("layer_index").set_index("layer_index")["layer"].sort_index()
    axes.set_xticks(names.index, names, rotation=60 if len(names) > 6 else 0)
