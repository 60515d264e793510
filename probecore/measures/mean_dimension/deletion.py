"""Deletion curves: does a network need the inputs that its total indices name? The highest scores go first."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from probecore.models.tracing import evaluating
from probecore.train.evaluation import at_once, correct_images

FRACTIONS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)


def deletion_curve(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    scores: npt.NDArray[np.floating],
    *,
    fill: Tensor,
    fractions: Sequence[float] = FRACTIONS,
) -> npt.NDArray[np.int64]:
    """How many images a network gets right when the coordinates with the highest scores are replaced.

    Parameters
    ----------
    model : network
    images, labels : scaled images (N, ...) and their classes (N,)
    scores : for each image and coordinate, shape (N, D); equal scores fall in the order of the coordinates
    fill : what replaces them, in the shape of one image
    fractions : of coordinates, for each a point of the curve

    Returns
    -------
    int array of the fractions' length
    """
    place = torch.from_numpy(np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)).to(images.device)
    hits = []
    for fraction in fractions:
        removed = (place < round(fraction * place.shape[1])).view(images.shape)
        shown = torch.where(removed, fill, images)
        hits.append(int(correct_images(model, shown, labels).sum()))
    return np.array(hits)


def gradient_magnitude(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """|∂NLL/∂x| of every image (N, ...), shape (N, D)."""
    found, size = [], at_once(images.shape[1:])
    with evaluating(model), torch.enable_grad():
        for part, right in zip(images.split(size), labels.split(size), strict=True):
            inputs = part.clone().requires_grad_()
            loss = functional.cross_entropy(model(inputs), right, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, inputs)
            found.append(gradient.abs().flatten(1))
    return torch.cat(found)
