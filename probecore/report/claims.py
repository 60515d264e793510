"""Reads the verdicts on a study's claims, which the step `claims` wrote, into what the page shows. No HTML here."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from probecore.claims.params import p_column
from probecore.claims.stability import stability_of
from probecore.errors import reading

UNTESTABLE = "untestable"

ORDER = ("held", "fails", "undecided")


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval; None where there is none."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Verdict:
    """A claim and what the study's tables say of it.

    `experiments` and `step` are those whose table it reads; none of a claim that is not tested here. `p` is that of the
    verdict, corrected within the claim's family; `control` is the one that the effect exceeds least; `stability` says
    in how many universes the verdict stands, if there are others.
    """

    claim: str
    paper: str
    says: str
    reconstruction: str
    amended: str
    experiments: list[str]
    table: str
    verdict: str
    reason: str
    controlled: bool
    effect: Estimate
    control: str
    beyond: Estimate
    n: int | None
    p: float | None
    stability: str

    @property
    def step(self) -> str:
        """The step whose table it reads."""
        return self.table.partition("/")[0]

    @property
    def words(self) -> str:
        """The verdict with its reason, and whether anything was compared with."""
        if self.verdict == UNTESTABLE:
            return f"not tested here: {self.reason}"
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.verdict}{reason}{'' if self.controlled else ', no control'}"


def read_verdicts(path: Path | None) -> list[Verdict]:
    """The verdicts in the order in which they were declared; none of a study that declares no claims.

    Raises
    ------
    InputError
        If the file is none that the step `claims` writes.
    """
    if path is None:
        return []
    with reading(path, "no table of verdicts", "run `snakemake`"), path.open(encoding="utf-8", newline="") as file:
        return [_verdict(row) for row in csv.DictReader(file)]


def _verdict(row: Mapping[str, str]) -> Verdict:
    return Verdict(
        claim=row["claim"],
        paper=row["paper"],
        says=row["says"],
        reconstruction=row["reconstruction"],
        amended=row["amended"],
        experiments=row["experiment"].split(),
        table=row["table"],
        verdict=row["verdict"],
        reason=row["reason"],
        controlled=row["controlled"] == "True",
        effect=_estimate(row, ""),
        control=row["control"],
        beyond=_estimate(row, "control_"),
        n=int(float(row["n"])) if row["n"] else None,
        p=_number(row[p_column(row["verdict"])]),
        stability=stability_of(row),
    )


def _estimate(row: Mapping[str, str], prefix: str) -> Estimate:
    return Estimate(*(_number(row[f"{prefix}{name}"]) for name in ("value", "low", "high")))


def _number(text: str) -> float | None:
    return float(text) if text else None


def verdicts_on(verdicts: Iterable[Verdict], experiment: str, step: str) -> list[Verdict]:
    """Those that a measure's card shows: read from its table of the experiment."""
    return [each for each in verdicts if each.step == step and experiment in each.experiments]


def counted(verdicts: Iterable[Verdict]) -> str:
    """How many of each, in a few words: ``1 held, 3 undecided``."""
    counts = Counter(each.verdict for each in verdicts)
    return ", ".join(f"{counts[name]} {name}" for name in ORDER if counts[name])
