import base64
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from probecore.dataset import Dataset, Split, write_dataset
from probecore.report.content import File
from probecore.report.samples import MAX_CLASSES, MAX_SIDE, PER_CLASS, DatasetView, view_dataset


def view(folder: Path, *, inputs: np.ndarray, targets: np.ndarray, classes: list[str] | None) -> DatasetView:
    path = folder / "set.h5"
    part = Split(inputs, targets)
    write_dataset(Dataset.from_splits("set", train=part, test=part, classes=classes), path)
    return view_dataset(File("data/set.h5", path, hashlib.sha256(path.read_bytes()).hexdigest(), 0))


def pixels(address: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_first_images_of_each_class_stand_side_by_side(tmp_path: Path, channels: int) -> None:
    inputs = np.random.default_rng(0).integers(0, 256, (30, channels, 5, 7), dtype=np.uint8)
    targets = np.arange(30) % 3
    found = view(tmp_path, inputs=inputs, targets=targets, classes=["a", "b", "c"])
    assert [sample.label for sample in found.samples] == ["a", "b", "c"]
    strip = pixels(found.samples[1].image).reshape(5, PER_CLASS, 7, channels)
    for place in range(PER_CLASS):
        np.testing.assert_array_equal(strip[:, place], inputs[1 + 3 * place].transpose(1, 2, 0))
    assert (found.samples[1].width, found.samples[1].height) == (7 * PER_CLASS, 5)


def test_large_images_are_thinned_and_many_classes_cut(tmp_path: Path) -> None:
    count = MAX_CLASSES + 5
    inputs = np.zeros((count, 3, 2 * MAX_SIDE + 1, 50), dtype=np.uint8)
    found = view(tmp_path, inputs=inputs, targets=np.arange(count), classes=[f"c{i}" for i in range(count)])
    assert len(found.samples) == MAX_CLASSES
    assert found.samples[0].height == -(-(2 * MAX_SIDE + 1) // 3)
    assert found.facts["Classes"].startswith(f"{count}: c0, c1,")
    assert found.facts["Classes"].endswith(f"c{MAX_CLASSES - 1}, …")


def test_a_class_without_test_images_has_no_strip(tmp_path: Path) -> None:
    inputs = np.zeros((4, 1, 3, 3), dtype=np.uint8)
    found = view(tmp_path, inputs=inputs, targets=np.array([0, 0, 2, 2]), classes=["a", "b", "c"])
    assert [sample.label for sample in found.samples] == ["a", "c"]


def test_a_regression_has_facts_and_no_images(tmp_path: Path) -> None:
    targets = np.array([-1.0, 0.5, 2.0], dtype=np.float32)
    found = view(tmp_path, inputs=np.zeros((3, 4), dtype=np.float32), targets=targets, classes=None)
    assert found.samples == []
    assert found.facts == {
        "Training": "3",
        "Test": "3",
        "Inputs": "4 features",
        "Targets": "mean 0.5, from -1 to 2",
    }
