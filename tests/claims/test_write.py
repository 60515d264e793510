"""Blocks between markers in documents."""

import json
from pathlib import Path
from typing import Any

import pytest

from probecore.claims.params import Declarations
from probecore.documents import Sources, number_table, updated, write_documents
from probecore.errors import InputError
from tests.claims.support import claim

TABLES = {
    "accuracies": {
        "experiment": "e",
        "columns": {"trained": "trained", "untrained": "before"},
        "rows": [
            {"says": "test accuracy", "step": "train", "headline": "test_accuracy.{}", "format": "percent"},
            {"says": "R²", "step": "anova", "headline": "r2.{}"},
        ],
    }
}
DECLARATIONS = Declarations.read({"claims": [claim()], "tables": TABLES})
METRICS = {
    "e": {"train": {"test_accuracy.trained": 0.9701, "test_accuracy.untrained": None}, "anova": {"r2.trained": 0.5}}
}
SOURCES = Sources(DECLARATIONS, METRICS, [])
ROWS = "| | trained | before |\n|---|---|---|\n| test accuracy | 97.0% |  |\n| R² | 0.50 |  |"
PAGE = f"text\n<!-- numbers: accuracies -->\n{ROWS}\n<!-- /numbers -->\n<!-- a comment -->\n"


def test_headlines_become_a_table() -> None:
    assert number_table("accuracies", DECLARATIONS.tables["accuracies"], METRICS) == ROWS


LACKING: dict[str, tuple[dict[str, Any] | None, str]] = {
    "no file": (None, "results/metrics.json: no such file, and tables.accuracies shows its numbers; run `snakemake`"),
    "no such experiment": ({"f": {}}, "claims.yaml: tables.accuracies.experiment: results/metrics.json has no 'e'"),
    "no such step": (
        {"e": {"train": METRICS["e"]["train"], "anovaa": {}}},
        "claims.yaml: tables.accuracies.rows.1.step: results/metrics.json has no 'anova'; did you mean 'anovaa'?",
    ),
    "no such headline": (
        {"e": {"train": {"test_acuracy.trained": 1.0}}},
        "claims.yaml: tables.accuracies.rows.0.headline: results/metrics.json has no 'test_accuracy.trained'",
    ),
}


@pytest.mark.parametrize(("metrics", "message"), LACKING.values(), ids=LACKING)
def test_numbers_that_are_not_there_are_refused(metrics: dict[str, Any] | None, message: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(PAGE)
    if metrics is not None:
        (tmp_path / "results").mkdir()
        (tmp_path / "results/metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(InputError) as error:
        write_documents(DECLARATIONS, tmp_path)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert (tmp_path / "README.md").read_text() == PAGE


@pytest.mark.parametrize("headline", ["acc {name}", "acc {", "acc }", "{0}", "{{}}"])
def test_a_headline_has_no_other_braces(headline: str) -> None:
    row = {"says": "accuracy", "step": "train", "headline": headline}
    tables = {"a": {"experiment": "e", "columns": {"trained": "trained"}, "rows": [row]}}
    with pytest.raises(InputError, match="tables.a.rows.0.headline: write {} where the column stands"):
        Declarations.read({"claims": [], "tables": tables})


def test_a_block_edited_by_hand_is_written_anew() -> None:
    assert updated(PAGE, SOURCES, where="page") == PAGE
    assert updated(PAGE.replace("97.0%", "99.9%"), SOURCES, where="page") == PAGE
    assert updated("Write `<!-- numbers: NAME -->`.\n", SOURCES, where="page") == "Write `<!-- numbers: NAME -->`.\n"
    assert updated(PAGE.replace(ROWS, "forgotten"), SOURCES, where="page") == PAGE


def test_claims_without_a_verdict_say_so() -> None:
    text = "<!-- claims: mechanism -->\n<!-- /claims -->"
    assert "| SNR rises with depth | not run yet |  |  |  |  |" in updated(text, SOURCES, where="page")
    stale = Sources(DECLARATIONS, METRICS, [{"claim": "snr-depth", "declaration": "of another", "verdict": "held"}])
    assert "not run yet" in updated(text, stale, where="page"), "a verdict is of its declaration"


BAD = {
    "unknown table": ("<!-- numbers: acuracies -->\n<!-- /numbers -->", "numbers: no table 'acuracies' .*did you mean 'accuracies'"),
    "unknown family": ("<!-- claims: mechanisms -->\n<!-- /claims -->", "claims: no family 'mechanisms' .*did you mean 'mechanism'"),
    "no end": ("<!-- numbers: accuracies -->\n", "<!-- numbers: accuracies --> has no partner"),
    "no beginning": ("<!-- /claims -->\n", "<!-- /claims --> has no partner"),
    "another end": ("<!-- numbers: accuracies -->\n<!-- /claims -->", "has no partner"),
    "no name": ("<!-- numbers -->\n<!-- /numbers -->", "has no partner"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_markers_that_mean_nothing_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"page: .*{message}"):
        updated(text, SOURCES, where="page")


def test_columns_of_a_file_become_a_table(tmp_path: Path) -> None:
    table = {"file": "costs.csv", "columns": {"work": "what", "ratio": "times"}}
    sources = Sources(Declarations.read({"claims": [], "file_tables": {"costs": table}}), {}, [], tmp_path)
    page = "<!-- numbers: costs -->\n<!-- /numbers -->"
    with pytest.raises(InputError, match="costs.csv: no such file"):
        updated(page, sources, where="page")
    (tmp_path / "costs.csv").write_text("work,seconds,ratio\nanova,2,0.97\n")
    assert "\n| what | times |\n| --- | --- |\n| anova | 0.97 |\n" in updated(page, sources, where="page")
    (tmp_path / "costs.csv").write_text("work\nanova\n")
    with pytest.raises(InputError, match="costs.csv: no column 'ratio'"):
        updated(page, sources, where="page")


NO_TABLES: dict[str, tuple[str, bytes, str]] = {
    "a short row": ("a.csv", b"x,work,ratio\n1,anova\n", "line 2 has fewer cells than the first"),
    "not UTF-8": ("a.csv", "work,ratio\nMöbius,1\n".encode("latin-1"), "no table that can be read"),
    "an open quote": ("a.csv", b'work,ratio\n"anova,1\n', "no table that can be read"),
    "an empty file": ("a.csv", b"", "no column 'work'"),
    "a folder": (".", b"", "no regular file"),
}


@pytest.mark.parametrize(("file", "content", "message"), NO_TABLES.values(), ids=NO_TABLES)
def test_files_that_are_no_tables_are_one_line(file: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    (tmp_path / "README.md").write_text("<!-- numbers: costs -->\n<!-- /numbers -->\n")
    table = {"file": file, "columns": {"work": "what", "ratio": "times"}}
    with pytest.raises(InputError) as error:
        write_documents(Declarations.read({"claims": [], "file_tables": {"costs": table}}), tmp_path)
    assert str(error.value).startswith(f"{tmp_path / file}: {message}") and "\n" not in str(error.value)
    assert str(error.value).endswith("claims.yaml's `file_tables.costs` names it")


def test_a_document_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"\xff")
    with pytest.raises(InputError, match="README.md: not UTF-8 text .*; save it as such"):
        write_documents(DECLARATIONS, tmp_path)


def test_one_name_stands_for_one_table() -> None:
    table = {"file": "a.csv", "columns": {"a": "a"}}
    with pytest.raises(InputError, match="accuracies stands for two tables"):
        Declarations.read({"claims": [], "tables": TABLES, "file_tables": {"accuracies": table}})


def test_figures_are_copied(tmp_path: Path) -> None:
    declarations = Declarations.read({"claims": [], "figures": {"docs/a.png": "train/e/curves.png"}})
    with pytest.raises(InputError, match="curves.png: no such file; run `snakemake` first"):
        write_documents(declarations, tmp_path)
    (tmp_path / "results/train/e").mkdir(parents=True)
    (tmp_path / "results/train/e/curves.png").write_bytes(b"new")
    assert write_documents(declarations, tmp_path) == []
    assert (tmp_path / "docs/a.png").read_bytes() == b"new"
    assert [path.name for path in (tmp_path / "docs").iterdir()] == ["a.png"]
    onto_a_folder = Declarations.read({"claims": [], "figures": {"docs": "train/e/curves.png"}})
    with pytest.raises(InputError, match="docs: cannot be written .*; correct `figures` in claims.yaml"):
        write_documents(onto_a_folder, tmp_path)
