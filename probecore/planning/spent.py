"""What the jobs of a study took, by the benchmarks that Snakemake wrote beside their logs."""

import csv
from pathlib import Path

from probecore.multiverse import UNIVERSES
from probecore.planning.forecast import duration

LOGS = Path("logs")


def of_universes() -> str:
    """A line on what measuring in other universes took, beside the study without them; nothing if nothing says it."""
    fan = alone = 0.0
    for path in sorted(LOGS.rglob("*.benchmark.tsv")):
        seconds = _seconds(path)
        fan, alone = (fan + seconds, alone) if UNIVERSES in path.parts else (fan, alone + seconds)
    if not fan or not alone:
        return ""
    return f"Measured in other universes: {duration(fan)} of a processor, {fan / alone:.0%} of the study without them."


def _seconds(path: Path) -> float:
    """Processor time of a job; wall time where it was too short to be looked at."""
    with path.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file, delimiter="\t"))
    try:
        return float(row["cpu_time"]) or float(row["s"])
    except ValueError:
        return float(row["s"])
