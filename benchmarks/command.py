"""What the command lines of benchmarks share. Nothing heavy is imported: `--help` comes at once."""

import argparse
import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from probecore.fingerprint.machine import processor

RESULTS = Path(__file__).parent / "results"


def command(text: str | None) -> argparse.ArgumentParser:
    """Parse `--help`, which prints `text`, and `--quick`."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes and one round; nothing is written")
    return parser


def add_device(parser: argparse.ArgumentParser) -> None:
    """Parse `--device`."""
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where networks run (default cpu)")


def clock(device: str) -> float:
    """Seconds so far: of the processor, or on a GPU of the wall; a measure has tables when it ends, so it waited."""
    return time.process_time() if device == "cpu" else time.perf_counter()


def named(name: str, device: str) -> str:
    """The table's name, another one for a GPU."""
    return name if device == "cpu" else f"{name}_{device}"


def written(name: str, *, without: Mapping[str, str]) -> list[dict[str, str]]:
    """Rows of a table of before, but those with these values, which are measured anew; all, if none are named."""
    path = RESULTS / f"{name}.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8"))) if path.is_file() else []
    return [row for row in rows if not without or any(row[column] != value for column, value in without.items())]


def show(name: str, rows: Sequence[Mapping[str, Any]], *, quick: bool) -> None:
    """Print a table and write it to ``benchmarks/results`` unless it was quick; rows of before keep their processor."""
    columns = [*dict.fromkeys(column for row in rows for column in row if column != "processor"), "processor"]
    print(f"on {processor()}")
    for row in (columns[:-1], *([row.get(column, "") for column in columns[:-1]] for row in rows)):
        print("  ".join(f"{value!s:>18}" for value in row))
    if quick:
        return
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows({"processor": processor(), **row} for row in rows)
