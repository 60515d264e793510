import numpy as np
import pytest

from probecore.dataset import Dataset, Split
from probecore.dataset.sampling import first_classes, in_shape, stratified_order, subset
from probecore.errors import InputError


def slow_order(labels: list[int]) -> list[int]:
    queues = {label: [i for i, found in enumerate(labels) if found == label] for label in sorted(set(labels))}
    order = []
    while any(queues.values()):
        order += [queue.pop(0) for queue in queues.values() if queue]
    return order


@pytest.mark.parametrize("seed", range(5))
def test_order_against_queues(seed: int) -> None:
    labels = np.random.default_rng(seed).choice([0, 1, 3, 4], size=50)
    assert stratified_order(labels).tolist() == slow_order(labels.tolist())


def test_subset_is_stratified_and_keeps_the_order() -> None:
    targets = np.array([2, 2, 2, 0, 0, 1, 1, 1, 0, 2])
    kept = subset(Split(np.arange(10), targets), 6, where="")
    assert kept.inputs.tolist() == [0, 1, 3, 4, 5, 6]
    assert np.bincount(kept.targets).tolist() == [2, 2, 2]


def test_subset_of_a_regression_is_its_beginning() -> None:
    split = Split(np.arange(5), np.linspace(0, 1, 5, dtype=np.float32))
    assert subset(split, 3, where="").inputs.tolist() == [0, 1, 2]


def test_subset_larger_than_the_whole() -> None:
    split = Split(np.arange(5), np.zeros(5, np.int64))
    assert subset(split, None, where="") is split
    with pytest.raises(InputError, match=r"datasets\.a\.test_samples: 6 asked for, but there are 5"):
        subset(split, 6, where="datasets.a.test_samples")


def test_samples_of_the_first_classes() -> None:
    targets = np.array([2, 0, 1, 2, 0])
    inputs = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1)
    split = Split(inputs, targets)
    whole = Dataset.from_splits("a", train=split, test=split, classes=["x", "y", "z"])
    two = first_classes(whole, 2, where="")
    assert two.classes == ("x", "y")
    assert two.train.inputs.ravel().tolist() == [1, 2, 4]
    assert two.test.targets.tolist() == [0, 1, 0]
    assert two.sha256 != whole.sha256
    assert first_classes(whole, None, where="") is whole
    with pytest.raises(InputError, match=r"datasets\.a\.classes: 4 asked for, but there are 3; ask for fewer"):
        first_classes(whole, 4, where="datasets.a.classes")
    gap = Dataset.from_splits("a", train=Split(inputs[:4], np.array([0, 2, 2, 0])), test=split, classes=["x", "y", "z"])
    with pytest.raises(InputError, match="classes: no training sample has the label 1"):
        first_classes(gap, 2, where="classes")


def test_a_regression_has_no_classes() -> None:
    split = Split(np.zeros((4, 2), np.float32), np.linspace(0, 1, 4, dtype=np.float32))
    with pytest.raises(InputError, match="a has real targets, no classes; remove it"):
        first_classes(Dataset.from_splits("a", train=split, test=split, classes=None), 2, where="")


def test_images_come_into_another_shape_around_their_centre() -> None:
    image = np.zeros((1, 1, 4, 4), np.uint8)
    image[0, 0, 1:3, 1:3] = 200
    larger = in_shape(image, (3, 6, 6))
    assert larger.shape == (1, 3, 6, 6) and (larger[0, :, 2:4, 2:4] == 200).all() and larger.sum() == 3 * 4 * 200
    np.testing.assert_array_equal(in_shape(larger, (1, 4, 4)), image)
    np.testing.assert_array_equal(in_shape(image, (1, 4, 4)), image)
    red = np.zeros((1, 3, 1, 1), np.uint8)
    red[0, 0] = 255
    assert in_shape(red, (1, 1, 1)).item() == round(0.299 * 255)


@pytest.mark.parametrize("shape", [(2, 4, 4), (16,)])
def test_a_shape_that_no_image_has_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="leave `others` out"):
        in_shape(np.zeros((1, 1, 4, 4), np.uint8), shape)
