"""Which quantities the tables of a measure give an interval or a p-value."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

ADJUSTED = ("_holm", "_bh", "_adjusted")
"""Ends of columns that hold p-values of a family, made from those in another column of the table."""

NO_ESTIMATE = {"layer_index", "null", "null_95", "n", "df", "df1", "df2", "ceiling", "low", "high", "p"}


COPIED = {"table.csv"}
"""Rows of the measures' own tables, in the atlas."""


def printed_quantities(folder: Path) -> list[tuple[str, str]]:
    """List what the tables in `folder` give an interval or a p-value.

    Returns
    -------
    list of (quantity, column)
        In a table with a column ``quantity``, its entries in rows that have one, whichever the column. In other tables
        the column that the interval or p-value belongs to, and the column that holds the p-value, or again the former.
    """
    found: dict[tuple[str, str], None] = {}
    for path in sorted(set(folder.glob("*.csv")) - {folder / name for name in COPIED}):
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            header = table.fieldnames or []
            columns = list(_columns(header))
            if "quantity" in header:
                names = [row["quantity"] for row in table if any(row[holder] for holder, _ in columns)]
                found |= {(f"{path.name}:{name}", f"{path.name}:{name}"): None for name in names}
            else:
                for holder, owner in columns:
                    column = owner if holder.endswith("low") else holder
                    found[f"{path.name}:{owner}", f"{path.name}:{column}"] = None
    return list(found)


def _columns(header: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(column of an interval's lower end or of a p-value, column of the estimate it belongs to)."""
    for place, column in enumerate(header):
        if column.endswith(ADJUSTED) or column == "adjusted":
            continue
        if column in ("low", "p"):
            yield column, _estimate_before(header[:place])
        elif column.endswith("_low"):
            yield column, column.removesuffix("_low")
        elif column.endswith("_p"):
            yield column, column.removesuffix("_p")


def _estimate_before(header: Sequence[str]) -> str:
    return next(
        name for name in reversed(header) if name not in NO_ESTIMATE and not name.endswith(("_low", "_high", "_null"))
    )
