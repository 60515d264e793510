"""`probecore diff` on a study that was really built: what it prints is what was done."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.workflow.repository import Repository, copy

TABLE = "results/recos/tiny/filters.csv"


def diff(repository: Repository, *names: str) -> dict[str, Any]:
    """What it says as JSON; the exit code says whether anything differs."""
    environment = {"PYTHONPATH": str(repository.folder)}
    done = repository.run(
        "sh", "-c", f"probecore diff --json {' '.join(names)} 2> /dev/null", check=False, **environment
    )
    content: dict[str, Any] = json.loads(done.stdout)
    parts = ("parameters", "code", "inputs", "environment", "results")
    assert done.returncode == int(any(content[part] for part in parts))
    return content


def names(changes: list[dict[str, Any]], key: str = "name") -> set[str]:
    return {change[key] for change in changes}


def test_a_parameter(repository: Repository) -> None:
    """Before and after: as revision and folder, as two revisions, and as capsules."""
    (repository.folder / "CITATION.cff").write_text("title: T\nauthors: [{name: A}]\nlicense: MIT\n")
    repository.commit("cite")
    before = pd.read_csv(repository.folder / TABLE)
    repository.probecore("pack", "../before.zip")
    repository.edit("experiments.tiny.recos.polarity.images", 49)
    repository.snakemake()
    found = diff(repository, "HEAD", ".")
    assert found["parameters"] == [{"name": "experiments.tiny.recos.polarity.images", "before": "50", "after": "49"}]
    assert (found["code"], found["inputs"], found["environment"]) == ([], [], [])
    assert {tuple(result["causes"]) for result in found["results"]} == {("experiments.tiny.recos.polarity.images",)}
    paths = names(found["results"], "path")
    assert {TABLE, "results/report/index.html"} <= paths
    assert all(path.startswith(("results/recos/tiny/", "results/report/", "results/metrics.json")) for path in paths)
    expect_cells(repository.folder, before, [result for result in found["results"] if result["path"] == TABLE])

    repository.probecore("record")
    repository.commit("after")
    repository.probecore("pack", "../after.zip")
    assert diff(repository, "HEAD~1", "HEAD")["results"] == found["results"]
    assert diff(repository, "../before.zip", "../after.zip")["results"] == found["results"]
    same = repository.probecore("diff", "HEAD", "../after.zip")
    assert same.stdout.splitlines()[-1] == "HEAD and ../after.zip: no difference"


def expect_cells(folder: Path, before: pd.DataFrame, results: list[dict[str, Any]]) -> None:
    """Compare cells with those that pandas finds by position: the rows of the two tables are the same."""
    after = pd.read_csv(folder / TABLE)
    words = ["experiment", "network", "layer", "site", "quantity"]
    assert before[words].equals(after[words])
    columns = ["value", "low", "high", "null", "p", "p_bh", "n"]
    first, second = before[columns].to_numpy(float), after[columns].to_numpy(float)
    expected = int(((first != second) & ~(np.isnan(first) & np.isnan(second))).sum())
    assert sum(len(result["cells"]) for result in results) == expected


def test_a_seed(repository: Repository) -> None:
    repository.edit("experiments.tiny.train.seeds", [0, 2])
    repository.snakemake()
    repository.probecore("clean", "--yes")
    found = diff(repository, "HEAD", ".")
    seeds = "experiments.tiny.train.seeds"
    assert found["parameters"] == [{"name": seeds, "before": "[0, 1]", "after": "[0, 2]"}]
    assert {tuple(result["causes"]) for result in found["results"]} == {(seeds,)}
    kinds = {result["path"]: result["kind"] for result in found["results"]}
    assert kinds["results/train/tiny/trained-1.safetensors"] == "removed"
    assert kinds["results/train/tiny/trained-2.safetensors"] == "added"
    assert not [path for path in kinds if "trained-0" in path or "/bare/" in path]
    (history,) = [result for result in found["results"] if result["path"] == "results/train/tiny/history.csv"]
    assert [row.split()[1] for row in (*history["removed"], *history["added"])] == ["trained-1"] * 2 + ["trained-2"] * 2
    assert history["cells"] == []


def test_two_machines(built: Path, repository: Repository, tmp_path: Path) -> None:
    """The record of another machine: other primitives, and a number that is off by a known part of its interval."""
    (tmp_path / "theirs").mkdir()
    theirs = copy(built, tmp_path / "theirs").folder
    fingerprint = theirs / "recorded_on.csv"
    lines = fingerprint.read_text().splitlines()
    changed = [line.rpartition(",")[0] + ",0000" if line.startswith("primitive,product") else line for line in lines]
    assert changed != lines
    fingerprint.write_text("\n".join(changed) + "\n")
    table = pd.read_csv(theirs / TABLE, dtype=str, keep_default_na=False)
    numbers = table[["value", "low", "high"]].apply(pd.to_numeric)
    row = int(np.flatnonzero(numbers["high"] > numbers["low"])[0])
    value, half = numbers["value"][row], (numbers["high"] - numbers["low"])[row] / 2
    table.loc[row, "value"] = repr(float(value + half / 4))
    table.to_csv(theirs / TABLE, index=False)
    found = diff(repository, ".", str(theirs))
    assert (found["parameters"], found["code"], found["inputs"]) == ([], [], [])
    assert {name.partition(".")[0] for name in names(found["environment"])} == {"primitive product"}
    (result,) = found["results"]
    assert (result["path"], result["causes"]) == (TABLE, ["the environment"])
    (cell,) = result["cells"]
    assert (cell["column"], cell["in_half_widths"], cell["size"]) == ("value", True, pytest.approx(0.25, rel=1e-6))
    said = repository.probecore("diff", ".", str(theirs), check=False).stdout
    assert f"{TABLE}: changed cells 1, in 1 of {len(table)} rows; because of the environment" in said
    assert "(0.25 half widths of its interval)" in said


@pytest.mark.parametrize("name", ["nowhere", "../none.zip", "own"])
def test_what_is_no_study(name: str, repository: Repository) -> None:
    done = repository.probecore("diff", ".", name, check=False)
    assert done.returncode == 2
    assert done.stdout.startswith(f"probecore: {name}: ")
    assert done.stdout.count("\n") == 1
