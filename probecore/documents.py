"""Numbers in documents: blocks between markers are written from results, and nothing else is.

``<!-- numbers: NAME -->`` begins a table of ``claims.yaml``'s `tables`, from ``results/metrics.json``, or of its
`file_tables`;
``<!-- claims: NAME -->`` the verdicts of a family (``all``: of all claims), from the table of verdicts. Each ends with
``<!-- /numbers -->`` or ``<!-- /claims -->``. Figures that documents show are copies of the study's.
"""

import csv
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probecore.claims.params import RECORD, Claim, Declarations, FileTable, NumberTable, Row
from probecore.declared import read_record
from probecore.errors import InputError
from probecore.files import read_json, write_text
from probecore.schema import did_you_mean

METRICS = Path("results/metrics.json")

FORMATS = {"percent": "{:.1%}", "two": "{:.2f}"}

BLOCK = re.compile(r"^(<!-- (numbers|claims): ([\w.-]+) -->)$(.*?)^(<!-- /\2 -->)$", re.DOTALL | re.MULTILINE)
"""Markers stand on lines of their own, so that prose can speak of them."""

MARKER = re.compile(r"^<!-- /?(?:numbers|claims)\b.*?-->", re.MULTILINE)

HEADER = "| claim | verdict | effect [95 % interval] | beyond control | seeds | p |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Sources:
    """What blocks are made from.

    Attributes
    ----------
    declarations
        ``claims.yaml``.
    metrics
        Experiment → step → headline → number.
    record
        Rows of the table of verdicts as text.
    folder
        The study's.
    """

    declarations: Declarations
    metrics: Mapping[str, Any]
    record: Iterable[Mapping[str, str]]
    folder: Path = Path()

    @classmethod
    def read(cls, declarations: Declarations, folder: Path = Path()) -> "Sources":
        """Read the results of the study in `folder`; there may be none yet."""
        metrics = read_json(folder / METRICS) if (folder / METRICS).exists() else {}
        return cls(declarations, metrics, read_record(folder / RECORD), folder)


def documents(folder: Path = Path()) -> list[Path]:
    """README and the pages of docs of the study in `folder`."""
    return [path for path in (folder / "README.md", *sorted((folder / "docs").glob("*.md"))) if path.exists()]


def write_documents(declarations: Declarations, folder: Path = Path()) -> list[Path]:
    """Write all blocks and copies of figures anew; return the documents that changed.

    Raises
    ------
    InputError
        If a block's name is unknown, a marker has no partner, or a figure is missing.
    """
    sources, changed = Sources.read(declarations, folder), []
    for path in documents(folder):
        before = path.read_text(encoding="utf-8")
        if (after := updated(before, sources, where=str(path))) != before:
            write_text(path, after)
            changed.append(path)
    for copy, figure in declarations.figures.items():
        if not (source := folder / "results" / figure).exists():
            raise InputError(f"{source}: no such file; run `snakemake` first")
        shutil.copyfile(source, folder / copy)
    return changed


def updated(text: str, sources: Sources, *, where: str) -> str:
    """A document with every block written anew."""

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}\n{_content(found[2], found[3], sources, where)}\n{found[5]}"

    left = MARKER.search(BLOCK.sub("", text))
    if left is not None:
        raise InputError(f"{where}: {left[0]} has no partner; a block begins and ends with a marker of one kind")
    return BLOCK.sub(block, text)


def _content(kind: str, name: str, sources: Sources, where: str) -> str:
    declarations = sources.declarations
    if kind == "numbers":
        if name in declarations.file_tables:
            return file_table(declarations.file_tables[name], sources.folder)
        if name not in declarations.tables:
            known = {*declarations.tables, *declarations.file_tables}
            raise InputError(f"{where}: numbers: no table {name!r} in claims.yaml{did_you_mean(name, known)}")
        return number_table(declarations.tables[name], sources.metrics)
    families = {"all", *(claim.test.family for claim in declarations.claims if claim.test is not None)}
    if name not in families:
        raise InputError(f"{where}: claims: no family {name!r} in claims.yaml{did_you_mean(name, families)}")
    claims = [claim for claim in declarations.claims if name == "all" or (claim.test and claim.test.family == name)]
    return claim_table(claims, sources.record)


def number_table(table: NumberTable, metrics: Mapping[str, Any]) -> str:
    """A Markdown table of headline numbers; a number that is not there leaves its cell empty."""
    numbers = metrics.get(table.experiment, {})
    lines = [f"| | {' | '.join(table.columns.values())} |", "|---" * (1 + len(table.columns)) + "|"]
    for row in table.rows:
        cells = [_cell(row, numbers.get(row.step, {}).get(row.headline.format(name))) for name in table.columns]
        lines.append(f"| {row.says} | {' | '.join(cells)} |")
    return "\n".join(lines)


def file_table(table: FileTable, folder: Path) -> str:
    """A Markdown table of columns of a CSV file below `folder`.

    Raises
    ------
    InputError
        If the file or a column is missing.
    """
    path = folder / table.file
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [[row[column] for column in table.columns] for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; claims.yaml's `file_tables` names it") from None
    except KeyError as error:
        raise InputError(f"{path}: no column {error}; claims.yaml's `file_tables` names it") from None
    return markdown_table([*table.columns.values()], rows)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of text; bars in cells are escaped."""
    return "\n".join(map(_line, (header, ["---"] * len(header), *rows)))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _cell(row: Row, value: float | None) -> str:
    return "" if value is None else FORMATS[row.format].format(value)


def claim_table(claims: Iterable[Claim], record: Iterable[Mapping[str, str]]) -> str:
    """A Markdown table of verdicts; of a claim that has none, or was declared otherwise then, it says so."""
    rows = {row["claim"]: row for row in record}
    lines = [HEADER]
    for claim in claims:
        row = rows.get(claim.id, {})
        says = [claim.says, *([f"*Ours:* {claim.reconstruction}"] if claim.reconstruction else [])]
        says += [f"*Amended:* {claim.amended}"] if claim.amended else []
        verdict = claim.untestable and f"not tested here: {claim.untestable}"
        if not verdict:
            known = row.get("declaration") == claim.digest()
            verdict, row = (verdict_of(row), row) if known else ("not run yet", {})
        cells = [". ".join(says), verdict, *number_cells(row)]
        lines.append(_line(cells))
    return "\n".join(lines)


def verdict_of(row: Mapping[str, str]) -> str:
    """The verdict, with the reason where it is undecided."""
    return f"{row['verdict']}: {row['reason']}" if row["reason"] else row["verdict"]


def as_text(record: Iterable[Mapping[str, str]]) -> str:
    """The rows of the table of verdicts for a terminal."""
    rows = [[row["claim"], verdict_of(row), *number_cells(row)] for row in record]
    widths = [min(60, max((len(row[column]) for row in rows), default=0)) for column in range(6)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def number_cells(row: Mapping[str, str]) -> list[str]:
    """Effect, control, seeds and p of a row of the table of verdicts, as shown; empty where there are none."""
    control = f"{row['control']}: {_estimate(row, 'control_')}" if row.get("control") else ""
    side = "p_fails_adjusted" if row.get("verdict") == "fails" else "p_held_adjusted"
    p = f"{float(row[side]):.2g}" if row.get(side) else ""
    return [_estimate(row, ""), control, row.get("n", ""), p]


def _estimate(row: Mapping[str, str], prefix: str) -> str:
    value, low, high = (row.get(f"{prefix}{name}") for name in ("value", "low", "high"))
    if not value:
        return ""
    return f"{float(value):.3g}" + (f" [{float(low):.3g}, {float(high):.3g}]" if low and high else "")
