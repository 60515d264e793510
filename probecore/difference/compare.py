"""Two snapshots of a study side by side: what went in, what came out, and which of the one explains the other.

An explanation follows the stages of ``dvc.lock``: a result is put down to what its stage reads, directly or through
other stages whose results differ too, and to the machine and library versions if these differ. Nothing is rerun: where
two causes meet in a stage, both are named.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from probecore.difference import arrays
from probecore.difference.arrays import ArrayDifference, compare_arrays
from probecore.difference.snapshot import Snapshot
from probecore.difference.tables import TableDifference, compare_tables, flat_table, leaves
from probecore.errors import reading
from probecore.fingerprint import MACHINE
from probecore.verify import MADE, RECORDED_ON, md5_at

if TYPE_CHECKING:
    import pandas as pd

ENVIRONMENT = "the environment"
"""As a cause: machine, versions or primitives."""

OWN = "own"
"""The folder of a study's own code and data."""


@dataclass(frozen=True)
class Change:
    """One thing that went in: its name, and what it was and is; empty where it is not, or only hashes are known."""

    name: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class ResultChange:
    """One file that came out differently.

    Parameters
    ----------
    path : of the file; of a folder, where its files are not here
    kind : ``added``, ``removed``, ``differs``, or ``not here``, which `dvc fetch` mends
    causes : names of what explains it; none if nothing that is recorded does
    table : cells that changed, of a table
    arrays : arrays that changed, of an HDF5 or safetensors file
    """

    path: str
    kind: str
    causes: tuple[str, ...] = ()
    table: TableDifference | None = None
    arrays: tuple[ArrayDifference, ...] = ()


@dataclass(frozen=True)
class Difference:
    """All that differs between two snapshots."""

    before: str
    after: str
    parameters: list[Change] = field(default_factory=list)
    code: list[Change] = field(default_factory=list)
    inputs: list[Change] = field(default_factory=list)
    environment: list[Change] = field(default_factory=list)
    results: list[ResultChange] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return any((self.parameters, self.code, self.inputs, self.environment, self.results))


def compare(first: Snapshot, second: Snapshot) -> Difference:
    """Compare two snapshots.

    Raises
    ------
    InputError
        If a table or an array file of one cannot be read.
    """
    code, inputs = _changed_units(first, second)
    found = Difference(
        before=first.name,
        after=second.name,
        parameters=_changes(_written(first.params), _written(second.params)),
        code=code,
        inputs=inputs,
        environment=_changed_environment(first, second),
    )
    changed = dict(_changed_files(first, second))
    causes = _Causes(found, first, second, changed)
    found.results.extend(_result(path, kind, causes.of(path), first, second) for path, kind in sorted(changed.items()))
    return found


def _written(params: Mapping[str, Any]) -> dict[str, str]:
    return {name: json.dumps(value, ensure_ascii=False) for name, value in leaves(params).items()}


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    names = dict.fromkeys((*before, *after))
    return [
        Change(name, before.get(name, ""), after.get(name, "")) for name in names if before.get(name) != after.get(name)
    ]


def _changed_units(first: Snapshot, second: Snapshot) -> tuple[list[Change], list[Change]]:
    """Code and other inputs that a stage of either names, and that differ."""
    stages = (*first.stages.values(), *second.stages.values())
    units = sorted({dep["path"] for stage in stages for dep in stage.get("deps", [])})
    units = [unit for unit in units if PurePosixPath(unit).parts[0] not in MADE]
    differ = [Change(unit) for unit in units if first.inputs(unit) != second.inputs(unit)]
    code = [unit for unit in differ if PurePosixPath(unit.name).parts[0] != OWN]
    return code, [unit for unit in differ if unit not in code]


def _changed_environment(first: Snapshot, second: Snapshot) -> list[Change]:
    sides = (first.environment, second.environment)
    if None in sides:
        there = ("missing" if side is None else "there" for side in sides)
        return _changes(*({RECORDED_ON.name: said} for said in there))
    return _changes(*({" ".join(key): value for key, value in (side or {}).items()} for side in sides))


def _changed_files(first: Snapshot, second: Snapshot) -> Iterator[tuple[str, str]]:
    """Results that differ, with the kind of the difference."""
    unlisted = {out for side in (first, second) for out, md5 in side.results.items() if md5.endswith(".dir")}
    for out in unlisted:
        if md5_at(out, first.results) != md5_at(out, second.results):
            yield out, "not here"
    for path in first.results.keys() | second.results.keys():
        if path in unlisted or unlisted.intersection(map(str, PurePosixPath(path).parents)):
            continue
        before, after = first.results.get(path), second.results.get(path)
        if before != after:
            yield path, "added" if before is None else "removed" if after is None else "differs"


class _Causes:
    """What explains a result: what its stage reads and differs, and what explains that."""

    def __init__(self, found: Difference, first: Snapshot, second: Snapshot, changed: Mapping[str, str]) -> None:
        self.stages = {**first.stages, **second.stages}
        self.makers = {out["path"]: name for name, stage in self.stages.items() for out in stage.get("outs", [])}
        self.params = [change.name for change in found.parameters]
        self.units = {change.name for change in (*found.code, *found.inputs)}
        self.environment = [ENVIRONMENT] if any(not _is_machine(change) for change in found.environment) else []
        self.changed = changed

    def of(self, path: str) -> tuple[str, ...]:
        """Names of what explains a change of the result at `path`."""
        return tuple(dict.fromkeys((*self._of_stage(self._maker(path), set()), *self.environment)))

    def _maker(self, path: str) -> str | None:
        places = (path, *map(str, PurePosixPath(path).parents))
        return next((self.makers[place] for place in places if place in self.makers), None)

    def _of_stage(self, stage: str | None, seen: set[str]) -> list[str]:
        if stage is None or stage in seen:
            return []
        seen.add(stage)
        content = self.stages[stage]
        keys = [key for section in content.get("params", {}).values() for key in section]
        causes = [
            name for name in self.params if any(_within(name, key, ".") or _within(key, name, ".") for key in keys)
        ]
        for dep in content.get("deps", []):
            if dep["path"] in self.units:
                causes.append(dep["path"])
            for result in sorted(path for path in self.changed if _within(path, dep["path"], "/")):
                causes += self._of_stage(self._maker(result), seen)
        return causes


def _is_machine(change: Change) -> bool:
    """Another processor with equal primitives computes the same."""
    return change.name.startswith(f"{MACHINE} ")


def _within(name: str, outer: str, mark: str) -> bool:
    """Whether a name is `outer`, or goes on from there behind a mark."""
    return name == outer or name.startswith(f"{outer}{mark}")


def _result(path: str, kind: str, causes: tuple[str, ...], first: Snapshot, second: Snapshot) -> ResultChange:
    if kind != "differs":
        return ResultChange(path, kind, causes)
    try:
        with first.open(path) as before, second.open(path) as after:
            if path.endswith(arrays.SUFFIXES):
                return ResultChange(path, kind, causes, arrays=tuple(compare_arrays(path, before, after)))
            if path.endswith((".csv", ".json")):
                table = compare_tables(*(_table(path, side.read()) for side in (before, after)))
                return ResultChange(path, kind, causes, table=table)
    except KeyError:
        return ResultChange(path, "not here", causes)
    return ResultChange(path, kind, causes)


def _table(path: str, content: bytes) -> "pd.DataFrame":
    import pandas as pd

    with reading(path, "no table", "make it again or fetch it anew"):
        if path.endswith(".csv"):
            return pd.read_csv(io.BytesIO(content))
        return flat_table(json.loads(content))
