"""What a measure of one network gives to a notebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray

LAYERS = {"anova": "relations"}
"""The table of layers where it is not called so."""

ROWS = 12
"""Of the table of layers, shown at most."""

SHOWN = (
    "layer", "to_layer", "basis", "site", "excitation", "relation", "dilation", "class", "response", "estimator",
    "quantity", "mean_dimension", "r2", "value", "low", "high", "null", "p", "n",
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
        """One row per layer and quantity: the columns of ``layers.csv``, of ``relations.csv`` for anova."""
        return self.tables[LAYERS.get(self.measure, "layers")]

    def __repr__(self) -> str:
        """Names and sizes of the tables, and the first rows of `layers`."""
        layers = self._first_layers().to_string(index=False, float_format="{:.4g}".format)
        return "\n".join([self._title(), *self._sizes(), "", f"first of {len(self.layers)} rows of .layers:", layers])

    def _repr_html_(self) -> str:
        """The same for a notebook."""
        sizes = "".join(f"<li><code>{line.strip()}</code></li>" for line in self._sizes())
        layers = self._first_layers().to_html(index=False, float_format="{:.4g}".format, border=0)
        return f"<p>{self._title()}</p><ul>{sizes}</ul>{layers}"

    def _title(self) -> str:
        return f"{self.measure}: {len(self.tables)} tables, {len(self.arrays)} arrays"

    def _sizes(self) -> list[str]:
        return [f"  .tables[{name!r}]: {len(table)} rows" for name, table in self.tables.items()]

    def _first_layers(self) -> pd.DataFrame:
        return self.layers[[name for name in SHOWN if name in self.layers]].head(ROWS)
