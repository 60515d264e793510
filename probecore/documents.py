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

from probecore.claims.params import RECORD, Claim, Declarations, FileTable, NumberTable, Row, p_column
from probecore.claims.stability import stability_of
from probecore.declared import read_record
from probecore.errors import InputError, reading
from probecore.files import read_json, replacing, write_text
from probecore.schema import did_you_mean

METRICS = Path("results/metrics.json")

FORMATS = {"percent": "{:.1%}", "two": "{:.2f}"}

BLOCK = re.compile(r"^(<!-- (numbers|claims): ([\w.-]+) -->)$(.*?)^(<!-- /\2 -->)$", re.DOTALL | re.MULTILINE)
"""Markers stand on lines of their own, so that prose can speak of them."""

MARKER = re.compile(r"^<!-- /?(?:numbers|claims)\b.*?-->", re.MULTILINE)

HEADER = ["claim", "verdict", "effect [95 % interval]", "beyond control", "seeds", "p"]

STABILITY = "stability"
"""The column of a study that has a multiverse."""


@dataclass(frozen=True)
class Sources:
    """What blocks are made from.

    Attributes
    ----------
    declarations
        ``claims.yaml``.
    metrics
        Experiment → step → headline → number; None before the report is written.
    record
        Rows of the table of verdicts as text.
    folder
        The study's.
    """

    declarations: Declarations
    metrics: Mapping[str, Any] | None
    record: Iterable[Mapping[str, str]]
    folder: Path = Path()

    @classmethod
    def read(cls, declarations: Declarations, folder: Path = Path()) -> "Sources":
        """Read the results of the study in `folder`; there may be none yet."""
        metrics = read_json(folder / METRICS) if (folder / METRICS).exists() else None
        return cls(declarations, metrics, read_record(folder / RECORD), folder)


def documents(folder: Path = Path()) -> list[Path]:
    """README and the pages of docs of the study in `folder`."""
    return [path for path in (folder / "README.md", *sorted((folder / "docs").glob("*.md"))) if path.exists()]


def write_documents(declarations: Declarations, folder: Path = Path()) -> list[Path]:
    """Write all blocks and copies of figures anew; return the documents that changed.

    Raises
    ------
    InputError
        If a block's name is unknown, a marker has no partner, or a number or figure is missing; then nothing is
        written.
    """
    sources, changed = Sources.read(declarations, folder), {}
    for path in documents(folder):
        with reading(path, "not UTF-8 text", "save it as such"):
            before = path.read_text(encoding="utf-8")
        if (after := updated(before, sources, where=str(path))) != before:
            changed[path] = after
    for figure in declarations.figures.values():
        if not (source := folder / "results" / figure).is_file():
            raise InputError(f"{source}: no such file; run `snakemake` first")
    for path, text in changed.items():
        write_text(path, text)
    for copy, figure in declarations.figures.items():
        _copy(folder / "results" / figure, folder / copy)
    return list(changed)


def _copy(figure: Path, copy: Path) -> None:
    with reading(copy, "cannot be written", "correct `figures` in claims.yaml"), replacing(copy) as partial:
        shutil.copyfile(figure, partial)


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
            return file_table(name, declarations.file_tables[name], sources.folder)
        if name not in declarations.tables:
            known = {*declarations.tables, *declarations.file_tables}
            raise InputError(f"{where}: numbers: no table {name!r} in claims.yaml{did_you_mean(name, known)}")
        return number_table(name, declarations.tables[name], sources.metrics)
    families = {"all", *(claim.test.family for claim in declarations.claims if claim.test is not None)}
    if name not in families:
        raise InputError(f"{where}: claims: no family {name!r} in claims.yaml{did_you_mean(name, families)}")
    claims = [claim for claim in declarations.claims if name == "all" or (claim.test and claim.test.family == name)]
    return claim_table(claims, sources.record)


def number_table(name: str, table: NumberTable, metrics: Mapping[str, Any] | None) -> str:
    """A Markdown table of headline numbers; one that only other columns have leaves its cell empty.

    Raises
    ------
    InputError
        If there are no numbers, or none of the experiment, or of a row's step or headline.
    """
    if metrics is None:
        raise InputError(f"{METRICS}: no such file, and tables.{name} shows its numbers; run `snakemake`")
    where = f"claims.yaml: tables.{name}"
    steps = _found(table.experiment, metrics, f"{where}.experiment")
    lines = [f"| | {' | '.join(table.columns.values())} |", "|---" * (1 + len(table.columns)) + "|"]
    for index, row in enumerate(table.rows):
        numbers = _found(row.step, steps, f"{where}.rows.{index}.step")
        names = [row.headline.replace("{}", column) for column in table.columns]
        if not set(names) & numbers.keys():
            _found(names[0], numbers, f"{where}.rows.{index}.headline")
        cells = [_cell(row, numbers.get(headline)) for headline in names]
        lines.append(f"| {row.says} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _found(name: str, among: Mapping[str, Any], where: str) -> Any:
    if name not in among:
        raise InputError(f"{where}: {METRICS} has no {name!r}{did_you_mean(name, among)}")
    return among[name]


def file_table(name: str, table: FileTable, folder: Path) -> str:
    """A Markdown table of columns of a CSV file below `folder`.

    Raises
    ------
    InputError
        If the file or a column is missing, or it is no table.
    """
    path, named = folder / table.file, f"claims.yaml's `file_tables.{name}` names it"
    if not path.is_file():
        raise InputError(f"{path}: no {'regular' if path.exists() else 'such'} file; {named}")
    with reading(path, "no table that can be read", named), path.open(newline="", encoding="utf-8") as file:
        content = csv.DictReader(file, strict=True)
        for column in table.columns:
            if column not in (content.fieldnames or ()):
                raise InputError(f"{path}: no column {column!r}; {named}")
        rows = []
        for row in content:
            cells = [row[column] for column in table.columns]
            if None in cells:
                raise InputError(f"{path}: line {content.line_num} has fewer cells than the first; {named}")
            rows.append(cells)
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
    lines = []
    for claim in claims:
        row = rows.get(claim.id, {})
        says = [claim.says, *([f"*Ours:* {claim.reconstruction}"] if claim.reconstruction else [])]
        says += [f"*Amended:* {claim.amended}"] if claim.amended else []
        verdict = claim.untestable and f"not tested here: {claim.untestable}"
        if not verdict:
            known = row.get("declaration") == claim.digest()
            verdict, row = (verdict_of(row), row) if known else ("not run yet", {})
        lines.append([". ".join(says), verdict, *number_cells(row), stability_of(row)])
    several = any(line[-1] for line in lines)
    header = [*HEADER, *([STABILITY] if several else [])]
    shown = [line[: len(header)] for line in lines]
    return "\n".join([_line(header), "|" + "---|" * len(header), *map(_line, shown)])


def verdict_of(row: Mapping[str, str]) -> str:
    """The verdict, with the reason where it is undecided."""
    return f"{row['verdict']}: {row['reason']}" if row["reason"] else row["verdict"]


def as_text(record: Iterable[Mapping[str, str]]) -> str:
    """The rows of the table of verdicts for a terminal."""
    rows = [[row["claim"], verdict_of(row), *number_cells(row), stability_of(row)] for row in record]
    widths = [min(60, max((len(row[column]) for row in rows), default=0)) for column in range(7)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def number_cells(row: Mapping[str, str]) -> list[str]:
    """Effect, control, seeds and p of a row of the table of verdicts, as shown; empty where there are none."""
    control = f"{row['control']}: {_estimate(row, 'control_')}" if row.get("control") else ""
    p = row.get(p_column(row.get("verdict", "")))
    return [_estimate(row, ""), control, row.get("n", ""), f"{float(p):.2g}" if p else ""]


def _estimate(row: Mapping[str, str], prefix: str) -> str:
    value, low, high = (row.get(f"{prefix}{name}") for name in ("value", "low", "high"))
    if not value:
        return ""
    return f"{float(value):.3g}" + (f" [{float(low):.3g}, {float(high):.3g}]" if low and high else "")
