"""Baselines against closed forms and slow references."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from probecore.measures.atlas.baselines import (
    activation_baselines,
    block_gradients,
    map_ranks,
    per_image,
    weight_baselines,
)
from probecore.models import ablate, blocks
from probecore.models.suffix import block_outputs, rest_after
from tests.atlas.networks import NETWORKS, images_for


def test_weights_in_closed_form() -> None:
    weight = torch.tensor([[[3.0, -4.0]], [[0.0, 0.0]], [[0.0, 12.0]]])
    found = weight_baselines(weight, gamma=torch.tensor([-2.0, 0.0, 1.0]))
    np.testing.assert_allclose(found["weight_norm_l1"], [7, 0, 12])
    np.testing.assert_allclose(found["weight_norm_l2"], [5, 0, 12])
    far = np.sqrt(9 + 256)
    np.testing.assert_allclose(found["geometric_median_distance"], [5 + far, 5 + 12, 12 + far])
    np.testing.assert_allclose(found["bn_gamma"], [2, 0, 1])
    assert "bn_gamma" not in weight_baselines(weight)


@pytest.mark.parametrize("name", ["lenet", "strided", "residual"])
def test_activations_and_gradients_image_by_image(name: str) -> None:
    build, shape, places = NETWORKS[name]
    model = build()
    chosen = [blocks(model, shape)[place] for place in places]
    (inputs, labels), _ = images_for(shape)
    for block in chosen:
        maps, gradients, active = block_gradients(model, chosen, inputs, labels)[block.layer]
        torch.testing.assert_close(maps, block_outputs(model, [block], inputs)[0][block.layer])
        per = per_image(maps, gradients, active)
        rest = rest_after(model, block, inputs)
        products = []
        for image in range(len(inputs)):
            one = maps[image : image + 1].clone().requires_grad_()
            loss = cross_entropy(rest(one, torch.tensor([image])), labels[image : image + 1])
            (gradient,) = torch.autograd.grad(loss, one)
            products.append(
                (gradient * one).detach()[0].flatten(1).sum(1) if one.ndim > 2 else (gradient * one).detach()[0]
            )
        ga = torch.stack(products).double().numpy()
        found = activation_baselines(per, np.arange(len(inputs)))
        pooled = maps.double().flatten(2).mean(2).numpy() if maps.ndim > 2 else maps.double().numpy()
        for quantity, expected in {
            "activation_mean": pooled.mean(0),
            "activation_variance": pooled.var(0, ddof=1),
            "taylor": np.abs(ga).mean(0),
            "gradient_times_activation": -ga.mean(0),
            "empirical_fisher": (ga**2).mean(0) / 2,
        }.items():
            np.testing.assert_allclose(found[quantity], expected, atol=1e-6, err_msg=f"{block.layer} {quantity}")


def test_zeros_are_those_of_the_activation_not_of_the_pool_after_it() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1, 2)
    ).eval()
    model[0].get_parameter("weight").data.fill_(1)
    inputs = torch.tensor([[[[1.0, -1.0], [-2.0, 0.0]]]])
    block = blocks(model, (1, 2, 2))[0]
    parts = block_gradients(model, [block], inputs, torch.tensor([0]))[block.layer]
    assert per_image(*parts).zeros.item() == 0.75


def test_first_order_is_what_zero_ablation_of_a_small_map_costs() -> None:
    build, shape, _ = NETWORKS["lenet"]
    model = build()
    block = blocks(model, shape)[2]
    inputs, labels = images_for(shape)[0]
    for parameter in model.get_submodule("fc1").parameters():
        parameter.data *= 1e-3
    intact, ablated = ablate(model, block, [(inputs, labels)], "zero")
    per = per_image(*block_gradients(model, [block], inputs, labels)[block.layer])
    found = activation_baselines(per, np.arange(len(labels)))["gradient_times_activation"]
    np.testing.assert_allclose((ablated.loss - intact.loss).mean(1), found, atol=2e-7)
    assert np.abs(found).max() > 1e-6


def test_rank_of_maps() -> None:
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn((3, 2, 5, 2), generator=generator), torch.randn((3, 2, 2, 5), generator=generator)
    maps = torch.cat([left @ right, torch.zeros((3, 1, 5, 5)), torch.eye(5).expand(3, 1, 5, 5)], dim=1)
    assert map_ranks(maps).tolist() == [[2, 2, 0, 5]] * 3
