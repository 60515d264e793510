"""Sphere correlations against the matrix of all patches, and what is refused."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from probecore.dataset.composites import textures
from probecore.errors import InputError
from probecore.measures.recos import anchor_vectors, position_vectors, sphere_correlations
from probecore.measures.recos.geometry import FLAT, embed, sample_patches


@pytest.fixture(scope="module")
def photographs() -> Tensor:
    return torch.from_numpy(textures((3, 24, 24)).seen[::10]).float().sub(127.5).div(255)


@pytest.fixture(scope="module")
def digits() -> Tensor:
    """Mostly flat, like MNIST, with a little noise."""
    generator = torch.Generator().manual_seed(0)
    images = torch.full((12, 1, 20, 20), -0.5)
    images[:, :, 6:14, 8:12] = torch.rand(12, 1, 8, 4, generator=generator) - 0.5
    images[:, :, 0, 0] += 1 / 255
    return images


def explicit(layer: nn.Conv2d, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines (N, F, P) and near-flat patches (N, G, P), from all patches in double precision."""
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    padded = nn.functional.pad(inputs.double(), layer._reversed_padding_repeated_twice, mode=mode)
    patches = nn.functional.unfold(padded, layer.kernel_size, dilation=layer.dilation, stride=layer.stride)
    patches = patches.view(len(inputs), layer.groups, -1, patches.shape[2])
    centred = patches - patches.mean(2, keepdim=True)
    limit = FLAT * inputs.double().flatten(1).std(dim=1, correction=0)
    flat = patches.std(dim=2, correction=0) <= limit[:, None, None]
    weight = layer.weight.detach().double().flatten(1)
    anchors = weight - weight.mean(1, keepdim=True)
    anchors = (anchors / anchors.norm(dim=1, keepdim=True)).view(layer.groups, -1, weight.shape[1])
    cosines = torch.einsum("ngdp,gfd->ngfp", centred / centred.norm(dim=2, keepdim=True), anchors)
    return cosines.flatten(1, 2), flat


LAYERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "padded": {"padding": 2},
    "strided": {"padding": (1, 2), "stride": (2, 1)},
    "dilated": {"padding": "same", "dilation": 2},
    "reflected": {"padding": 1, "padding_mode": "reflect"},
    "long": {"kernel_size": (3, 5)},
}


@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("images", ["photographs", "digits"])
def test_the_convolution_equals_all_patches(
    options: dict[str, Any], images: str, request: pytest.FixtureRequest
) -> None:
    inputs = request.getfixturevalue(images)
    torch.manual_seed(0)
    layer = nn.Conv2d(inputs.shape[1], 4, **{"kernel_size": 5, **options})
    result = sphere_correlations(layer, inputs, batch=5)
    cosines, flat = explicit(layer, inputs)
    assert torch.equal(result.flat.flatten(2), flat)
    assert flat.any() == (images == "digits" and "dilation" not in options)
    difference = (result.cosines.flatten(2) - cosines).masked_fill(flat, 0)
    assert difference.abs().max() < 1e-5
    assert (result.cosines.flatten(2).masked_fill(~flat, 0) == 0).all()


def test_grouped_convolutions_have_patches_per_group() -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Conv2d(6, 12, 3, padding=1, groups=3), torch.randn(4, 6, 7, 7)
    inputs[:, :2, :4] = inputs.flatten(1).median()
    result = sphere_correlations(layer, inputs)
    cosines, flat = explicit(layer, inputs)
    assert result.flat.shape == (4, 3, 7, 7)
    assert torch.equal(result.flat.flatten(2), flat) or flat.sum() == result.flat.sum()
    outside = ~flat.repeat_interleave(4, 1)
    assert (result.cosines.flatten(2) - cosines)[outside].abs().max() < 1e-5


def test_a_linear_layer_sees_one_patch_and_tokens_are_many() -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Linear(7, 3), torch.randn(5, 7) + 3
    expected = torch.stack([torch.corrcoef(torch.cat([inputs, layer.weight.detach()]))[:5, 5 + f] for f in range(3)], 1)
    assert torch.allclose(sphere_correlations(layer, inputs).cosines, expected, atol=1e-6)
    tokens = sphere_correlations(layer, inputs[None])
    assert tokens.cosines.shape == (1, 3, 5)
    assert torch.allclose(tokens.cosines[0].T, expected, atol=1e-6)
    assert tokens.flat.shape == (1, 1, 5)


@pytest.mark.parametrize("value", [0.0, -0.5, 3.0])
def test_flat_images_have_no_directions(value: float) -> None:
    inputs = torch.full((2, 1, 8, 8), value)
    result = sphere_correlations(nn.Conv2d(1, 3, 3), inputs)
    assert result.flat.all() and (result.cosines == 0).all()
    assert len(sample_patches(nn.Conv2d(1, 3, 3), inputs, 50, torch.Generator())) == 0
    linear = sphere_correlations(nn.Linear(64, 3), inputs.flatten(1))
    assert linear.flat.all() and (linear.cosines == 0).all()


def test_anchors_have_no_mean_and_unit_length_and_positions_are_their_columns() -> None:
    layer = nn.Conv2d(2, 4, 3)
    with torch.no_grad():
        layer.weight[1] = 0.7
    anchors = anchor_vectors(layer)
    assert anchors.shape == (4, 18)
    assert anchors.sum(1).abs().max() < 1e-6
    assert anchors.norm(dim=1).tolist() == pytest.approx([1, 0, 1, 1])
    assert torch.equal(position_vectors(layer)[5], layer.weight.detach().flatten(1)[:, 5])


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.ReLU(), "ReLU: has no anchors"),
        (nn.BatchNorm2d(3), "BatchNorm2d: has no anchors"),
        (nn.Conv1d(1, 2, 3), "Conv1d: has no anchors"),
        (nn.ConvTranspose2d(1, 2, 3), "ConvTranspose2d: has no anchors"),
        (nn.Conv2d(4, 4, 1, groups=4), "Conv2d: one weight per filter"),
        (nn.Linear(1, 2), "Linear: one weight per filter"),
    ],
)
def test_other_layers_are_refused_by_name(layer: nn.Module, message: str) -> None:
    for function in (anchor_vectors, position_vectors, lambda layer: sphere_correlations(layer, torch.zeros(1, 4))):
        with pytest.raises(InputError, match=message):
            function(layer)


def test_sampled_patches_are_patches(photographs: Tensor) -> None:
    layer = nn.Conv2d(3, 2, 5, stride=3, dilation=2)
    sampled = sample_patches(layer, photographs, 40, torch.Generator().manual_seed(1))
    everything = nn.functional.unfold(photographs, 5, stride=3, dilation=2).transpose(1, 2).flatten(0, 1)
    everything = nn.functional.normalize(everything - everything.mean(1, keepdim=True))
    assert sampled.shape == (40, 75)
    assert (sampled @ everything.T).max(1).values.min() > 1 - 1e-5


def test_an_embedding_of_a_plane_keeps_distances() -> None:
    angles = torch.arange(6) * math.pi / 4
    plane = torch.stack([angles.cos(), angles.sin()], 1)
    vectors = plane @ torch.linalg.qr(torch.randn(9, 2, generator=torch.Generator().manual_seed(0)))[0].T
    assert torch.allclose(
        torch.cdist(embed(3 * vectors), embed(3 * vectors)).float(), torch.cdist(plane, plane), atol=1e-5
    )
    assert embed(vectors[:1]).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(("share", "is_flat"), [(0.8, True), (1.2, False)])
def test_the_threshold_is_one_percent_of_the_inputs_deviation(share: float, is_flat: bool) -> None:
    inputs = torch.randn(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    patch = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    for _ in range(3):
        inputs[0, 0, :2, :2] = 2 + share * FLAT * inputs.double().std(correction=0).float() * patch
    result = sphere_correlations(nn.Conv2d(1, 1, 2), inputs)
    assert bool(result.flat[0, 0, 0, 0]) == is_flat
    assert result.flat.sum() == is_flat


def test_inputs_in_double_precision(photographs: Tensor) -> None:
    layer = nn.Conv2d(3, 2, 3)
    single, double = (sphere_correlations(layer, each).cosines for each in (photographs, photographs.double()))
    assert torch.equal(single, double)


def test_inputs_that_do_not_fit_are_refused(photographs: Tensor) -> None:
    conv, linear = nn.Conv2d(3, 2, 3), nn.Linear(5, 2)
    for layer, inputs, message in (
        (conv, photographs[:, :2], r"reads \(N, 3, H, W\)"),
        (conv, photographs[0], r"reads \(N, 3, H, W\)"),
        (conv, photographs[:0], "one input at least"),
        (conv, photographs / 0, "NaN or infinite"),
        (linear, torch.rand(4, 6), r"reads \(N, ..., 5\)"),
    ):
        with pytest.raises(InputError, match=message):
            sphere_correlations(layer, inputs)
    with pytest.raises(InputError, match="batch: 0; give 1 or more"):
        sphere_correlations(conv, photographs, batch=0)
    with pytest.raises(InputError, match="MaxPool2d: has no anchors"):
        sphere_correlations(nn.MaxPool2d(2), photographs, vectors=torch.eye(3))
