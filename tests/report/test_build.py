import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from probecore.errors import InputError
from probecore.params import STEPS
from probecore.report import build
from probecore.summary import Summary, write_summary

from .support import HOSTILE, FakeStudy, make_study

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """A page's elements, text and addresses; refuses tags that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.addresses: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"src", "href", "srcset", "data", "action", "poster"}:
                self.addresses.append((name, value or ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def without_scripts(html: str) -> str:
    """The page but for what its scripts and pictures say; its policy lets them load nothing."""
    html = re.sub(r'src="data:image/svg[^"]*"', 'src="data:image/svg"', html)
    return re.sub(r"(<script[^>]*>).*?</script>", r"\1</script>", html, flags=re.S)


def test_page_is_balanced_and_loads_nothing(study: FakeStudy) -> None:
    html = study.build()
    page = Page(html)
    assert page.open == []
    assert not page.tags & {"link", "iframe", "object", "base"}
    assert all(address.startswith("data:image/") for name, address in page.addresses if name != "href")
    assert {address for name, address in page.addresses if name == "href"} <= {f"#{name}" for name in page.ids}
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"https?:|@import|url\(|\bon\w+=", without_scripts(html))
    assert "default-src 'none'; img-src data:;" in html


def test_equal_studies_give_equal_bytes_wherever_they_lie(study: FakeStudy, tmp_path: Path) -> None:
    other = make_study(tmp_path / "other" / "place")
    assert study.build() == other.build()
    assert study.metrics.read_bytes() == other.metrics.read_bytes()
    assert str(tmp_path) not in study.page.read_text()


def test_every_hash_is_that_of_the_file(study: FakeStudy) -> None:
    html = study.build()
    named = re.findall(r'<code>((?:results|data)/[^<]+)</code>(?:</?\w[^>]*>|[\s\w.])*<code class="hash">(\w+)<', html)
    assert {path for path, _ in named} >= {
        "data/tiny.h5",
        "results/train/zeta/history.csv",
        "results/train/zeta/shuffled-1.safetensors",
        "results/recos/zeta/polarity.csv",
    }
    for path, digest in named:
        assert hashlib.sha256((study.root / path).read_bytes()).hexdigest() == digest


def test_provenance_of_a_figure(study: FakeStudy) -> None:
    html = study.build()
    (block,) = [block for block in html.split("<figure>") if "Two by two." in block]
    text = Page(block[: block.index("</figure>")]).text
    assert "snakemake results/recos/zeta/polarity.svg" in text
    assert '{"polarity": {"images": 3}}' in text
    assert all(f"results/train/zeta/{name}.safetensors" in text for name in ("trained-0", "trained-1", "shuffled-0"))
    assert "alpha" not in text


def test_command_of_a_study_outside_the_repository(study: FakeStudy) -> None:
    (study.root / "Snakefile").unlink()
    study.params["home"] = "../.."
    assert "snakemake --snakefile ../../Snakefile results/recos/zeta/polarity.svg" in study.build()


def test_content_is_escaped(study: FakeStudy) -> None:
    html = study.build()
    assert HOSTILE not in html
    assert Page(without_scripts(html)).text.count(HOSTILE) >= 4  # caption, remark, table cell, class name


def test_steps_by_order_of_params_and_those_not_wanted(study: FakeStudy) -> None:
    html = study.build()
    assert [name for name in Page(html).ids if not name.startswith(("study", "filters"))] == [
        "zeta",
        "zeta.train",
        "zeta.recos",
        "alpha",
        "alpha.train",
    ]
    unwanted = [step.replace("_", " ") for step in STEPS if step != "train"]
    assert f"Steps not wanted: {', '.join(step for step in unwanted if step != 'recos')}." in html
    assert f"Steps not wanted: {', '.join(unwanted)}." in html
    assert html.count("reconstruction</span>") == 1


def test_what_params_do_not_name_is_ignored(study: FakeStudy) -> None:
    del study.params["experiments"]["alpha"]
    study.params["experiments"]["zeta"]["train"]["seeds"] = [0]
    html = study.build()
    assert "alpha" not in without_scripts(html)
    assert "trained-0.safetensors" in html
    assert "trained-1.safetensors" not in html
    assert list(json.loads(study.metrics.read_text())) == ["zeta"]
    assert "Comparison" not in html


def test_metrics(study: FakeStudy) -> None:
    study.build()
    content = study.metrics.read_text()
    assert json.loads(content) == {
        "alpha": {"train": {"networks": 1, "test_accuracy.trained": 0.987654321}},
        "zeta": {
            "recos": {"identity_error": 0, "undefined": None},
            "train": {"networks": 4, "test_accuracy.trained": 0.987654321},
        },
    }
    assert content.index('"alpha"') < content.index('"zeta"')


def test_comparison_has_a_column_per_experiment(study: FakeStudy) -> None:
    html = study.build()
    rows = Page(html[html.index('id="study.comparison"') :].partition(">")[2].partition("</section>")[0]).text
    assert re.search(r"Networks\s*4\s*1\b", rows)
    assert re.search(r"Identity error\s*0\s*–", rows)


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("results/train/alpha/summary.json", "snakemake results/train/alpha/summary.json"),
        ("results/recos/zeta/polarity.png", "snakemake results/recos/zeta/polarity.png"),
        ("results/train/zeta/trained-1.safetensors", "snakemake results/train/zeta/trained-1.safetensors"),
        ("data/tiny.h5", "snakemake data/tiny.h5"),
    ],
)
def test_a_missing_file_is_named_with_the_command_that_makes_it(study: FakeStudy, path: str, remedy: str) -> None:
    (study.root / path).unlink()
    with pytest.raises(InputError) as caught:
        study.build()
    assert str(caught.value) == f"{study.root / path}: no such file; run `{remedy}`"
    assert not study.page.exists()


@pytest.mark.parametrize("change", [{"wanted": False}, {"experiment": "alpha"}, {"step": "train"}])
def test_a_summary_of_something_else_is_refused(study: FakeStudy, change: dict[str, object]) -> None:
    summary = Summary.read({"step": "recos", "experiment": "zeta"} | change)
    write_summary(study.root / "results/recos/zeta", summary)
    with pytest.raises(InputError, match=r"recos/zeta/summary\.json: not of this step"):
        study.build()


def test_a_summary_with_an_unknown_key_is_refused(study: FakeStudy) -> None:
    path = study.root / "results/recos/zeta/summary.json"
    path.write_text(path.read_text().replace('"headline"', '"headlines"'))
    with pytest.raises(InputError, match=r"summary\.json.headlines: unknown key; did you mean 'headline'"):
        study.build()


def test_figures_give_way_to_the_limit(study: FakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    html = study.build()
    filters = len(html.partition('id="filters.data">')[2].partition("</template>")[0])
    whole = len(html.encode()) - filters
    monkeypatch.setattr(build, "MAX_PAGE", whole - 1)
    html = study.build()
    assert len(html.encode()) < whole + filters
    assert "image/png" in html
    monkeypatch.setattr(build, "MAX_PAGE", whole - 20_000)
    html = study.build()
    assert len(html.encode()) <= whole + filters - 20_000
    assert "Not shown, for this page would grow too large" in html
    for limit in ("MAX_PAGE", "MAX_WHOLE"):
        monkeypatch.setattr(build, "MAX_PAGE", 10**7)
        monkeypatch.setattr(build, limit, 100)
        with pytest.raises(InputError, match="even without figures; split the study"):
            study.build()
