"""What every step says about itself in ``summary.json``, its last file.

This is all that the report knows of a step, and all that a step needs to know of the report.
"""

from pathlib import Path

from pydantic import Field

from probecore.errors import InputError
from probecore.files import read_json, write_json
from probecore.schema import Section

FILE = "summary.json"


class TableEntry(Section):
    """A table of the step's folder."""

    file: str = Field(description="File name in the step's folder, a CSV.")
    title: str = Field(description="A few words.")
    caption: str = Field("", description="What rows and columns are; sentences.")


class FigureEntry(TableEntry):
    """A figure of the step's folder, an SVG beside a PNG of the same name."""

    file: str = Field(pattern=r"\.svg$", description="File name of the SVG in the step's folder.")
    table: str = Field(description="File name of the table that the figure is drawn from.")


class AnswerRow(Section):
    """The networks of one condition."""

    condition: str = Field(description="trained, untrained, ...")
    n: int = Field(description="Networks.")
    value: float = Field(description="Mean over networks.")
    low: float | None = Field(description="Of the 95 % interval over networks, where there are five or more.")
    high: float | None = Field(description="As `low`.")
    least: float = Field(description="Of the networks' values.")
    most: float = Field(description="As `least`.")
    null: float | None = Field(description="What it would be for nothing, mean over networks.")


class Answered(Section):
    """The number with which a measure answers its question, and what follows from it for these networks."""

    says: str = Field(description="What the number is.")
    rows: list[AnswerRow] = Field(description="By condition, in the order of figures.")
    verdict: str = Field(description="What training did to it, in a few words.")
    sentence: str = Field(description="The same with its numbers.")


class Summary(Section):
    """One step of one experiment."""

    step: str = Field(description="Name of the step.")
    experiment: str = Field(description="Name of the experiment.")
    wanted: bool = Field(True, description="Whether the experiment has this step; else the rest is empty.")
    headline: dict[str, int | float | None] = Field({}, description="Numbers by flat name; null: not defined.")
    answer: Answered | None = Field(None, description="Of a measure: to its question.")
    figures: list[FigureEntry] = Field([], description="Figures in the order of the report.")
    tables: list[TableEntry] = Field([], description="Tables in the order of the report.")
    remarks: list[str] = Field([], description="What a reader must know; sentences.")
    reconstruction: str | None = Field(None, description="What is ours where the source is silent.")


def write_summary(folder: Path, summary: Summary) -> None:
    """Write ``summary.json`` into the step's folder."""
    write_json(folder / FILE, summary.model_dump(mode="json"))


def read_summary(path: Path, *, remedy: str) -> Summary:
    """Read and check ``summary.json``.

    Raises
    ------
    InputError
        If the file is missing (`remedy` is the command that makes it) or not as described here.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file; run `{remedy}`")
    return Summary.read(read_json(path), where=str(path))
