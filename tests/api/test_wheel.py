"""The wheel, installed: types reach its users, every name loads, and torch comes with the first measure alone."""

import email
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

PYENV = Path.home() / ".pyenv/versions"

SCRIPT = """
import matplotlib.axes
import numpy as np
import pandas as pd
import probecore as pc

network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=10)
images, labels = pc.load_dataset("data/mnist5k.h5").test.arrays()
result: pc.Result = pc.measure_mean_dimension(network, images, labels, normalise={"mean": 0.5}, n_images=100)
layers: pd.DataFrame = result.layers
axes: matplotlib.axes.Axes = result.plot("outputs")
value: float = pc.Estimate(value=1.0, n=3).value
print(value, layers, axes, np.abs(result.arrays["epoch-000/logits/indices"]).max())
"""

WRONG = """
import probecore as pc

pc.measure_everything
pc.Estimate(value="1", n=3)
pc.measure_recos(1, 2, 3)
pc.Result("mechanism", {}, {}).plot(1)
"""

NAMES = """
import sys
import probecore as pc

print(pc.__file__)
assert not {"torch", "numpy", "pandas", "matplotlib"} & set(sys.modules)
assert set(pc.__all__) <= set(dir(pc))
assert all(getattr(pc, name) is not None for name in pc.__all__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Git would clone: without results and environments, through which an sdist's build looks for minutes."""
    folder = tmp_path_factory.mktemp("sources")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for path in filter(Path.is_file, (ROOT / name for name in names.split("\0"))):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return folder


@pytest.fixture(scope="module")
def wheel_of_sdist(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the sdist gives, as an installer without a wheel builds it."""
    folder = tmp_path_factory.mktemp("sdist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t"]
    subprocess.run([*build, "sdist"], cwd=sources, capture_output=True, check=True)
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    subprocess.run([*build, "wheel"], cwd=packed.with_suffix("").with_suffix(""), capture_output=True, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the wheel, and of all else what the tests have."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, capture_output=True, check=True, env=clean())
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"))
    return python


def clean() -> dict[str, str]:
    """The environment without what leads Python or mypy to the source tree."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}


def test_the_wheel_says_that_it_is_typed(wheel: Path) -> None:
    assert "probecore/py.typed" in zipfile.ZipFile(wheel).namelist()


def test_the_sdist_gives_the_same_wheel(wheel: Path, wheel_of_sdist: Path) -> None:
    first, second = (
        {each.filename: each.CRC for each in zipfile.ZipFile(one).infolist()} for one in (wheel, wheel_of_sdist)
    )
    assert first == second
    assert {f"probecore/home/{name}" for name in ("Snakefile", "workflow/common.py", "own/README.md")} <= set(first)


def test_what_an_index_shows(wheel: Path) -> None:
    (metadata,) = (name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("dist-info/METADATA"))
    stated = email.message_from_bytes(zipfile.ZipFile(wheel).read(metadata))
    assert stated["Version"] == yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]
    assert f"\n## {stated['Version']} " in (ROOT / "CHANGELOG.md").read_text()
    assert stated["License-Expression"] == "MIT"
    assert "Typing :: Typed" in stated.get_all("Classifier", [])
    assert {"timm", "ssh", "s3", "docs"} <= set(stated.get_all("Provides-Extra", []))


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_each_python_takes_the_wheel_that_it_can_run(version: str, wheel: Path, tmp_path: Path) -> None:
    """Without torch nothing is measured here; every module must be readable by that Python, and an older one is refused."""
    found = next(iter(sorted(PYENV.glob(f"{version}.*/bin/python"))), None) or shutil.which(f"python{version}")
    if found is None:
        pytest.skip(f"no Python {version} here")
    subprocess.run([found, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    python = str(tmp_path / "env/bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run(pip, capture_output=True, text=True, check=False, env=clean())
    if version == "3.10":
        assert "requires a different Python" in done.stderr
        return
    code = "import compileall, probecore, sys; sys.exit(not compileall.compile_dir(probecore.__path__[0], quiet=1, force=True))"
    subprocess.run([python, "-c", code], cwd=tmp_path, env=clean(), check=True)


def test_every_name_loads_and_the_import_is_light(python: Path, tmp_path: Path) -> None:
    done = subprocess.run([python, "-c", NAMES], cwd=tmp_path, env=clean(), capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(python.parents[1])


def test_types_reach_users(python: Path, tmp_path: Path) -> None:
    """A script that is right passes `mypy --strict`, and one that is wrong does not: nothing is Any by accident."""
    (tmp_path / "right.py").write_text(SCRIPT)
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "mypy.ini").write_text("[mypy]\nignore_missing_imports = true\n")
    command = [sys.executable, "-m", "mypy", "--strict", f"--python-executable={python}", "right.py", "wrong.py"]
    done = subprocess.run(command, cwd=tmp_path, env=clean(), capture_output=True, text=True, check=False)
    lines = {line.split(": ")[0] for line in done.stdout.splitlines() if ": error: " in line}
    assert lines == {f"wrong.py:{line}" for line in (4, 5, 6, 7)}, done.stdout + done.stderr
