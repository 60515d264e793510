"""Clusters and the numbers of labels: the greedy rule depends on them, the order of a filter's own field does not."""

import numpy as np

from probecore.measures.mechanism.clusters import cluster_numbers
from probecore.measures.mechanism.label_order import share_kept, strongest_first

CHAIN = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool)
"""1 goes with 0 or with 2: with the lower of both, by the greedy rule."""

FIELD = np.array([[0.5, 0.4, 0.0], [0.4, 0.6, 0.4], [0.0, 0.4, 0.9]])


def test_the_greedy_rule_gives_a_label_between_two_to_the_lower_number_and_the_field_to_the_stronger() -> None:
    assert cluster_numbers(CHAIN[None]).tolist() == [[0, 0, 1]]
    assert strongest_first(CHAIN[None], FIELD[None]).tolist() == [[1, 0, 0]]


def test_renumbered_labels_change_the_clusters_of_a_chain_by_the_greedy_rule_alone() -> None:
    kept = share_kept(CHAIN[None], FIELD[None], generator=np.random.default_rng(0))
    assert kept["strongest_first"] == (1.0, 1)
    assert 0.2 < kept["ascending"][0] < 0.8


def test_full_blocks_are_kept_by_both_and_filters_without_a_cluster_do_not_count() -> None:
    blocks = np.kron(np.eye(2), np.ones((2, 2))).astype(bool)
    masks = np.stack([blocks, np.zeros((4, 4), bool)])
    kept = share_kept(masks, np.random.default_rng(1).random((2, 4, 4)), generator=np.random.default_rng(0))
    assert kept == {"ascending": (1.0, 1), "strongest_first": (1.0, 1)}
    none = share_kept(masks[1:], np.zeros((1, 4, 4)), generator=np.random.default_rng(0))
    assert np.isnan(none["ascending"][0]) and none["ascending"][1] == 0


def test_random_fields() -> None:
    fields = np.random.default_rng(0).random((200, 10, 10))
    kept = share_kept(fields > 0.5, fields, generator=np.random.default_rng(0))
    assert kept["strongest_first"][0] == 1.0 > 0.8 > kept["ascending"][0]
