"""Whether claims can be read from the study they are declared for, before any work: nothing of it is computed here.

A declaration stands once there are verdicts: in the table that the step wrote, which neither tool deletes before it
judges again, or, where a user deleted it, in ``dvc.lock``.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from probecore.claims.catalogue import known_tables
from probecore.claims.params import FILE, RECORD, Claim, Declarations, Other, Test, load_claims
from probecore.errors import InputError, reading
from probecore.networks import condition_of
from probecore.params import Experiment, Study
from probecore.schema import did_you_mean
from probecore.verify import LOCK
from probecore.yaml_files import read_yaml

RECORDED = ("claim", "declaration", "verdict", "reason", "amended", "tables")
"""Columns without which a table is none of verdicts."""


def check_claims(study: Study, folder: Path = Path()) -> Declarations | None:
    """Read and check the ``claims.yaml`` of the study in `folder`; None if it has none.

    Raises
    ------
    InputError
        For the first claim that names an experiment, table, column or condition that the study does not have, or that
        was changed after its verdict was written without a reason in `amended`; if ``dvc.yaml`` knows of no claims
        where there are some, or of claims where there are none.
    """
    path = folder / FILE
    _check_stage(folder)
    if not path.exists():
        return None
    declarations = load_claims(path)
    try:
        for claim in declarations.claims:
            if claim.test is not None:
                _check_test(claim.id, claim.test, study)
        for name, table in declarations.tables.items():
            _experiment(study, table.experiment, f"tables.{name}.experiment")
        for record in (read_record(folder / RECORD), read_lock(folder / LOCK)):
            check_unchanged(declarations.claims, record)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return declarations


def _check_stage(folder: Path) -> None:
    stages, claims = folder / "dvc.yaml", folder / FILE
    if stages.exists() and ("\n  claims:\n" in stages.read_text(encoding="utf-8")) != claims.exists():
        remedy = "`probecore upgrade` adds it" if claims.exists() else "`probecore upgrade` takes it away"
        raise InputError(f"{stages}: has {'no' if claims.exists() else 'a'} stage that judges {claims}; {remedy}")


def _check_test(name: str, test: Test, study: Study) -> None:
    where = f"{name}: test"
    columns = known_tables().get(test.table)
    if columns is None:
        raise InputError(f"{where}.table: no table {test.table!r}{did_you_mean(test.table, known_tables())}")
    for key, used in _columns_used(test):
        if used not in columns.all and not (key == "effect.mean_over" and used == "epoch"):
            raise InputError(f"{where}.{key}: {test.table} has no column {used!r}{did_you_mean(used, columns.all)}")
    step = test.table.partition("/")[0]
    for key, experiment, condition in _networks_used(test):
        found = _experiment(study, experiment, f"{where}.{key}experiment")
        if getattr(found, step) is None:
            raise InputError(f"{where}.table: experiments.{experiment}.{step} is null; give it a section")
        _check_condition(f"{where}.{key}condition", condition, experiment, found)


def _columns_used(test: Test) -> Iterator[tuple[str, str]]:
    effect = test.effect
    yield "effect.column", effect.column
    if effect.along is not None and effect.along != "experiment":
        yield "effect.along", effect.along
    yield from (("effect.mean_over", column) for column in effect.mean_over)
    yield from (("where", column) for column in test.where)
    for key, other in _others(test):
        if other.column is not None:
            yield f"{key}column", other.column
        yield from ((f"{key}where", column) for column in other.where)


def _networks_used(test: Test) -> Iterator[tuple[str, str, str]]:
    """Key, experiment and condition of everything that is read."""
    yield from (("", experiment, test.condition) for experiment in test.experiments)
    for key, other in _others(test):
        for experiment in [other.experiment] if other.experiment else test.experiments:
            yield key, experiment, other.condition or test.condition


def _others(test: Test) -> Iterator[tuple[str, Other]]:
    if test.effect.minus is not None:
        yield "effect.minus.", test.effect.minus
    yield from ((f"against.{index}.", control) for index, control in enumerate(test.against))


def _experiment(study: Study, name: str, where: str) -> Experiment:
    if name not in study.experiments:
        raise InputError(f"{where}: no experiment {name!r}{did_you_mean(name, study.experiments)}")
    return study.experiments[name]


def _check_condition(where: str, condition: str, name: str, experiment: Experiment) -> None:
    """Untrained networks are the trained ones before training."""
    there = {condition_of(network) for network in experiment.train.networks}
    if "trained" in there:
        there.add("untrained")
    if condition not in there:
        raise InputError(f"{where}: experiments.{name} has no {condition} networks{did_you_mean(condition, there)}")


def read_record(path: Path = RECORD) -> list[dict[str, str]]:
    """The rows of the table of verdicts; none before it is written."""
    if not path.exists():
        return []
    remedy = "restore it from Git, or delete it"
    with reading(path, "no table of claims", remedy), path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(row.get(column) is None for row in rows for column in RECORDED):
        raise InputError(f"{path}: no table of claims; {remedy}")
    return rows


def read_current(claims: Sequence[Claim], folder: Path = Path()) -> list[dict[str, str]]:
    """The rows of the table of verdicts, if they are of these claims and of the tables that are here.

    Raises
    ------
    InputError
        If they are not, or there is no table of verdicts.
    """
    path = folder / RECORD
    if not path.exists():
        raise InputError(f"{path}: no such file; run `snakemake`, which judges the claims")
    rows = read_record(path)
    found = {row["claim"]: (row["declaration"], row["amended"], row["tables"]) for row in rows}
    for claim in claims:
        tables = "" if claim.test is None else claim.test.digest_of_tables(folder)
        if found.get(claim.id) != (claim.digest(), claim.amended or "", tables):
            raise InputError(f"{path}: {claim.id}: judged by other tables or as another declaration; run `snakemake`")
    return rows


def read_lock(path: Path = LOCK) -> list[dict[str, str]]:
    """Of the claims whose verdicts ``dvc.lock`` records: name, hash of the declaration, reason for a change."""
    if not path.exists():
        return []
    with reading(path, "its stage `claims` cannot be read", "restore it from Git"):
        stage = (read_yaml(path).get("stages") or {}).get("claims")
        recorded = [] if stage is None else stage["params"][FILE.name]["claims"]
        return [
            {"claim": each["id"], "declaration": _digest(each), "amended": each.get("amended") or ""}
            for each in recorded
        ]


def _digest(recorded: dict[str, Any]) -> str:
    """Of a recorded declaration; of one that this version does not read, a hash that no other has."""
    try:
        return Claim.read(recorded).digest()
    except InputError:
        return ""


def check_unchanged(claims: Iterable[Claim], record: Iterable[dict[str, str]]) -> None:
    """Refuse what was changed, added or removed after verdicts were written, unless a new `amended` says why.

    A recorded `amended` stands: a later one begins with it.

    Raises
    ------
    InputError
        Naming the claim.
    """
    recorded = {row["claim"]: row for row in record}
    if not recorded:
        return
    declared = {claim.id: claim for claim in claims}
    for name in recorded.keys() - declared.keys():
        raise InputError(
            f"{name}: removed after results were there; restore it, with `untestable` and `amended` if need be"
        )
    for name, claim in declared.items():
        row = recorded.get(name)
        if row is not None and not (claim.amended or "").startswith(row["amended"]):
            raise InputError(
                f"{name}: `amended` was recorded as {row['amended']!r}; restore it, and add to it if need be"
            )
        if row is not None and row["declaration"] == claim.digest():
            continue
        if not claim.amended or (row is not None and row["amended"] == claim.amended):
            what = "added" if row is None else "changed"
            raise InputError(f"{name}: {what} after results were there; say why in `amended`, or undo it")
