import numpy as np
import pytest

from probecore.dataset import Split
from probecore.dataset.sampling import stratified_order, subset
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
