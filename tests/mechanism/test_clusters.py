"""The tabulated toy cases, a plain reference of the greedy rule, and invariants of the counts."""

import numpy as np
import pytest

from probecore.errors import InputError
from probecore.measures.mechanism import clip_fields, filter_statistics, find_clusters, layer_statistics

Mask = np.ndarray


def pairs(*labels: int) -> list[tuple[int, int]]:
    return [(row, column) for row in labels for column in labels]


def mask_of(ones: list[tuple[int, int]]) -> Mask:
    mask = np.zeros((10, 10), dtype=bool)
    mask[tuple(zip(*ones, strict=True))] = True
    return mask


A = [*pairs(0, 3, 7), (5, 5)]
CASES = {
    "A": (A, [[0, 3, 7], [5]], 10, 0, 0, 0),
    "B": ([*A, (1, 0), (2, 0), (3, 5), (5, 9), (8, 9)], [[0, 3, 7], [5]], 15, 5, 3, 2),
    "C, a greedy trap": ([*pairs(0, 1), *pairs(1, 2, 3)], [[0, 1], [2, 3]], 12, 4, 4, 4),
    "D, one way": ([(2, 2), (4, 4), (2, 4)], [[2], [4]], 3, 1, 1, 1),
    "E, off the diagonal": ([(2, 4), (1, 4)], [], 2, 2, 0, 0),
}


@pytest.mark.parametrize("case", CASES)
def test_toy_cases(case: str) -> None:
    ones, clusters, total, noise, column_noise, row_noise = CASES[case]
    mask = mask_of(ones)
    assert find_clusters(mask) == clusters
    statistics = filter_statistics(mask)
    assert statistics.ones == total
    assert statistics.noise == noise
    assert statistics.column_noise == column_noise
    assert statistics.row_noise == row_noise
    assert statistics.clusters == len(clusters)
    assert statistics.labels == sum(map(len, clusters))
    assert statistics.block_ones == sum(len(cluster) ** 2 for cluster in clusters)
    assert statistics.sizes.tolist() == [sum(len(cluster) == size for cluster in clusters) for size in range(11)]


def greedy(mask: Mask) -> list[list[int]]:
    """The rule as it is written, label by label."""
    left = [label for label in range(len(mask)) if mask[label, label]]
    clusters = []
    while left:
        cluster = [left[0]]
        for label in left[1:]:
            if mask[np.ix_([*cluster, label], [*cluster, label])].all():
                cluster.append(label)
        clusters.append(cluster)
        left = [label for label in left if label not in cluster]
    return clusters


@pytest.mark.parametrize("classes", [1, 2, 10, 100])
@pytest.mark.parametrize("density", [0.0, 0.3, 0.8, 1.0])
def test_clusters_equal_the_plain_rule(classes: int, density: float) -> None:
    masks = np.random.default_rng(0).random((20, classes, classes)) < density
    masks |= masks.swapaxes(1, 2) & (np.random.default_rng(1).random(masks.shape) < 0.9)
    assert [find_clusters(mask) for mask in masks] == [greedy(mask) for mask in masks]


def test_many_filters_at_once_equal_one_by_one() -> None:
    masks = np.random.default_rng(0).random((2, 3, 6, 6)) < 0.6
    together = filter_statistics(masks)
    for place in np.ndindex(2, 3):
        alone = filter_statistics(masks[place])
        for name, value in vars(alone).items():
            assert np.array_equal(getattr(together, name)[place], value), name
    assert (together.noise >= together.column_noise).all()
    assert np.array_equal(together.labels, np.diagonal(masks, axis1=-2, axis2=-1).sum(-1))


def test_the_threshold_itself_is_not_exceeded() -> None:
    fields = np.array([[[10.0, 3.0], [3.0000001, -20.0]]])
    assert clip_fields(fields, 0.3).tolist() == [[[True, False], [True, False]]]


def test_a_dead_filter_and_an_all_negative_one_have_no_ones() -> None:
    fields = np.stack([np.zeros((3, 3)), -np.ones((3, 3)), np.eye(3)])
    masks = clip_fields(fields)
    assert not masks[:2].any()
    statistics = filter_statistics(masks)
    assert statistics.clusters.tolist() == [0, 0, 3]
    assert statistics.noise.tolist() == [0, 0, 0]
    layer = layer_statistics(statistics, masks)
    assert layer.dead == layer.clusterless == pytest.approx(2 / 3)
    assert layer.clusters == 3
    assert layer.clusters_all == 1
    assert layer.snr == np.inf


def test_signal_to_noise_from_counts_and_from_averages() -> None:
    masks = np.random.default_rng(0).random((50, 10, 10)) < 0.4
    statistics = filter_statistics(masks)
    layer = layer_statistics(statistics, masks)
    labels, blocks, noise = (getattr(statistics, name).mean() for name in ("labels", "block_ones", "noise"))
    assert layer.snr == pytest.approx(9 * labels / (blocks - labels + noise), rel=1e-12)
    assert layer.noise_all == pytest.approx(layer.column_noise_all + layer.other_noise_all)
    assert layer.cluster_size == pytest.approx(statistics.labels.sum() / statistics.clusters.sum())


def test_rows_won_by_the_diagonal_count_ties_in_part() -> None:
    same = np.ones((4, 5, 5), dtype=bool)
    assert layer_statistics(filter_statistics(same), same).row_winners == pytest.approx(1 / 5)
    assert layer_statistics(filter_statistics(same), same).snr == 1
    own = np.eye(5, dtype=bool)[None]
    assert layer_statistics(filter_statistics(own), own).row_winners == 1


def test_what_is_no_square_matrix() -> None:
    for mask, message in (
        (np.ones(3), "one matrix"),
        (np.ones((2, 3, 3)), "one matrix"),
        (np.ones((2, 3)), "square matrices"),
    ):
        with pytest.raises(InputError, match=message):
            find_clusters(mask)
    with pytest.raises(InputError, match=r"masks of shape \(4, 2, 3\)"):
        filter_statistics(np.ones((4, 2, 3)))
