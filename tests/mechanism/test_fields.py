"""Matrices of single filters: the sum rule, explicit silencing, and bad input."""

import numpy as np
import pytest
import torch

from probecore.errors import InputError
from probecore.measures.mechanism import class_mean_maps, clip_fields, single_filter_fields
from probecore.measures.mechanism.head import Head, Moments
from probecore.measures.mechanism.readout import image_winners
from probecore.measures.mechanism.winners import favourites, winner_statistics


@pytest.fixture
def maps() -> np.ndarray:
    return np.random.default_rng(0).random((60, 5, 3, 3)).astype(np.float32)


@pytest.fixture
def labels() -> np.ndarray:
    return np.arange(60) % 4


@pytest.fixture
def weight() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(4, 45)).astype(np.float32)


def silenced(weight: np.ndarray, maps: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Every other filter's weights set to 0, the head run on every image, outputs averaged by label."""
    fields = np.empty((maps.shape[1], 4, 4))
    for filter_ in range(maps.shape[1]):
        alone = np.zeros_like(weight).reshape(4, *maps.shape[1:])
        alone[:, filter_] = weight.reshape(alone.shape)[:, filter_]
        outputs = maps.reshape(len(maps), -1) @ alone.reshape(4, -1).T
        fields[filter_] = [outputs[labels == label].mean(0) for label in range(4)]
    return fields


def test_equal_to_explicit_silencing(maps: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> None:
    fields = single_filter_fields(weight, class_mean_maps(maps, labels, classes=4))
    assert np.allclose(fields, silenced(weight, maps, labels), atol=1e-5)


def test_fields_sum_to_the_mean_logits(maps: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> None:
    fields = single_filter_fields(weight, class_mean_maps(maps, labels, classes=4))
    logits = maps.reshape(60, -1) @ weight.T
    means = np.stack([logits[labels == label].mean(0) for label in range(4)])
    assert np.allclose(fields.sum(0), means, atol=1e-5)


def test_neurons_have_matrices_of_rank_one(labels: np.ndarray) -> None:
    neurons = np.random.default_rng(0).random((60, 7))
    fields = single_filter_fields(
        np.random.default_rng(1).normal(size=(4, 7)), class_mean_maps(neurons, labels, classes=4)
    )
    assert np.linalg.matrix_rank(fields, tol=1e-9).tolist() == [1] * 7


def test_means_with_labels_in_any_number_and_order(maps: np.ndarray) -> None:
    labels = np.array([2] * 3 + [0] * 50 + [1] * 7)
    means = class_mean_maps(maps, labels, classes=3)
    assert np.allclose(means[2], maps[:3].mean(0), atol=1e-6)
    assert np.allclose(means[1], maps[53:].mean(0), atol=1e-6)


def test_a_head_of_another_layer_is_refused(maps: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"head of shape \(4, 44\).*give the head of this layer, \(K, 45\)"):
        single_filter_fields(np.zeros((4, 44)), class_mean_maps(maps, labels, classes=4))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(60) % 3, "no image of label 3"),
        (np.arange(60) % 5, "from 0 to 4"),
        (np.arange(59) % 4, "60 maps for 59"),
    ],
)
def test_labels_that_do_not_fit_are_refused(maps: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        class_mean_maps(maps, labels, classes=4)
    assert "\n" not in str(error.value)


def test_fields_of_single_images_average_to_the_matrices(
    maps: np.ndarray, labels: np.ndarray, weight: np.ndarray
) -> None:
    head = Head(weight=torch.from_numpy(weight), centre=torch.zeros(maps.shape[1:]))
    single = head.image_fields(torch.from_numpy(maps)).numpy()
    fields = single_filter_fields(weight, class_mean_maps(maps, labels, classes=4))
    means = np.stack([single[labels == label].mean(0) for label in range(4)], axis=1)
    assert np.allclose(fields, means, atol=1e-5)


def test_winners_leave_out_silent_filters() -> None:
    head = Head(weight=torch.tensor([[1.0, 2.0], [0.0, 3.0]]), centre=torch.zeros(2))
    maps = torch.tensor([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    won = image_winners(head, maps)
    assert won[:, 0].tolist() == [[1, 0], [0, 0], [1, 0]]
    assert won[:, 1].tolist() == [[0, 1], [0, 1], [0, 0]]


def test_winner_statistics() -> None:
    rates = np.array([[[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.0, 0.0, 0.5]], np.zeros((3, 3))])
    found = winner_statistics(rates)
    assert found.single_accuracy[0] == pytest.approx((0.9 + 0.4 + 0.5) / 3)
    assert found.winner_constancy[0] == pytest.approx(2 / 3)
    assert found.winner_share[0] == pytest.approx(1.5 / 2.5)
    assert all(np.isnan(value[1]) for value in vars(found).values())
    of_others = winner_statistics(rates, np.array([1, 0]))
    assert of_others.winner_share[0] == pytest.approx(0.5 / 2.5)
    assert of_others.winner_constancy[0] == found.winner_constancy[0]


def test_a_filter_that_votes_at_random_has_no_favourite() -> None:
    """Of 60 images and ten outputs the most frequent winner has 16 % on the images that chose it, and 10 % elsewhere."""
    won = np.eye(10)[np.random.default_rng(0).integers(10, size=(2, 60, 400))]
    chosen, judged = won.reshape(2, 10, 6, 400, 10).mean(2).transpose(0, 2, 1, 3)
    assert winner_statistics(chosen).winner_share.mean() > 0.15
    assert winner_statistics(judged, favourites(chosen)).winner_share.mean() == pytest.approx(0.1, abs=0.01)


def test_fields_that_cannot_be_clipped() -> None:
    assert clip_fields([[2, 1], [0, 1]], 0.4).tolist() == [[True, True], [False, True]]
    for threshold in (0, 1, -1, 1.5):
        with pytest.raises(InputError, match="give a share between 0 and 1"):
            clip_fields(np.eye(2), threshold)
    with pytest.raises(InputError, match="holds NaN"):
        clip_fields(np.array([[1.0, np.nan], [0.0, 1.0]]))


def test_a_head_with_other_outputs_than_labels() -> None:
    with pytest.raises(InputError, match="3 outputs on maps of 10 labels"):
        single_filter_fields(np.ones((3, 16)), np.ones((10, 4, 2, 2)))


def test_a_head_is_the_sum_of_its_filters_bias_included(maps: np.ndarray, labels: np.ndarray) -> None:
    torch.manual_seed(0)
    images = torch.from_numpy(maps)
    moments = Moments()
    moments.add(images.flatten(1))
    mean, scale = moments.centre_and_scale()
    assert scale == pytest.approx(float((images.flatten(1) - mean).square().mean().sqrt()), rel=1e-6)
    head = Head(weight=torch.randn(4, mean.numel()), centre=mean.reshape(images.shape[1:]))
    single, matrices = head.image_fields(images), head.matrices(class_mean_maps(maps, labels, classes=4))
    affine = images.flatten(1) @ head.weight.T - head.weight @ mean
    assert torch.allclose(single.sum(1), affine, atol=1e-4)
    assert torch.allclose(head(images), affine, atol=1e-4)
    means = np.stack([single[labels == label].mean(0) for label in range(4)], axis=1)
    assert np.allclose(matrices, means, atol=1e-5)


def test_a_filter_that_never_changes_says_nothing() -> None:
    images = torch.randn(1000, 2, 3, generator=torch.Generator().manual_seed(0))
    images[:, 1] = torch.tensor([0.1, -7.3, 1e5])
    moments = Moments()
    moments.add(images.flatten(1))
    mean, _ = moments.centre_and_scale()
    head = Head(weight=torch.ones(4, 6), centre=mean.reshape(2, 3))
    assert not head.image_fields(images)[:, 1].any()
    assert not image_winners(head, images)[:, 1].any()
