"""The schema of ``claims.yaml``: claims, and the tables and figures that documents show."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field

from probecore.errors import InputError
from probecore.schema import Section
from probecore.yaml_files import read_yaml

FILE = Path("claims.yaml")

RECORD = Path("results/claims/claims.csv")
"""The verdicts, with the hash of each declaration; kept in Git."""

Cell = str | int | float
Where = dict[str, Cell | list[Cell]]
Condition = Literal["untrained", "trained", "twin", "shuffled", "given", "reinitialised"]
Epoch = Literal["last", "all"] | Annotated[int, Field(ge=0)]
Experiments = str | dict[str, float]
Reason = Annotated[str, Field(min_length=10)]


class Other(Section):
    """Other numbers than those of the claim, seed by seed: what it does not name stays as in the claim."""

    experiment: str | None = Field(None, description="Another experiment.")
    condition: Condition | None = Field(None, description="Networks of another condition.")
    epoch: Epoch | None = Field(None, description="Another checkpoint.")
    column: str | None = Field(None, description="Another column, e.g. a null of the table.")
    where: Where = Field({}, description="Other values of columns.")
    recipe: Literal["same"] | None = Field(
        None, description="`same`: permuted labels are compared with true ones under the same recipe (`twin`)."
    )

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.model_fields_set - {"recipe"}:
            raise ValueError("changes nothing; name a condition, an experiment, an epoch, a column or `where`")
        if (self.condition == "shuffled") != (self.recipe == "same"):
            raise ValueError("`recipe: same` belongs to `condition: shuffled`, and to it alone")
        return self


class Effect(Section):
    """One number per seed; `value` is short for ``{kind: value}``."""

    kind: Literal["value", "difference", "spearman", "slope"] = Field(
        description="value: of the one row that is left; difference: of that and another; spearman, slope: of the "
        "column along another, over the rows that are left."
    )
    column: str = Field("value", description="The column that is measured.")
    minus: Other | None = Field(None, description="difference: what is subtracted.")
    along: str | None = Field(
        None, description="spearman, slope: the other column; `experiment`: the numbers given to experiments."
    )
    log: list[Literal["column", "along"]] = Field([], description="slope: what is taken as logarithm.")
    mean_over: list[str] = Field([], description="Columns over whose rows is averaged first.")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _by_name(cls, content: Any) -> Any:
        return {"kind": content} if isinstance(content, str) else content

    @pydantic.model_validator(mode="after")
    def _complete(self) -> Self:
        needs = {"difference": "minus", "spearman": "along", "slope": "along"}.get(self.kind)
        for name in ("minus", "along"):
            if (getattr(self, name) is not None) != (name == needs):
                raise ValueError(f"a {self.kind} {'needs' if name == needs else 'has no'} `{name}`")
        if self.log and self.kind != "slope":
            raise ValueError(f"a {self.kind} has no `log`")
        return self


class Bounds(Section):
    """Where a number lies."""

    above: float | None = Field(None, description="Above this.")
    below: float | None = Field(None, description="Below this.")

    @pydantic.model_validator(mode="after")
    def _some(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("give `above`, `below` or both")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(f"nothing is above {self.above} and below {self.below}")
        return self


class Test(Section):
    """How a claim is tested."""

    __test__ = False  # no test of pytest

    experiment: Experiments = Field(description="An experiment; or several, each with its number, for `along`.")
    table: str = Field(pattern=r"^[a-z_]+/[a-z_]+\.csv$", description="Step and file, e.g. mechanism/layers.csv.")
    condition: Condition = Field("trained", description="Which networks; untrained: the trained ones at epoch 0.")
    epoch: Epoch = Field("last", description="Which checkpoint: last, all (for `along`), or an epoch.")
    where: Where = Field({}, description="Values of columns that choose rows; a list: any of them.")
    effect: Effect = Field(description="What is taken from the rows of each seed.")
    against: list[Other] = Field([], description="Controls that the effect must exceed, in the direction of `held`.")
    unit: Literal["seed"] = Field("seed", description="What the sample consists of.")
    min_units: int = Field(5, ge=5, description="With fewer seeds the verdict is undecided.")
    held: Bounds | None = Field(None, description="Where the interval lies if the claim holds.")
    fails: Bounds | None = Field(None, description="Where it lies if the claim fails; default: across from `held`.")
    equivalence_margin: float | None = Field(
        None, ge=0, description="Instead of `held`: the effect is 0 up to this; 0: an identity, exact for each seed."
    )
    family: str = Field(pattern=r"^[a-z][a-z0-9_-]*$", description="Claims whose p-values are corrected together.")
    correct: Literal["holm", "benjamini_hochberg"] = Field("holm", description="Correction within the family.")

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.held is None) == (self.equivalence_margin is None):
            raise ValueError("give `held` or `equivalence_margin`, and not both")
        one_sided = self.held is not None and (self.held.above is None) != (self.held.below is None)
        for name in ("against", "fails"):
            if getattr(self, name) and not one_sided:
                raise ValueError(f"`{name}` belongs to a `held` with one side")
        _check_sides(self.held, self.fails)
        several = isinstance(self.experiment, dict)
        if several != (self.effect.along == "experiment"):
            raise ValueError("several experiments belong to `along: experiment`, and to it alone")
        if self.epoch == "all" and self.effect.along is None:
            raise ValueError("`epoch: all` belongs to an effect along a column")
        return self

    @property
    def experiments(self) -> Mapping[str, float | None]:
        """The experiments with their numbers."""
        return {self.experiment: None} if isinstance(self.experiment, str) else self.experiment

    @property
    def tables(self) -> list[str]:
        """The tables that are read, below ``results/``."""
        name = self.table.partition("/")[2]
        return [f"{self.step}/{experiment}/{name}" for experiment in self.experiments_read]

    @property
    def step(self) -> str:
        """The measure whose table it is."""
        return self.table.partition("/")[0]

    @property
    def experiments_read(self) -> list[str]:
        """The experiments whose tables are read, sorted."""
        others = [other for other in (self.effect.minus, *self.against) if other is not None]
        return sorted({*self.experiments, *(other.experiment for other in others if other.experiment is not None)})

    @property
    def controlled(self) -> bool:
        """Whether the effect is compared with anything; an equivalence says itself what it is equal to."""
        return bool(self.against) or self.effect.minus is not None or self.equivalence_margin is not None

    @property
    def held_between(self) -> tuple[float | None, float | None]:
        """The bounds above and below which the effect lies if the claim holds."""
        if self.held is not None:
            return self.held.above, self.held.below
        margin = self.equivalence_margin
        return (None, None) if margin is None else (-margin, margin)


def _check_sides(held: Bounds | None, fails: Bounds | None) -> None:
    if held is None or fails is None:
        return
    above = held.above is not None
    if (fails.below is not None) != above or (fails.above is not None) == above:
        raise ValueError(f"`fails` lies on the other side of `held`; write `{'below' if above else 'above'}`")
    gap = (held.above - fails.below) if above else (fails.above - held.below)  # type: ignore[operator]
    if gap < 0:
        raise ValueError("`held` and `fails` overlap")


class Claim(Section):
    """A claim of a paper: how it is tested, or why it cannot be tested here."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="Its name, for good.")
    paper: str = Field(description="DOI or arXiv number.")
    says: str = Field(description="The claim in words.")
    reconstruction: str | None = Field(None, description="What of it is ours.")
    test: Test | None = Field(None, description="How it is tested.")
    untestable: Reason | None = Field(None, description="Why it cannot be tested here.")
    amended: Reason | None = Field(None, description="Why the declaration was changed after results were there.")

    @pydantic.model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.test is None) == (self.untestable is None):
            raise ValueError("give `test`, or say in `untestable` why there is none")
        return self

    def digest(self) -> str:
        """SHA-256 of the declaration with all defaults, without `amended`."""
        content = self.model_dump(mode="json", exclude={"amended"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Row(Section):
    """A row of a table of headline numbers."""

    says: str = Field(description="What the number is.")
    step: str = Field(description="The step whose headline it is.")
    headline: str = Field(description="Name of the headline; {} stands for the column.")
    format: Literal["percent", "two"] = Field("two", description="percent: one digit after the point; two: two.")

    @pydantic.field_validator("headline")
    @classmethod
    def _plain(cls, headline: str) -> str:
        if set("{}") & set(headline.replace("{}", "")):
            raise ValueError("write {} where the column stands, and no other braces")
        return headline


class NumberTable(Section):
    """A table of headline numbers, from ``results/metrics.json``."""

    experiment: str = Field(description="The experiment.")
    columns: dict[str, str] = Field(min_length=1, description="What {} in a headline stands for, and the heading.")
    rows: list[Row] = Field(min_length=1, description="The rows.")


class FileTable(Section):
    """Some columns of a CSV file of the study, as they stand there."""

    file: str = Field(description="The file, seen from the study's folder.")
    columns: dict[str, str] = Field(min_length=1, description="A column, and the heading.")


class Declarations(Section):
    """All of ``claims.yaml``."""

    claims: list[Claim] = Field(description="The claims.")
    tables: dict[str, NumberTable] = Field({}, description="Tables between `<!-- numbers: NAME -->` in documents.")
    file_tables: dict[str, FileTable] = Field({}, description="Tables of files, between the same markers.")
    figures: dict[str, str] = Field({}, description="Copies of figures for documents: copy → figure in results/.")

    @pydantic.model_validator(mode="after")
    def _unique(self) -> Self:
        _check_unique([claim.id for claim in self.claims])
        if twice := self.tables.keys() & self.file_tables.keys():
            raise ValueError(f"the name {min(twice)} stands for two tables; rename one")
        corrections: dict[str, str] = {}
        for claim in self.claims:
            if claim.test and corrections.setdefault(claim.test.family, claim.test.correct) != claim.test.correct:
                raise ValueError(f"the family {claim.test.family} is corrected in two ways; choose one")
        return self


def _check_unique(ids: Sequence[str]) -> None:
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise ValueError(f"the id {twice[0]} stands for two claims; rename one")


def p_column(verdict: str) -> str:
    """The column of the table of verdicts that has the p of what a verdict says, corrected within its family."""
    return "p_fails_adjusted" if verdict == "fails" else "p_held_adjusted"


def declared(folder: Path = Path()) -> str | None:
    """The claims of the study in `folder` as they are written, as JSON with sorted keys; None without a file.

    What else the file holds, for documents, is not among them.
    """
    if not (folder / FILE).exists():
        return None
    return json.dumps(read_yaml(folder / FILE, portable=True).get("claims"), sort_keys=True)


def load_claims(path: Path = FILE) -> Declarations:
    """Read ``claims.yaml``.

    Raises
    ------
    InputError
        For the first thing that is wrong, in one line with the key's path.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file; declare claims there (docs/claims.md says how)")
    try:
        return Declarations.read(read_yaml(path, portable=True))
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(path)) else f"{path}: {text}") from None
