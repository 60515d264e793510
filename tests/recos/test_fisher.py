"""Fisher ratios: against plain sums, what chance gives, and that intervals cover."""

import numpy as np
import pytest
import torch

from probecore.measures.recos.fisher import fisher_ratio


def data(effect: float, *, n: int = 120, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.arange(n) % 4)
    maps = rng.normal(size=(n, 3, 2, 5)) + effect * groups[:, None, None, None] * np.arange(3)[:, None, None]
    return torch.from_numpy(maps.astype(np.float32)), groups


def test_it_is_scatter_between_over_scatter_within_without_their_biases() -> None:
    maps, groups = data(0.5)
    values = maps.double().numpy()
    means = np.stack([values[groups == group].mean(0) for group in range(4)])
    within = ((values - means[groups]) ** 2).sum((0, 2, 3)) / 116
    between = ((means[groups] - values.mean(0)) ** 2).sum((0, 2, 3)) / 120 - 3 / 120 * within
    result = fisher_ratio(maps, groups, generator=np.random.default_rng(0))
    assert result.value[:3] == pytest.approx(between / within, rel=1e-5)
    assert result.value[3] == pytest.approx(between.sum() / within.sum(), rel=1e-5)
    assert (result.n, result.null) == (120, 0)
    assert (result.low < result.value).all() and (result.value < result.high).all()
    assert result.p[2] == pytest.approx(0.01)


def test_groups_that_mean_nothing_give_the_null() -> None:
    values, p, covered = [], [], 0
    for seed in range(60):
        maps, groups = data(0.0, seed=seed)
        result = fisher_ratio(maps, groups, generator=np.random.default_rng(seed), resamples=19)
        values.append(result.value[3])
        p.append(result.p[3])
        covered += result.low[3] <= 0 <= result.high[3]
    assert abs(np.mean(values)) < 4 * np.std(values) / len(values) ** 0.5
    assert 0.3 < np.mean(p) < 0.7
    assert covered >= 55


@pytest.mark.parametrize("n", [40, 200, 1000])
def test_intervals_cover_whatever_the_number_of_images(n: int) -> None:
    """With one bias of two removed the interval of many places covered 0 to 24 %."""
    rng, places, covered, values = np.random.default_rng(1), 50, 0, []
    groups = np.repeat(np.arange(4), np.array([1, 2, 3, 4]) * n // 10)
    means = np.linspace(-1, 1, 4)[:, None] * 0.7 * rng.choice([-1, 1], places)
    spread = np.array([0.5, 1.0, 1.5, 1.0])
    share = np.array([0.1, 0.2, 0.3, 0.4])
    truth = (share @ (means - share @ means) ** 2).sum() / (places * share @ spread**2)
    for seed in range(60):
        maps = means[groups] + spread[groups, None] * rng.normal(size=(n, places))
        result = fisher_ratio(
            torch.from_numpy(maps[:, None, :, None]), groups, generator=np.random.default_rng(seed), resamples=1
        )
        values.append(result.value[1])
        covered += result.low[1] <= truth <= result.high[1]
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / 60**0.5)
    assert covered >= 53


def test_images_alone_in_their_group_are_left_out() -> None:
    maps, groups = data(0.5)
    alone = np.concatenate([groups, [7]])
    with_one, without = (
        fisher_ratio(part, labels, generator=np.random.default_rng(0))
        for part, labels in ((torch.cat([maps, maps[:1]]), alone), (maps, groups))
    )
    assert with_one.n == without.n == 120
    assert np.array_equal(with_one.value, without.value)
    assert np.isnan(fisher_ratio(maps, np.arange(120), generator=np.random.default_rng(0)).value).all()
    assert np.isnan(fisher_ratio(maps, np.zeros(120, int), generator=np.random.default_rng(0)).value).all()


def test_maps_without_variance_have_no_ratio() -> None:
    maps, groups = data(1.0)
    maps[:, 0] = 0.3
    result = fisher_ratio(maps, groups, generator=np.random.default_rng(0))
    assert np.isnan(result.value[0]) and np.isnan(result.p[0])
    assert np.isfinite(result.value[1:]).all()


def test_plain_values_are_maps_of_one_place() -> None:
    maps, groups = data(0.5)
    flat, one = (
        fisher_ratio(part, groups, generator=np.random.default_rng(0))
        for part in (maps[:, :, 0, 0], maps[:, :, :1, :1])
    )
    assert np.array_equal(flat.value, one.value)
    assert np.array_equal(flat.low, one.low)


def test_a_map_that_one_image_changes_has_a_ratio_and_no_interval() -> None:
    maps, groups = data(1.0)
    maps[1:, 0] = maps[0, 0] = 0.0
    maps[5, 0] = 3.0
    result = fisher_ratio(maps, groups, generator=np.random.default_rng(0))
    assert abs(result.value[0]) < 0.1
    assert np.isnan(result.low[0]) and np.isnan(result.high[0])
