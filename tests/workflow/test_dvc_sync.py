"""``dvc.yaml`` and the Snakefile describe the same study. Whoever edits one and not the other is told here."""

import re
from typing import Any

import pytest
import yaml

from probecore.measures import MEASURES
from probecore.params import STEPS
from probecore.provenance import code_of, code_units, package_of
from probecore.stages import dvc_yaml
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
    """The rules of the stage; those of a measure with its name in place."""
    if stage not in MEASURES:
        return (ROOT / "workflow" / "rules" / f"{stage}.smk").read_text()
    text = (ROOT / "workflow" / "rules" / "measures.smk").read_text()
    text = re.sub(r'rule:\s+name:\s+f"(\w+|{measure\.name})_(\w+)"', rf"rule {stage}_\2:", text)
    return text.replace("{measure.package}", package_of(stage)).replace("    rule", "rule")


def paths_of(stage: str, kind: str) -> list[str]:
    """The paths of the stage's deps, outs or metrics."""
    return [next(iter(path)) if isinstance(path, dict) else path for path in STAGES[stage].get(kind, [])]


def test_there_is_a_stage_for_each_step() -> None:
    assert list(STAGES) == ["dataset", *STEPS, "claims", "report"]


def test_the_committed_file_is_current() -> None:
    assert dvc_yaml(claims=True) == DVC_YAML, "run `probecore schema`"


@pytest.mark.parametrize("stage", STAGES)
def test_code_is_what_the_step_imports(stage: str) -> None:
    assert [path for path in paths_of(stage, "deps") if path.startswith("probecore/")] == code_units(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_jobs_and_stage_are_made_again_by_the_same_code(stage: str) -> None:
    entries = re.findall(r'code_of\(f?"(.+?)"\)', rules_file(stage))
    files = {path.as_posix() for entry in entries for path in code_of(entry)}
    units = code_units(stage)
    assert [file for file in files if not any(is_within(file, unit) for unit in units)] == []
    assert {unit for unit in units if not any(is_within(file, unit) for file in files)} <= ONLY_NAMES


ONLY_NAMES = {"probecore/lazy.py"}
"""Computes nothing; a change in it reruns stages of DVC, which then find equal bytes, and no jobs of Snakemake."""


def is_within(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")


@pytest.mark.parametrize("stage", STAGES)
def test_the_command_runs_the_stages_own_rules(stage: str) -> None:
    own = re.findall(r"^rule (\w+):", rules_file(stage), re.MULTILINE)
    assert rules_of(stage) == [*own, *(["unwanted"] if stage in STEPS else [])]


@pytest.mark.parametrize("stage", STAGES)
def test_parameters_are_what_the_rules_are_given(stage: str) -> None:
    given = {
        "dataset": ["datasets.${key}"],
        "claims": ["experiments", {"claims.yaml": ["claims"]}],
        "report": ["home", "numerics", "datasets", "experiments"],
    }.get(stage, [f"experiments.${{key}}.{stage}"])
    numerics = ["numerics"] if "{params.numerics" in rules_file(stage) else []
    assert sorted(STAGES[stage]["params"], key=str) == sorted([*numerics, *given], key=str)


@pytest.mark.parametrize("stage", STEPS)
def test_own_files_are_watched_by_both(stage: str) -> None:
    assert ("own" in paths_of(stage, "deps")) == ("own_files" in rules_file(stage))


def test_no_command_says_where_jobs_run() -> None:
    assert re.findall(r"--cores|--jobs|--executor|profile|ancient", DVC_YAML.split("stages:")[1]) == []


def test_only_verdicts_outlive_a_run() -> None:
    """Of anything else DVC starts anew, for what lies there from before might look like a result of now."""
    assert [stage for stage, entry in STAGES.items() if "persist" in str(entry)] == ["claims"]


def test_outputs_are_those_of_snakemake(repository: Repository) -> None:
    summary = [line.split("\t") for line in repository.snakemake("--summary").stdout.splitlines()]
    rules = {fields[0]: fields[2] for fields in summary if len(fields) == 6 and fields[0] != "output_file"}
    stages = {out: stage for stage, entry in lock_of(repository).items() for out in paths_in(entry["outs"])}
    for file, rule in rules.items():
        stage = [stage for out, stage in stages.items() if is_within(file, out)]
        assert len(stage) == 1, file
        assert rule in rules_of(stage[0].partition("@")[0]), file
    tracked = {
        path.relative_to(repository.folder).as_posix()
        for out in stages
        for path in ((repository.folder / out), *(repository.folder / out).rglob("*"))
        if path.is_file()
    }
    assert tracked == rules.keys()


def test_edges_are_those_of_snakemake(repository: Repository) -> None:
    lock = lock_of(repository)
    edges = {
        (writer, reader)
        for reader, entry in lock.items()
        for writer, other in lock.items()
        if any(is_within(out, dep) for out in paths_in(other["outs"]) for dep in paths_in(entry["deps"]))
    }
    jobs, job_edges = jobs_of_snakemake(repository)
    assert set(jobs.values()) == lock.keys()
    unwanted = {stage for stage in lock if repository.params_of(stage) is None}
    assert {(writer, reader) for writer, reader in edges if reader not in unwanted} == {
        (jobs[one], jobs[two]) for one, two in job_edges if jobs[one] != jobs[two]
    }


def lock_of(repository: Repository) -> dict[str, Any]:
    stages: dict[str, Any] = yaml.safe_load((repository.folder / "dvc.lock").read_text())["stages"]
    return stages


def paths_in(entries: list[dict[str, str]]) -> list[str]:
    return [entry["path"] for entry in entries]


def jobs_of_snakemake(repository: Repository) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """The stages of all jobs, by the jobs' numbers, and pairs of numbers: what the first makes, the second reads."""
    drawn = repository.snakemake("--forceall", "--dag").stdout
    labels = dict(re.findall(r'^\s*(\d+)\[label = "(.+?)"', drawn, re.MULTILINE))
    everything = {number for number, label in labels.items() if label == "all"}
    edges = {(one, two) for one, two in re.findall(r"(\d+) -> (\d+)", drawn) if two not in everything}
    stages = {rule: stage for stage in STAGES for rule in rules_of(stage) if rule != "unwanted"}

    def experiment_of(number: str) -> str:
        """A label has only the wildcards that the jobs before it have not."""
        named = re.search(r"experiment: ([\w-]+)", labels[number])
        return named[1] if named else max((experiment_of(one) for one, two in edges if two == number), default="")

    def stage_of(number: str) -> str:
        rule, _, wildcards = labels[number].partition("\\n")
        if rule == "unwanted":
            return wildcards.removeprefix("step_and_experiment: ").replace("/", "@")
        if stages[rule] == "report":
            return "report"
        return f"{stages[rule]}@{wildcards.removeprefix('dataset: ') if rule == 'dataset' else experiment_of(number)}"

    return {number: stage_of(number) for number in labels if number not in everything}, edges


def test_every_study_has_the_same_stages() -> None:
    """Byte for byte, save that a study may keep its activations from remotes, or declare no claims."""
    kept_here = "results/activations/${key}:\n            push: false\n"
    for study in (ROOT / "studies").glob("*/params.yaml"):
        text = (study.parent / "dvc.yaml").read_text().replace(kept_here, "results/activations/${key}\n")
        claims = study.with_name("claims.yaml").exists()
        assert text == dvc_yaml(claims=claims), f"run `probecore upgrade` in {study.parent}"
