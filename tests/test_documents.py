"""Documents hold the numbers of the recorded study, and link to what is there."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

spec = importlib.util.spec_from_file_location("update", ROOT / "docs/update.py")
assert spec is not None
assert spec.loader is not None
update = importlib.util.module_from_spec(spec)
spec.loader.exec_module(update)

METRICS = json.loads((ROOT / "results/metrics.json").read_text())


@pytest.mark.parametrize("path", update.documents(), ids=lambda path: path.name)
def test_numbers_are_those_of_the_record(path: Path) -> None:
    text = path.read_text()
    assert update.updated(text, METRICS) == text, "run `python docs/update.py`"


def test_a_number_edited_by_hand_is_found() -> None:
    text = (ROOT / "README.md").read_text()
    first = re.search(r"\| train accuracy \| ([\d.]+)%", text)
    assert first is not None
    assert update.updated(text.replace(first[1], "12.3", 1), METRICS) == text


@pytest.mark.parametrize("path", update.documents(), ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", prose)
    assert [link for link in links if not (path.parent / link).exists()] == []
