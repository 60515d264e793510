"""Documents hold the numbers of the recorded study, and link to what is there."""

import re
from pathlib import Path

import pytest

from probecore.claims.check import check_claims
from probecore.claims.write import Sources, documents, updated
from probecore.params import load_study
from tests.conftest import ROOT

STUDIES = [ROOT, *sorted(path.parent for path in ROOT.glob("studies/*/claims.yaml"))]
DOCUMENTS = [(study, path) for study in STUDIES for path in documents(study)]
NAMES = [str(path.relative_to(ROOT)) for _, path in DOCUMENTS]


def sources(study: Path) -> Sources:
    declarations = check_claims(load_study(study / "params.yaml")[0], study)
    assert declarations is not None
    return Sources.read(declarations, study)


@pytest.mark.parametrize(("study", "path"), DOCUMENTS, ids=NAMES)
def test_numbers_are_those_of_the_record(study: Path, path: Path) -> None:
    text = path.read_text()
    assert updated(text, sources(study), where=path.name) == text, "run `probecore claims --write`"


def test_a_number_edited_by_hand_is_found() -> None:
    text = (ROOT / "README.md").read_text()
    first = re.search(r"\| train accuracy \| ([\d.]+)%", text)
    assert first is not None
    assert updated(text.replace(first[1], "12.3", 1), sources(ROOT), where="README.md") == text


@pytest.mark.parametrize("path", [path for _, path in DOCUMENTS], ids=NAMES)
def test_links_lead_somewhere(path: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", prose)
    assert [link for link in links if not (path.parent / link).exists()] == []
