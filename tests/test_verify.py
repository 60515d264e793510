"""Files against dvc.lock and against a rebuild."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from probecore.dataset import make_dataset
from probecore.dataset.params import DatasetParams
from probecore.params import STEPS
from probecore.verify import verify_study
from tests.conftest import PARAMS, Study, make_study

FEW_JOBS = PARAMS.partition("  bare:")[0].replace("[0, 1]", "[0]").replace("{{epochs: 1}}", "null")
FEW_JOBS = FEW_JOBS.partition("    activations:")[0]
"""One network, which is trained and reported."""

FILES = {f"results/{step}/tiny/summary.json": "{}\n" for step in STEPS} | {
    "results/train/tiny/history.csv": "epoch,loss\n0,1\n",
    "results/recos/tiny/deep/er.csv": "a\n",
    "results/report/index.html": "<p>\n",
    "results/metrics.json": "{}\n",
}
"""What stands in for results; verify does not ask how they came about."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with results recorded by DVC; not to be changed."""
    study = make_study(tmp_path_factory.mktemp("recorded") / "study", FEW_JOBS)
    dataset = DatasetParams(train_samples=200, test_samples=100)
    make_dataset("mnist5k", dataset, output=study.folder / "data/mnist5k.h5")
    for name, text in FILES.items():
        (study.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (study.folder / name).write_text(text)
    record(study)
    return study.folder


def record(study: Study) -> None:
    study.run("dvc", "init", "--no-scm", "--quiet")
    study.run("dvc", "commit", "--force", "--quiet")


@pytest.fixture
def study(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A recorded study of one's own, which is the working directory."""
    shutil.copytree(recorded, tmp_path / "study", symlinks=True)
    monkeypatch.chdir(tmp_path / "study")
    return Study(tmp_path / "study")


def test_all_is_well(study: Study) -> None:
    assert verify_study() == []
    done = study.run("probecore", "verify")
    assert done.stdout.endswith("same bytes as recorded\n")


def change(path: str) -> None:
    """Change one byte behind the backs of those who look at size and time."""
    status = os.stat(path)
    content = bytearray(Path(path).read_bytes())
    content[-1] ^= 1
    Path(path).write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def add(path: str) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text("new")


@pytest.mark.parametrize(
    ("damage", "path", "verdict"),
    [
        (change, "results/train/tiny/history.csv", "differs"),
        (change, "results/recos/tiny/deep/er.csv", "differs"),
        (change, "results/metrics.json", "differs"),
        (os.unlink, "results/recos/tiny/deep/er.csv", "missing"),
        (os.unlink, "results/metrics.json", "missing"),
        (shutil.rmtree, "results/recos/tiny", "missing"),
        (add, "results/train/tiny/more.csv", "unexpected"),
        (add, "results/train/gone/history.csv", "known to no stage in dvc.lock"),
    ],
)
def test_names_each_file_that_is_not_as_recorded(
    damage: Callable[[str], None], path: str, verdict: str, study: Study
) -> None:
    damage(path)
    assert verify_study() == [f"{path}: {verdict}"]


def test_reports_all_problems_and_fails(study: Study) -> None:
    change("results/train/tiny/history.csv")
    os.unlink("results/metrics.json")
    done = study.run("probecore", "verify", check=False)
    assert done.returncode == 1
    assert "results/metrics.json: missing\nresults/train/tiny/history.csv: differs\n" in done.stdout
    assert done.stdout.endswith(
        "2 files or stages are not as recorded; recorded_on.csv is missing, so the record's machine is not known\n"
    )


def test_data_and_activations_are_also_checked_from_within(study: Study) -> None:
    change("data/mnist5k.h5")
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("activations: null", 'activations: {layers: ["*"]}'))
    add("results/activations/tiny/trained-0.h5")
    problems = verify_study()
    assert problems[:2] == ["data/mnist5k.h5: differs", "results/activations/tiny/trained-0.h5: unexpected"]
    assert problems[2].startswith("data/mnist5k.h5: test has the label ")
    assert problems[3].startswith("results/activations/tiny/trained-0.h5: not a readable HDF5 file")


@pytest.mark.parametrize("name", [".x.csv.partial", "__pycache__/x.pyc"])
def test_what_dvc_ignores_is_no_problem(name: str, study: Study) -> None:
    add(f"results/train/tiny/{name}")
    assert "up to date" in study.run("dvc", "status").stdout
    assert verify_study() == []


def test_a_stage_that_was_never_recorded_is_named(study: Study) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text + text[text.index("  tiny:") :].replace("tiny", "new").replace("&train", ""))
    named = [f"dvc.lock: no stage {step}@new; `probecore record` adds it" for step in STEPS]
    assert verify_study() == named
    Path("dvc.lock").unlink()
    assert verify_study() == ["dvc.lock: no such file; `probecore record` writes it"]


def test_an_experiment_that_is_no_more_is_not_missed(study: Study) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("  tiny:", "  renamed:"))
    shutil.rmtree("results/train/tiny")
    assert not [problem for problem in verify_study() if problem.startswith("results/train")]


def test_without_the_cache_a_folder_that_differs_is_named(study: Study) -> None:
    change("results/train/tiny/history.csv")
    (listing,) = [path for path in Path(".dvc/cache").rglob("*.dir") if "history.csv" in path.read_text()]
    listing.chmod(0o644)
    listing.write_text(listing.read_text().replace("history", "History"))
    (problem,) = verify_study()
    assert problem.endswith("damaged; delete it and run `dvc fetch`")
    shutil.rmtree(".dvc/cache")
    assert verify_study() == ["results/train/tiny: differs; run `dvc fetch`, and verify names its files"]


def test_a_rebuild_names_what_does_not_come_out_again(study: Study, tmp_path: Path) -> None:
    """The data set does come out again; what stands in for results is there only, or other than it should be."""
    (tmp_path / "temporary").mkdir()
    before = study.hashes()
    done = study.run("probecore", "verify", "--rebuild", check=False, TMPDIR=str(tmp_path / "temporary"))
    assert done.returncode == 1
    assert "results/recos/tiny/deep/er.csv: unexpected\n" in done.stdout
    problems = [f"results/train/tiny/{problem}\n" for problem in ("final.csv: missing", "history.csv: differs")]
    assert "".join(problems) in done.stdout
    assert "data/mnist5k.h5:" not in done.stdout
    assert re.search(r"probecore: \d+ files or stages are not as rebuilt\n$", done.stdout)
    assert study.hashes() == before
    assert list((tmp_path / "temporary").glob("probecore*")) == []
