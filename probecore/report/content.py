"""Reads a finished study into what the page shows. No HTML here, and no measure is known.

``params.yaml`` says what there is; folders are never listed, so that what is left of a removed
experiment or network does not come back.
"""

import csv
import itertools
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probecore.errors import InputError
from probecore.files import TEXT_COLUMNS, sha256_of
from probecore.measures import MEASURES, declaration
from probecore.measures.audit import NAME as AUDIT
from probecore.measures.base import Answer
from probecore.params import STEPS
from probecore.summary import FILE, Answered, FigureEntry, Summary, TableEntry, read_summary
from probecore.train.params import TrainParams

Number = int | float | None
"""A headline number; None where it is not defined."""

MAX_ROWS = 20
"""Rows of a table that the page shows."""


@dataclass(frozen=True)
class File:
    """A file of the study: `path` is seen from the study's folder, `place` from here."""

    path: str
    place: Path
    sha256: str
    size: int


@dataclass(frozen=True)
class Table:
    """The head of a CSV; `total` counts the rows of the whole file, `text` names columns of names."""

    title: str
    caption: str
    file: File
    header: list[str]
    rows: list[list[str]]
    total: int
    text: frozenset[str]


@dataclass(frozen=True)
class Figure:
    """A figure and what it was made from."""

    title: str
    caption: str
    svg: File
    png: File
    table: File
    inputs: list[File]
    section: str
    command: str


@dataclass(frozen=True)
class Source:
    """What the number of a card was made from; `rows` in words."""

    rows: str
    file: File
    section: str
    command: str


@dataclass(frozen=True)
class Step:
    """One step of one experiment."""

    name: str
    title: str
    about: str
    """Its question; empty for a step that is no measure."""
    answer: Answered | None
    source: Source | None
    """Of the answer."""
    headline: dict[str, Number]
    figures: list[Figure]
    tables: list[Table]
    remarks: list[str]
    reconstruction: str | None

    @property
    def audits(self) -> list[tuple[str, str]]:
        """Steps of the paper's procedure that were audited, each with its verdict."""
        found = [table for table in self.tables if Path(table.file.path).name == f"{AUDIT}.csv"]
        rows = (dict(zip(table.header, row, strict=True)) for table in found for row in table.rows)
        return [(row["step"], row["verdict"]) for row in rows]


@dataclass(frozen=True)
class Experiment:
    """An experiment; `networks` maps a network's name to its checkpoint file."""

    name: str
    dataset: str
    sections: dict[str, Any]
    networks: dict[str, File]
    steps: list[Step]
    unwanted: list[str]


class StudyFiles:
    """A study on disk.

    Parameters
    ----------
    params : dict
        The content of ``params.yaml``.
    results, data : Path
        The folders ``results/`` and ``data/`` of the study.
    """

    def __init__(self, params: dict[str, Any], *, results: Path, data: Path) -> None:
        self.params = params
        self._folders = {"results": results, "data": data}
        self._files: dict[str, File] = {}

    def experiments(self) -> list[Experiment]:
        """All experiments, in the order of ``params.yaml``.

        Raises
        ------
        InputError
            If a file is missing or not what it should be; names it and the command that makes it.
        """
        return [self._experiment(name, block) for name, block in self.params["experiments"].items()]

    def datasets(self) -> list[str]:
        """Names of the data sets that an experiment uses, in the order of ``params.yaml``."""
        used = {block["dataset"] for block in self.params["experiments"].values()}
        return [name for name in self.params["datasets"] if name in used]

    def command(self, *targets: str) -> str:
        """The command that rebuilds `targets`, typed in the study's folder."""
        bare = (self._folders["results"].parent / "Snakefile").exists()
        snakefile = [] if bare else ["--snakefile", f"{self.params.get('home', '.')}/Snakefile"]
        return shlex.join(["snakemake", *snakefile, *targets])

    def file(self, path: str) -> File:
        """A file by its path seen from the study, e.g. ``data/mnist5k.h5``; hashed once."""
        if path not in self._files:
            place = self._place(path)
            if not place.exists():
                raise InputError(f"{place}: no such file; run `{self.command(path)}`")
            self._files[path] = File(path, place, sha256_of(place), place.stat().st_size)
        return self._files[path]

    def _place(self, path: str) -> Path:
        folder, _, rest = path.partition("/")
        return self._folders[folder] / rest

    def _experiment(self, name: str, block: Mapping[str, Any]) -> Experiment:
        sections = {step: block[step] for step in STEPS if block.get(step) is not None}
        train = TrainParams.read(sections["train"], where=f"experiments.{name}.train")
        checkpoints = f"results/train/{name}/{{}}.safetensors"
        networks = {network: self.file(checkpoints.format(network)) for network in train.networks}
        dataset = self.file(f"data/{block['dataset']}.h5")
        return Experiment(
            name=name,
            dataset=block["dataset"],
            sections=sections,
            networks=networks,
            steps=[
                self._step(name, step, section, [dataset, *([] if step == "train" else networks.values())])
                for step, section in sections.items()
            ],
            unwanted=[step for step in STEPS if step in block and block[step] is None],
        )

    def _step(self, experiment: str, step: str, section: Any, inputs: list[File]) -> Step:
        folder = f"results/{step}/{experiment}"
        summary = self._summary(folder, step, experiment)
        declared = declaration(step) if step in MEASURES else None
        return Step(
            name=step,
            title=declared.title if declared else step.capitalize(),
            about=declared.about if declared else "",
            answer=summary.answer,
            source=self._source(folder, declared.answer, section) if declared and summary.answer else None,
            headline=summary.headline,
            figures=[self._figure(folder, entry, section, inputs) for entry in summary.figures],
            tables=[self._table(folder, entry, _text_columns(step)) for entry in summary.tables],
            remarks=summary.remarks,
            reconstruction=summary.reconstruction,
        )

    def _source(self, folder: str, answer: Answer, section: Any) -> Source:
        file = self.file(f"{folder}/{answer.table}.csv")
        where = [f"{name} = {value}" for name, value in answer.where.items()]
        where += [f"largest {answer.at_end}"] if answer.at_end else []
        unit = "" if answer.unit == 1 else f" / {answer.unit:.4g}"
        rows = f"{answer.column}{unit} where {', '.join(where)}"
        return Source(rows, file, json.dumps(section, ensure_ascii=False), self.command(file.path))

    def _summary(self, folder: str, step: str, experiment: str) -> Summary:
        place, remedy = self._place(f"{folder}/{FILE}"), self.command(f"{folder}/{FILE}")
        summary = read_summary(place, remedy=remedy)
        if (summary.step, summary.experiment, summary.wanted) != (step, experiment, True):
            raise InputError(f"{place}: not of this step, or from before; run `{remedy}`")
        return summary

    def _figure(self, folder: str, entry: FigureEntry, section: Any, inputs: list[File]) -> Figure:
        svg = self.file(f"{folder}/{entry.file}")
        return Figure(
            title=entry.title,
            caption=entry.caption,
            svg=svg,
            png=self.file(f"{svg.path.removesuffix('.svg')}.png"),
            table=self.file(f"{folder}/{entry.table}"),
            inputs=inputs,
            section=json.dumps(section, ensure_ascii=False),
            command=self.command(svg.path),
        )

    def _table(self, folder: str, entry: TableEntry, text: frozenset[str]) -> Table:
        file = self.file(f"{folder}/{entry.file}")
        with file.place.open(encoding="utf-8", newline="") as stream:
            lines = csv.reader(stream)
            header = next(lines, [])
            rows = list(itertools.islice(lines, MAX_ROWS))
            total = len(rows) + sum(1 for _ in lines)
        return Table(entry.title, entry.caption, file, header, rows, total, text)


def _text_columns(step: str) -> frozenset[str]:
    return frozenset([*TEXT_COLUMNS, *(declaration(step).text if step in MEASURES else ())])
