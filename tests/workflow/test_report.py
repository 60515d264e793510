"""`snakemake --report`, which Snakemake's users expect, on a finished study."""

import html
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docutils.core import publish_parts
from jinja2 import Environment

from workflow.captions import caption_file, write_captions

from .repository import Repository


def said_of(page: str, path: str) -> dict[str, Any]:
    """What the page of Snakemake says of a file."""
    start = f'"{path}": '
    found: dict[str, Any] = json.JSONDecoder().raw_decode(page, page.index(f"{start}{{") + len(start))[0]
    return found


def test_figures_have_categories_and_the_captions_of_the_page(repository: Repository) -> None:
    before = repository.hashes()
    repository.snakemake("--report", "snakemake.html")
    page = (repository.folder / "snakemake.html").read_text(encoding="utf-8")
    for step, title in {"train": "Train", "recos": "RECOS"}.items():
        summary = json.loads((repository.folder / f"results/{step}/tiny/summary.json").read_text())
        assert summary["figures"]
        for entry in summary["figures"]:
            path = f"results/{step}/tiny/{entry['file']}"
            assert entry["caption"][:30] in said_of(page, path)["caption"]
            assert path in said_of(page, "tiny")[title]
    assert repository.hashes() == before
    assert repository.wanted_by_snakemake() == set()


def test_a_caption_is_text(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = 'a_ `b` *c* |d| {{ e }} \\ "f" <g>'
    folder = Path("results/train/one")
    folder.mkdir(parents=True)
    figure = {"file": "curves.svg", "table": "history.csv", "title": "Curves", "caption": hostile}
    (folder / "summary.json").write_text(json.dumps({"step": "train", "experiment": "one", "figures": [figure]}))
    write_captions("train", ["curves"], ["one", "unfinished"])
    for experiment, wanted in {"one": f"Curves. {hostile}", "unfinished": ""}.items():
        asked = SimpleNamespace(wildcards=SimpleNamespace(experiment=experiment))
        template = Environment().from_string(caption_file("train", "curves").read_text())
        body = publish_parts(template.render(snakemake=asked), writer="html")["body"]
        assert body.strip() == (f"<p>{html.escape(wanted)}</p>" if wanted else "")
