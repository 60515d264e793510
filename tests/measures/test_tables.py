"""What the gathering jobs share."""

import pandas as pd
import pytest

from probecore.measures import MEASURES, declaration
from probecore.measures.base import Figure, Measure
from probecore.measures.tables import of_one_network, representative
from probecore.summary import Answered


@pytest.mark.parametrize(
    ("networks", "shown"),
    [
        ({"given": 0, "shuffled-0": 5, "trained-0": 5, "trained-1": 5}, "trained-0"),
        ({"given": 0, "shuffled-0": 5, "trained-0": 0}, "given"),
        ({"shuffled-10": 5, "shuffled-2": 5}, "shuffled-2"),
    ],
)
def test_one_network_stands_for_all_in_every_order_of_rows(networks: dict[str, int], shown: str) -> None:
    rows = pd.DataFrame([{"network": name, "epoch": epoch} for name, last in networks.items() for epoch in {0, last}])
    for table in rows, rows.iloc[::-1]:
        assert representative(table) == shown
        assert set(of_one_network(table)["network"]) == {shown}


NOTHING = Answered(says="", rows=[], verdict="", sentence="")


@pytest.mark.parametrize("measure", MEASURES)
def test_a_summary_names_what_stands_alone_and_leaves_out_what_is_empty(measure: str) -> None:
    declared = declaration(measure)
    first = declared.figures[0].name
    summary = declared.summary("one", headline={}, answer=NOTHING, remarks=[], network="trained-7", without=[first])
    assert [entry.file for entry in summary.figures] == [f"{figure.name}.svg" for figure in declared.figures[1:]]
    texts = [*(entry.caption for entry in summary.figures), *(entry.table for entry in summary.figures)]
    assert not any("{" in text or "first trained network" in text for text in texts)
    assert any("trained-7" in entry.caption for entry in summary.figures)


def test_a_figure_of_a_file_that_no_job_writes_is_refused() -> None:
    content = vars(declaration("anova")) | {"figures": [Figure(name="x", source="none.csv", title="", caption="")]}
    with pytest.raises(ValueError, match="anova: no job writes none.csv"):
        Measure(**content)
