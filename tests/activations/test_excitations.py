"""Streamed sums against patches cut out by hand, for every kind of layer, and what the file holds of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from probecore.activations import Activations, excitations as module
from probecore.activations.excitations import RESPONSES, ExcitationStream, halves_of
from probecore.activations.params import ExcitationParams
from probecore.errors import InputError

LAYERS = {
    "padded": (nn.Conv2d(2, 4, 3, padding=1), (2, 7, 8)),
    "many channels": (nn.Conv2d(6, 3, 3, padding=1), (6, 7, 8)),
    "strided, dilated, grouped": (nn.Conv2d(6, 4, (3, 4), stride=(2, 1), padding=(2, 1), groups=2, dilation=(1, 2)), (6, 12, 13)),
    "few channels, strided": (nn.Conv2d(1, 4, (2, 3), stride=2, dilation=(2, 1)), (1, 9, 11)),
    "large": (nn.Conv2d(2, 4, 3, padding=1), (2, 14, 13)),
    "large, grouped, uneven": (nn.Conv2d(4, 4, (2, 3), groups=2, padding="same", dilation=(1, 2)), (4, 13, 25)),
    "even kernel": (nn.Conv2d(2, 4, 4, padding="same"), (2, 9, 9)),
    "reflected": (nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), (2, 7, 8)),
    "pointwise": (nn.Conv2d(3, 4, 1), (3, 5, 5)),
    "linear": (nn.Linear(5, 3), (5,)),
    "linear on tokens": (nn.Linear(5, 3), (7, 5)),
}  # fmt: skip


def patches_by_hand(layer: nn.Module, x: torch.Tensor, dilation: int) -> torch.Tensor:
    """Patches of one image, (positions, channels x kernel), read tap by tap from a padded map."""
    if isinstance(layer, nn.Linear):
        return x.reshape(-1, x.shape[-1])
    positions = layer(x[None]).shape[2:]
    kernel, own, stride = layer.kernel_size, layer.dilation, layer.stride
    reach = [(k - 1) * d for k, d in zip(kernel, own, strict=True)]
    padding = [r // 2 for r in reach] if layer.padding == "same" else layer.padding
    if layer.padding_mode == "reflect":
        x, padding = nn.functional.pad(x[None], (1, 1, 1, 1), mode="reflect")[0], (0, 0)
    far = 40
    padded = nn.functional.pad(x, (far,) * 4)
    rows = []
    for u in np.ndindex(*positions):
        start = [far + u[a] * stride[a] - padding[a] - reach[a] * (dilation - 1) // 2 for a in (0, 1)]
        taps = [[start[a] + i * own[a] * dilation for i in range(kernel[a])] for a in (0, 1)]
        rows.append(padded[:, taps[0]][:, :, taps[1]].reshape(-1))
    return torch.stack(rows)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_sums_equal_those_of_patches(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_IMAGES", 3)
    monkeypatch.setattr(module, "VALUES_AT_ONCE", 1)
    torch.manual_seed(0)
    layer, shape = LAYERS[name]
    n, k = 20, 3
    x = torch.randn(n, *shape)
    with torch.no_grad():
        phi = torch.tanh(layer(x))
    classes = torch.arange(n) % k
    halves = torch.from_numpy(halves_of(classes.numpy()))
    stream = ExcitationStream(layer, classes=k, dilations=(2, 3), covariance_images=15)
    for part in (slice(0, 9), slice(9, n)):
        stream.add(x[part], phi[part], classes[part], halves[part])
    sums = stream.result()
    has_kernel = isinstance(layer, nn.Conv2d) and max(layer.kernel_size) > 1
    assert sums.dilations.tolist() == ([1, 2, 3] if has_kernel else [1])
    responses = phi.flatten(2).transpose(1, 2) if isinstance(layer, nn.Conv2d) else phi.reshape(n, -1, phi.shape[-1])
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    filters = responses.shape[2]
    for half in (0, 1):
        chosen = [i for i in range(n) if halves[i] == half]
        for index, dilation in enumerate(sums.dilations.tolist()):
            patches = {i: patches_by_hand(layer, x[i], dilation).double() for i in chosen}
            per_image = {
                i: torch.cat(
                    [
                        responses[i].double().T[f][None] @ patches[i].chunk(groups, 1)[f * groups // filters]
                        for f in range(filters)
                    ]
                )
                for i in chosen
            }
            close(sums.by_dilation[index, half], sum(per_image.values()))
            close(sums.patches[index, half], sum(patches[i].sum(0) for i in chosen))
            if dilation == 1:
                for label in range(k):
                    of_class = [i for i in chosen if classes[i] == label]
                    close(sums.by_class[half, label], sum(per_image[i] for i in of_class))
                    assert sums.images[half, label] == len(of_class)
                    values = responses[of_class].flatten(0, 1)
                    expected = [
                        values.sum(0),
                        values.abs().sum(0),
                        (values**2).sum(0),
                        (values > 0).sum(0),
                        values.amax(0),
                    ]
                    close(sums.responses[half, label], torch.stack(expected))
                counted = [i for i in chosen if i < 15]
                assert sums.covariance_images[half] == len(counted)
                close(sums.covariance[half], sum(patches[i].T @ patches[i] for i in counted))
        shape_of_map = sums.maps.shape[1:]
        close(sums.maps[half], responses[chosen].sum(0).T.reshape(shape_of_map))
    assert len(RESPONSES) == sums.responses.shape[2]


def close(found: np.ndarray, expected: torch.Tensor) -> None:
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=2e-4)


def test_halves_have_the_same_classes() -> None:
    labels = np.array([0, 0, 1, 0, 1, 0, 1, 2, 2])
    halves = halves_of(labels)
    for label in range(3):
        counts = np.bincount(halves[labels == label], minlength=2)
        assert abs(counts[0] - counts[1]) <= 1
    assert halves_of(np.arange(10) % 2).sum() == 4


def test_only_conv_and_linear_layers() -> None:
    with pytest.raises(InputError, match="ConvTranspose2d is no Conv2d or Linear"):
        ExcitationStream(nn.ConvTranspose2d(1, 1, 3))


def test_large_layers_have_no_covariance() -> None:
    stream = ExcitationStream(nn.Linear(1025, 2), covariance_images=5)
    zeros = torch.zeros(3, dtype=torch.int64)
    stream.add(torch.ones(3, 1025), torch.ones(3, 2), zeros, zeros)
    assert stream.result().covariance.shape == (2, 0, 0)


def test_file_holds_what_the_layers_and_their_activations_gave(
    dump: Callable[..., Path], network: nn.Module, images: np.ndarray, labels: np.ndarray
) -> None:
    params = ExcitationParams(layers=["*"], dilations=[2], covariance_images=7)
    with Activations(dump(store=["maps"], excitations=params)) as activations:
        activations.verify()
        assert activations.excitation_layers(20, "test") == ["conv1", "conv2", "head.2"]
        x = (torch.from_numpy(images).float() - 127.5) / 255
        halves = torch.from_numpy(halves_of(labels))
        pooled = torch.from_numpy(activations.maps(20, "test", "pool#1")[:])
        for name, layer, given, active in (
            ("conv1", network.conv1, x, "relu#1"),  # type: ignore[attr-defined]
            ("conv2", network.conv2, pooled, "relu#2"),  # type: ignore[attr-defined]
        ):
            phi = torch.from_numpy(activations.maps(20, "test", active)[:])
            stream = ExcitationStream(layer, classes=5, dilations=(2,), covariance_images=7)
            stream.add(given, phi, torch.from_numpy(labels), halves)
            for field, expected in stream.result()._asdict().items():
                found = getattr(activations.excitation_sums(20, "test", name), field)
                np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
        logits = activations.logits(20, "test")
        last = activations.excitation_sums(20, "test", "head.2")
        np.testing.assert_allclose(last.responses[:, :, 0].sum((0, 1)), logits.sum(0), rtol=1e-4)


def test_first_images_and_pooled_classes(dump: Callable[..., Path]) -> None:
    params = ExcitationParams(layers=["conv1"], images=21, by_class=False, covariance_images=0)
    with Activations(dump(store=(), excitations=params)) as activations:
        sums = activations.excitation_sums(20, "test", "conv1")
        assert activations.layers(20, "test") == []
    assert sums.images.tolist() == [[11], [10]]
    assert sums.covariance.shape == (2, 0, 0)


def test_batches_do_not_matter(dump: Callable[..., Path]) -> None:
    found = []
    for batch in (7, 50):
        path = dump(name=f"{batch}.h5", store=(), excitations=ExcitationParams(), batch=batch)
        with Activations(path) as activations:
            found.append(activations.excitation_sums(20, "test", "conv2"))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_errors(dump: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="no layer 'convx'; did you mean 'conv"):
        dump(excitations=ExcitationParams(layers=["convx"]))
    with Activations(dump()) as activations:
        assert activations.excitation_layers(20, "test") == []
        with pytest.raises(InputError, match="holds no excitations; add `activations.excitations`"):
            activations.excitation_sums(20, "test", "conv1")
