"""What a network predicts: the class with the largest output. Correct is what is predicted as labelled."""

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor, nn

from probecore.models.tracing import evaluating

CHUNK = 500
"""Images per forward pass outside of training."""

LARGE = 3 * 64 * 64
"""Values of an input; of larger ones fewer run at once, so that memory does not grow with them."""


def at_once(shape: Sequence[int], most: int = CHUNK) -> int:
    """How many inputs of a shape, without the batch axis, run in one forward pass.

    Examples
    --------
    >>> at_once((3, 32, 32)), at_once((3, 224, 224))
    (500, 40)
    """
    return max(1, most * LARGE // max(LARGE, prod(shape)))


def predicted(logits: Tensor) -> Tensor:
    """Return the class of each image, int64 (N,), of logits (N, K): of the largest; of equal ones the first."""
    return logits.argmax(1)


def correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Return which images are predicted as labelled, bool (N,)."""
    return predicted(logits) == labels


def correct_images(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    scale: Callable[[Tensor], Tensor] | None = None,
    size: int | None = None,
) -> Tensor:
    """Find which images a network predicts as labelled, bool (N,), in evaluation mode and without gradients.

    Parameters
    ----------
    model : network
    inputs, labels : (N, ...) and (N,)
    scale : makes the network's input of a part of `inputs`; None where they are that already
    size : images per forward pass; by default as many as `at_once` says
    """
    size = size or at_once(inputs.shape[1:])
    parts = zip(inputs.split(size), labels.split(size), strict=True)
    with evaluating(model):
        return torch.cat([correct(model(scale(part) if scale else part), shown) for part, shown in parts])
