"""Excitations from sums against their definitions on patches."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import unfold

from probecore.activations.excitations import ExcitationStream, ExcitationSums
from probecore.errors import InputError
from probecore.measures.anova import (
    activation_weighted_patch,
    feature_map_statistics,
    gradient_outer_product,
    mean_patch,
    patch_covariance,
)
from probecore.measures.anova.excitations import (
    covariance_of,
    map_predictors,
    mean_maps,
    patch_predictors,
    statistics_of,
)

CLASSES, IMAGES = 2, 24


def split(layer: nn.Conv2d, seed: int) -> tuple[ExcitationSums, np.ndarray, np.ndarray, np.ndarray]:
    """Sums of a layer over random images, and its patches (N, P, T), responses (N, P, F) and halves (N,)."""
    torch.manual_seed(seed)
    x = torch.randn(IMAGES, 2, 6, 6)
    labels, halves = torch.arange(IMAGES) % CLASSES, (torch.arange(IMAGES) // CLASSES) % 2
    with torch.no_grad():
        phi = torch.relu(layer(x) - 0.2)
    stream = ExcitationStream(layer, classes=CLASSES, dilations=(1, 2), covariance_images=IMAGES)
    stream.add(x, phi, labels, halves)
    patches = unfold(x, 3, padding=1).transpose(1, 2).numpy()
    return stream.result(), patches, phi.flatten(2).transpose(1, 2).numpy(), halves.numpy()


@pytest.fixture(scope="module")
def layer() -> nn.Conv2d:
    torch.manual_seed(5)
    return nn.Conv2d(2, 4, 3, padding=1)


def flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1])


def test_relations_take_the_right_images(layer: nn.Conv2d) -> None:
    (train, x, phi, _), (test, y, psi, halves) = split(layer, 0), split(layer, 1)
    for weighted, definition in ((True, activation_weighted_patch), (False, mean_patch)):
        found = patch_predictors(train, test, weighted=weighted)
        whole = definition(flat(x), flat(phi))
        parts = [definition(flat(y[halves == half]), flat(psi[halves == half])) for half in (0, 1)]
        np.testing.assert_allclose(found["R1"].values, whole, atol=1e-5)
        np.testing.assert_allclose(found["R2"].values, parts[0], atol=1e-5)
        np.testing.assert_allclose(found["R3"].values, whole - parts[1], atol=1e-5)
        assert found["R2"].reliability == pytest.approx(np.corrcoef(parts[0].ravel(), parts[1].ravel())[0, 1], abs=1e-4)
        absolute = patch_predictors(train, test, weighted=weighted, absolute=True)["R3"].values
        np.testing.assert_allclose(absolute, np.abs(whole - parts[1]), atol=1e-5)


def test_one_class(layer: nn.Conv2d) -> None:
    (train, x, phi, _), (test, *_) = split(layer, 0), split(layer, 1)
    of_class = np.arange(IMAGES) % CLASSES == 1
    found = patch_predictors(train, test, label=1)["R1"].values
    np.testing.assert_allclose(found, activation_weighted_patch(flat(x[of_class]), flat(phi[of_class])), atol=1e-5)


def test_maps_and_covariance(layer: nn.Conv2d) -> None:
    (train, x, phi, halves), (test, *_) = split(layer, 0), split(layer, 1)
    statistics = feature_map_statistics(flat(phi))
    for name, values in statistics_of(train).items():
        np.testing.assert_allclose(values, statistics[name], atol=1e-4)
    np.testing.assert_allclose(map_predictors(train, test)["R1"].values[:, 0], statistics["mean"], atol=1e-5)
    np.testing.assert_allclose(covariance_of(train, [0, 1]), patch_covariance(flat(x)), atol=1e-4)
    first = phi[halves == 0].mean(0).T.reshape(4, 6, 6)
    np.testing.assert_allclose(mean_maps(train, [0]), first, atol=1e-5)


def test_silent_filter_has_no_excitation() -> None:
    found = activation_weighted_patch(np.ones((5, 3)), np.array([[0.0, 1.0]] * 5))
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(found[1], np.ones(3))
    with pytest.raises(InputError, match=r"patches \(5, 3\) and responses \(4, 2\)"):
        activation_weighted_patch(np.ones((5, 3)), np.ones((4, 2)))


@pytest.mark.parametrize("training_mode", [False, True])
def test_gradient_outer_product_equals_gradients_of_patches(training_mode: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(3 * 16, 2))
    x = torch.randn(5, 2, 4, 4)
    expected = np.zeros((18, 18))
    conv, rest = model[0], model[1:]
    for image in x:
        patches = unfold(image[None], 3, padding=1)[0].T.clone().requires_grad_()
        z = (patches @ conv.weight.flatten(1).T + conv.bias).T.reshape(1, 3, 4, 4)
        for output in rest(z)[0]:
            gradient = torch.autograd.grad(output, patches, retain_graph=True)[0].numpy().astype(float)
            expected += gradient.T @ gradient
    if not training_mode:
        model.requires_grad_(False)
    found = gradient_outer_product(model, conv, x)
    np.testing.assert_allclose(found, expected / (5 * 2 * 16), rtol=1e-4, atol=1e-9)
    assert all(parameter.grad is None for parameter in model.parameters())
    with pytest.raises(InputError, match="choose another layer"):
        gradient_outer_product(model, model[1], x)
    with pytest.raises(InputError, match="the network does not run this layer"):
        gradient_outer_product(model, nn.Conv2d(2, 3, 3), x)


def test_gradient_outer_product_of_a_linear_layer() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2))
    x = torch.randn(7, 1, 2, 3)
    expected = np.zeros((6, 6))
    for image in x:
        jacobian = torch.autograd.functional.jacobian(lambda v: model[1:](v), image.flatten()).numpy().astype(float)
        expected += jacobian.T @ jacobian
    np.testing.assert_allclose(gradient_outer_product(model, model[1], x), expected / 14, rtol=1e-4, atol=1e-9)
