"""Write the tables of `docs/calibration.md` from committed tables: `python -m benchmarks.calibration_page`.

Between ``<!-- table: NAME -->`` and ``<!-- /table -->`` stands what `TABLES` makes of `benchmarks/results/`,
`docs/points.csv` and `results/metrics.json`; a test compares.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.aims import AIMS, CONSERVATIVE, RARE, reason
from probecore.documents import markdown_table

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/calibration.md"
EXPERIMENT = "lenet5"

Numbers = Mapping[str, Mapping[str, float | None]]
"""Step → headline name → number, of one experiment."""


def updated(text: str) -> str:
    """The page with every table written anew."""
    numbers = json.loads((ROOT / "results/metrics.json").read_text(encoding="utf-8"))[EXPERIMENT]

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}\n{TABLES[found[2]](numbers)}\n{found[3]}"

    return re.sub(r"(<!-- table: (\w+) -->).*?(<!-- /table -->)", block, text, flags=re.DOTALL)


def read_csv(path: str) -> list[dict[str, str]]:
    """Rows of a committed table."""
    with (ROOT / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rates(rows: list[dict[str, str]]) -> str:
    """Coverage and size of some rows, least to greatest; of what few samples show the share that misses, at most."""
    if not rows:
        return "not in the table yet"
    rare = [row for row in rows if row["coverage"] and float(row["printed"]) < RARE]
    texts = []
    for column in ("coverage", "size"):
        if values := sorted(float(row[column]) for row in rows if row[column] and row not in rare):
            ends = dict.fromkeys(f"{value:.3f}".removeprefix("0") for value in (values[0], values[-1]))
            texts.append(f"{column} {' to '.join(ends)}")
    if rare:
        worst = max((1 - float(row["coverage"])) * float(row["printed"]) for row in rare)
        texts.append(f"{len(rare)} where few samples show one, {worst:.1%} of all one that misses")
    silent = sum(row["kind"] == "none" for row in rows)
    return "; ".join([*texts, *([f"{silent} without an interval"] if silent else [])]) + f" ({len(rows)} rows)"


def calibration(_: Numbers) -> str:
    """Rows of the calibration table, a line for each measure."""
    by_measure: dict[str, list[dict[str, str]]] = {}
    for row in read_csv("benchmarks/results/calibration.csv"):
        by_measure.setdefault(row["measure"], []).append(row)
    lines = []
    for measure, rows in by_measure.items():
        repeats = sorted({int(row["repeats"]) for row in rows})
        counts = Counter(row["verdict"] for row in rows)
        careful, bad = counts[CONSERVATIVE], len(rows) - counts[CONSERVATIVE] - counts["good"]
        lines.append([f"`{measure}`", rates(rows), f"{repeats[0]} to {repeats[-1]}", str(careful), str(bad)])
    names = ["measure", "95 % intervals and tests at 5 %", "repeats", CONSERVATIVE, "off the limits"]
    return markdown_table(names, lines)


def outside(_: Numbers) -> str:
    """Rows outside what is aimed at, and why."""
    lines = [
        [
            f"`{row['measure']}`",
            row["simulation"],
            row["n"],
            row["repeats"],
            rate_of(row),
            why,
        ]
        for row in read_csv("benchmarks/results/calibration.csv")
        if (why := reason(row))
    ]
    return markdown_table(["measure", "simulation", "N", "repeats", "rate", "why"], lines)


def rate_of(row: Mapping[str, str]) -> str:
    """Coverage or size."""
    return " ".join(f"{name} {float(row[name]):.3f}".replace(" 0.", " .") for name in AIMS if row[name])


def points(numbers: Numbers) -> str:
    """What was wrong, before and after."""
    rows = [
        [row["point"], row["before"], after(row["after"], numbers), commands(row["command"])]
        for row in read_csv("docs/points.csv")
    ]
    return markdown_table(["point", "before", "after", "command"], rows)


def commands(text: str) -> str:
    """Commands of a cell as code."""
    return "; ".join(f"`{command}`" for command in text.split("; "))


def after(text: str, numbers: Numbers) -> str:
    """Numbers that a cell names: `headline STEP NAME`, `headlines STEP PREFIX`, `simulations MEASURE PATTERN`."""
    table = read_csv("benchmarks/results/calibration.csv")
    cells = []
    for part in text.split("; "):
        kind, *rest = part.split(" ", 2)
        if kind == "simulations":
            chosen = [row for row in table if row["measure"] == rest[0] and re.search(rest[1], row["simulation"])]
            cells.append(rates(chosen))
        elif kind == "headline":
            cells.append(f"`{rest[1]}` {numbers[rest[0]][rest[1]]:.2f}")
        elif kind == "headlines":
            names = [name for name in numbers[rest[0]] if name.startswith(rest[1])]
            cells.append(f"headlines `{rest[1]}…`: {len(names)}")
        else:
            cells.append(part)
    return "; ".join(cells)


def costs(_: Numbers) -> str:
    """CPU seconds with and without draws."""
    rows = [
        [f"`{row['measure']}`", row["as asked, s"], row["fewest draws, s"], f"`{row['fewest']}`"]
        for row in read_csv("benchmarks/results/interval_costs.csv")
    ]
    return markdown_table(["measure", "as the study asks, s", "with fewest draws, s", "fewest draws"], rows)


TABLES: dict[str, Callable[[Numbers], str]] = {
    "calibration": calibration,
    "outside": outside,
    "points": points,
    "costs": costs,
}


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
