"""The job of the step: from a study's tables and ``claims.yaml`` to ``results/claims/claims.csv``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from probecore.claims.effects import Sample, difference_from, effect_of
from probecore.claims.params import FILE, RECORD, Claim, Other, Test, load_claims
from probecore.claims.verdicts import Judgement, judge_family
from probecore.errors import InputError
from probecore.files import read_table, write_table
from probecore.statistics import Estimate

COLUMNS = [
    *(
        "number",
        "claim",
        "paper",
        "says",
        "reconstruction",
        "experiment",
        "table",
        "family",
        "controlled",
        "verdict",
        "reason",
    ),
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

    def __call__(self, name: str) -> pd.DataFrame:
        """Give a table by its name below ``results/``."""
        if name not in self._read:
            path = self._results / name
            if not path.exists():
                raise InputError(f"{path}: no such file; run `snakemake` first")
            self._read[name] = read_table(path)
        return self._read[name]


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
    rows = {claim.id: {"number": number} | _row(claim) for number, claim in enumerate(claims, start=1)}
    families: dict[str, list[tuple[str, Test]]] = {}
    samples: dict[str, tuple[Sample, dict[str, Sample]]] = {}
    for claim in claims:
        if (test := claim.test) is not None:
            families.setdefault(test.family, []).append((claim.id, test))
            samples[claim.id] = _samples(claim.id, test, tables)
            rows[claim.id]["tables"] = test.digest_of_tables(folder)
    for members in families.values():
        judgements = judge_family([test for _, test in members], [samples[name] for name, _ in members])
        for (name, test), judgement in zip(members, judgements, strict=True):
            rows[name] |= _numbers(test, judgement)
    return pd.DataFrame(list(rows.values()), columns=COLUMNS)


def write_claims(folder: Path = Path()) -> None:
    """Judge the claims of the study in `folder` and write the table of verdicts."""
    table = judge_claims(load_claims(folder / FILE).claims, folder)
    write_table(folder / RECORD, table, sort_by=["number"])


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
    row = {
        "claim": claim.id,
        "paper": claim.paper,
        "says": claim.says,
        "reconstruction": claim.reconstruction,
        "amended": claim.amended,
        "declaration": claim.digest(),
    }
    if (test := claim.test) is None:
        return row | {"verdict": "untestable", "reason": claim.untestable}
    return row | {
        "experiment": " ".join(test.experiments),
        "table": test.table,
        "family": test.family,
        "controlled": test.controlled,
        "min_units": test.min_units,
        "correct": test.correct,
    }


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
