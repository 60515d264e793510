"""What the pruning literature asks of a filter: functions of its weights, its maps and their gradients."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from probecore.models import Block
from probecore.models.kinds import units_first
from probecore.models.tracing import listening

Array: TypeAlias = npt.NDArray[np.float64]

RANKED_IMAGES = 50
"""Images over which ranks of maps are averaged; they vary little between images, which is HRank's point."""


class PerImage(NamedTuple):
    """What a block's filters do on single images, each (N, F)."""

    means: Array
    """Of the map."""
    zeros: Array
    """The fraction of the activation's map that is 0."""
    products: Array
    """Sum over the map of the loss's gradient times the map."""


def weight_baselines(weight: Tensor, gamma: Tensor | None = None) -> dict[str, Array]:
    """Compute what the weights alone say of a layer's filters, (F,) each.

    Parameters
    ----------
    weight : shape (F, ...)
    gamma : scales of the batch normalisation that follows, (F,), if one does

    Returns
    -------
    dict
        ``weight_norm_l1`` and ``weight_norm_l2`` (arXiv 1608.08710); ``geometric_median_distance``, the sum of
        distances to the layer's other filters (FPGM, arXiv 1811.00250); ``bn_gamma``, absolute (arXiv 1708.06519).
    """
    flat = weight.detach().flatten(1).double()
    found = {
        "weight_norm_l1": flat.abs().sum(1),
        "weight_norm_l2": flat.norm(dim=1),
        "geometric_median_distance": torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist").sum(1),
    }
    if gamma is not None:
        found["bn_gamma"] = gamma.detach().abs().double()
    return {name: values.cpu().numpy() for name, values in found.items()}


def activation_baselines(per_image: PerImage, images: npt.NDArray[np.int64]) -> dict[str, Array]:
    """Compute what some of the images say of a block's filters, (F,) each.

    Returns
    -------
    dict
        ``activation_mean`` and ``activation_variance`` over images, of the map's mean; ``apoz``, the average fraction
        of zeros (arXiv 1607.03250); ``taylor``, the mean of |Σ g a| (arXiv 1611.06440);
        ``gradient_times_activation``, the mean of -Σ g a, the loss increase that a first-order expansion expects at 0;
        ``empirical_fisher``, half the mean of (Σ g a)² (arXiv 1801.05787).
    """
    means, zeros, products = (each[images] for each in per_image)
    return {
        "activation_mean": means.mean(axis=0),
        "activation_variance": means.var(axis=0, ddof=1),
        "apoz": zeros.mean(axis=0),
        "taylor": np.abs(products).mean(axis=0),
        "gradient_times_activation": -products.mean(axis=0),
        "empirical_fisher": (products**2).mean(axis=0) / 2,
    }


def map_ranks(maps: Tensor) -> Array:
    """Compute the rank of each map of (N, F, H, W) as a matrix, (N, F), for HRank (arXiv 2002.10179)."""
    return np.asarray(torch.linalg.matrix_rank(maps).double().cpu().numpy())


def block_gradients(
    model: nn.Module, blocks: Sequence[Block], inputs: Tensor, labels: Tensor
) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Run labelled inputs (N, ...) forward and back through a network in evaluation mode.

    Returns
    -------
    dict
        For each block, by its layer: what it gives (N, F, ...), the gradient of each image's loss with regard to that,
        and what its activation gives; that of the block where it has none.
    """
    kept: dict[tuple[str, int], Tensor] = {}

    def keep(name: str, index: int, _inputs: Any, output: Tensor) -> Tensor:
        kept[name, index - 1] = output
        return output.clone()  # what follows may work in place

    names = {name for block in blocks for name in (block.output, block.activation) if name is not None}
    with torch.enable_grad(), listening(model, sorted(names), keep):
        logits = model(inputs.detach().clone().requires_grad_())
        loss = cross_entropy(logits, labels, reduction="sum")
    outputs = [kept[block.output, block.output_call] for block in blocks]
    gradients = torch.autograd.grad(loss, outputs)
    active = [kept[block.activation or block.output, block.activation_call if block.activation else block.output_call]
              for block in blocks]  # fmt: skip
    return {
        block.layer: tuple(units_first(each.detach(), block.axis) for each in (output, gradient, activation))  # type: ignore[misc]
        for block, output, gradient, activation in zip(blocks, outputs, gradients, active, strict=True)
    }


def per_image(maps: Tensor, gradients: Tensor, activations: Tensor) -> PerImage:
    """Reduce maps (N, F, ...) and their gradients to what single images say."""

    def reduced(values: Tensor, how: str) -> Array:
        flat = values.flatten(2) if values.ndim > 2 else values[..., None]
        return np.asarray(getattr(flat.double(), how)(2).cpu().numpy())

    zeros = (activations == 0).double()
    return PerImage(reduced(maps, "mean"), reduced(zeros, "mean"), reduced(maps * gradients, "sum"))
