"""The page as a browser shows it: needs Chromium, which `.ci/run` does not install."""

import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from benchmarks.browser import CHROMIUM, Browser, browser
from probecore.claims.params import FILE as CLAIMS, RECORD
from probecore.params import load_study
from probecore.report.build import build_report
from probecore.statistics.filters import write_filters
from tests.conftest import ROOT

from .support import HOSTILE, add_atlas, add_mechanism, make_study, norms

AXE = (Path(__file__).parent / "axe/axe.min.js").read_text(encoding="utf-8")
"""axe-core 4.14.1, as npm has it; MPL 2.0, and no part of what is installed."""

VIOLATIONS = """axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations
    .filter(({impact}) => ["serious", "critical"].includes(impact))
    .map(({id, nodes}) => `${id}: ${nodes[0].html.slice(0, 200)}: ${nodes[0].failureSummary}`))"""

ROWS = "document.querySelectorAll('.tabulator-row').length"
ONE = "document.getElementById('filters.one').innerText"
COUNT = "document.getElementById('filters.count').textContent"
FOCUS = "document.activeElement"
FILTER = "#zeta/trained-0/3/conv1/0"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to look at the page with")


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a made-up study with two measures."""
    study = make_study(tmp_path_factory.mktemp("page") / "study")
    add_mechanism(study)
    study.build()
    return study.page


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the results that lie in this repository, if the demo has been run here."""
    if not (ROOT / "results/train/lenet5/summary.json").exists():
        pytest.skip("the demo has not been run here")
    _, content = load_study(ROOT / "params.yaml")
    folder = tmp_path_factory.mktemp("demo")
    build_report(
        study=content,
        results=ROOT / "results",
        data=ROOT / "data",
        output=folder / "index.html",
        metrics=folder / "metrics.json",
        verdicts=ROOT / RECORD if (ROOT / CLAIMS).exists() else None,
    )
    return folder / "index.html"


@pytest.fixture(autouse=True)
def plain(tab: Browser) -> Iterator[None]:
    """A wide window, light, with scripts; and no test leaves an error behind."""
    tab.scripts(True)
    tab.size(1600, 1000)
    tab.media()
    tab.errors.clear()
    yield
    assert tab.errors == []


def opened(tab: Browser, page: Path, fragment: str = "") -> None:
    """Open the page; returns when the table stands."""
    tab.open(page, fragment)
    tab.until(f"{ROWS} > 0")


def filtered(tab: Browser, field: str, text: str) -> None:
    """Type into the field below a heading."""
    tab.ask(f"document.querySelector('.tabulator-col[tabulator-field={field}] input').focus()")
    tab.press(text)


def column(tab: Browser, field: str) -> list[str]:
    found: list[str] = tab.ask(
        f"[...document.querySelectorAll('.tabulator-row [tabulator-field={field}]')].map(cell => cell.textContent)"
    )
    return found


def test_a_heading_sorts(tab: Browser, page: Path) -> None:
    opened(tab, page)
    for wanted in (False, True):
        tab.ask("document.querySelector('.tabulator-col[tabulator-field=c0] .tabulator-col-title').click()")
        numbers = [float(cell.replace("−", "-")) for cell in column(tab, "c0")]
        assert numbers == sorted(numbers, reverse=wanted)
        assert len(set(numbers)) > 2


@pytest.mark.parametrize(
    ("field", "text", "wanted"),
    [
        ("layer", "script", ["1"]),
        ("network", "=trained-0", ["0", "1", "0", "1"]),
        ("c0", ">1.2", ["1", "1"]),
        ("c0", "0.3..0.4", ["0", "0"]),
        ("removal", "=no loss shown", ["0", "0", "1", "0", "0", "1"]),
    ],
)
def test_a_field_filters(tab: Browser, page: Path, field: str, text: str, wanted: list[str]) -> None:
    opened(tab, page)
    filtered(tab, field, text)
    tab.until(f"{COUNT} === '{len(wanted)} of 8 rows'")
    assert column(tab, "filter") == wanted


def test_two_quantities_against_each_other_follow_the_table(tab: Browser, page: Path) -> None:
    opened(tab, page)
    tab.ask("document.getElementById('filters.compare').open = true")
    tab.until("document.querySelectorAll('circle').length === 8")
    filtered(tab, "network", "shuffled")
    tab.until("document.querySelectorAll('circle').length === 4")
    assert "4 filters that the table shows: untrained shuffled" in tab.ask(
        "document.getElementById('filters.scatter').innerText.replace(/\\s+/g, ' ').replace('shuffled untrained', 'untrained shuffled')"
    )


def test_a_rectangle_over_marks_leaves_their_rows_in_the_table(tab: Browser, page: Path) -> None:
    """Accuracy drops against norms lie on a diagonal; the upper right quarter has the last two filters."""
    opened(tab, page)
    tab.ask("document.getElementById('filters.compare').open = true")
    tab.until("document.querySelectorAll('circle').length === 8")
    tab.ask("document.documentElement.style.scrollBehavior = 'auto'")
    tab.ask("document.querySelector('#filters\\\\.scatter .frame').scrollIntoView({block: 'center'})")
    box = tab.ask("document.querySelector('#filters\\\\.scatter .frame').getBoundingClientRect().toJSON()")
    corners = [(box["right"] - 3, box["top"] + 3), (box["x"] + 0.8 * box["width"], box["y"] + 0.2 * box["height"])]
    for kind, (x, y) in zip(
        ("mousePressed", "mouseMoved", "mouseReleased"), [corners[0], *2 * corners[1:]], strict=True
    ):
        tab.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
    tab.until(f"{COUNT} === '2 of 8 rows'")
    assert column(tab, "c0") == ["1.375", "1.375"]
    tab.ask("document.getElementById('filters.all').click()")
    tab.until(f"{COUNT} === '8 of 8 rows'")


def test_a_filter_stands_beside_itself_in_another_network(tab: Browser, page: Path) -> None:
    opened(tab, page, FILTER)
    tab.until(f"{ONE}.includes('Beside it')")
    tab.ask(
        "(list => { list.value = [...list.options].find(one => one.text === 'shuffled-0, epoch 0').value;"
        "list.dispatchEvent(new Event('change')); })(document.querySelector('#filters\\\\.one select'))"
    )
    tab.until("location.hash === '#zeta/trained-0/3/conv1/0/shuffled-0/0'")
    tab.until("document.querySelectorAll('#filters\\\\.one h4').length === 2")
    cells = tab.ask(
        "[...document.querySelectorAll('#filters\\\\.one > .scroll tbody tr:last-child td')].map(one => one.innerText)"
    )
    assert cells[1:5] == ["norm", "block", "0.375", "0"]
    assert tab.ask("document.querySelectorAll('#filters\\\\.one .figures').length") == 2
    tab.ask("history.back()")
    tab.until(f"{ONE}.includes('Beside it') && !document.querySelector('#filters\\\\.one h4')")


def test_a_filter_shows_what_excites_it(tab: Browser, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study")
    add_atlas(study)
    study.build()
    opened(tab, study.page, FILTER)
    tab.until(f"{ONE}.includes('Images that excite it')")
    pictures = "[...document.querySelectorAll('#filters\\\\.one canvas')]"
    assert tab.ask(f"{pictures}.map(one => one.title)") == ["test image 4, two: 2.5", "test image 1, two: 0"]
    frame = "[...one.getContext('2d').getImageData(2 * 4, 2 * 1, 1, 1).data]"
    assert tab.ask(f"{pictures}.map(one => {frame})")[0] == [230, 159, 0, 255]
    assert tab.ask(f"{pictures}.map(one => {frame})")[1][0] != 230


def test_no_word_of_a_heading_is_broken(tab: Browser, demo: Path) -> None:
    opened(tab, demo)
    wide = """[...document.querySelectorAll('.tabulator-col-title')].filter(one => one.scrollWidth > one.clientWidth + 1)
        .map(one => one.innerText)"""
    assert tab.ask(wide) == []
    assert tab.ask("getComputedStyle(document.querySelector('.tabulator-col-title span')).overflowWrap") == "normal"


def test_headings_show_how_numbers_are_distributed(tab: Browser, page: Path) -> None:
    opened(tab, page)
    shape = tab.ask("document.querySelector('.tabulator-col[tabulator-field=c0] .histogram path').getAttribute('d')")
    heights = [float(part.partition("H")[0]) for part in shape.split("V")[1:-1]]
    assert [16 - height for height in heights].count(15) == 4
    assert sum(heights) == 16 * 20 - 15 * 4


def test_a_card_says_where_its_number_comes_from(tab: Browser, page: Path) -> None:
    opened(tab, page)
    tab.ask("document.querySelector('.card details summary').click()")
    said = tab.ask("document.querySelector('.card details').innerText")
    for part in ("value where quantity = accuracy, largest layer_index", "results/mechanism/zeta/layers.csv"):
        assert part in said
    assert "snakemake results/mechanism/zeta/layers.csv" in said and '{"threshold": 0.3}' in said


def test_a_filter_has_an_address_and_back_works(tab: Browser, page: Path) -> None:
    opened(tab, page, FILTER)
    tab.until(f"{ONE}.includes('Filter 0 of conv1, trained-0, epoch 3')")
    seen = tab.ask(ONE)
    assert "Safe to prune? No loss is shown when it alone is removed" in seen
    assert "Kernel. Weights, one input channel; the largest is 2 in size." in seen
    assert "Single-filter matrix. Rows: label" in seen
    assert tab.ask("document.querySelector('#filters\\\\.one svg.line').getAttribute('aria-label')") == (
        "epoch 0: 0, epoch 1: 0.125, epoch 3: 0.375"
    )
    tab.ask(
        "[...document.querySelectorAll('#filters\\\\.one a')].find(a => a.textContent === 'shuffled-0, epoch 3').click()"
    )
    tab.until(f"{ONE}.includes('Filter 0 of conv1, shuffled-0, epoch 3')")
    tab.ask("history.back()")
    tab.until(f"{ONE}.includes('Filter 0 of conv1, trained-0, epoch 3')")


def test_a_loss_is_shown_where_the_interval_lies_above_0(tab: Browser, page: Path) -> None:
    opened(tab, page, f"#zeta/trained-0/3/{quote(HOSTILE, safe='')}/1")
    tab.until(f"{ONE}.includes('Safe to prune? No: the network loses by its removal.')")
    assert "0.375 to 2.375" in tab.ask("document.getElementById('filters.one').textContent")


def test_names_are_text(tab: Browser, page: Path) -> None:
    opened(tab, page, f"#zeta/trained-0/3/{quote(HOSTILE, safe='')}/1")
    tab.until(f"{ONE}.includes({HOSTILE!r})")
    assert HOSTILE not in tab.ask("document.documentElement.outerHTML")
    assert tab.ask("document.scripts.length") == 3


def test_an_unknown_address_is_said_to_be_unknown(tab: Browser, page: Path) -> None:
    opened(tab, page, "#zeta/trained-9/3/conv1/0")
    tab.until(f"{ONE} === 'No filter zeta/trained-9/3/conv1/0 in this study.'")


def test_a_number_says_where_it_comes_from(tab: Browser, page: Path) -> None:
    opened(tab, page)
    tab.ask("document.querySelector('.tabulator-row [tabulator-field=c0]').click()")
    said = tab.ask("document.getElementById('filters.source').innerText")
    assert "results/mechanism/zeta/filters.csv" in said
    assert "snakemake results/mechanism/zeta/filters.csv" in said
    assert '{"threshold": 0.3}' in said
    assert "network trained-0, condition trained, epoch 3, layer conv1, filter 0" in said


def test_cells_are_made_when_they_come_into_sight(tab: Browser, page: Path) -> None:
    tab.size(400, 1000)
    opened(tab, page)
    assert (column(tab, "c0"), column(tab, "filter")) == ([], [str(index % 2) for index in range(8)])
    tab.ask("document.querySelector('.tabulator-col-title').focus()")
    for _ in range(7):
        tab.press("ArrowRight")
    tab.until("document.querySelectorAll('.tabulator-row [tabulator-field=c1]').length === 8")
    tab.until("document.querySelectorAll('.histogram path').length === 2")
    assert column(tab, "c0") == column(tab, "c1")
    places = "['.tabulator-row', '.tabulator-headers'].map(one => document.querySelector(`${one} [tabulator-field=c1]`).getBoundingClientRect().x)"
    row, heading = tab.ask(places)
    assert row == heading


def test_rows_without_a_number_are_last_both_ways(tab: Browser, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study")
    add_mechanism(study)
    drops = norms("zeta").query("network == 'trained-0'").assign(quantity="accuracy_drop")
    write_filters(tmp_path / "study/results/mechanism/zeta/filters.csv", drops)
    study.build()
    opened(tab, study.page)
    for wanted in (["0", "0.375", "1", "1.375"], ["1.375", "1", "0.375", "0"]):
        tab.ask("document.querySelector('.tabulator-col[tabulator-field=c0] .tabulator-col-title').click()")
        assert column(tab, "c0") == [*wanted, *4 * "–"]


def test_rows_are_saved_as_shown(tab: Browser, page: Path) -> None:
    opened(tab, page)
    filtered(tab, "network", "=trained-0")
    tab.until(f"{COUNT} === '4 of 8 rows'")
    tab.ask("URL.createObjectURL = (found) => { window.saved = found; return '#'; }")
    tab.ask("document.getElementById('filters.save').click()")
    tab.until("window.saved")
    first, *lines = tab.ask("window.saved.text()").splitlines()
    assert first.startswith('"network","condition","epoch","layer","filter","removal","accuracy_drop ')
    assert lines[0] == '"trained-0","trained","3","conv1","0","no loss shown","0.375","0.375"'
    assert len(lines) == 4


def test_columns_are_chosen(tab: Browser, page: Path) -> None:
    opened(tab, page)
    tab.ask("document.querySelectorAll('#filters\\\\.columns input')[1].click()")
    assert not tab.ask("document.querySelector('.tabulator-col[tabulator-field=c0]')")


def test_a_choice_of_columns_keeps_filter_and_order(tab: Browser, page: Path) -> None:
    opened(tab, page)
    filtered(tab, "network", "=trained-0")
    tab.until(f"{COUNT} === '4 of 8 rows'")
    for _ in range(2):
        tab.ask("document.querySelector('.tabulator-col[tabulator-field=filter] .tabulator-col-title').click()")
    tab.ask("document.querySelectorAll('#filters\\\\.columns input')[1].click()")
    tab.until(f"{COUNT} === '4 of 8 rows' && {ROWS} === 4")
    assert column(tab, "filter") == ["1", "1", "0", "0"]
    tab.ask("document.querySelectorAll('#filters\\\\.columns input')[1].click()")
    assert len(column(tab, "c0")) == 4


def test_by_keyboard_alone(tab: Browser, page: Path) -> None:
    opened(tab, page)
    reached = []
    while "tabulator-col-title" not in tab.ask(f"{FOCUS}.className"):
        tab.press("Tab")
        reached.append(tab.ask(f"{FOCUS}.tagName"))
        assert len(reached) < 60
    assert {"A", "SELECT", "BUTTON", "SUMMARY"} <= set(reached)
    for _ in ("condition", "epoch", "layer", "filter", "removal", "c0"):
        tab.press("ArrowRight")
    assert "accuracy drop" in tab.ask(f"{FOCUS}.innerText")
    tab.press("Enter")
    numbers = [float(cell) for cell in column(tab, "c0")]
    assert numbers == sorted(numbers)
    tab.press("ArrowDown")
    tab.press(">1.2")
    tab.until(f"{COUNT} === '2 of 8 rows'")
    tab.press("Escape")
    while tab.ask(f"{FOCUS}.tagName") != "A":
        tab.press("Tab")
    tab.press("Enter")
    tab.until(f"{ONE}.includes('Filter 1 of')")
    assert tab.ask(f"{FOCUS}.id") == "filters.one"
    while not tab.ask(f"{FOCUS}.matches('button.number')"):
        tab.press("Tab")
    tab.press("Enter")
    assert tab.ask(f"{FOCUS}.id") == "filters.source"


@pytest.mark.parametrize("which", ["page", "demo"])
@pytest.mark.parametrize(("width", "dark"), [(400, False), (1600, True)])
def test_nobody_is_shut_out(tab: Browser, which: str, width: int, dark: bool, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(which)
    tab.size(width, 1000)
    tab.media(dark=dark)
    address = FILTER if which == "page" else "#lenet5/trained-0/40/conv2/7"
    opened(tab, path, address)
    tab.until(f"{ONE}.includes('Safe to prune?')")
    assert tab.ask("document.documentElement.scrollWidth") == width
    tab.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    tab.ask(f"{AXE}; 0")
    assert tab.ask(VIOLATIONS) == []


def test_axe_finds_what_is_wrong(tab: Browser, page: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    broken.write_text(page.read_text(encoding="utf-8").replace('<html lang="en">', "<html>"), encoding="utf-8")
    opened(tab, broken)
    tab.ask(f"{AXE}; 0")
    assert [line.partition(":")[0] for line in tab.ask(VIOLATIONS)] == ["html-has-lang"]


def test_on_paper_there_is_no_menu_and_all_ink_is_dark(tab: Browser, page: Path) -> None:
    tab.media(print_=True, dark=True)
    opened(tab, page)
    assert tab.ask("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert tab.ask("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert tab.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = tab.call("Page.printToPDF", printBackground=True)["data"]
    assert len(printed) > 10_000


def test_without_scripts_cards_figures_and_tables_stand(tab: Browser, page: Path) -> None:
    tab.scripts(False)
    tab.open(page)
    tab.call("DOM.enable")
    root = tab.call("DOM.getDocument", depth=0)["root"]["nodeId"]

    def shown(selector: str) -> int:
        found = tab.call("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"]
        return sum(1 for node in found if box(node))

    def box(node: int) -> bool:
        try:
            return bool(tab.call("DOM.getBoxModel", nodeId=node))
        except RuntimeError:
            return False

    assert shown("article.card") == 1
    assert shown("figure img") == 3
    assert shown("table") > 3
    assert shown("noscript p") == 1
    assert shown("#study\\.filters") == 0
    assert struct.unpack(">II", tab.picture()[16:24]) == (1600, 1000)


def visible(tab: Browser, text: str) -> bool:
    """Whether the page says so where a reader sees it, which a closed `details` is not."""
    return bool(tab.ask(f"document.body.innerText.replace(/\\s+/g, ' ').includes({text!r})"))


def clicked(tab: Browser, selector: str) -> None:
    assert tab.ask(f"(document.querySelector({selector!r})?.click(), 1)") == 1


def test_five_questions_within_two_clicks(tab: Browser, demo: Path) -> None:
    opened(tab, demo)
    assert visible(tab, "after training and")  # did training change it? no click
    assert tab.ask("[...document.querySelectorAll('.card')].every(card => /trained/.test(card.innerText))")

    snr = "The signal-to-noise ratio rises with depth."
    if not visible(tab, snr):  # does the network's SNR rise with depth? one click at most
        tab.ask(
            "[...document.querySelectorAll('.card')].find(card => card.textContent.includes('signal-to-noise'))"
            ".querySelector('summary').click()"
        )
    assert visible(tab, snr)

    clicked(tab, "a[href='#study.words']")  # what do they mean by R2? one click
    assert visible(tab, "R2 The relation of weights to features of test images")

    clicked(tab, "a[href='#lenet5/removable/conv2']")  # which filters of conv2 may go? one click
    tab.until(f"{COUNT}.endsWith('rows') && !{COUNT}.startsWith('2832')")
    assert set(column(tab, "layer")) <= {"conv2"}
    assert set(column(tab, "removal")) <= {"no loss shown"}

    tab.ask("document.querySelector('.tabulator-row [tabulator-field=c0]').click()")  # where from? one click more
    assert visible(tab, "results/anova/lenet5/filters.csv") and visible(
        tab, "snakemake results/anova/lenet5/filters.csv"
    )
