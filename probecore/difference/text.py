"""A difference in words, and as JSON."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from probecore.difference.arrays import ArrayDifference
from probecore.difference.compare import Change, Difference, ResultChange
from probecore.difference.tables import TableDifference

SHOWN = 5
"""How many cells, rows, arrays and primitives are named of each; JSON has all."""

LONGEST = 80
"""Characters of a value."""


def in_words(difference: Difference) -> str:
    """Lines for people: what went in, then what came out and because of what."""
    if not difference:
        return f"{difference.before} and {difference.after}: no difference"
    lines = [f"{difference.before} → {difference.after}"]
    for title, changes in (
        ("parameters", difference.parameters),
        ("code", difference.code),
        ("inputs", difference.inputs),
        ("environment", difference.environment),
    ):
        lines += (
            [title, *(f"  {line}" for line in _changes(changes))] if changes else [f"{title}: no difference recorded"]
        )
    lines += ["results" if difference.results else "results: the same"]
    for result in difference.results:
        lines += [f"  {_result(result)}", *(f"    {line}" for line in _details(result))]
    return "\n".join(lines)


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    primitives = [change for change in changes if change.name.startswith("primitive ")]
    for change in changes:
        if change not in primitives[SHOWN:]:
            yield f"{change.name}: {_from_to(change.before, change.after)}"
    if len(primitives) > SHOWN:
        yield f"{len(primitives) - SHOWN} more primitives"


def _from_to(before: object, after: object) -> str:
    if before == after == "":
        return "differs"
    return f"{_value(before)} → {_value(after)}"


def _value(value: object) -> str:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return "nothing"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _result(result: ResultChange) -> str:
    kind = result.kind
    if kind == "not here":
        kind = "differs, and is not all here: `dvc fetch`, or `git checkout` and `probecore pull`"
    elif result.table is not None:
        kind = _table(result.table)
    elif result.path.endswith((".h5", ".safetensors")) and kind == "differs":
        kind = f"changed arrays {len(result.arrays)}" if result.arrays else "equal arrays in other bytes"
    because = ", ".join(result.causes) or "nothing that is recorded"
    return f"{result.path}: {kind}; because of {because}"


def _table(table: TableDifference) -> str:
    rows = table.cells["row"].nunique()
    parts = [f"changed cells {len(table.cells)}, in {rows} of {table.rows} rows"] if rows else []
    parts += [f"rows added {len(table.added)}"] if table.added else []
    parts += [f"rows removed {len(table.removed)}"] if table.removed else []
    parts += [f"columns that only one has: {', '.join(table.columns)}"] if table.columns else []
    return ", ".join(parts) or "equal cells in other bytes"


def _details(result: ResultChange) -> Iterator[str]:
    if result.table is not None:
        yield from map(_cell, result.table.cells.head(SHOWN).to_dict("records"))
        yield from (f"+ {row}" for row in result.table.added[:SHOWN])
        yield from (f"- {row}" for row in result.table.removed[:SHOWN])
    yield from map(_array, result.arrays[:SHOWN])


def _cell(cell: dict[str, Any]) -> str:
    said = f"{cell['row']} {cell['column']}: {_from_to(cell['before'], cell['after'])}"
    if math.isinf(cell["size"]):
        return said
    if cell["in_half_widths"]:
        return f"{said} ({cell['size']:.2g} half widths of its interval)"
    return f"{said} ({cell['size']:.1%})"


def _array(array: ArrayDifference) -> str:
    if array.kind != "values":
        return f"{array.name}: {array.kind}, {_from_to(array.before, array.after)}"
    if array.total == 1 and not array.largest:
        return f"{array.name}: {_from_to(array.before, array.after)}"
    share = f"{array.changed:,} of {array.total:,} values"
    return f"{array.name} {array.before}: {share}, by up to {array.largest:.3g} (largest value {array.scale:.3g})"


def as_json(difference: Difference) -> str:
    """All of it, with every cell and array."""
    content: dict[str, Any] = {
        part: [asdict(change) for change in getattr(difference, part)]
        for part in ("parameters", "code", "inputs", "environment")
    }
    content |= {"before": difference.before, "after": difference.after}
    content["results"] = [_result_as_json(result) for result in difference.results]
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _result_as_json(result: ResultChange) -> dict[str, Any]:
    content: dict[str, Any] = {"path": result.path, "kind": result.kind, "causes": list(result.causes)}
    if result.table is not None:
        table = result.table
        cells = [{key: _plain(value) for key, value in cell.items()} for cell in table.cells.to_dict("records")]
        content |= {"cells": cells, "added": table.added, "removed": table.removed, "columns": table.columns}
    if result.arrays:
        content["arrays"] = [{key: _plain(value) for key, value in asdict(array).items()} for array in result.arrays]
    return content


def _plain(value: Any) -> Any:
    """Numbers that JSON knows; null in place of what is none."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
