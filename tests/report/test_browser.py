"""The page as a browser shows it: needs Chromium, which `.ci/run` does not install."""

import html
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from .support import HOSTILE, FakeStudy

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to look at the page with")


def seen(page: Path, fragment: str = "") -> str:
    """The document after its scripts have run."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom"]
    command = [str(CHROMIUM), *options, f"{page.as_uri()}{fragment}"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout


def text_of(markup: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup)))


def test_the_table_stands_and_links_each_filter(study: FakeStudy) -> None:
    study.build()
    dom = seen(study.page)
    assert "8 of 8 rows" in dom
    assert 'href="#zeta/trained-0/3/conv1/0"' in dom
    assert re.search(r'id="study.filters"(?! hidden)', dom)


def test_a_filter_has_an_address(study: FakeStudy) -> None:
    study.build()
    dom = seen(study.page, "#zeta/trained-0/3/conv1/0")
    view = text_of(dom[dom.index('id="filters.one"') : dom.index("<noscript>")])
    assert "Filter 0 of conv1, trained-0, epoch 3" in view
    assert "RECOS norm block 0.375 – – – 1 of 1 0 results/recos/zeta/filters.csv" in view
    assert "shuffled-0, epoch 3" in view


def test_names_are_text(study: FakeStudy) -> None:
    study.build()
    dom = seen(study.page, f"#zeta/trained-0/3/{quote(HOSTILE, safe='')}/1")
    assert f"Filter 1 of {HOSTILE}, trained-0, epoch 3" in text_of(dom[dom.index('id="filters.one"') :])
    assert HOSTILE not in dom


def test_two_quantities_against_each_other(study: FakeStudy) -> None:
    page = study.page.with_name("open.html")
    page.write_text(study.build().replace('<details id="filters.compare">', '<details id="filters.compare" open>'))
    dom = seen(page)
    assert dom.count("<circle ") == 8
    assert "8 filters that the table shows: trained untrained shuffled" in text_of(dom)


def test_an_unknown_address_is_said_to_be_unknown(study: FakeStudy) -> None:
    study.build()
    assert "No filter zeta/trained-9/3/conv1/0 in this study." in seen(study.page, "#zeta/trained-9/3/conv1/0")
