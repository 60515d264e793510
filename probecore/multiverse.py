"""Other defensible choices in a measure: its universes, which differ from what is declared in some of them.

A choice is a parameter of the measure's section, which is then measured anew from the same checkpoints and activations,
or a key column of its tables, by which claims choose other rows of what is there. Not here: what verdicts make of them
(`probecore.claims.stability`).
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from probecore.errors import InputError
from probecore.schema import MeasureSection, Section, did_you_mean, keys_at

UNIVERSES = "universes"
"""Below the results of a measure and an experiment."""

MOST = 32
"""Universes of a measure, unless those with one choice changed are more."""

LONGEST = 150
"""Characters of a folder's name."""

Changes = dict[str, Any]
"""Choice → option, of the choices that are not as declared."""


@dataclass(frozen=True, kw_only=True)
class Universe:
    """One way to do a measure.

    Attributes
    ----------
    changed
        What is not as declared.
    columns
        Those choices among them that are columns.
    folder
        Where its tables are, below ``universes/``; empty if nothing is measured anew.
    """

    changed: Mapping[str, Any]
    columns: frozenset[str] = frozenset()
    folder: str = ""

    @property
    def measured(self) -> Changes:
        """What of `changed` is measured anew."""
        return {choice: option for choice, option in self.changed.items() if choice not in self.columns}

    @property
    def words(self) -> str:
        """What is changed, in a few words."""
        return ", ".join(f"{choice} {json.dumps(option)}" for choice, option in self.changed.items())


DECLARED = Universe(changed={})

Fans = Mapping[tuple[str, str], Sequence[Universe]]
"""Measure and experiment → universes, as declared first."""


def universes(section: MeasureSection) -> list[Universe]:
    """List the universes of a measure: as declared, then with one choice changed, then with more.

    With one parameter changed at a time each is measured; with several, as many as `corners` says. Rows that are there
    cost nothing: all combinations of columns, with each other and with what is measured, up to `MOST`.
    """
    declared = section.multiverse
    if declared is None:
        return [DECLARED]
    parameters = {name: values for name, values in declared.choices.items() if is_parameter(type(section), name)}
    measured = list(itertools.islice(fan(parameters), 1 + _singles(parameters) + declared.corners))
    found = (
        Universe(changed=changed, columns=frozenset(changed.keys() - anew.keys()), folder=_name(anew))
        for changed in fan(declared.choices)
        if (anew := {name: option for name, option in changed.items() if name in parameters}) in measured
    )
    return list(itertools.islice(found, max(MOST, 1 + _singles(declared.choices))))


def fan(options: Mapping[str, Sequence[Any]]) -> Iterator[Changes]:
    """Yield what is changed: nothing, then one choice, then two, and so on.

    Examples
    --------
    >>> list(fan({"threshold": [0.5], "images": [500]}))
    [{}, {'threshold': 0.5}, {'images': 500}, {'threshold': 0.5, 'images': 500}]
    """
    for count in range(len(options) + 1):
        for names in itertools.combinations(options, count):
            for values in itertools.product(*(options[name] for name in names)):
                yield dict(zip(names, values, strict=True))


def _singles(options: Mapping[str, Sequence[Any]]) -> int:
    return sum(map(len, options.values()))


def _name(changed: Changes) -> str:
    parts = (f"{choice}-{json.dumps(option)}" for choice, option in changed.items())
    return "_".join(re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-") for part in parts)


def folders(section: MeasureSection) -> list[str]:
    """Where what is measured anew is written, below ``universes/``."""
    return [name for name in dict.fromkeys(universe.folder for universe in universes(section)) if name]


def sections_measured(section: Section) -> dict[str, Section]:
    """A section by folder: as declared under an empty name, then as in its universes, if it is a measure's."""
    if not isinstance(section, MeasureSection):
        return {"": section}
    kind, written = type(section), section.model_dump(mode="json")
    return {name: kind.read(written_in(written, kind, name)) for name in ["", *folders(section)]}


def as_json(fans: Fans) -> str:
    """What verdicts depend on, as text; empty if there is nothing but what is declared."""
    changes = {"/".join(key): [universe.changed for universe in found] for key, found in fans.items()}
    return json.dumps(changes, sort_keys=True) if changes else ""


def place(table: str, folder: str) -> str:
    """Name a table below ``results/`` as it is called in a universe.

    Examples
    --------
    >>> place("recos/lenet5/layers.csv", "images-500")
    'recos/lenet5/universes/images-500/layers.csv'
    """
    step, experiment, name = table.split("/")
    return f"{step}/{experiment}/{UNIVERSES}/{folder}/{name}" if folder else table


def is_parameter(section: type[MeasureSection], choice: str) -> bool:
    """Whether a choice is a parameter of a section, as ``heads.epochs``, and no column."""
    parts = choice.split(".")
    return all(part in keys_at(section, parts[:index]) for index, part in enumerate(parts))


def written_in(written: Mapping[str, Any], section: type[MeasureSection], folder: str) -> dict[str, Any]:
    """A measure's section as it would be written for a universe; as declared where `folder` is empty."""
    alone = {key: value for key, value in written.items() if key != "multiverse"}
    if not folder:
        return alone
    universe = next(each for each in universes(section.read(dict(written))) if each.folder == folder)
    for choice, option in universe.measured.items():
        alone = _with(alone, choice.split("."), option)
    return alone


def _with(content: Mapping[str, Any], parts: Sequence[str], option: Any) -> dict[str, Any]:
    first, *inner = parts
    return {**content, first: _with(content.get(first) or {}, inner, option) if inner else option}


def check_universes(written: Mapping[str, Any], section: MeasureSection, columns: Sequence[str]) -> None:
    """Refuse choices that are neither parameters nor among `columns`, and options that are no others.

    Raises
    ------
    InputError
        Naming the choice.
    """
    if section.multiverse is None:
        return
    kind, declared = type(section), section.model_dump(mode="json")
    for choice, options in section.multiverse.choices.items():
        where = f"multiverse.choices.{choice}"
        if choice not in columns and not is_parameter(kind, choice):
            raise InputError(f"{where}: no parameter and no key column{did_you_mean(choice, [*declared, *columns])}")
        for option in options:
            if is_parameter(kind, choice) and option == _value(declared, choice.split(".")):
                raise InputError(f"{where}: {json.dumps(option)} is as declared; name other options")
    for folder in folders(section):
        kind.read(written_in(written, kind, folder), where=f"multiverse: {folder}")
        if len(folder) > LONGEST:
            raise InputError(f"multiverse: {folder[:60]}…: too long for a folder; write fewer or shorter options")
    if len({json.dumps(each.measured) for each in universes(section)}) != 1 + len(folders(section)):
        raise InputError("multiverse: two options look alike in the name of a folder; write one of them otherwise")


def _value(content: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        content = content.get(part) if isinstance(content, dict) else None
    return content
