"""What jobs ask a cluster for after a plan: its forecast with a margin, until the experiment is another."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from probecore.planning.asked import FILE, LEAST, MEMORY, TIME, read_asked, write_asked
from probecore.planning.forecast import Forecast
from probecore.planning.needs import Needs
from workflow.common import Common

WRITTEN: dict[str, Any] = {
    "numerics": {"threads": 1},
    "datasets": {"images": {"kind": "arrays"}},
    "experiments": {"one": {"dataset": "images", "anova": {}}, "two": {"dataset": "images", "anova": {}}},
}


@pytest.fixture(autouse=True)
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = [
        Forecast("one", "train", "given", Needs(10, 1e7, 0), 1),
        Forecast("one", "anova", "given", Needs(6000, 2e9, 0), 1),
        Forecast("one", "anova", "reinitialised-0", Needs(60, 8e9, 0), 1),
        Forecast("two", "anova", "given", Needs(60, 1e9, 0), 1),
    ]
    write_asked(jobs, WRITTEN)


def test_the_largest_forecast_of_a_step_with_a_margin() -> None:
    asked = read_asked(WRITTEN)
    assert asked["one"] == {"train": LEAST, "anova": {"mem_mb": MEMORY * 8000, "runtime": TIME * 100}}
    assert asked.keys() == {"one", "two"}


def test_an_experiment_that_is_changed_asks_for_what_its_rules_say() -> None:
    changed = copy.deepcopy(WRITTEN)
    changed["experiments"]["one"]["anova"]["permutations"] = 999
    assert read_asked(changed).keys() == {"two"}
    changed["datasets"]["images"]["test_samples"] = 10
    assert read_asked(changed) == {}
    FILE.unlink()
    assert read_asked(WRITTEN) == {}


def test_each_retry_asks_for_as_much_more() -> None:
    study = SimpleNamespace(asked=read_asked(WRITTEN))
    planned, declared = (
        [asks(SimpleNamespace(experiment="one"), attempt) for attempt in (1, 2)]
        for asks in (Common.asks(study, "anova", runtime=60), Common.asks(study, "mechanism", runtime=60))  # type: ignore[arg-type]
    )
    assert planned == [300, 600]
    assert declared == [60, 120]
