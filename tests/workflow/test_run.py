"""The small study from end to end, as a user runs it."""

from tests.conftest import Study
from tests.workflow.repository import Repository


def test_runs_and_has_nothing_left_to_do(repository: Repository) -> None:
    assert (repository.folder / "results/report/index.html").exists()
    assert "Nothing to be done" in repository.snakemake("--dry-run").stdout


def test_bad_parameters_stop_snakemake_before_any_job(small_study: Study) -> None:
    params = small_study.folder / "params.yaml"
    params.write_text(params.read_text().replace("batch: 20", "bach: 20"))
    done = small_study.snakemake("--quiet", check=False)
    assert done.returncode == 2
    line = "probecore: params.yaml: experiments.tiny.train.bach: unknown key; did you mean 'batch'?"
    assert [text for text in done.stdout.splitlines() if text.startswith(line)]
    assert "Traceback" not in done.stdout
    assert not (small_study.folder / "data").exists()


def test_lint_asks_for_environments_and_nothing_else(small_study: Study) -> None:
    lines = small_study.snakemake("--lint", check=False).stdout.splitlines()
    remarks = {line.strip() for line in lines if line.startswith("    * ")}
    assert remarks == {"* Specify a conda environment or container for each rule.:"}
