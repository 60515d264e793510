"""The wheel, installed: types reach its users, every name loads, and torch comes with the first measure alone."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

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
