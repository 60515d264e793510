"""The small study from end to end, as a user runs it."""

from tests.conftest import Study


def test_runs_and_has_nothing_left_to_do(small_study: Study) -> None:
    small_study.snakemake()
    assert (small_study.folder / "results/report/index.html").exists()
    assert "Nothing to be done" in small_study.snakemake("--dry-run").stdout
