"""Exciting images against changes of single pixels, and where they end up."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from probecore.dataset import Dataset, Split
from probecore.files import read_table
from probecore.measures.atlas.exciting import MOST, dependence, peaks, strongest
from probecore.measures.atlas.params import AtlasParams
from probecore.measures.atlas.run import measure_network
from probecore.measures.network import Identity, Network
from probecore.models import Block, blocks
from probecore.models.suffix import block_outputs
from probecore.train.params import Normalise
from tests.atlas.networks import NETWORKS, images_for


def test_largest_values_the_first_of_equals() -> None:
    maps = torch.tensor([[[[0.0, 2.0], [2.0, 1.0]]], [[[3.0, 0.0], [0.0, 0.0]]], [[[0.0, 0.0], [0.0, 2.0]]]])
    found = peaks(maps)
    np.testing.assert_array_equal(found.values, [[2], [3], [2]])
    np.testing.assert_array_equal(found.places, [[1], [0], [3]])
    np.testing.assert_array_equal(strongest(found.values), [[1], [0], [2]])
    assert len(strongest(np.zeros((9, 2)))) == MOST


@pytest.mark.parametrize("name", ["lenet", "strided", "residual"])
def test_boxes_hold_the_pixels_that_move_a_value(name: str) -> None:
    build, shape, numbers = NETWORKS[name]
    model = build().double()
    inputs = images_for(shape)[0][0][:3].double()
    for block in (blocks(model, shape)[number] for number in numbers):
        maps = block_outputs(model, [block], inputs)[0][block.layer]
        found = peaks(maps)
        filters = found.values.argmax(1)
        places = found.places[np.arange(3), filters]
        boxes = dependence(model, block, inputs, filters, places)
        for image, box in enumerate(boxes):
            moved = _moved(model, block, inputs[image], int(filters[image]), int(places[image]))
            expected = [*np.nonzero(moved.any(1))[0][[0, -1]], *np.nonzero(moved.any(0))[0][[0, -1]]]
            top, left, bottom, right = box
            assert [top, bottom - 1, left, right - 1] == expected


def _moved(model: nn.Module, block: Block, image: Tensor, one: int, place: int) -> npt.NDArray[np.bool_]:
    """By trying each pixel (H, W), which is dear."""
    _, height, width = image.shape
    changed = image.repeat(height * width, 1, 1, 1)
    pixels = torch.arange(height * width)
    changed[pixels, :, pixels // width, pixels % width] += 1e-7
    maps = block_outputs(model, [block], torch.cat([image[None], changed]))[0][block.layer]
    values = maps.reshape(*maps.shape[:2], -1)[:, one, place]
    return (values[1:] != values[0]).reshape(height, width).numpy()


def test_a_filter_at_rest_has_no_box() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 4 * 4, 2)).eval()
    with torch.no_grad():
        model[0].bias.copy_(torch.tensor([-1e3, 1e3]))  # type: ignore[operator, union-attr]
    block = blocks(model, (1, 6, 6))[0]
    inputs, two = torch.rand(2, 1, 6, 6), np.array([0, 1])
    np.testing.assert_array_equal(dependence(model, block, inputs, two, np.array([5, 5])), [[0] * 4, [1, 1, 4, 4]])


def test_a_planted_detector_finds_its_images_and_place(tmp_path: Path) -> None:
    """One image has a bright dot, which a filter of one tap looks for."""
    inputs = np.random.default_rng(0).integers(0, 100, (60, 1, 8, 8), dtype=np.uint8)
    inputs[7, 0, 5, 2] = 255
    part = Split(inputs, np.arange(60) % 2)
    data = Dataset.from_splits("dots", train=part, test=part, classes=["a", "b"])
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)).eval()
    with torch.no_grad():
        model[0].weight.fill_(1.0)  # type: ignore[operator, union-attr]
    identity = Identity(experiment="dots", network="trained-0", normalise=Normalise(mean=[0.0], std=[1.0]))
    tables = measure_network(Network.of_module(identity, data, model), AtlasParams(images=20, shapley=None))
    tables.write(tmp_path)
    first = read_table(tmp_path / "exciting.csv").iloc[0]
    assert first[["rank", "image", "top", "left", "bottom", "right"]].tolist() == [1, 7, 5, 2, 6, 3]
