"""Documents hold the numbers of the recorded study, and link to what is there."""

import doctest
import re
import textwrap
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image

from probecore.declared import check_claims
from probecore.documents import Sources, documents, updated
from probecore.measures import MEASURES, declaration
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
    made_with_the_site = {"sample_report.html"}
    assert [link for link in links if not (path.parent / link).exists() and link not in made_with_the_site] == []


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


def copied_figures() -> dict[str, str]:
    """Figures that documents show, by the result that each is a copy of."""
    declarations = check_claims(load_study(ROOT / "params.yaml")[0], ROOT)
    assert declarations is not None
    return {result: copy for copy, result in declarations.figures.items()}


def test_the_gallery_has_every_copied_figure_under_its_title() -> None:
    page, copies = (ROOT / "docs/gallery.md").read_text(), copied_figures()
    assert sorted(re.findall(r"\]\((figures/\S+)\)", page)) == sorted(copy[5:] for copy in copies.values())
    for result, copy in copies.items():
        step, _, file = result.split("/")
        if step in MEASURES:
            (figure,) = [each for each in declaration(step).figures if f"{each.name}.png" == file]
            text = f"**{figure.title}{'' if figure.title.endswith('?') else '.'}** {figure.caption}"
            assert text.format(network="trained-0") + f"\n\n![{figure.title}]({copy[5:]})" in page


def test_figures_are_those_of_the_results() -> None:
    here = {ROOT / "results" / result: ROOT / copy for result, copy in copied_figures().items()}
    assert all(copy.stat().st_size > 5000 for copy in here.values())
    assert [copy for result, copy in here.items() if result.exists() and result.read_bytes() != copy.read_bytes()] == []


@pytest.mark.parametrize("measure", MEASURES)
def test_the_page_of_a_measure_opens_with_what_it_is_for(measure: str) -> None:
    opening = (ROOT / f"docs/{measure}.md").read_text().partition("\n## ")[0].splitlines()
    first = [line.split("**")[1] for line in opening if line.startswith("**")]
    assert first == ["What you get.", "When to use it.", "How to read it.", "What it cannot say."]
    assert opening.index(next(line for line in opening if line.startswith("**What it cannot"))) < 20


PAGES = [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md"]


def without_reason(text: str, *, walked: bool) -> list[int]:
    """Lines where a block begins that names no language, or has commands that no test types, and does not say why."""
    lines = text.splitlines()
    fences = [place for place, line in enumerate(lines) if line.strip().startswith("```")]
    wrong = []
    for place in fences[::2]:
        language = lines[place].strip().removeprefix("```")
        typed = walked or "<!-- not run here: " in lines[place - 1]
        if language not in ("sh", "python", "yaml", "text") or (language == "sh" and not typed):
            wrong.append(place + 1)
    return wrong


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_commands_that_no_test_types_say_so(path: Path) -> None:
    assert without_reason(path.read_text(), walked=path.stem in WALK) == []


@pytest.mark.parametrize("language", ["", "bash", "console", "sh"])
def test_a_block_of_commands_without_a_mark_is_found(language: str) -> None:
    block = f"As here:\n\n```{language}\nprobecore check\n```\n"
    assert without_reason(block, walked=False) == [3]
    assert without_reason(block, walked=True) == ([] if language == "sh" else [3])


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/*.md")), ids=lambda path: path.stem)
def test_what_belongs_to_an_item_of_a_list_is_indented_for_the_site(path: Path) -> None:
    """The site's Markdown asks for four spaces; with fewer a list ends there, and the next one counts from 1 again."""
    less = r"^ {1,3}(?:```|- |\d+\. )|\n\n {1,3}(?=\S)"
    assert re.findall(less, re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.M), re.M) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/*.md")), ids=lambda path: path.stem)
def test_what_pages_import_is_there(path: Path) -> None:
    code = textwrap.dedent("\n".join(re.findall(r"^ *```python\n(.*?)^ *```$", path.read_text(), re.DOTALL | re.M)))
    statements = re.findall(r"^(?:>>> )?((?:from probecore|import probecore)[^\n(]*(?:\([^)]*\))?)", code, re.M)
    for statement in statements:
        exec(compile(statement, path.name, "exec"), {})


def test_the_page_on_slurm_has_the_limits_that_rules_ask_for() -> None:
    page = (ROOT / "docs/cluster.md").read_text()
    rules = {name: (ROOT / f"workflow/rules/{name}.smk").read_text() for name in ("train", "activations")}
    asked = {
        name: tuple(int(re.findall(rf"{key}=(\d+)", text)[0]) for key in ("runtime", "mem_mb"))
        for name, text in rules.items()
    }
    asked |= {name: (declaration(name).resources.minutes, declaration(name).resources.memory) for name in MEASURES}
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \|$", page, re.M)
    assert {name: (int(minutes), int(memory)) for name, minutes, memory in rows} == asked


def test_every_page_is_in_the_site() -> None:
    listed = set(re.findall(r": (\w+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    assert listed == {path.name for path in ROOT.glob("docs/*.md")}
