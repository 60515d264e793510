"""Blocks between markers in documents."""

from pathlib import Path

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
    assert number_table(DECLARATIONS.tables["accuracies"], METRICS) == ROWS
    assert number_table(DECLARATIONS.tables["accuracies"], {}).count("|  |  |") == 2


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


def test_one_name_stands_for_one_table() -> None:
    table = {"file": "a.csv", "columns": {"a": "a"}}
    with pytest.raises(InputError, match="accuracies stands for two tables"):
        Declarations.read({"claims": [], "tables": TABLES, "file_tables": {"accuracies": table}})


def test_figures_are_copied(tmp_path: Path) -> None:
    declarations = Declarations.read({"claims": [], "figures": {"docs/a.png": "train/e/curves.png"}})
    (tmp_path / "docs").mkdir()
    with pytest.raises(InputError, match="curves.png: no such file; run `snakemake` first"):
        write_documents(declarations, tmp_path)
    (tmp_path / "results/train/e").mkdir(parents=True)
    (tmp_path / "results/train/e/curves.png").write_bytes(b"new")
    assert write_documents(declarations, tmp_path) == []
    assert (tmp_path / "docs/a.png").read_bytes() == b"new"
