"""A change reruns what depends on it, and nothing else."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, Study, make_study

PARAMS = """
home: {home}
numerics: {{device: cpu, threads: 1, isa: avx2}}
datasets:
  mnist5k: {{train_samples: 200, test_samples: 100}}
experiments:
  edited: &experiment
    dataset: mnist5k
    train: {{model: {{name: mlp, hidden: [16]}}, epochs: 1, batch: 20}}
    activations: {{layers: ["*"], store: [pooled]}}
    recos: {{polarity: {{images: 50}}}}
  untouched: *experiment
"""

FOLLOWING = {
    "dataset": ["dataset", "train", "activations", "recos", "report"],
    "train": ["train", "activations", "recos", "report"],
    "activations": ["activations", "report"],
    "recos": ["recos", "report"],
    "report": ["report"],
}
"""A step and those that use what it makes."""

MODULES = {
    "dataset": "dataset/embedded.py",
    "train": "train/loop.py",
    "activations": "activations/dump.py",
    "recos": "recos/polarity.py",
    "report": "report/page.py",
}
"""For each step, a module that its jobs run."""

SECTIONS: dict[str, dict[str, Any]] = {
    "train": {"batch": 10},
    "activations": {"store": ["class_means"]},
    "recos": {"polarity": {"images": 60}},
}
"""For each section of an experiment, other content."""


@pytest.mark.timeout(600)
def test_what_an_edit_reruns(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", PARAMS)
    (study.folder / "probecore").unlink()
    shutil.copytree(ROOT / "probecore", study.folder / "probecore", ignore=shutil.ignore_patterns("__pycache__"))
    snakemake(study)
    assert rules_to_run(study) == {}
    for step, module in MODULES.items():
        assert after_code_edit(study, module) == rules_of(FOLLOWING[step], experiments=2), module
    assert after_code_edit(study, "verify.py") == {}
    for step, content in SECTIONS.items():
        rules = after_params_edit(study, f"experiments.edited.{step}", content)
        assert rules == rules_of(FOLLOWING[step], experiments=1), step
    rules = after_params_edit(study, "datasets.mnist5k", {"train_samples": 180})
    assert rules == rules_of(FOLLOWING["dataset"], experiments=2)
    rules = after_params_edit(study, "numerics", {"threads": 2})
    assert rules == rules_of(FOLLOWING["train"], experiments=2)
    assert rules_to_run(study) == {}


def rules_of(steps: list[str], *, experiments: int) -> dict[str, int]:
    """Jobs of each rule, for experiments with one network each."""
    rules = {"dataset": ["dataset"], "report": ["report"]}
    names = [name for step in steps for name in rules.get(step, [f"{step}_network", f"{step}_summary"])]
    return {name: 1 if name in rules else experiments for name in names}


def after_code_edit(study: Study, module: str) -> dict[str, int]:
    """What would run if the module had one more line."""
    path = study.folder / "probecore" / module
    with having(path, path.read_text() + "EDITED = True\n"):
        return rules_to_run(study)


def after_params_edit(study: Study, key: str, changes: dict[str, Any]) -> dict[str, int]:
    """What would run if the section `key` were changed."""
    path = study.folder / "params.yaml"
    section = content = json.loads(json.dumps(yaml.safe_load(path.read_text())))  # no shared parts
    for name in key.split("."):
        section = section[name]
    section |= changes
    with having(path, yaml.safe_dump(content)):
        return rules_to_run(study)


@contextmanager
def having(path: Path, text: str) -> Iterator[None]:
    """The file with another content, for a while."""
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)


def rules_to_run(study: Study) -> dict[str, int]:
    """Jobs of each rule that a dry run lists."""
    output = snakemake(study, "--dry-run")
    assert "Job stats" in output or "Nothing to be done" in output
    table = output.partition("Job stats:\n")[2].partition("\n\n")[0]
    counts = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    return {name: count for name, count in counts.items() if name not in ("all", "total")}


def snakemake(study: Study, *arguments: str) -> str:
    """Run with the study's own copy of the package."""
    return study.snakemake(*arguments, PYTHONPATH=str(study.folder)).stdout
