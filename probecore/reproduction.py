"""What it means that a study's files are not those recorded: a bug, another machine, or other inputs.

`recorded_on.csv`, kept in Git beside ``dvc.lock``, is the fingerprint of the machine that made the record. Where this
machine's is equal, so must be the bytes. Where it is not, tables are compared quantity by quantity, against each
quantity's own interval.
"""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probecore.determinism import Numerics
from probecore.difference.tables import compare_tables, flat_table
from probecore.errors import ProbecoreError
from probecore.files import md5_of
from probecore.fingerprint import MACHINE, differing, kept_fingerprint, read_fingerprint
from probecore.verify import MADE, RECORDED_ON, recorded_files

if TYPE_CHECKING:
    import pandas as pd

METRICS = Path("results/metrics.json")

BUG, OTHER_INPUTS, OTHER_MACHINE = 1, 1, 3
"""Exit codes beside 0."""


@dataclass(frozen=True)
class Ending:
    """How a comparison with the record ended: what to say, and the exit code."""

    message: str
    exit_code: int


def explain(problems: list[str], numerics: Numerics, *, tolerant: bool = False) -> Ending:
    """Say why the files of the study in this folder are not those recorded, if they are not.

    Parameters
    ----------
    problems : what `probecore.verify.verify_study` found
    numerics : of the study; the fingerprint is taken with them
    tolerant : end with 0 where another machine or other inputs explain the difference

    Raises
    ------
    ProbecoreError
        If DVC cannot tell what has changed.
    """
    if not problems:
        return Ending("same bytes as recorded", 0)
    count = f"{len(problems)} files or stages are not as recorded"
    if changed := changed_inputs():
        return Ending(f"{count}, made from other inputs: {_some(changed)}", 0 if tolerant else OTHER_INPUTS)
    if not RECORDED_ON.exists():
        return Ending(f"{count}; {RECORDED_ON} is missing, so the record's machine is not known", BUG)
    recorded = read_fingerprint(RECORDED_ON)
    differences = differing(recorded, kept_fingerprint(numerics))
    if not differences:
        return Ending(f"{count}: same fingerprint, other bytes: a bug, please report", BUG)
    machine = recorded.get((MACHINE, "processor"), "a machine unknown")
    return Ending(
        f"another fingerprint (recorded on {machine}; {len(differences)} primitives or versions differ: "
        f"{_some(differences)}): {compare_with_record().sentence()}",
        0 if tolerant else OTHER_MACHINE,
    )


def changed_inputs() -> list[str]:
    """Parameters, code and own files that are not those in ``dvc.lock``, by name."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "dvc", "status", "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ProbecoreError(f"`dvc status` failed: {done.stderr.strip().splitlines()[-1:]}")
    found: set[str] = set()
    for changes in json.loads(done.stdout or "{}").values():
        for change in changes:
            if isinstance(change, dict):
                found |= _inputs_in(change.get("changed deps", {}))
    return sorted(found)


def _inputs_in(changed: dict[str, Any]) -> set[str]:
    """Names of changed dependencies that no stage makes; of parameters, their keys."""
    names: set[str] = set()
    for path, change in changed.items():
        if isinstance(change, dict):
            names |= set(change)
        elif Path(path).parts[0] not in MADE:
            names.add(path)
    return names


@dataclass
class Comparison:
    """Differences between the record's tables and those here."""

    tables: int = 0
    missing: int = 0
    in_half_widths: float = 0.0
    relative: float = 0.0
    largest: str = ""
    verdicts: list[str] = field(default_factory=list)
    otherwise: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """All of it in one line."""
        parts = [
            f"{self.tables} tables compared" + (f" ({self.missing} are not here: `dvc fetch`)" if self.missing else ""),
            f"values with an interval agree within {self.in_half_widths:.2g} of its half width",
            f"others within {self.relative:.1%}",
            f"largest difference {self.largest or 'none'}",
            f"verdicts that changed: {', '.join(self.verdicts) or 'none'}",
        ]
        if self.otherwise:
            parts.append(f"with other rows: {_some(self.otherwise)}")
        return ", ".join(parts)

    def add(self, name: str, before: "pd.DataFrame", after: "pd.DataFrame") -> None:
        """Compare one table, row by row."""
        self.tables += 1
        found = compare_tables(before, after)
        if found.added or found.removed or found.columns:
            self.otherwise.append(name)
            return
        words = found.cells["change"].isna() & ~found.cells["column"].isin(_numbers(before))
        self.verdicts += [f"{name} {row}" for row in found.cells["row"][words]]
        numbers = found.cells[~words & found.cells["change"].notna()]
        sizes = numbers["size"].groupby(numbers["in_half_widths"].astype(bool)).max()
        for cell in numbers.nlargest(1, "size").itertuples():
            if cell.size > max(self.in_half_widths, self.relative):
                self.largest = f"{name} {cell.column}: {cell.before:.6g} → {cell.after:.6g}"
        self.in_half_widths = max(self.in_half_widths, sizes.get(True, 0.0))
        self.relative = max(self.relative, sizes.get(False, 0.0))


def compare_with_record() -> Comparison:
    """Compare the CSV tables of the record that DVC's cache or Git holds with those here, and the headline numbers."""
    import pandas as pd

    found = Comparison()
    for path, recorded in _recorded_tables():
        if recorded is None:
            found.missing += 1
        elif path == METRICS:
            found.add(path.as_posix(), *(flat_table(json.loads(text)) for text in (recorded, path.read_bytes())))
        else:
            found.add(path.as_posix(), pd.read_csv(io.BytesIO(recorded)), pd.read_csv(path))
    return found


def _recorded_tables() -> Iterator[tuple[Path, bytes | None]]:
    """Tables that are here and differ from the record, with the record's bytes where they are to be had."""
    for path, md5, cached in recorded_files():
        if not (path.suffix == ".csv" or path == METRICS) or not path.exists() or md5_of(path) == md5:
            continue
        if cached.exists():
            yield path, cached.read_bytes()
        else:
            git = subprocess.run(["git", "show", f"HEAD:./{path.as_posix()}"], capture_output=True, check=False)
            yield path, git.stdout if git.returncode == 0 else None


def _numbers(table: "pd.DataFrame") -> list[str]:
    return [column for column in table if table[column].dtype.kind in "fiu"]


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
