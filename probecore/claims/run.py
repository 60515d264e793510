"""The job of the step: from a study's tables and ``claims.yaml`` to ``results/claims/claims.csv``."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from probecore.claims.effects import Sample, Tables, difference_from, effect_of
from probecore.claims.params import FILE, RECORD, Claim, Other, Test, load_claims
from probecore.claims.stability import Outcome, Stability, stability
from probecore.claims.universes import digest_of_tables, test_in, universes_of
from probecore.claims.verdicts import Judgement, judge_family
from probecore.errors import InputError
from probecore.files import read_table, write_table
from probecore.multiverse import DECLARED, Fans, Universe, place
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
    *("universes", "stands", "moved_by"),
    *("amended", "declaration", "tables"),
]


Member = tuple[str, Test]
"""A claim's name and its test."""

Samples = tuple[Sample, dict[str, Sample]]
"""Of an effect, and of its differences from controls."""


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


def judge_claims(claims: Sequence[Claim], folder: Path = Path(), *, fans: Fans = MappingProxyType({})) -> pd.DataFrame:
    """Judge the claims of the study in `folder`.

    Parameters
    ----------
    fans : other universes, in which verdicts are judged too

    Returns
    -------
    DataFrame
        A row for each claim, in the order of their declaration, with the columns `COLUMNS`. Of several controls that
        one is named which the effect exceeds least. In how many universes a verdict stands is not said of a claim that
        has too few seeds for one, nor of one that has no other universes.

    Raises
    ------
    InputError
        If a table is missing, or has not the rows that a claim needs.
    """
    tables = StudyTables(folder)
    rows = {claim.id: {"number": number} | _row(claim) for number, claim in enumerate(claims, start=1)}
    families: dict[str, list[Member]] = {}
    for claim in claims:
        if (test := claim.test) is not None:
            families.setdefault(test.family, []).append((claim.id, test))
            rows[claim.id]["tables"] = digest_of_tables(test, fans, folder)
    for members in families.values():
        samples = {name: _samples(name, test, tables, DECLARED) for name, test in members}
        judged = _judged(members, samples)
        stable = _stabilities(members, samples, tables, fans)
        for name, test in members:
            rows[name] |= _numbers(test, judged[name])
            if not _lacks_seeds(test, judged[name]):
                rows[name] |= stable.get(name, {})
    return pd.DataFrame(list(rows.values()), columns=COLUMNS)


def write_claims(folder: Path = Path(), *, fans: Fans = MappingProxyType({})) -> None:
    """Judge the claims of the study in `folder` and write the table of verdicts."""
    table = judge_claims(load_claims(folder / FILE).claims, folder, fans=fans)
    write_table(folder / RECORD, table, sort_by=["number"])


def _judged(members: Sequence[Member], samples: Mapping[str, Samples]) -> dict[str, Judgement]:
    judgements = judge_family([test for _, test in members], [samples[name] for name, _ in members])
    return {name: judgement for (name, _), judgement in zip(members, judgements, strict=True)}


def _stabilities(
    members: Sequence[Member], samples: Mapping[str, Samples], tables: Tables, fans: Fans
) -> dict[str, dict[str, Any]]:
    """Of each claim that has other universes: their number, and how its verdict fares in them.

    In a universe of a measure all claims of the family on it are judged there, the others as declared.
    """
    found = {name: universes_of(test, fans) for name, test in members}
    outcomes: dict[str, list[Outcome]] = {name: [] for name, each in found.items() if len(each) > 1}
    for step, universe in _distinct((test.step, each) for name, test in members for each in found[name]):
        there = {name: test for name, test in members if test.step == step and universe in found[name]}
        moved = {name: _samples(name, test, tables, universe) for name, test in there.items()}
        judged = _judged(members, {**samples, **moved})
        for name in there.keys() & outcomes.keys():
            outcomes[name].append(Outcome(changed=universe.changed, verdict=judged[name].verdict))
    return {name: _columns(stability(each)) for name, each in outcomes.items()}


def _distinct(pairs: Iterable[tuple[str, Universe]]) -> list[tuple[str, Universe]]:
    """Universes by measure, fewest changes first; they are no keys of a dictionary."""
    found: list[tuple[str, Universe]] = []
    for pair in pairs:
        if pair not in found:
            found.append(pair)
    return sorted(found, key=lambda pair: len(pair[1].changed))


def _columns(found: Stability) -> dict[str, Any]:
    return {"universes": found.n, "stands": found.share, "moved_by": found.moved_by}


def _lacks_seeds(test: Test, judgement: Judgement) -> bool:
    return judgement.verdict == "undecided" and judgement.n < test.min_units


def _samples(name: str, test: Test, tables: Tables, universe: Universe) -> Samples:
    there, moved = test_in(universe, test), _tables_in(universe, tables)
    try:
        controls = {named(control): difference_from(control, there, moved) for control in there.against}
        return effect_of(there, moved), controls
    except InputError as error:
        where = f" (with {universe.words})" if universe.changed else ""
        raise InputError(f"claims.yaml: {name}{where}: {error}") from None


def _tables_in(universe: Universe, tables: Tables) -> Tables:
    return lambda table: tables(place(table, universe.folder))


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
