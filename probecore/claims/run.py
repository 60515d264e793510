"""From a study's tables and ``claims.yaml`` to ``results/claims.csv``."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from probecore.claims.check import RECORD
from probecore.claims.effects import Sample, difference_from, effect_of
from probecore.claims.params import Claim, Other, Test
from probecore.claims.verdicts import Judgement, judge_family
from probecore.errors import InputError
from probecore.files import read_table, sha256_of, write_table
from probecore.statistics import Estimate

COLUMNS = [
    *("claim", "paper", "family", "verdict", "reason"),
    *("value", "low", "high", "n", "min_units"),
    *("control", "control_value", "control_low", "control_high"),
    *("p_held", "p_held_adjusted", "p_fails", "p_fails_adjusted", "correct"),
    *("amended", "declaration", "tables"),
]


class StudyTables:
    """The tables of the study in a folder, each read once."""

    def __init__(self, folder: Path) -> None:
        self._results = folder / "results"
        self._read: dict[str, pd.DataFrame] = {}
        self.names: set[str] = set()

    def __call__(self, name: str) -> pd.DataFrame:
        """Give a table by its name below ``results/``, and remember that it was read."""
        if name not in self._read:
            path = self._results / name
            if not path.exists():
                raise InputError(f"{path}: no such file; run `snakemake` first")
            self._read[name] = read_table(path)
        self.names.add(name)
        return self._read[name]

    def digest(self) -> str:
        """SHA-256 over names and contents of what was read since the last call."""
        lines = [f"{name} {sha256_of(self._results / name)}" for name in sorted(self.names)]
        self.names = set()
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def judge_claims(claims: Sequence[Claim], folder: Path = Path()) -> pd.DataFrame:
    """Judge the claims of the study in `folder`.

    Returns
    -------
    DataFrame
        A row for each claim, in the order of their declaration, with the columns `COLUMNS`. Of several controls that
        one is named which the effect exceeds least.

    Raises
    ------
    InputError
        If a table is missing, or has not the rows that a claim needs.
    """
    tables = StudyTables(folder)
    rows = {claim.id: _row(claim) for claim in claims}
    families: dict[str, list[tuple[str, Test]]] = {}
    samples: dict[str, tuple[Sample, dict[str, Sample]]] = {}
    for claim in claims:
        if (test := claim.test) is not None:
            families.setdefault(test.family, []).append((claim.id, test))
            samples[claim.id] = _samples(claim.id, test, tables)
            rows[claim.id]["tables"] = tables.digest()
    for members in families.values():
        judgements = judge_family([test for _, test in members], [samples[name] for name, _ in members])
        for (name, test), judgement in zip(members, judgements, strict=True):
            rows[name] |= _numbers(test, judgement)
    return pd.DataFrame(list(rows.values()), columns=COLUMNS)


def write_claims(table: pd.DataFrame, folder: Path = Path()) -> None:
    """Write ``results/claims.csv`` of the study in `folder`."""
    write_table(folder / RECORD, table, sort_by=["claim"])


def _samples(name: str, test: Test, tables: StudyTables) -> tuple[Sample, dict[str, Sample]]:
    try:
        controls = {named(control): difference_from(control, test, tables) for control in test.against}
        return effect_of(test, tables), controls
    except InputError as error:
        raise InputError(f"claims.yaml: {name}: {error}") from None


def named(control: Other) -> str:
    """What a control is called in tables: what it changes."""
    epoch = None if control.epoch is None else f"epoch {control.epoch}"
    parts = [control.experiment, control.condition, epoch, control.column]
    where = [f"{column} {_words(value)}" for column, value in control.where.items()]
    return ", ".join([*(part for part in parts if part is not None), *where])


def _words(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


def _row(claim: Claim) -> dict[str, Any]:
    row = {"claim": claim.id, "paper": claim.paper, "amended": claim.amended, "declaration": claim.digest()}
    if claim.test is None:
        return row | {"verdict": "untestable", "reason": claim.untestable}
    return row | {"family": claim.test.family, "min_units": claim.test.min_units, "correct": claim.test.correct}


def _numbers(test: Test, judgement: Judgement) -> dict[str, Any]:
    sign = -1 if test.held is not None and test.held.below is not None else 1
    control = min(judgement.controls.items(), key=lambda item: sign * item[1].value, default=None)
    return {
        "verdict": judgement.verdict,
        "reason": judgement.reason or None,
        **_estimate("", judgement.effect),
        "n": judgement.n,
        **({} if control is None else {"control": control[0], **_estimate("control_", control[1])}),
        "p_held": judgement.p_held,
        "p_held_adjusted": judgement.p_held_adjusted,
        "p_fails": judgement.p_fails,
        "p_fails_adjusted": judgement.p_fails_adjusted,
    }


def _estimate(prefix: str, estimate: Estimate) -> dict[str, float]:
    names = (f"{prefix}value", f"{prefix}low", f"{prefix}high")
    return dict(zip(names, (estimate.value, estimate.low, estimate.high), strict=True))
