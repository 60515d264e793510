"""What every parameter section has in common.

A section is one block of ``params.yaml``. Each step defines its own section beside its code
(``probecore/<step>/params.py``), so that a changed default reruns that step and nothing else;
``probecore.params`` joins them into the schema of a study.
"""

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import pydantic
from pydantic import Field

from probecore.errors import InputError, reading

if TYPE_CHECKING:
    from torch import nn

_BRANCH = re.compile(r"function-|tagged-|(float|int|str|bool)$|(list|dict)\[|literal\[")
"""What pydantic adds to a key's path to say which alternative of a type it tried."""


class Section(pydantic.BaseModel):
    """Base of all sections: strict types, no unknown keys, immutable."""

    model_config = pydantic.ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, validate_default=True
    )

    @classmethod
    def parse(cls, text: str, *, where: str) -> Self:
        """Read a section from the JSON of a command line.

        Raises
        ------
        InputError
            With the key's path below `where`, what is wrong, and the remedy.
        """
        with reading(where, "not JSON", "quote the whole argument"):
            content = json.loads(text)
        return cls.read(content, where=where)

    @classmethod
    def read(cls, content: Any, *, where: str = "") -> Self:
        """Validate what a YAML or JSON reader returned; raises `InputError` like `parse`."""
        try:
            return cls.model_validate(content)
        except pydantic.ValidationError as error:
            raise InputError(explain(error, cls, where)) from None


class Multiverse(Section):
    """Other defensible choices in a measure, under which claims are judged too (docs/claims.md)."""

    choices: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        min_length=1,
        max_length=8,
        description="Other options, by choice: a parameter of this section (`threshold`, `heads.epochs`), measured "
        "anew; or a key column of its tables by which claims choose rows (`dilation`), read alone.",
    )
    corners: int = Field(
        0, ge=0, description="How often is measured with several parameters changed, beside each one at a time."
    )


class MeasureSection(Section):
    """Base of the measures' sections."""

    multiverse: Multiverse | None = Field(None, description="Other defensible choices; null: none.")

    needs_labelled_images: ClassVar[bool] = True
    """Whether the measure has nothing to say about regressions."""

    reads_activations: ClassVar[Literal["pooled", "excitations"] | None] = None
    """What the measure reads of what the step `activations` dumps."""

    def files(self) -> list[Path]:
        """Files that the section names."""
        return []

    def check_network(self, model: "nn.Module", input_shape: tuple[int, ...]) -> None:
        """Whether what the section names is there: looked up before any job starts; InputError if not."""


def explain(error: pydantic.ValidationError, section: type[pydantic.BaseModel], where: str) -> str:
    """One line for the first problem of a validation: key, what is wrong, remedy."""
    problem = error.errors()[0]
    location = [str(part) for part in problem["loc"] if not _BRANCH.match(str(part))]
    key = ".".join([*([where] if where else []), *location])
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key{did_you_mean(location[-1], keys_at(section, location[:-1]))}"
    if problem["type"] == "missing":
        return f"{key}: missing; add it{_hint_null(section, location)}"
    if problem["type"] == "float_type" and isinstance(problem["input"], str):
        return f"{key}: expected a number, got the text {problem['input']!r}; YAML wants 1.0e-3, not 1e-3"
    message = problem["msg"].removeprefix("Value error, ")
    got = "" if isinstance(problem["input"], (dict, list)) else f", got {_short(problem['input'])}"
    return f"{key}: {message[0].lower()}{message[1:]}{got}"


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """A remedy for a wrong name: the nearest valid one, and all when they are few."""
    names = sorted(valid)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{hint} (valid: {', '.join(names)})" if names and len(names) <= 30 else hint


def keys_at(section: type[pydantic.BaseModel], location: Sequence[str]) -> list[str]:
    """The valid keys of the section found by following `location` from `section`."""
    for part in location:
        field = section.model_fields.get(part)
        if field is not None:
            inner = _inner_section(field.annotation)
            if inner is None:
                return []
            section = inner
    return list(section.model_fields)


def _inner_section(annotation: Any) -> type[pydantic.BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return annotation
    for argument in reversed(getattr(annotation, "__args__", ())):
        if (inner := _inner_section(argument)) is not None:
            return inner
    return None


def _hint_null(section: type[pydantic.BaseModel], location: Sequence[str]) -> str:
    for part in location[:-1]:
        field = section.model_fields.get(part)
        if field is not None and (inner := _inner_section(field.annotation)) is not None:
            section = inner
    field = section.model_fields.get(location[-1])
    optional = field is not None and type(None) in getattr(field.annotation, "__args__", ())
    return f", or write `{location[-1]}: null` if it is not wanted, as `probecore upgrade` does" if optional else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
