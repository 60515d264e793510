"""What `snakemake --report` shows of a step: its figures, each with the caption that the page has."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snakemake.io import report

from probecore.errors import InputError
from probecore.files import write_text
from probecore.running import FOLDER
from probecore.summary import FILE, read_summary

CAPTIONS = FOLDER / "captions"


def marked(files: Iterable[str], *, step: str, title: str) -> list[Any]:
    """The files, with figures among them marked for Snakemake's report: by experiment and by step's title."""
    return [
        report(
            file,
            caption=str(caption_file(step, Path(file).stem).resolve()),
            category="{experiment}",
            subcategory=title,
            labels={"figure": Path(file).stem.replace("_", " ")},
        )
        if file.endswith(".svg")
        else file
        for file in files
    ]


def caption_file(step: str, figure: str) -> Path:
    """Where the caption of a figure lies: a template, for it differs between experiments."""
    return CAPTIONS / step / f"{figure}.rst"


def write_captions(step: str, figures: Iterable[str], experiments: Iterable[str]) -> None:
    """Write the captions of a step's figures, as the experiments that are finished have them."""
    found: dict[str, dict[str, str]] = {figure: {} for figure in figures}
    for experiment in experiments:
        captions = _captions(Path("results", step, experiment, FILE))
        for figure in found.keys() & captions.keys():
            found[figure][experiment] = captions[figure]
    for figure, by_experiment in found.items():
        text = json.dumps(by_experiment)
        template = f'{{{{ {text}.get(snakemake.wildcards.experiment, "") }}}}\n'
        path = caption_file(step, figure)
        if not path.exists() or path.read_text(encoding="utf-8") != template:
            write_text(path, template)


def _captions(summary: Path) -> dict[str, str]:
    """By figure; none of a step that is not finished, whose captions are of no figure yet."""
    try:
        entries = read_summary(summary, remedy="").figures
    except InputError:
        return {}
    return {Path(entry.file).stem: _plain(f"{entry.title}. {entry.caption}") for entry in entries}


def _plain(text: str) -> str:
    """Text as reStructuredText that has no markup."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)
