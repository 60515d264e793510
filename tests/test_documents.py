"""Documents hold the numbers of the recorded study, and link to what is there."""

import doctest
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image

from probecore.declared import check_claims
from probecore.documents import Sources, documents, updated
from probecore.params import load_study
from tests.conftest import ROOT, Study

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


WALK = ("minute", "five_minutes", "how_to")
"""Pages whose commands a reader types one after the other, in one folder."""

BLOCK = re.compile(
    r"(?P<mark><!-- not run here: [^\n]+ -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.M
)


def script_of(page: str) -> str:
    """The commands of a page that are not marked as not run here."""
    blocks = BLOCK.finditer((ROOT / f"docs/{page}.md").read_text())
    return "".join(block["text"] for block in blocks if block["language"] == "sh" and not block["mark"])


@pytest.mark.parametrize("page", WALK)
def test_every_block_says_what_it_is(page: str) -> None:
    text = (ROOT / f"docs/{page}.md").read_text()
    blocks = list(BLOCK.finditer(text))
    assert text.count("```") == 2 * len(blocks)
    assert {block["language"] for block in blocks} <= {"sh", "python"}
    assert script_of(page)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A folder in which a reader has done what `In one minute` says."""
    reader = Study(tmp_path_factory.mktemp("reader"))
    reader.run("sh", "-ec", script_of("minute").partition("probecore check")[0])
    return Study(reader.folder / "first")


def test_the_first_figures_are_there(walked: Study) -> None:
    page = (ROOT / "docs/minute.md").read_text()
    named = re.findall(r"`(results/[\w./]+)`", page)
    assert len(named) == 4
    assert all((walked.folder / name).stat().st_size > 5000 for name in named)
    walked.run("sh", "-ec", "probecore check" + script_of("minute").partition("probecore check")[2])


def test_how_to(walked: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    walked.run("sh", "-ec", script_of("how_to"))
    monkeypatch.chdir(walked.folder)
    found = doctest.testfile(str(ROOT / "docs/how_to.md"), module_relative=False)
    assert found.attempted
    assert not found.failed


@pytest.mark.slow
def test_your_own_network_in_five_minutes(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    for label, mean in (("ant", 60), ("bee", 180)):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(12):
            pixels = np.clip(drawn.normal(mean, 40, (70, 66, 3)), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    module, *_ = re.findall(r"```python\n(from torch.*?)```", (ROOT / "docs/five_minutes.md").read_text(), re.DOTALL)
    (tmp_path / "mine.py").write_text(module)
    Study(tmp_path).run("sh", "-ec", script_of("five_minutes"))
    assert (tmp_path / "mine/results/report/index.html").stat().st_size > 10_000


@pytest.mark.parametrize("name", ["any_network", "results_in_pandas"])
def test_notebooks_run(name: str, walked: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    monkeypatch.chdir(walked.folder)
    told: dict[str, Any] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, name, "exec"), told)
    assert told["agreement"].notna().any().any() if name == "results_in_pandas" else Path("outputs.png").exists()


def test_every_page_is_in_the_site() -> None:
    listed = set(re.findall(r": (\w+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    assert listed == {path.name for path in ROOT.glob("docs/*.md")}
