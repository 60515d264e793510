"""``dvc.yaml`` and the Snakefile describe the same study. Whoever edits one and not the other is told here."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from probecore.params import STEPS
from probecore.provenance import code_of, code_units
from tests.conftest import ROOT
from tests.workflow.repository import Repository

DVC_YAML = (ROOT / "dvc.yaml").read_text()
STAGES: dict[str, Any] = {name: stage.get("do", stage) for name, stage in yaml.safe_load(DVC_YAML)["stages"].items()}


def rules_of(stage: str) -> list[str]:
    """The rules that the stage lets Snakemake run."""
    allowed = re.search(r"--allowed-rules (.+?)\s+--\s", STAGES[stage]["cmd"])
    assert allowed
    return allowed[1].split()


def rules_file(stage: str) -> str:
    return (ROOT / "workflow" / "rules" / f"{stage}.smk").read_text()


def paths_of(stage: str, kind: str) -> list[str]:
    """The paths of the stage's deps, outs or metrics."""
    return [next(iter(path)) if isinstance(path, dict) else path for path in STAGES[stage].get(kind, [])]


def test_there_is_a_stage_for_each_step() -> None:
    assert list(STAGES) == ["dataset", *STEPS, "report"]


@pytest.mark.parametrize("stage", STAGES)
def test_code_is_what_the_step_imports(stage: str) -> None:
    assert [path for path in paths_of(stage, "deps") if path.startswith("probecore/")] == code_units(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_jobs_and_stage_are_made_again_by_the_same_code(stage: str) -> None:
    entries = re.findall(r'code_of\("(.+?)"\)', rules_file(stage))
    files = {path.as_posix() for entry in entries for path in code_of(entry)}
    own = {path.relative_to(ROOT).as_posix() for path in (ROOT / "probecore" / stage).rglob("*") if path.is_file()}
    units = code_units(stage)
    assert [file for file in files if not any(f"{file}/".startswith(f"{unit}/") for unit in units)] == []
    assert [unit for unit in units if not any(f"{file}/".startswith(f"{unit}/") for file in files)] == []
    assert [file for file in own - files if "__pycache__" not in file and not is_interface(file)] == []


def is_interface(file: str) -> bool:
    """Modules that only say what can be imported from outside."""
    return file.endswith("__init__.py")


@pytest.mark.parametrize("stage", STAGES)
def test_the_command_runs_the_stages_own_rules(stage: str) -> None:
    own = re.findall(r"^rule (\w+):", rules_file(stage), re.MULTILINE)
    assert rules_of(stage) == [*own, *(["unwanted"] if stage in STEPS else [])]


@pytest.mark.parametrize("stage", STAGES)
def test_parameters_are_what_the_rules_are_given(stage: str) -> None:
    given = {
        "dataset": ["datasets.${key}"],
        "report": ["home", "numerics", "datasets", "experiments"],
    }.get(stage, [f"experiments.${{key}}.{stage}"])
    numerics = ["numerics"] if "numerics=numerics" in rules_file(stage) else []
    assert sorted(STAGES[stage]["params"]) == sorted([*numerics, *given])


@pytest.mark.parametrize("stage", STEPS)
def test_own_files_are_watched_by_both(stage: str) -> None:
    assert ("own" in paths_of(stage, "deps")) == ("own_files" in rules_file(stage))


def test_no_command_says_where_jobs_run() -> None:
    assert re.findall(r"--cores|--jobs|--executor|profile|persist|ancient", DVC_YAML.split("stages:")[1]) == []


def test_outputs_and_edges_are_those_of_snakemake(repository: Repository) -> None:
    summary = [line.split("\t") for line in repository.snakemake("--summary").stdout.splitlines()]
    written = {fields[0]: fields[2] for fields in summary if len(fields) == 6 and fields[0] != "output_file"}
    recorded = yaml.safe_load((repository.folder / "dvc.lock").read_text())["stages"]
    writers = {out["path"]: stage for stage, content in recorded.items() for out in content["outs"]}
    made: dict[str, set[str]] = {}
    for file, rule in written.items():
        stages = {writers[str(path)] for path in (Path(file), *Path(file).parents) if str(path) in writers}
        assert len(stages) == 1, f"{file} is in the outs of {stages or 'no stage'}"
        stage = stages.pop()
        assert rule in rules_of(stage.partition("@")[0])
        made.setdefault(stage, set()).add(file)
    assert made.keys() == recorded.keys()
    assert {str(path.relative_to(repository.folder)) for path in tracked_files(repository, writers)} == written.keys()
    assert edges_of_dvc(recorded, writers) == edges_of_snakemake(repository, recorded)


def tracked_files(repository: Repository, outs: dict[str, str]) -> list[Path]:
    """Every file in what DVC tracks."""
    tops = [repository.folder / out for out in outs]
    return [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top]) if path.is_file()]


def edges_of_dvc(recorded: dict[str, Any], writers: dict[str, str]) -> set[tuple[str, str]]:
    """Pairs of stages of which the second reads what the first writes."""
    return {
        (writer, stage)
        for stage, content in recorded.items()
        for dep in content["deps"]
        for out, writer in writers.items()
        if f"{out}/".startswith(f"{dep['path']}/")
    }


def edges_of_snakemake(repository: Repository, recorded: dict[str, Any]) -> set[tuple[str, str]]:
    """The same from Snakemake's graph of jobs. A step that is not wanted is taken to read what it would if it were."""
    drawn = repository.snakemake("--forceall", "--dag").stdout
    jobs = {number: stage_of(label) for number, label in re.findall(r'(\d+)\[label = "(.+?)"', drawn)}
    edges = {(jobs[one], jobs[two]) for one, two in re.findall(r"(\d+) -> (\d+)", drawn)}
    wanted = {(one, two) for one, two in edges if "all" not in (one, two) and one != two}
    experiments = repository.params()["experiments"]
    unwanted = {stage for stage in recorded if experiments.get(stage.partition("@")[2], {}).get(stage.partition("@")[0], {}) is None}
    return wanted | {(f"dataset@{experiments[stage.partition('@')[2]]['dataset']}", stage) for stage in unwanted} 


def stage_of(label: str) -> str:
    return label
