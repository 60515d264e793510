"""One network examined in one process: a report of all measures, from a folder of images or a checkpoint."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import probecore as pc
from probecore.errors import InputError
from probecore.examine import Subject, _fitting, _over, examine
from probecore.measures import MEASURES
from probecore.planning.needs import needs_of
from probecore.planning.speed import speed_of_this_machine
from probecore.planning.work import Images
from tests.planning.test_plan import outline as outline_of


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


@pytest.mark.parametrize("there", [False, True])
def test_what_cannot_begin_leaves_nothing_behind(there: bool, tmp_path: Path) -> None:
    folder = tmp_path / "examined"
    if there:
        folder.mkdir()
    for _ in range(2):
        with pytest.raises(InputError, match="nowhere"):
            examine(Subject("lenet5", tmp_path / "nowhere"), folder, budget=60, memory=6e9)
    assert [path.name for path in tmp_path.rglob("*")] == ["examined"] * there


def test_weights_of_another_number_of_classes_leave_nothing_behind(images: Path, tmp_path: Path) -> None:
    network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=1000)
    torch.save(network.state_dict(), tmp_path / "imagenet.pt")
    subject = Subject("lenet5", images, weights=tmp_path / "imagenet.pt", size=28)
    for _ in range(2):
        with pytest.raises(InputError, match=r"has shape \(1000, 84\), the network needs \(3, 84\)"):
            examine(subject, tmp_path / "examined", budget=60, memory=6e9)
    assert [path.name for path in tmp_path.iterdir()] == ["imagenet.pt"]


def test_activations_have_to_fit_too() -> None:
    """The sums over patches of all layers take more than any measure that reads them."""
    outline, images = outline_of("torchvision:resnet18", (3, 64, 64)), Images(500, 500, 10)
    speed = speed_of_this_machine()
    sizes = dict(_fitting(outline, images, share=1e9, memory=2e9))
    for each in sizes.values():
        if each.dumped is not None:
            assert needs_of("activations", outline, each.kept, each.dumped, speed).memory <= 2e9
    assert not list(_over(outline, sizes, share=1e9, memory=2e9))
    large = dict(_fitting(outline, images, share=1e9, memory=1e11))
    dumped = large["anova"].dumped
    assert dumped is not None
    assert needs_of("activations", outline, images, dumped, speed).memory > 2e9


def test_what_even_the_least_sizes_do_not_keep_to_is_said() -> None:
    outline, images = outline_of("lenet5", (1, 28, 28)), Images(60, 60, 3)
    sizes = dict(_fitting(outline, images, share=0.0, memory=1e6))
    slow, large = _over(outline, sizes, share=0.0, memory=1e6)
    assert slow.startswith("--budget is too little even for the least sizes of anova, ")
    assert large.startswith("--memory is too little even for the least sizes: anova 0.")
