"""What a measure declares: all that workflow, schema, command line and report know of it. No torch or pandas here.

The job of a network imports none of this, so that an edit of a caption or of an estimated time measures nothing again.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from probecore.schema import MeasureSection
from probecore.summary import Answered, FigureEntry, Summary, TableEntry

Headline = Mapping[str, int | float | None]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the measure's folder that the report shows: ``<name>.csv``."""

    name: str
    title: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure, ``<name>.svg`` and ``<name>.png``, and the file it is drawn from.

    In `source` and `caption` ``{network}`` is the network that is shown alone.
    """

    name: str
    source: str
    title: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The quantity that answers the measure's question in one number per network: the mean of a column over rows."""

    says: str
    """What the number is, in a few words."""
    table: str
    where: Mapping[str, str | int | float]
    """The rows."""
    column: str = "value"
    null: str | None = "null"
    """The column of what it would be for nothing."""
    unit: float = 1.0
    """What the column is divided by."""
    at_end: str | None = None
    """A column of which only the rows with the network's largest value count, as ``layer_index``."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a cluster is asked for to measure one network, at most."""

    memory: int
    """MB."""
    minutes: int


@dataclass(frozen=True, kw_only=True)
class LayerTable:
    """The table that is mainly of layers, and how it says what the tables of other measures say alike."""

    name: str = "layers"
    value: str = "value"
    """The column of the estimate."""
    quantity: str | None = None
    """What is estimated, where no column says it."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A table that says more of a filter than a number: the report shows it in the filter's own view."""

    table: str
    by: Sequence[str]
    """What identifies a number of a filter: a class, or row and column."""
    value: str
    title: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class AuditStep:
    """A step of a published procedure that the measure runs beside a corrected one, for real data and for nothing.

    The gathering job gives its numbers, and `probecore.measures.audit` says what follows from them.
    """

    name: str
    reports: str
    """What both procedures report, in a few words: the same kind of number."""
    published: str
    corrected: str
    nothing: str
    """Data in which there is nothing to find."""
    source: str
    right: float | None = None
    """What is right to report of them; None: it is not known, and real data are compared with them."""
    tolerance: float = 0.0
    """How far from `right` what is reported for nothing may lie and count as right."""
    by_construction: bool = False
    """The corrected numbers cannot come out otherwise, so that there is no verdict on them."""


AUDIT_TABLE = Table(
    name="audit",
    title="Audit: the published procedure beside a corrected one",
    caption="By step: what both procedures report of real data and where there is nothing to find (value over n "
    "cases, with its interval, if it has one), what is right there, and the verdict, computed of these numbers.",
)

AUDIT_FIGURE = Figure(
    name="audit",
    source="audit.csv",
    title="Audit",
    caption="What the published and the corrected procedure report of real data and of nothing; grey: what is right "
    "for nothing. Bars as in audit.csv.",
)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure.

    Raises
    ------
    ValueError
        If a figure or a table of the report stands on a file that no job writes.
    """

    name: str
    """Its package, section, stage, folder and subcommand."""
    title: str
    about: str
    """The question that it answers, and who asked it."""
    section: type[MeasureSection]
    """Its parameters, and what it requires of data and activations."""
    keys: Mapping[str, Sequence[str]]
    """Tables beside ``filters.csv``, and what identifies a row of one network and epoch."""
    quantities: Mapping[str, str]
    """The quantities of ``filters.csv``, and what each says of a filter, in a line."""
    figures: Sequence[Figure]
    tables: Sequence[Table]
    """Those that the report shows, in its order."""
    reconstruction: str
    """What is ours where the source is silent."""
    resources: Resources
    answer: Answer
    """What the first screen of the report shows."""
    arrays: str | None = None
    """The HDF5 file that the job of a network writes beside its tables."""
    gathered: Sequence[str] = ()
    """Tables that only the gathering job writes."""
    reads_measures: bool = False
    """Whether its gathering job reads the ``filters.csv`` of the measures that do not."""
    layers: LayerTable = LayerTable()
    """What a result in Python calls ``.layers``."""
    text: Sequence[str] = ()
    """Columns that hold names, beside `probecore.files.TEXT_COLUMNS`."""
    profiles: Sequence[Profile] = ()
    importance: Sequence[str] = ()
    """Quantities that say what the network loses without the filter."""
    terms: Mapping[str, str] = field(default_factory=dict)
    """Words of the measure that a reader may not know, each in a line; its quantities explain themselves."""
    audits: Sequence[AuditStep] = ()
    """Steps of published procedures; with any, the gathering job writes ``audit.csv`` and its figure."""

    def __post_init__(self) -> None:
        written = {*self.network_files, *(f"{name}.csv" for name in self.gathered)}
        named = [*(f"{table.name}.csv" for table in self.tables), *(figure.source for figure in self.figures)]
        named += [f"{profile.table}.csv" for profile in self.profiles]
        if missing := [file for file in named if file.removeprefix("{network}/") not in written]:
            raise ValueError(f"{self.name}: no job writes {', '.join(missing)}")

    @property
    def package(self) -> str:
        """The name of its package."""
        return f"{__package__}.{self.name}"

    @property
    def all_keys(self) -> dict[str, Sequence[str]]:
        """`keys`, with those of ``filters.csv``."""
        return {**self.keys, "filters": ("layer", "filter", "site", "quantity")}

    @property
    def network_files(self) -> list[str]:
        """Files that the job of a network writes into its folder."""
        tables = [f"{name}.csv" for name in sorted(self.all_keys)]
        return [*tables, *([self.arrays] if self.arrays else [])]

    @property
    def gathered_files(self) -> list[str]:
        """Files that the gathering job writes into the experiment's folder, beside ``summary.json``."""
        tables = [f"{name}.csv" for name in sorted([*self.all_keys, *self.gathered, *self._audit])]
        figures = sorted([*(figure.name for figure in self.figures), *self._audit])
        return [*tables, *(f"{name}.{kind}" for name in figures for kind in ("svg", "png"))]

    @property
    def _audit(self) -> list[str]:
        return [AUDIT_TABLE.name] if self.audits else []

    def summary(
        self,
        experiment: str,
        *,
        headline: Headline,
        answer: Answered,
        remarks: Sequence[str],
        network: str,
        without: Collection[str] = (),
    ) -> Summary:
        """Say what ``summary.json`` says of an experiment.

        Parameters
        ----------
        headline : numbers by flat name; NaN is written as null
        answer : to the measure's question, see `probecore.measures.answer`
        remarks : sentences
        network : the one that is shown alone
        without : figures that have nothing to show
        """
        figures = [
            FigureEntry(
                file=f"{figure.name}.svg",
                table=figure.source.replace("{network}", network),
                title=figure.title,
                caption=figure.caption.replace("{network}", network),
            )
            for figure in [*([AUDIT_FIGURE] if self.audits else []), *self.figures]
            if figure.name not in without
        ]
        return Summary(
            step=self.name,
            experiment=experiment,
            headline={name: None if value is None or math.isnan(value) else value for name, value in headline.items()},
            answer=answer,
            figures=figures,
            tables=[
                TableEntry(file=f"{one.name}.csv", title=one.title, caption=one.caption)
                for one in [*([AUDIT_TABLE] if self.audits else []), *self.tables]
            ],
            remarks=list(remarks),
            reconstruction=self.reconstruction,
        )
