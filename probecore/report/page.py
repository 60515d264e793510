"""Turns what the report shows into HTML: the template, and how numbers and tables are written."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import yaml

from probecore.figures import colour_of
from probecore.report.claims import Estimate, counted, verdicts_on
from probecore.report.content import Number, Table
from probecore.report.embed import Picture

_NONE = "–"

_HERE = Path(__file__).parent

PARTS = ("data", "order", "sight", "table", "keyboard", "compare", "pictures", "filter", "start")
"""Of our script, in ``scripts/``: each uses those before it."""


def _ours() -> str:
    parts = [(_HERE / f"scripts/{part}.js").read_text(encoding="utf-8") for part in PARTS]
    return "\n".join(['(async () => {\n"use strict";', *parts, "})();"])


SCRIPTS = (
    (_HERE / "tabulator/tabulator.min.js").read_text(encoding="utf-8"),
    (_HERE / "fflate/fflate.js").read_text(encoding="utf-8"),
    _ours(),
)
"""A library for tables and one that inflates, as their authors publish them, and ours."""


def render(context: Mapping[str, Any], *, pictures: Mapping[str, Picture]) -> str:
    """The page; a figure without a picture is named by its file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bytes": _bytes,
        "colour": colour_of,
        "columns": _columns,
        "counted": counted,
        "estimate": _estimate,
        "integrity": _integrity,
        "segment": partial(quote, safe=""),
        "number": _number,
        "sentence": _sentence,
        "verdicts_on": verdicts_on,
        "words": _words,
        "yaml": _yaml,
    }
    return environment.get_template("template.html.j2").render(context, pictures=pictures, scripts=SCRIPTS) + "\n"


def _integrity(script: str) -> str:
    """The hash by which a page's policy lets an inline script run (CSP level 3, section 6.7.3.2)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _words(name: str) -> str:
    """A flat name as words: ``accuracy.both_reversed`` becomes `Accuracy, both reversed`."""
    words = name.replace("_", " ").replace(".", ", ")
    return words[:1].upper() + words[1:]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _number(value: Number) -> str:
    """Four significant digits, whole numbers in full."""
    if value is None:
        return _NONE
    text = str(value) if isinstance(value, int) else f"{value:.4g}"
    return text.replace("-", "−")


def _estimate(estimate: Estimate) -> str:
    """A value with its interval where it has one; nothing where there is no value."""
    if estimate.value is None:
        return ""
    known = estimate.low is not None and estimate.high is not None
    interval = f" [{_number(estimate.low)}, {_number(estimate.high)}]" if known else ""
    return f"{_number(estimate.value)}{interval}"


def _bytes(size: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} B"


def _yaml(section: Any) -> str:
    """A section as one writes it in ``params.yaml``, without anchors."""
    plain = json.loads(json.dumps(section))
    nested = any(isinstance(value, dict | list) for value in plain.values())
    text: str = yaml.safe_dump(
        plain, sort_keys=False, default_flow_style=None if nested else False, width=40, allow_unicode=True
    )
    return text.rstrip()


def _columns(table: Table) -> list[tuple[str, bool, list[str]]]:
    """Columns as (name, numeric, cells); `experiment` is left out, for the page says it above."""
    return [
        _column(name, [row[index] for row in table.rows], text=name in table.text)
        for index, name in enumerate(table.header)
        if name != "experiment"
    ]


def _column(name: str, cells: list[str], *, text: bool) -> tuple[str, bool, list[str]]:
    numeric = not text and all(_is_number(cell) for cell in cells if cell)
    return name.replace("_", " "), numeric, [_cell(cell) if numeric else cell for cell in cells]


def _cell(text: str) -> str:
    if not text:
        return _NONE
    return _number(int(text) if text.lstrip("-").isdigit() else float(text))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
