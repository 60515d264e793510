"""What a measure of one network gives to a notebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import NDArray

from probecore.errors import InputError
from probecore.figures import Drawing, NothingToDraw
from probecore.measures import declaration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALIKE = ("experiment", "network", "epoch", "layer", "layer_index", "quantity", "value", "low", "high", "null", "p", "n")
"""The first columns of `Result.layers`, whatever the measure."""

ROWS = 12
"""Of the table of layers, shown at most."""

SHOWN = (
    "layer", "to_layer", "basis", "site", "excitation", "relation", "dilation", "class", "response", "estimator",
    "quantity", "value", "low", "high", "null", "p", "n",
)  # fmt: skip
"""Columns of the table of layers, shown where they are."""


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """The tables of one network, as the measure's step writes them, with floats as they are.

    Attributes
    ----------
    measure
        Its name.
    tables
        By name, without ``.csv``; docs/<measure>.md says what their columns are.
    arrays
        What the step writes into its HDF5 file, by path in it: ``fields.h5`` of mechanism, ``spectral.h5`` of recos,
        ``heatmaps.h5`` of mean_dimension; empty for the others.
    """

    measure: str
    tables: Mapping[str, pd.DataFrame]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def filters(self) -> pd.DataFrame:
        """One row per filter and quantity: the columns of ``filters.csv``."""
        return self.tables["filters"]

    @property
    def layers(self) -> pd.DataFrame:
        """One row per layer and estimate: the columns of `ALIKE`, then those that this measure has beside them.

        It is ``layers.csv``, of anova ``relations.csv``, whose ``r2`` is the value.
        """
        declared = declaration(self.measure).layers
        table = self.tables[declared.name].rename(columns={declared.value: "value"})
        if "quantity" not in table:
            table = table.assign(quantity=declared.quantity)
        return table.reindex(columns=[*ALIKE, *(column for column in table if column not in ALIKE)])

    def plot(self, name: str | None = None, ax: "Axes | None" = None) -> "Axes":
        """Draw a figure of the report from the tables of this network.

        Parameters
        ----------
        name
            What the report's file is called, without ``.svg``.
        ax
            Where to draw it; by default in a new figure of pyplot. A figure of one panel is drawn into `ax`; one of
            several panels takes its place in the grid, which `pyplot.subplots` makes, best with
            ``layout="constrained"``.

        Returns
        -------
        Axes
            The panel, or the first of several; ``.figure.axes`` has all.

        Raises
        ------
        InputError
            Without a name of this measure's figures, which it lists; or if there is nothing to draw, with the reason.
        """
        drawings: Mapping[str, Drawing] = import_module(f"probecore.measures.{self.measure}.plots").PLOTS
        if name is None or name not in drawings:
            wrong = "name a figure" if name is None else f"no figure {name!r}"
            raise InputError(f"plot: {wrong}; {self.measure} has {', '.join(sorted(drawings))}")
        tables = {**self.tables, "arrays": self.arrays}
        try:
            return drawings[name](tables, ax=ax) if ax else _in_pyplot(drawings[name], tables)
        except NothingToDraw as reason:
            raise InputError(f"plot: {name!r} has nothing to show for this network: {reason}") from None

    def __repr__(self) -> str:
        """Names and sizes of the tables, and the first rows of `layers`."""
        layers = self._first_layers().to_string(index=False, float_format="{:.4g}".format)
        return "\n".join([self._title(), *self._sizes(), "", f"first of {len(self.layers)} rows of .layers:", layers])

    def _repr_html_(self) -> str:
        """The same for a notebook."""
        sizes = "".join(f"<li><code>{escape(line.strip())}</code></li>" for line in self._sizes())
        layers = self._first_layers().to_html(index=False, float_format="{:.4g}".format, border=0)
        return f"<p>{escape(self._title())}</p><ul>{sizes}</ul>{layers}"

    def _title(self) -> str:
        return f"{self.measure}: {len(self.tables)} tables, {len(self.arrays)} arrays"

    def _sizes(self) -> list[str]:
        return [f"  .tables[{name!r}]: {len(table)} rows" for name, table in self.tables.items()]

    def _first_layers(self) -> pd.DataFrame:
        return self.layers[[name for name in SHOWN if name in self.layers]].head(ROWS)


def _in_pyplot(drawing: Drawing, tables: Mapping[str, Any]) -> "Axes":
    """Draw in a new figure that notebooks and ``pyplot.show`` know."""
    from matplotlib import pyplot

    figure = pyplot.figure(layout="constrained", facecolor="white")
    try:
        return drawing(tables, ax=figure)
    except BaseException:
        pyplot.close(figure)
        raise
