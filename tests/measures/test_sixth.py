"""A sixth measure: three files in a folder of its own and one line elsewhere, and everything else knows it.

CONTRIBUTING.md tells the walk; its code is what is tried here.
"""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import PARAMS, ROOT, read_params
from tests.workflow.repository import TRACKED, Repository

STEPS_OF_ONE_NETWORK = PARAMS.partition("  bare:")[0].replace("[0, 1]", "[0]").replace("{{}}", "null")


def files_of_the_walk() -> dict[str, str]:
    """The files that CONTRIBUTING.md shows, by the path that stands in the first line of each."""
    blocks = re.findall(r"```python\n# (probecore/\S+)\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    return dict(blocks)


def copied_repository(folder: Path) -> Repository:
    """A study in a repository with its own copy of the package, which may be edited."""
    study = Repository(folder)
    for name in (*TRACKED, "params.schema.json"):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    study.write_params(read_params(STEPS_OF_ONE_NETWORK, "."))
    return study


def old_study(folder: Path) -> Repository:
    """A study from before there was the sixth measure, whose package now has it."""
    study = copied_repository(folder)
    for path, text in files_of_the_walk().items():
        (study.folder / path).parent.mkdir(exist_ok=True)
        (study.folder / path).write_text(text)
    registry = study.folder / "probecore/measures/__init__.py"
    registry.write_text(
        registry.read_text().replace('    "mean_dimension",\n', '    "mean_dimension",\n    "sixth",\n')
    )
    study.probecore("schema")
    return study


@pytest.fixture(scope="module")
def sixth(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Such a study after `probecore upgrade`."""
    study = old_study(tmp_path_factory.mktemp("sixth") / "study")
    study.probecore("upgrade")
    return study


@pytest.fixture(scope="module")
def planned(sixth: Repository) -> str:
    """What Snakemake says it will do when the study asks for the measure, which is done then."""
    sixth.edit("experiments.tiny.sixth", {})
    said = sixth.snakemake("--dry-run").stdout
    sixth.snakemake()
    return said


def test_three_files_and_one_line() -> None:
    folder = "probecore/measures/sixth"
    assert sorted(files_of_the_walk()) == [f"{folder}/{name}.py" for name in ("measure", "run", "summary")]


def test_an_old_study_says_what_it_lacks_and_is_upgraded(tmp_path: Path) -> None:
    sixth = old_study(tmp_path / "study")
    refused = sixth.probecore("check", check=False)
    assert refused.returncode == 2
    assert "experiments.tiny.sixth: missing; add it, or write `sixth: null`" in refused.stdout
    assert "probecore upgrade" in refused.stdout
    assert sixth.probecore("upgrade").stdout == "params.yaml: experiments.tiny.sixth: null\n"
    assert sixth.probecore("check").stdout.startswith("params.yaml: good")
    assert sixth.params_of("sixth@tiny") is None
    assert "sixth_network" not in sixth.snakemake("--dry-run").stdout


def test_the_command_line_has_it(sixth: Repository) -> None:
    assert "--checkpoints" in sixth.probecore("sixth", "network", "--help").stdout
    assert "Sixth: how large filters are" in sixth.probecore("--help").stdout


def test_dvc_has_its_stage(sixth: Repository) -> None:
    stage = yaml.safe_load((sixth.folder / "dvc.yaml").read_text())["stages"]["sixth"]
    assert stage["foreach"] == "${experiments}"
    assert "--allowed-rules sixth_network sixth_summary unwanted" in stage["do"]["cmd"]
    assert "probecore/measures/sixth" in stage["do"]["deps"]
    others = [dep for dep in stage["do"]["deps"] if dep.startswith("probecore/measures/")]
    assert others == [
        f"probecore/measures/{name}" for name in ("answer.py", "base.py", "network.py", "sixth", "tables.py")
    ]


def test_it_is_planned_measured_and_reported(sixth: Repository, planned: str) -> None:
    assert re.search(r"sixth_network\s+1\n", planned)
    assert re.search(r"sixth_summary\s+1\n", planned)
    folder = sixth.folder / "results/sixth/tiny"
    filters = pd.read_csv(folder / "filters.csv")
    assert list(filters)[:5] == ["experiment", "network", "epoch", "layer", "layer_index"]
    assert set(filters["quantity"]) == {"weight_norm"}
    assert filters["value"].gt(0).all()
    page = (sixth.folder / "results/report/index.html").read_text()
    assert "How large filters are" in page
    assert "Norm of a filter's weights, mean over filters: " in html.unescape(page)
    assert "<dt>weight norm</dt><dd>Norm of its weights.</dd>" in page
    assert "The norm of each filter of trained-0." in page
    assert sixth.wanted_by_snakemake() == set()


@pytest.mark.usefixtures("planned")
def test_an_edit_in_it_measures_nothing_else(sixth: Repository) -> None:
    for name, rerun in {"summary": {"sixth_summary"}, "run": {"sixth_network", "sixth_summary"}}.items():
        module = sixth.folder / f"probecore/measures/sixth/{name}.py"
        text = module.read_text()
        module.write_text(f"{text}\nEDITED = True\n")
        wanted = sixth.snakemake("--dry-run").stdout
        module.write_text(text)
        assert set(re.findall(r"^(\w+)\s+\d+$", wanted, re.MULTILINE)) - {"total"} == {*rerun, "report", "all"}


def test_the_walk_passes_the_linters(sixth: Repository) -> None:
    for command in (["ruff", "check"], ["ruff", "format", "--check"]):
        subprocess.run(
            [*command, "--config", str(ROOT / "pyproject.toml"), "probecore/measures/sixth"],
            cwd=sixth.folder,
            check=True,
        )
