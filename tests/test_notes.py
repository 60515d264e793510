"""A result is kept only if nothing that it was made from changed meanwhile; its note then says so by content."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from probecore import inputs, notes
from probecore.errors import InputError, ProbecoreError
from probecore.notes import Job, noted

ENTRY = "probecore.dataset.make"
RESULT = Path("results/recos/tiny/trained-0")
TABLE = RESULT / "table.csv"


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job of a study in the working directory that reads a file of every kind."""
    monkeypatch.chdir(tmp_path)
    for name in ("data/set.h5", "own/net.py", "own/filters.json", "own/weights.pt", "elsewhere/shared.py"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("as it was")
    Path("own/shared.py").symlink_to("../elsewhere/shared.py")
    Path("folder/class").mkdir(parents=True)
    notes.FOLDER.mkdir()
    files = (Path("data/set.h5"), Path("folder"))
    return Job(ENTRY, "recos@tiny", RESULT, files, (f"{RESULT}/**/*",), parameters="{}", own=True)


def write_result() -> None:
    RESULT.mkdir(parents=True, exist_ok=True)
    TABLE.write_text("a\n1\n")


def run(job: Job, *steps: Callable[[], object]) -> None:
    with noted(job):
        for step in steps:
            step()


def edit(path: str) -> Callable[[], object]:
    return lambda: Path(path).write_text("as it is")


CHANGES: dict[str, Callable[[], object]] = {
    "data/set.h5": edit("data/set.h5"),
    "own/net.py": edit("own/net.py"),
    "own/filters.json": edit("own/filters.json"),
    "own/weights.pt": edit("own/weights.pt"),
    "own/shared.py": edit("elsewhere/shared.py"),
    "own/new.py": edit("own/new.py"),
    "folder": edit("folder/class/new.png"),
}
"""For everything that the job reads a way to change it."""


def test_everything_is_read_by_content(job: Job) -> None:
    assert job.read_now().keys() >= {"parameters", "code", "Python", "numpy", "torch", *CHANGES} - {"own/new.py"}
    before = job.read_now()
    for name, change in CHANGES.items():
        change()
        after = job.read_now()
        assert {key for key in after if before.get(key) != after[key]} == {name}
        before = after


def test_what_stays_as_it_is_is_noted(job: Job) -> None:
    run(job, write_result)
    assert notes._wrong_with(job) == ""


def test_what_an_older_version_left_is_not_its_own(job: Job) -> None:
    RESULT.mkdir(parents=True)
    (RESULT / "former.csv").write_text("a\n0\n")
    run(job, write_result)
    assert notes._wrong_with(job) == f"{RESULT}/former.csv is not what its job wrote"
    (RESULT / "former.csv").unlink()
    assert notes._wrong_with(job) == ""


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_while_a_job_runs_costs_its_result(job: Job, name: str) -> None:
    with pytest.raises(ProbecoreError, match=f"{RESULT}: not kept, {name} changed while it was made"):
        run(job, write_result, CHANGES[name])
    assert not TABLE.exists()
    assert not job.note.exists()


def test_code_edited_while_a_job_runs(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProbecoreError, match="not kept, code changed"):
        run(job, write_result, lambda: monkeypatch.setattr(inputs, "code_hash", lambda entry: "other"))


def test_code_edited_between_the_start_of_snakemake_and_of_a_job(job: Job) -> None:
    inputs.write_code_hash(ENTRY)
    run(job, write_result)
    inputs.code_file(ENTRY).write_text("other\n")
    with pytest.raises(ProbecoreError, match="its code has changed since Snakemake started"):
        run(job)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_afterwards_is_seen(job: Job, name: str) -> None:
    run(job, write_result)
    CHANGES[name]()
    assert notes._wrong_with(job) == f"made from other {name} than here"


def test_other_versions_are_seen(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run(job, write_result)
    monkeypatch.setattr(inputs, "versions", lambda: {"numpy": "0"})
    assert notes._wrong_with(job).startswith("made from other Python and ")


def test_a_result_edited_by_hand_is_seen_whatever_its_time(job: Job) -> None:
    run(job, write_result)
    times = TABLE.stat()
    TABLE.write_text("a\n2\n")
    os.utime(TABLE, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert notes._wrong_with(job) == f"{TABLE} is not what its job wrote"


def test_outside_of_a_study_no_note_is_left(job: Job) -> None:
    notes.FOLDER.rmdir()
    run(job, edit("own/net.py"))
    assert not notes.FOLDER.exists()


def test_links_to_folders_are_refused(job: Job) -> None:
    Path("own/linked").symlink_to("../elsewhere")
    with pytest.raises(InputError, match="own/linked: a link to a folder"):
        job.read_now()


def test_hash_files_change_with_content_alone(job: Job) -> None:
    inputs.write_own_hashes()
    assert "own/filters.json" in inputs.own_file().read_text()
    os.utime(inputs.own_file(), (1, 1))
    os.utime("own/net.py")
    inputs.write_own_hashes()
    assert inputs.own_file().stat().st_mtime == 1
    Path("own/older.py").write_text("as it is")
    os.utime("own/older.py", (1, 1))
    os.replace("own/older.py", "own/net.py")
    inputs.write_own_hashes()
    assert inputs.own_file().stat().st_mtime > 1


def test_the_first_hash_of_a_source_means_no_change(job: Job) -> None:
    inputs.write_source_hash("set", Path("data/set.h5"))
    assert inputs.source_file("set").stat().st_mtime == 1
    CHANGES["data/set.h5"]()
    inputs.write_source_hash("set", Path("data/set.h5"))
    assert inputs.source_file("set").stat().st_mtime > 1
