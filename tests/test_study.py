"""Making studies: beside the repository, with the installed package alone, and within the repository."""

import contextlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from probecore import study as studies
from probecore.errors import InputError
from probecore.first_params import Beginning, first_params
from probecore.params import STEPS, Study as StudyParams, load_study, read_yaml
from probecore.stages import dvc_yaml
from probecore.study import COPIED, LINKS, home, init_study
from tests.conftest import PARAMS, ROOT, Study, read_params, write_yaml


def test_a_study_elsewhere_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "study"
    init_study(folder)
    assert (folder / "home").resolve() == home() == ROOT
    assert (folder / "probecore").resolve() == ROOT / "probecore"
    for name in COPIED:
        assert (folder / name).read_bytes().startswith((ROOT / name).read_bytes())
    assert (folder / "dvc.yaml").read_text() == dvc_yaml(claims=False)
    parameters, written = load_study(folder / "params.yaml")
    assert parameters.home == "home"
    assert (folder / "Snakefile").read_text().startswith('workflow.include("home/Snakefile", ')
    assert [set(experiment) - {"dataset"} for experiment in written["experiments"].values()] == [set(STEPS)]


def test_git_sees_all_but_the_links_and_dvc_is_ready(tmp_path: Path) -> None:
    init_study(tmp_path)
    study = Study(tmp_path)
    study.run("git", "add", "--all")
    tracked = set(study.run("git", "ls-files").stdout.split())
    assert tracked == {".dvc/.gitignore", ".dvc/config", "params.yaml", "dvc.yaml", "Snakefile", *COPIED}
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
    for name in ("probecore/study.py", "profiles/default/config.yaml", *COPIED):
        (repository.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, repository.folder / name)
    repository.run("git", "init", "--quiet")
    monkeypatch.setattr(studies, "PACKAGE", repository.folder / "probecore")
    folder = repository.folder / "studies" / "paper"
    init_study(folder)
    assert (folder / "Snakefile").read_text().startswith('workflow.include("../../Snakefile", ')
    assert (folder / "profiles").readlink() == Path("../../profiles")
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


def test_commands_find_the_study_from_a_folder_below(tmp_path: Path) -> None:
    Study(tmp_path).run("probecore", "init", "my study")
    below = tmp_path / "my study/results/recos"
    below.mkdir(parents=True)
    assert Study(below).run("probecore", "check").stdout.startswith("params.yaml: good; ")
    assert Study(below).run("probecore", "clean").stdout == "0 files\n"
    refused = Study(tmp_path).run("probecore", "clean", check=False)
    assert refused.returncode == 2
    assert refused.stdout == (
        f"probecore: {tmp_path}: no params.yaml here or above; go to a study, or make one: `probecore init FOLDER`\n"
    )


def test_what_init_says_next_can_be_typed(tmp_path: Path) -> None:
    said = Study(tmp_path).run("probecore", "init", "it's my study").stdout
    commands = [line.partition("#")[0].strip() for line in said.splitlines()[1:]]
    assert commands[1:] == ["probecore check", "snakemake --cores 2"]
    script = f"{commands[0]} && {commands[1]} && {commands[2]} --dry-run --quiet rules"
    done = Study(tmp_path).run("sh", "-c", script).stdout
    assert "params.yaml: good" in done
    assert "Using workflow specific profile profiles/default" in done
    assert "mean_dimension_summary" in done


def test_the_workflow_of_another_installation_is_refused_until_upgraded(tmp_path: Path) -> None:
    init_study(tmp_path / "study")
    for name in ("workflow", "profiles"):
        shutil.copytree(ROOT / name, tmp_path / "other" / name)
    shutil.copyfile(ROOT / "Snakefile", tmp_path / "other/Snakefile")
    study = Study(tmp_path / "study")
    (study.folder / "home").unlink()
    (study.folder / "home").symlink_to(tmp_path / "other")
    refused = study.run("snakemake", "--cores", "1", "--dry-run", "--quiet", "rules", check=False)
    assert refused.returncode
    assert (
        "home: this study's link is not to the workflow of the package that runs; `probecore upgrade`" in refused.stdout
    )
    assert study.run("probecore", "upgrade").stdout == "home: linked anew\n"
    study.run("snakemake", "--cores", "1", "--dry-run", "--quiet", "rules")


def test_a_deep_network_begins_without_what_takes_long() -> None:
    begun = [
        first_params(Beginning(model), folder=Path("s"), home="home") for model in ("lenet5", "torchvision:resnet18")
    ]
    sections = [yaml.safe_load(text)["experiments"].popitem()[1] for text in begun]
    assert [section["mechanism"] is None for section in sections] == [False, True]
    assert all(section["mean_dimension"] for section in sections)


NETWORK_FILE = """
from torch import nn


def build() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
"""


@pytest.mark.parametrize("model", ["torchvision:resnet18", "mine.py:build", "lenet5"])
def test_a_study_from_a_network_and_a_folder_asks_nothing(model: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NETWORK_FILE)
    for name in ("1", "2"):
        for label in ("ant", "bee"):
            (tmp_path / "My images" / label).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (70, 64), (200, 0, 0)).save(tmp_path / "My images" / label / f"{name}.png")
    study = Study(tmp_path / "study")
    Study(tmp_path).run("probecore", "init", "study", "--from", model, "--data", "My images/")
    parameters, _ = load_study_in(study.folder)
    (experiment,) = parameters.experiments.values()
    assert experiment.train.model.name == ("own/mine.py:build" if "mine" in model else model)
    assert parameters.datasets["my_images"].path == "../My images"
    assert study.run("probecore", "check").stdout.startswith("params.yaml: good; 1 experiments, 1 networks")


def test_weights_stand_for_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pt").write_bytes(b"")
    init_study(tmp_path / "study", Beginning("resnet18", "cifar10", Path("w.pt")))
    train = next(iter(load_study_in(tmp_path / "study")[0].experiments.values())).train
    assert train.networks == ["given", "reinitialised-0"]
    assert train.given is not None
    assert train.given.weights == "own/w.pt"


@pytest.mark.parametrize(
    ("beginning", "said"),
    [
        (Beginning(data="nowhere/"), r"--data nowhere/: no folder of images, .* name one of mnist5k, "),
        (Beginning(model="no.py:build"), r"no.py: no such file; correct the path"),
        (Beginning(weights=Path("no.pt")), r"no.pt: no such file; correct the path"),
    ],
)
def test_what_is_not_there_makes_no_study(beginning: Beginning, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        init_study(tmp_path / "study", beginning)
    assert not (tmp_path / "study").exists()


def test_without_git_there_is_a_study_without_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(without_git(tmp_path / "bin")))
    init_study(tmp_path / "study")
    assert "no_scm = true" in (tmp_path / "study/.dvc/config").read_text()
    assert not (tmp_path / "study/.git").exists()


def without_git(folder: Path) -> Path:
    """A folder of links to the programs of this machine, but for Git."""
    folder.mkdir()
    for place in ("/bin", "/usr/bin"):
        for program in Path(place).iterdir():
            if not program.name.startswith("git") and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    return folder


def load_study_in(folder: Path) -> tuple[StudyParams, dict[str, Any]]:
    with contextlib.chdir(folder):
        return load_study(Path("params.yaml"))


ONE_NETWORK = PARAMS.partition("  bare:")[0].replace("[0, 1]", "[0]").replace("{{epochs: 1}}", "null")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The package as a wheel installs it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    return tmp_path / "site"


def test_the_installed_package_alone_runs_a_study_without_git(installed: Path, tmp_path: Path) -> None:
    """The wheel, a machine without Git, and three commands; again and by the long way nothing is left to do."""
    around, study = Study(tmp_path), Study(tmp_path / "study")
    path = os.pathsep.join([str(Path(sys.executable).parent), str(without_git(tmp_path / "bin"))])
    environment = {"PYTHONPATH": str(installed), "PATH": path}
    assert "note: no Git here" in around.run("probecore", "init", "study", **environment).stdout
    assert study.run("probecore", "home", **environment).stdout == f"{installed}/probecore/home\n"
    assert (study.folder / "home").resolve() == installed / "probecore" / "home"
    write_yaml(study.folder / "params.yaml", read_params(ONE_NETWORK, "home"))
    study.run("probecore", "check", **environment)
    assert "profiles/default" in study.run("snakemake", "--cores", "2", **environment).stdout
    page = (study.folder / "results/report/index.html").read_text()
    assert "<pre>snakemake</pre>" in page
    for folder, command in (
        (study, ("snakemake",)),
        (study, ("snakemake", "--snakefile", "home/Snakefile")),
        (around, ("snakemake", "--snakefile", "study/Snakefile", "--directory", "study")),
    ):
        assert "Nothing to be done" in folder.run(*command, "--dry-run", **environment).stdout


def test_a_link_to_another_installation_is_named(installed: Path, tmp_path: Path) -> None:
    """The study's folder is no place of modules: its link `probecore` would say that it is right."""
    Study(tmp_path).run("probecore", "init", "study", PYTHONPATH=str(installed))
    done = Study(tmp_path / "study").run("snakemake", "-n", check=False)
    assert done.returncode == 2
    assert "probecore: this study's link is not to the package that runs; `probecore upgrade` renews it" in done.stdout
    Study(tmp_path / "study").run("probecore", "upgrade")
    assert (tmp_path / "study" / "home").resolve() == ROOT
