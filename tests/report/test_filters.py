import json
from typing import Any

import pytest

from probecore.measures import MEASURES, declaration
from probecore.report.filters import as_script

from .support import HOSTILE, FakeStudy


def data_of(html: str) -> list[dict[str, Any]]:
    start = html.index('id="filters.data">') + len('id="filters.data">')
    content: list[dict[str, Any]] = json.loads(html[start : html.index("</script>", start)])
    return content


def test_the_page_has_every_filter_of_the_first_and_last_checkpoint(study: FakeStudy) -> None:
    html = study.build()
    (zeta,) = data_of(html)
    assert zeta["experiment"] == "zeta"
    assert zeta["rows"] == {
        "network": ["trained-0"] * 4 + ["shuffled-0"] * 4,
        "epoch": [3, 3, 0, 0] * 2,
        "layer": ["conv1", HOSTILE, *["conv1"] * 6],
        "filter": [0, 1] * 4,
        "condition": ["trained", "trained", "untrained", "untrained", "shuffled", "shuffled", "untrained", "untrained"],
    }
    (column,) = zeta["columns"]
    assert column["cells"]["value"] == "0.375,1.375,0,1,0.375,1.375,0,1"
    assert column["cells"]["p_bh"] == ",,,,,,,"
    assert column["says"] == declaration("recos").quantities["norm"]
    assert HOSTILE not in html


def test_equal_bytes_twice(study: FakeStudy) -> None:
    assert study.build() == study.build()


def test_a_policy_names_the_scripts_of_the_page(study: FakeStudy) -> None:
    policy = study.build().split('Content-Security-Policy" content="', 1)[1].split('"', 1)[0]
    assert policy.count("sha256-") == 2
    assert "script-src" in policy and "'unsafe-inline'; script" in policy


@pytest.mark.parametrize("text", ["</script>", "<!--", "a\u2028b"])
def test_data_cannot_end_its_element(text: str) -> None:
    written = as_script([text])
    assert "<" not in written
    assert json.loads(written) == [text]


@pytest.mark.parametrize("name", MEASURES)
def test_answers_stand_on_declared_tables(name: str) -> None:
    measure = declaration(name)
    assert measure.answer.table in {*measure.keys, *measure.gathered, "filters"}
    assert all(measure.quantities.values())
