"""`probecore record`, `pull` and `prune`: what they refuse, and in which words."""

import os
import shutil

from probecore.params import MEASURES
from tests.workflow.repository import Repository


def refusal(repository: Repository, command: str) -> str:
    """What a command says that ends with 2, in one line."""
    done = repository.probecore(command, check=False)
    assert done.returncode == 2, done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("probecore: ")
    return lines[0]


def test_what_is_out_of_date_is_not_recorded(repository: Repository) -> None:
    recorded = (repository.folder / "dvc.lock").read_bytes()
    repository.edit("experiments.tiny.recos.polarity.images", 49)
    assert "run `snakemake` first" in refusal(repository, "record")
    assert (repository.folder / "dvc.lock").read_bytes() == recorded


def test_half_a_study_is_not_recorded(repository: Repository) -> None:
    (repository.folder / "results/recos/tiny/trained-1/filters.csv").unlink()
    assert "results/recos/tiny/trained-1/filters.csv" in refusal(repository, "record")


def test_a_file_edited_by_hand_is_not_recorded(repository: Repository) -> None:
    """Also not for the first time, when nothing is known of it but Snakemake's own record and the job's note."""
    (repository.folder / "dvc.lock").unlink()
    repository.snakemake("--forceall")  # as `build` left it, before it recorded
    page = repository.folder / "results/report/index.html"
    page.write_text(page.read_text().replace("0.", "1."))
    assert "run `snakemake` first" in refusal(repository, "record")


def test_what_snakemake_was_made_to_believe_is_not_recorded(repository: Repository) -> None:
    repository.edit("experiments.tiny.recos.polarity.images", 49)
    repository.snakemake("--touch")
    assert repository.wanted_by_snakemake() == set()
    refused = refusal(repository, "record")
    assert "results/recos/tiny/trained-0: made from other parameters than here (2 more results)" in refused


def test_a_file_edited_by_hand_with_its_old_time_is_not_recorded(repository: Repository) -> None:
    table = repository.folder / "results/train/tiny/history.csv"
    times = table.stat()
    table.write_text(table.read_text().replace("0.", "1."))
    os.utime(table, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "Nothing to be done" in repository.snakemake("--dry-run").stdout
    assert "results/train/tiny/history.csv is not what its job wrote" in refusal(repository, "record")


def test_a_removed_network_is_left_over(repository: Repository) -> None:
    repository.edit("experiments.tiny.train.seeds", [0])
    listed = repository.probecore("clean").stdout.splitlines()
    assert "results/train/tiny/trained-1.safetensors" in listed
    assert "results/recos/tiny/trained-1/filters.csv" in listed
    assert [file for file in listed[:-1] if "trained-1" not in file] == []
    assert "`probecore clean --yes`" in listed[-1]
    assert (repository.folder / listed[0]).exists()


def test_what_git_keeps_is_not_left_over(repository: Repository) -> None:
    notes = repository.folder / "results/train/notes.md"
    notes.write_text("ours")
    assert "results/train/notes.md" in repository.probecore("clean").stdout
    repository.git("add", "--force", "results/train/notes.md")
    assert "notes" not in repository.probecore("clean").stdout


def test_pull_without_a_remote_says_what_to_do(repository: Repository) -> None:
    repository.dvc("remote", "remove", "store")
    assert "`dvc remote add -d NAME PATH`" in refusal(repository, "pull")


def test_dvcs_own_errors_are_one_line(repository: Repository) -> None:
    shutil.rmtree(repository.folder.parent / "store")
    clone = repository.clone("clone")
    done = clone.probecore("pull", check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("probecore: dvc pull: ")
    assert "results/train/tiny" in done.stdout


def test_activations_need_not_be_shared(repository: Repository) -> None:
    stages = repository.folder / "dvc.yaml"
    end = f"results/activations/${{key}}\n  {MEASURES[0]}:"
    stages.write_text(stages.read_text().replace(end, end.replace("\n", ":\n            push: false\n")))
    repository.commit("activations stay here")
    assert repository.is_recorded()
    shutil.rmtree(repository.folder.parent / "store")
    repository.dvc("push")
    clone = repository.clone("clone")
    assert "results/activations/tiny: in no remote" in clone.probecore("pull").stdout
    assert clone.wanted_by_snakemake() == set()
    assert "Running" not in clone.dvc("repro", "--dry", "--allow-missing")
    clone.edit("experiments.tiny.recos.polarity.images", 49)
    assert clone.wanted_by_snakemake() == {("recos", "tiny"), ("report", ""), ("activations", "tiny")}
