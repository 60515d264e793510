"""Which cells of a table changed, and by how much of their intervals. The one comparison of tables; no files here."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("experiment", "network", "epoch", "layer", "filter", "site", "quantity")
"""Columns that name rows wherever they lead a table: the keys of the per-filter tables."""


@dataclass(frozen=True)
class TableDifference:
    """How a table changed.

    Parameters
    ----------
    cells : a row for each cell that changed: words, then what has an interval, then the rest, the largest change first,
        with the columns
        ``row`` (the values of the columns that name it), ``column``, ``before``, ``after``, ``change`` (after - before,
        NaN for words and for numbers that came or went), ``size``, and ``in_half_widths``: whether size is that of the
        change in half widths of the interval before, or, where there is none, relative to the larger of the two
    added, removed : rows that only one of the two has, by the values of the columns that name them
    columns : names of columns that only one of the two has
    rows : number of rows that both have
    """

    cells: "pd.DataFrame"
    added: list[str]
    removed: list[str]
    columns: list[str]
    rows: int

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(len(self.cells) or self.added or self.removed or self.columns)


def compare_tables(before: "pd.DataFrame", after: "pd.DataFrame") -> TableDifference:
    """Compare two tables, row by row.

    Rows are those with the same values in the leading columns that name them: the `KEYS` among them, and as many more
    as it takes to tell all rows of each table apart. Of a quantity the interval is in ``<quantity>_low`` and
    ``<quantity>_high``, or in ``low`` and ``high`` right behind it; its ends are measured by it too.
    """
    keys = _keys(before, after)
    first, second = _numbered(before, keys), _numbered(after, keys)
    both = first.index.intersection(second.index)
    shared = [column for column in before if column in after and column not in keys]
    old, new = first.loc[both], second.loc[both]
    return TableDifference(
        cells=_changed(old, new, shared, [_name(row) for row in both]),
        added=[_name(row) for row in second.index.difference(both, sort=False)],
        removed=[_name(row) for row in first.index.difference(both, sort=False)],
        columns=[column for column in (*before, *after) if (column in before) != (column in after)],
        rows=len(both),
    )


def flat_table(content: Any) -> "pd.DataFrame":
    """Turn nested mappings, e.g. of a JSON file, into a table: dotted ``name``, and ``number`` or ``text``."""
    import pandas as pd

    rows = [
        (name, float(value), None)
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else (name, math.nan, None if value is None else str(value))
        for name, value in leaves(content).items()
    ]
    return pd.DataFrame(rows, columns=["name", "number", "text"]).astype({"number": float, "text": object})


def leaves(content: Any, prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings into their innermost values by dotted keys; lists are values."""
    if not isinstance(content, Mapping) or not content:
        return {prefix: content}
    return {
        key: value
        for name, item in content.items()
        for key, value in leaves(item, f"{prefix}.{name}" if prefix else str(name)).items()
    }


def _keys(before: "pd.DataFrame", after: "pd.DataFrame") -> list[str]:
    """The shortest beginning of the columns that both have which tells the rows of either apart."""
    keys: list[str] = []
    for column, other in zip(before, after, strict=False):
        unique = bool(keys) and not any(table.duplicated(keys).any() for table in (before, after))
        if column != other or (unique and column not in KEYS):
            break
        keys.append(column)
    return keys


def _numbered(table: "pd.DataFrame", keys: list[str]) -> "pd.DataFrame":
    """The table by its keys, as text; equal rows, where nothing tells them apart, by number."""
    import pandas as pd

    named = table[keys].map(lambda value: f"{value:.12g}" if isinstance(value, (int, float)) else str(value))
    number = named.groupby(keys).cumcount() if keys else pd.Series(range(len(table)))
    index = pd.MultiIndex.from_arrays([*(named[key] for key in keys), number.to_numpy()])
    return table.set_axis(index, axis=0)


def _name(row: tuple[Any, ...]) -> str:
    *names, number = row
    return " ".join(map(str, names)) + (f" #{number + 1}" if number or not names else "")


def _changed(old: "pd.DataFrame", new: "pd.DataFrame", columns: list[str], rows: list[str]) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    parts = [_changed_in(column, old, new, rows) for column in columns]
    empty = pd.DataFrame(columns=["row", "column", "before", "after", "change", "size", "in_half_widths"])
    empty = empty.astype({"change": float, "size": float, "in_half_widths": bool})
    parts = [part for part in parts if len(part)]
    cells = pd.concat(parts, ignore_index=True) if parts else empty
    return (
        cells.assign(words=np.isinf(cells["size"].to_numpy(float)))
        .sort_values(["words", "in_half_widths", "size"], ascending=False, kind="stable", ignore_index=True)
        .drop(columns="words")
    )


def _changed_in(column: str, old: "pd.DataFrame", new: "pd.DataFrame", rows: list[str]) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    first, second = old[column], new[column]
    changed = np.flatnonzero(first.ne(second) & ~(first.isna() & second.isna()))
    change, size, by_interval = np.nan, np.inf, False
    if first.dtype.kind in "iuf" and second.dtype.kind in "iuf":
        before, after = (values.to_numpy(float)[changed] for values in (first, second))
        half = _half_width(column, old)[changed]
        by_interval, change = half > 0, after - before
        size = np.abs(change) / np.where(by_interval, half, np.maximum(np.abs(before), np.abs(after)))
    return pd.DataFrame(
        {
            "row": [rows[row] for row in changed],
            "column": column,
            "before": first.to_numpy()[changed],
            "after": second.to_numpy()[changed],
            "change": change,
            "size": np.where(np.isnan(size), np.inf, size),
            "in_half_widths": by_interval,
        }
    )


def _half_width(column: str, table: "pd.DataFrame") -> Any:
    """Half the width of the interval of a column, or that a column ends, in each row; NaN where there is none."""
    import numpy as np

    columns = list(table)
    quantity = re.sub(r"(^|_)(low|high)$", "", column)
    ends = [f"{quantity}_low", f"{quantity}_high"]
    if not quantity or columns[columns.index(column) + 1 :][:2] == ["low", "high"]:
        ends = ["low", "high"]
    if not set(ends) <= set(columns) or any(table[end].dtype.kind not in "iuf" for end in ends):
        return np.full(len(table), np.nan)
    return (table[ends[1]] - table[ends[0]]).to_numpy(float) / 2
