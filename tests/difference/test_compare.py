"""Causes and words, on two hand-made studies of a few bytes; no stage is run."""

import io
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import pytest

from probecore.difference.compare import ENVIRONMENT, Difference, compare
from probecore.difference.snapshot import Snapshot, opened_snapshot
from probecore.difference.text import as_json, in_words
from probecore.fingerprint import Fingerprint
from probecore.verify import md5_of_folder

TABLE = b"network,quantity,value,low,high\nt,er,0.5,0.4,0.6\nt,share,0.2,,\n"

PARAMS = {"numerics": {"isa": "avx2"}, "experiments": {"e": {"train": {"seeds": [0], "epochs": 2}, "recos": {"n": 5}}}}

ENVIRONMENT_HERE: Fingerprint = {
    ("machine", "processor"): "A",
    ("version", "torch"): "2.13.0",
    ("primitive", "matmul"): "ab",
}

STAGES: dict[str, Any] = {
    "train@e": {
        "params": {"params.yaml": {"numerics": {}, "experiments.e.train": {}}},
        "deps": [{"path": "own"}, {"path": "probecore/train"}],
        "outs": [{"path": "results/train/e"}],
    },
    "recos@e": {
        "params": {"params.yaml": {"numerics": {}, "experiments.e.recos": {}}},
        "deps": [{"path": "probecore/recos"}, {"path": "results/train/e"}],
        "outs": [{"path": "results/recos/e"}],
    },
    "report": {
        "params": {"params.yaml": {"experiments": {}}},
        "deps": [{"path": "results/recos"}, {"path": "results/train"}],
        "outs": [{"path": "results/report"}, {"path": "results/metrics.json"}],
    },
}

FILES = {
    "results/train/e/t.csv": b"epoch,loss\n0,2.0\n",
    "results/recos/e/filters.csv": TABLE,
    "results/report/index.html": b"<p>",
    "results/metrics.json": b'{"e": {"recos": {"er": 0.5}}}',
}

UNITS = {"own": "1", "probecore/train": "2", "probecore/recos": "3"}


def snapshot(
    name: str = "A",
    files: Mapping[str, bytes] = FILES,
    params: Mapping[str, Any] = PARAMS,
    units: Mapping[str, str] = UNITS,
    environment: Fingerprint | None = ENVIRONMENT_HERE,
    results: Mapping[str, str] | None = None,
) -> Snapshot:
    def opened(path: str) -> AbstractContextManager[IO[bytes]]:
        return io.BytesIO(files[path])

    made = {path: content.hex() for path, content in files.items()} if results is None else results
    return Snapshot(name, params, STAGES, environment, made, units.get, opened)


def changed(path: str, before: bytes, after: bytes) -> dict[str, bytes]:
    assert before in FILES[path]
    return {**FILES, path: FILES[path].replace(before, after)}


def causes(found: Difference) -> dict[str, tuple[str, ...]]:
    return {result.path: result.causes for result in found.results}


def test_nothing_differs_from_itself() -> None:
    found = compare(snapshot(), snapshot("B"))
    assert not found
    assert in_words(found) == "A and B: no difference"


def test_a_parameter_explains_its_step_and_what_follows() -> None:
    params = json.loads(json.dumps(PARAMS))
    params["experiments"]["e"]["recos"]["n"] = 6
    files = changed("results/recos/e/filters.csv", b"0.5,", b"0.53,") | {"results/report/index.html": b"<b>"}
    found = compare(snapshot(), snapshot("B", files, params))
    assert causes(found) == {
        "results/recos/e/filters.csv": ("experiments.e.recos.n",),
        "results/report/index.html": ("experiments.e.recos.n",),
    }
    assert in_words(found).splitlines() == [
        "A → B",
        "parameters",
        "  experiments.e.recos.n: 5 → 6",
        "code: no difference recorded",
        "inputs: no difference recorded",
        "environment: no difference recorded",
        "results",
        "  results/recos/e/filters.csv: changed cells 1, in 1 of 2 rows; because of experiments.e.recos.n",
        "    t er value: 0.5 → 0.53 (0.3 half widths of its interval)",
        "  results/report/index.html: differs; because of experiments.e.recos.n",
    ]


def test_what_is_unchanged_between_hands_no_cause_on() -> None:
    """Training was done anew with the same bytes: what changed in its measure has another cause, or none."""
    params = json.loads(json.dumps(PARAMS))
    params["experiments"]["e"]["train"]["epochs"] = 3
    files = changed("results/recos/e/filters.csv", b"0.5,", b"0.53,")
    found = compare(snapshot(), snapshot("B", files, params))
    assert causes(found) == {"results/recos/e/filters.csv": ()}
    assert "because of nothing that is recorded" in in_words(found)


def test_a_seed_brings_files_and_takes_others() -> None:
    params = json.loads(json.dumps(PARAMS))
    params["experiments"]["e"]["train"]["seeds"] = [1]
    files = dict(FILES)
    files["results/train/e/u.csv"] = files.pop("results/train/e/t.csv")
    files["results/recos/e/filters.csv"] = TABLE.replace(b"t,er", b"u,er").replace(b"t,share", b"u,share")
    found = compare(snapshot(), snapshot("B", files, params))
    seeds = ("experiments.e.train.seeds",)
    assert [(result.path, result.kind, result.causes) for result in found.results] == [
        ("results/recos/e/filters.csv", "differs", seeds),
        ("results/train/e/t.csv", "removed", seeds),
        ("results/train/e/u.csv", "added", seeds),
    ]
    said = in_words(found)
    assert "experiments.e.train.seeds: [0] → [1]" in said
    assert "rows added 2, rows removed 2" in said
    assert "    + u er\n    + u share\n    - t er\n    - t share\n" in said


def test_another_machine_is_told_by_what_it_computes() -> None:
    other = {**ENVIRONMENT_HERE, ("machine", "processor"): "B", ("primitive", "matmul"): "cd"}
    found = compare(snapshot(), snapshot("B", changed("results/train/e/t.csv", b"2.0", b"2.02"), environment=other))
    assert causes(found) == {"results/train/e/t.csv": (ENVIRONMENT,)}
    said = in_words(found)
    assert "  machine processor: A → B\n  primitive matmul: ab → cd\n" in said
    assert "    0 loss: 2 → 2.02 (1.0%)" in said


def test_another_processor_that_computes_the_same_explains_nothing() -> None:
    other = {**ENVIRONMENT_HERE, ("machine", "processor"): "B"}
    found = compare(snapshot(), snapshot("B", changed("results/train/e/t.csv", b"2.0", b"2.02"), environment=other))
    assert found.environment
    assert causes(found) == {"results/train/e/t.csv": ()}


def test_code_and_own_files() -> None:
    units = UNITS | {"probecore/recos": "x", "own": "y"}
    files = changed("results/recos/e/filters.csv", b"0.5,", b"0.53,") | {
        "results/train/e/t.csv": b"epoch,loss\n0,3.0\n"
    }
    found = compare(snapshot(), snapshot("B", files, units=units))
    assert ([change.name for change in found.code], [change.name for change in found.inputs]) == (
        ["probecore/recos"],
        ["own"],
    )
    assert causes(found) == {
        "results/train/e/t.csv": ("own",),
        "results/recos/e/filters.csv": ("probecore/recos", "own"),
    }


def test_headline_numbers_are_told_by_name() -> None:
    files = changed("results/metrics.json", b"0.5", b"0.25")
    assert "    e.recos.er number: 0.5 → 0.25 (50.0%)" in in_words(compare(snapshot(), snapshot("B", files)))


def test_a_folder_whose_files_are_not_here_is_compared_as_a_whole() -> None:
    results = {path: content.hex() for path, content in FILES.items()}
    listing = {"filters.csv": results.pop("results/recos/e/filters.csv")}
    same = compare(snapshot(results=results | {"results/recos/e": md5_of_folder(listing)}), snapshot("B"))
    assert not same
    other = compare(snapshot(results=results | {"results/recos/e": "ab.dir"}), snapshot("B"))
    assert [(result.path, result.kind) for result in other.results] == [("results/recos/e", "not here")]


def test_a_file_whose_bytes_are_not_here() -> None:
    results = {path: content.hex() for path, content in FILES.items()} | {"results/recos/e/more.csv": "1"}
    there = snapshot(results=results, files={path: FILES[path] for path in FILES if path != "results/metrics.json"})
    found = compare(
        there, snapshot("B", changed("results/metrics.json", b"0.5", b"1") | {"results/recos/e/more.csv": b""})
    )
    assert {result.path: result.kind for result in found.results} == {
        "results/metrics.json": "not here",
        "results/recos/e/more.csv": "not here",
    }


@pytest.mark.parametrize("environment", [ENVIRONMENT_HERE, None])
def test_json_says_it_all(environment: Fingerprint | None) -> None:
    files = changed("results/recos/e/filters.csv", b"0.5,", b"0.53,")
    content = json.loads(as_json(compare(snapshot(environment=environment), snapshot("B", files))))
    assert (content["before"], content["after"]) == ("A", "B")
    (result,) = content["results"]
    (cell,) = result["cells"]
    assert cell["row"] == "t er"
    assert cell["size"] == pytest.approx(0.3)
    missing = [{"name": "recorded_on.csv", "before": "missing", "after": "there"}]
    assert content["environment"] == (missing if environment is None else [])


def test_experiments_long_gone_are_not_missed(tmp_path: Path) -> None:
    """``dvc.lock`` keeps their stages."""
    stages = {"train@gone": {"outs": [{"path": "results/train/gone"}]}, "train@e": {}, "dataset@d": {}, "report": {}}
    (tmp_path / "params.yaml").write_text("datasets: {d: {}}\nexperiments: {e: {}}\n")
    (tmp_path / "dvc.lock").write_text(json.dumps({"stages": stages}))
    with opened_snapshot(str(tmp_path)) as found:
        assert list(found.stages) == ["train@e", "dataset@d", "report"]
