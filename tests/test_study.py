"""Making studies: beside the repository, with the installed package alone, and within the repository."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from probecore import study as studies
from probecore.errors import InputError
from probecore.params import STEPS, load_study, read_yaml
from probecore.study import COPIED, LINKS, home, init_study
from tests.conftest import PARAMS, ROOT, Study, read_params, write_yaml


def test_a_study_elsewhere_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "study"
    assert init_study(folder) == "home"
    assert (folder / "home").resolve() == home() == ROOT
    assert (folder / "probecore").resolve() == ROOT / "probecore"
    for name in COPIED:
        assert (folder / name).read_bytes().startswith((ROOT / name).read_bytes())
    assert (folder / "dvc.yaml").read_bytes() == (ROOT / "dvc.yaml").read_bytes()
    parameters, written = load_study(folder / "params.yaml")
    assert parameters.home == "home"
    assert [set(experiment) - {"dataset"} for experiment in written["experiments"].values()] == [set(STEPS)]


def test_git_sees_all_but_the_links_and_dvc_is_ready(tmp_path: Path) -> None:
    init_study(tmp_path)
    study = Study(tmp_path)
    study.run("git", "add", "--all")
    tracked = set(study.run("git", "ls-files").stdout.split())
    assert tracked == {".dvc/.gitignore", ".dvc/config", "params.yaml", *COPIED}
    assert "dataset@mnist5k" in study.run("dvc", "status").stdout


def test_a_clone_gets_its_links_and_nothing_else(tmp_path: Path) -> None:
    init_study(tmp_path / "study")
    original = Study(tmp_path / "study")
    original.run("git", "add", "--all")
    original.run("git", "-c", "user.name=n", "-c", "user.email=e", "commit", "--quiet", "--message", "m")
    Study(tmp_path).run("git", "clone", "--quiet", "study", "clone")
    init_study(tmp_path / "clone")
    assert all((tmp_path / "clone" / link).is_symlink() for link in LINKS)
    assert Study(tmp_path / "clone").run("git", "status", "--short").stdout == ""
    with pytest.raises(InputError, match="no empty folder"):
        init_study(tmp_path / "clone")


def test_a_study_in_the_repository_is_linked_relatively(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Study(tmp_path / "repository")
    for name in ("probecore/study.py", *COPIED):
        (repository.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, repository.folder / name)
    repository.run("git", "init", "--quiet")
    monkeypatch.setattr(studies, "PACKAGE", repository.folder / "probecore")
    folder = repository.folder / "studies" / "paper"
    assert init_study(folder) == "../.."
    assert (folder / "probecore").readlink() == Path("../../probecore")
    assert read_yaml(folder / "params.yaml")["home"] == "../.."
    assert all((folder / name).read_bytes() == (ROOT / name).read_bytes() for name in COPIED)
    assert not (folder / ".git").exists()
    assert (folder / ".dvc/config").exists()


@pytest.mark.parametrize("left", ["notes.txt", "data/", "params.yaml"])
def test_what_holds_something_else_is_refused(left: str, tmp_path: Path) -> None:
    init_study(tmp_path / "study") if left == "params.yaml" else (tmp_path / "study" / left).mkdir(parents=True)
    done = Study(tmp_path).run("probecore", "init", "study", check=False)
    assert done.returncode == 2
    assert done.stdout.startswith(f"probecore: {tmp_path / 'study'}: is no empty folder; ")
    assert done.stdout.count("\n") == 1


def test_an_empty_git_repository_is_good_and_a_file_is_not(tmp_path: Path) -> None:
    Study(tmp_path).run("git", "init", "--quiet", "study")
    init_study(tmp_path / "study")
    assert (tmp_path / "study/params.yaml").exists()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="no empty folder"):
        init_study(tmp_path / "file")


ONE_NETWORK = PARAMS.partition("  bare:")[0].replace("[0, 1]", "[0]").replace("{{epochs: 1}}", "null")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The package as a wheel installs it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    return tmp_path / "site"


def test_the_installed_package_alone_runs_a_study(installed: Path, tmp_path: Path) -> None:
    around, study = Study(tmp_path), Study(tmp_path / "study")
    environment = {"PYTHONPATH": str(installed)}
    around.run("probecore", "init", "study", **environment)
    assert study.run("probecore", "home", **environment).stdout == f"{installed}/probecore/home\n"
    assert (study.folder / "home").resolve() == installed / "probecore" / "home"
    study.run("probecore", "check", **environment)
    dry = study.run("snakemake", "--snakefile", "home/Snakefile", "--dry-run", **environment).stdout
    assert "report" in dry
    assert "profiles/default" in dry
    write_yaml(study.folder / "params.yaml", read_params(ONE_NETWORK, "home"))
    study.run("snakemake", "--snakefile", "home/Snakefile", **environment)
    for folder, path in (study, "home/Snakefile"), (around, "study/home/Snakefile"):
        command = ("snakemake", "--snakefile", path, "--directory", str(study.folder), "--dry-run")
        assert "Nothing to be done" in folder.run(*command, **environment).stdout
