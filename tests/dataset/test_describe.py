"""Five lines on what a data set holds, and sets from which nothing can be learnt."""

import numpy as np
import pytest

from probecore.dataset import Dataset, Split
from probecore.dataset.describe import describe
from probecore.errors import InputError

from .support import images, labelled, regression, tiny_dataset


def dataset(train: Split, test: Split, classes: list[str] | None) -> Dataset:
    return Dataset.from_splits("mine", train=train, test=test, classes=classes)


def test_five_lines() -> None:
    lines = describe(tiny_dataset())
    assert len(lines) == 5
    assert lines[0] == "tiny: 6 images for training, 3 for testing, each 1x4x4 of uint8"
    assert lines[1] == "tiny: 3 classes, training+testing: a 2+1, b 2+1, c 2+1"
    assert lines[3] == "tiny: equal inputs: none in training, none of testing also in training"
    assert len(describe(regression())) == 5


def test_equal_images_are_named() -> None:
    train, test = labelled(6, 1, 4, 3), labelled(3, 1, 4, 3, seed=1)
    train.inputs[4] = train.inputs[1]
    train.inputs[5] = train.inputs[1]
    test.inputs[2] = train.inputs[0]
    expected = "equal inputs: 2 (first: 4 like 1) in training, 1 (first: 2 like 0) of testing also in training"
    assert describe(dataset(train, test, list("abc")))[3] == f"mine: {expected}"


def test_values_by_channel_and_pixels_that_never_change() -> None:
    train = labelled(6, 2, 4, 3)
    train.inputs[:, 1] = 7
    train.inputs[:, 0, 0] = 0
    line = describe(dataset(train, labelled(3, 2, 4, 3), list("abc")))[2]
    assert "7 ± 0;" in line
    assert line.endswith("20 never change")


def test_many_classes_are_shown_by_the_smallest_and_the_largest() -> None:
    labels = np.concatenate([np.arange(20), [3, 3]])
    split = Split(images(22, 1, 4), labels)
    line = describe(dataset(split, split, [f"c{index}" for index in range(20)]))[1]
    assert line == "mine: 20 classes, training+testing: from c0 1+1, c3 3+3"


def single(train: Split) -> None:
    train.targets[:] = 1


def equal(train: Split) -> None:
    train.inputs[:] = train.inputs[0]


def constant(train: Split) -> None:
    train.inputs[:] = np.arange(6, dtype=np.uint8)[:, None, None, None]


def zero(train: Split) -> None:
    train.inputs[:] = 0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (single, "training has a single class"),
        (equal, "all training inputs are equal"),
        (zero, "all training inputs are equal"),
        (constant, "no training image varies from pixel to pixel"),
    ],
)
def test_nothing_can_be_learnt(spoil: object, message: str) -> None:
    train = labelled(6, 1, 4, 3)
    spoil(train)  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        describe(dataset(train, labelled(3, 1, 4, 3, seed=1), list("abc")))


def test_a_regression_of_one_value() -> None:
    train = regression().train
    with pytest.raises(InputError, match="single value of the targets"):
        describe(dataset(Split(train.inputs, np.ones_like(train.targets)), train, None))
