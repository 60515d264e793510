"""One network examined in one process: a report of all measures, from a folder of images or a checkpoint."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from probecore.errors import InputError
from probecore.examine import Subject, examine
from probecore.measures import MEASURES


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for label in ("cat", "dog", "eel"):
        (folder / label).mkdir()
        for index in range(16):
            Image.fromarray(rng.integers(0, 256, (30, 34), dtype=np.uint8)).save(folder / label / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def examined(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examined") / "lenet5"
    return examine(Subject("lenet5", images, size=28), folder, budget=75, memory=6e9)


def test_all_measures_of_the_network_and_its_control_are_in_the_report(examined: Path) -> None:
    folder = examined.parents[2]
    page = examined.read_text(encoding="utf-8")
    for measure in MEASURES:
        summary = json.loads((folder / "results" / measure / "network/summary.json").read_text())
        assert summary["step"] == measure
        assert (folder / "results" / measure / "network/given/filters.csv").is_file()
        assert (folder / "results" / measure / "network/reinitialised-0/filters.csv").is_file()
    assert "reinitialised" in page


def test_what_was_chosen_is_written_down(examined: Path) -> None:
    content = yaml.safe_load((examined.parents[2] / "params.yaml").read_text())
    assert content["datasets"]["images"]["size"] == 28
    assert content["experiments"]["network"]["train"]["given"]["control"] == "reinitialised"
    assert set(MEASURES) <= content["experiments"]["network"].keys()


def test_a_folder_in_use_is_left_alone(images: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(InputError, match="not empty"):
        examine(Subject("lenet5", images), tmp_path, budget=60, memory=6e9)


def test_weights_and_files_that_are_not_there(images: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.safetensors: no such file"):
        examine(Subject("lenet5", images, weights=Path("none.safetensors")), tmp_path / "a", budget=60, memory=6e9)
    with pytest.raises(InputError, match=r"none\.py: no such file"):
        examine(Subject("none.py:build", images), tmp_path / "b", budget=60, memory=6e9)
