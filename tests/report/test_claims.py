"""Verdicts on a study's claims in the page: in the card of the measure, and in the table that it leads to."""

import html
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from probecore.claims.params import RECORD
from probecore.claims.run import write_claims
from probecore.errors import InputError
from probecore.files import read_json, write_json, write_table
from probecore.summary import Answered, AnswerRow
from tests.claims.support import claim, layers, rising, write_claims_yaml, write_results

from .support import HOSTILE, FakeStudy

CLAIM: dict[str, Any] = {
    "experiment": "zeta",
    "table": "recos/layers.csv",
    "against": [{"condition": "untrained"}],
    "family": "recos",
}
BARE = claim("snr-high", **CLAIM | {"effect": {"kind": "value", "mean_over": ["layer"]}, "against": []})
NOT_HERE = claim("no-sweep", untestable="no experiment varies the width")


@pytest.fixture
def study(study: FakeStudy) -> FakeStudy:
    """Its recos answers a question, and six seeds' tables are planted."""
    row = AnswerRow(condition="trained", n=2, value=1, low=None, high=None, least=0, most=2, null=None)
    answer = Answered(says="x", rows=[row], verdict="higher than untrained", sentence="x: 1")
    path = study.root / "results/recos/zeta/summary.json"
    write_json(path, read_json(path) | {"answer": answer.model_dump(mode="json")})
    return study


def planted(study: FakeStudy, *claims: dict[str, Any], step: float = 1.0) -> Path:
    """Verdicts on networks whose SNR rises by `step` with each layer, and falls before training."""
    table = pd.concat([layers(rising(step=-1.0), epoch=0), layers(rising(step=step))]).assign(experiment="zeta")
    write_results(study.root, table, "recos/zeta/layers.csv")
    write_claims_yaml(study.root, *(claims or (claim(**CLAIM), BARE, NOT_HERE)))
    write_claims(study.root)
    return study.root / RECORD


def card(page: str) -> str:
    (found,) = re.findall(r'<article class="card">.*?</article>', page, re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found)).split())


def test_other_numbers_change_the_sentence(study: FakeStudy) -> None:
    rises = card(study.build(planted(study)))
    assert "RECOS 2 held" in rises and "higher than untrained" not in rises
    assert "held SNR rises with depth. Effect 1 [0.9394, 1.061], beyond untrained 2 [1.939, 2.061]; 6 seeds; p" in rises
    falls = card(study.build(planted(study, step=-1.0)))
    assert "RECOS 1 fails, 1 undecided" in falls
    assert "fails SNR rises with depth. Effect −1 [−1.061, −0.9394], beyond untrained 0" in falls


def test_a_claim_without_control_says_so(study: FakeStudy) -> None:
    said = card(study.build(planted(study)))
    assert "held, no control SNR rises with depth. Effect 4 [2.037, 5.963]; 6 seeds;" in said


def test_ids_lead_to_the_table_of_claims(study: FakeStudy) -> None:
    page = study.build(planted(study))
    for name in ("snr-depth", "snr-high"):
        assert f'href="#study.claims.{name}"' in page and page.count(f'id="study.claims.{name}"') == 1
    table = page[page.index('<section id="study.claims">') :]
    assert re.findall(r'id="study\.claims\.([\w-]+)"', table) == ["snr-depth", "snr-high", "no-sweep"]
    assert "not tested here: no experiment varies the width" in table
    assert 'href="#study.claims.no-sweep"' not in page


def test_a_card_says_what_the_published_procedure_reports(study: FakeStudy) -> None:
    path, found = study.root / "results/recos/zeta/summary.json", "published: wrong for nothing"
    summary, entry = read_json(path), {"file": "audit.csv", "title": "Audit", "caption": "A row per step."}
    write_json(path, summary | {"tables": [*summary["tables"], entry]})
    for verdict in (found, f"{found}; {HOSTILE}"):
        write_table(
            path.with_name("audit.csv"), pd.DataFrame({"step": ["reading"], "verdict": [verdict]}), sort_by=["step"]
        )
        page = study.build()
        assert f"Audit, reading: {verdict[0].upper()}{verdict[1:]}" in card(page)
        assert HOSTILE not in page


def test_those_that_are_undecided_are_one_click_away(study: FakeStudy) -> None:
    said = card(study.build(planted(study, claim(**CLAIM | {"min_units": 7}))))
    assert "RECOS 1 undecided" in said and "1 undecided undecided: 6 of 7 seeds SNR rises with depth." in said


def test_a_measure_or_study_without_claims_answers_as_before(study: FakeStudy) -> None:
    assert "RECOS higher than untrained" in card(study.build())
    assert "study.claims" not in study.build()
    elsewhere = planted(study, claim(**CLAIM))
    elsewhere.write_text(elsewhere.read_text().replace("recos/layers.csv", "mechanism/layers.csv"))
    assert "RECOS higher than untrained" in card(study.build(elsewhere))


def test_equal_bytes_and_no_markup_from_words(study: FakeStudy) -> None:
    told = claim(**CLAIM, amended=f"{HOSTILE} was wrong") | {"says": HOSTILE, "paper": HOSTILE}
    record = planted(study, told)
    page = study.build(record)
    assert study.build(record) == page
    assert HOSTILE not in page and page.count(html.escape(HOSTILE, quote=False).replace("'", "&#39;")) >= 4


def test_no_table_of_verdicts_is_one_line(study: FakeStudy) -> None:
    path = planted(study)
    path.write_text("claim,verdict\na,held\n")
    with pytest.raises(InputError, match=r"claims\.csv: no table of verdicts .*; run `snakemake`"):
        study.build(path)


def test_a_study_with_a_multiverse_says_how_far_verdicts_stand(study: FakeStudy) -> None:
    path = planted(study)
    assert "Stability" not in study.build(path)
    table = pd.read_csv(path, dtype=str)
    table.loc[table["claim"] == "snr-depth", ["universes", "stands", "moved_by"]] = ["4", "0.5", "threshold"]
    table.to_csv(path, index=False)
    page = study.build(path)
    says = "unstable: stands in 2 of 4 universes, threshold moves it most"
    assert f"; {says}; snr-depth" in card(page)
    assert '<th scope="col">Stability</th>' in page and f"<td>{says}</td></tr>" in page
