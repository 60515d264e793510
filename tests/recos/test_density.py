"""Sums over patches against loops, and centres of planted clusters."""

import pytest
import torch
from torch import nn

from probecore.measures.recos.density import PatchSums, RandomSets, kmeans_directions, random_directions
from probecore.measures.recos.geometry import anchor_vectors, sphere_correlations


def test_sums_are_counts_of_patches() -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Conv2d(1, 3, 3), torch.randn(5, 1, 6, 6)
    inputs[:, :, :4, :4] = 0.2
    correlations = sphere_correlations(layer, inputs)
    sums = PatchSums.joined([PatchSums.of(sphere_correlations(layer, part)) for part in inputs.split(2)])
    for n in range(5):
        patches = [
            (correlations.cosines[n, :, y, x], bool(correlations.flat[n, 0, y, x])) for y in range(4) for x in range(4)
        ]
        kept = [cosines for cosines, flat in patches if not flat]
        assert sums.patches[n].tolist() == [len(kept)] * 3
        assert sums.flat[n].tolist() == [16 - len(kept)] * 3
        assert 0 < len(kept) < 16
        for v in range(3):
            assert sums.near[n, v] == sum(cosines[v] >= 0.5 for cosines in kept)
            assert sums.nearest[n, v] == sum(cosines.argmax() == v for cosines in kept)
        angles = [torch.rad2deg(cosines.max().acos()).item() for cosines in kept]
        assert sums.angles[n].item() == pytest.approx(sum(angles), rel=1e-4)
        assert sums.histogram[n].sum() == len(kept)


def test_groups_are_counted_apart() -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Conv2d(2, 4, 3, groups=2), torch.randn(3, 2, 5, 5)
    inputs[:, 0] = inputs.median()
    inputs[:, 0, 4, 4] += 5
    sums = PatchSums.of(sphere_correlations(layer, inputs))
    assert sums.patches.tolist() == [[1, 1, 9, 9]] * 3
    assert sums.nearest.view(3, 2, 2).sum(2).tolist() == [[1, 9]] * 3


def test_random_directions_lie_on_the_sphere_of_mean_free_vectors() -> None:
    layer = nn.Conv2d(1, 6, 5)
    vectors = random_directions(layer, 2000, torch.Generator().manual_seed(0))
    assert vectors.shape == (2004, 25)
    assert vectors.sum(1).abs().max() < 1e-5
    cosines = vectors @ anchor_vectors(layer)[0]
    assert abs(cosines.square().mean() - 1 / 24) < 4 * cosines.square().std() / 2004**0.5


def test_kmeans_finds_planted_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    planted = nn.functional.normalize(torch.randn(5, 30, generator=generator))
    patches = planted.repeat(40, 1) + 0.05 * torch.randn(200, 30, generator=generator)
    patches = nn.functional.normalize(patches)
    centres = kmeans_directions(patches, 5, torch.Generator().manual_seed(3))
    assert centres is not None
    assert (centres @ planted.T).max(0).values.min() > 0.99
    assert kmeans_directions(patches[:19], 5, generator) is None


def test_sets_of_random_directions_are_measured_like_anchors() -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Conv2d(2, 4, 3, groups=2), torch.randn(30, 2, 6, 6)
    inputs[0] = 0.5
    random = RandomSets(layer, 1000, torch.Generator().manual_seed(0))
    for part in inputs.split(16):
        random.add(part)
    assert random.vectors.shape == (250, 4, 9)
    assert random.images == 30
    for index in (0, 249):
        sums = PatchSums.of(sphere_correlations(layer, inputs, vectors=random.vectors[index]))
        shares = (sums.nearest.sum(0) / sums.patches.sum(0)).view(2, 2)
        found = torch.from_numpy(random.occupancies).view(2, 250, 2)[:, index]
        assert torch.allclose(found, shares)
        assert random.layer_densities[index] == pytest.approx(float(sums.near.sum() / sums.patches.sum()))
        assert random.angles[index] == pytest.approx(float(sums.angles.sum() / sums.histogram.sum()), rel=1e-6)
    assert random.densities.mean() == pytest.approx(random.layer_densities.mean())
    assert ((random.effective > 0.25) & (random.effective <= 1)).all()


def test_wide_layers_take_fewer_sets_and_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probecore.measures.recos.density.NUMBERS", 50_000)
    monkeypatch.setattr("probecore.measures.recos.density.PRODUCTS", 1_250_000)
    layer = nn.Linear(100, 50)
    random = RandomSets(layer, 1, torch.Generator().manual_seed(0))
    assert random.vectors.shape == (10, 50, 100)
    for part in torch.randn(200, 100).split(15):
        random.add(part)
    assert random.images == 25
    assert RandomSets(nn.Linear(1000, 100), 1, torch.Generator()).vectors.shape == (1, 100, 1000)
