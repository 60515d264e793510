"""The polarity experiment of RECOS: do filters see the sign of a pattern?

A network is shown normal and grey-scale-reversed images, with its first-layer filters as they are
and negated (Kuo 2016, arXiv 1609.04112). Where reversing an image negates the network's input, the
two changes undo each other exactly: net(W, x) = net(-W, -x), which is the check of the whole
experiment; the design of the tables is ours, the paper's are not available to us.
"""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import nn

from probecore.errors import InputError
from probecore.train.evaluation import at_once, correct_images

Predict = Callable[[torch.Tensor], torch.Tensor]


def reverse(images: torch.Tensor) -> torch.Tensor:
    """Grey-scale reversal of uint8 images, 255 - x."""
    return 255 - images


def around_mean(images: torch.Tensor, *, scale: Predict, batch: int = 500) -> Predict:
    """Make the scaling under which images (N, ...) come reversed, each channel with its mean and deviation.

    Where 255 - x moves the mean away from what a network was trained on, this tells reversal from that move.
    """
    over = [0, *range(2, images.ndim)]
    total = torch.stack([scale(part).double().sum(over, keepdim=True) for part in images.split(batch)]).sum(0)
    mean = (total * images.shape[1] / images.numel()).float()
    return lambda part: 2 * mean - scale(part)


@contextlib.contextmanager
def negated(layer: nn.Module, filters: list[int] | None = None) -> Iterator[None]:
    """Negate the weights of a conv or linear layer inside this block, biases unchanged.

    Parameters
    ----------
    layer : module with a `weight` of shape (F, ...)
    filters : which filters, by index; None for all

    Raises
    ------
    InputError
        If the layer has no weight.
    """
    weight = weight_of(layer)
    chosen = slice(None) if filters is None else filters
    changed = weight.detach().clone()
    changed[chosen] = -changed[chosen]
    with _weights(weight, changed):
        yield


@contextlib.contextmanager
def mean_free(layer: nn.Module) -> Iterator[None]:
    """Take its mean from each filter of a conv or linear layer inside this block, biases unchanged.

    The layer then sees what it saw of patches without their mean: a·(x - μ1) = (a - ā1)·x, which is Kuo's
    constraint a₀ = -Σ aₙ on an input μ beside the patch.

    Raises
    ------
    InputError
        If the layer has no weight.
    """
    weight = weight_of(layer)
    means = weight.detach().flatten(1).mean(1).view(-1, *[1] * (weight.ndim - 1))
    with _weights(weight, weight.detach() - means):
        yield


@torch.inference_mode()
def polarity_logits(
    model: nn.Module, layer: nn.Module, images: torch.Tensor, *, scale: Predict, batch: int = 500
) -> dict[tuple[str, str], torch.Tensor]:
    """Logits of the four combinations of filters and images.

    Parameters
    ----------
    model : network in evaluation mode
    layer : its first conv or linear layer
    images : uint8 tensor of shape (N, C, H, W)
    scale : maps uint8 images to the network's input
    batch : images per forward pass, at most, see `at_once`

    Returns
    -------
    dict
        (filters, images) → tensor of shape (N, K), with filters ``plain`` or ``negated`` and images
        ``normal`` or ``reversed``.
    """

    def run(shown: torch.Tensor) -> torch.Tensor:
        return torch.cat([model(scale(part)) for part in shown.split(at_once(shown.shape[1:], batch))])

    logits = {}
    for filters in ("plain", "negated"):
        with contextlib.nullcontext() if filters == "plain" else negated(layer):
            logits[filters, "normal"] = run(images)
            logits[filters, "reversed"] = run(reverse(images))
    return logits


@torch.inference_mode()
def doubled_logits(
    model: nn.Module, layer: nn.Module, output: nn.Module, images: torch.Tensor, *, scale: Predict, batch: int = 500
) -> torch.Tensor:
    """Logits (N, K) of the network with twice as many first filters: each one, and its negative with the same bias.

    The weights of what follows serve both, halved. So the first block's output becomes its mean over both
    polarities, and where reversal negates the input the network cannot tell an image from its reversal.

    Parameters
    ----------
    output : the last module of the first block; its first call counts
    model, layer, images, scale, batch
        As in `polarity_logits`.
    """
    other: list[torch.Tensor] = []

    def keep(module: nn.Module, inputs: tuple[torch.Tensor, ...], result: torch.Tensor) -> None:
        if not other:
            other.append(result.clone())

    def average(module: nn.Module, inputs: tuple[torch.Tensor, ...], result: torch.Tensor) -> torch.Tensor:
        return (result + other.pop()) / 2 if other else result

    logits = []
    for part in images.split(at_once(images.shape[1:], batch)):
        inputs = scale(part)
        with _hooked(output, keep), negated(layer):
            model(inputs)
        with _hooked(output, average):
            logits.append(model(inputs))
    return torch.cat(logits)


def identity_error(logits: dict[tuple[str, str], torch.Tensor]) -> float:
    """Largest difference between the logits that the polarity identity says are equal.

    Exactly 0 where reversal negates the input; above 0 where it does not.
    """
    swapped = (logits["plain", "normal"] - logits["negated", "reversed"]).abs().max()
    crossed = (logits["plain", "reversed"] - logits["negated", "normal"]).abs().max()
    return float(torch.maximum(swapped, crossed))


@torch.inference_mode()
def hits_per_filter(
    model: nn.Module,
    layer: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    scale: Predict,
    batch: int = 500,
) -> torch.Tensor:
    """Which images the network gets right when one filter of `layer` at a time is negated.

    No weight changes: the filter's channel y is replaced by 2 b - y on the way, which is what negated
    weights with the same bias b give.

    Returns
    -------
    bool tensor of shape (F, N)
    """
    filters = len(weight_of(layer))
    hits = torch.empty(filters, len(images), dtype=torch.bool)
    chosen: list[int] = []

    bias = layer.get_parameter("bias") if layer.bias is not None else torch.zeros(filters)

    def flip(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        changed = output.clone()
        changed[:, chosen[0]] = 2 * bias[chosen[0]] - output[:, chosen[0]]
        return changed

    size = at_once(images.shape[1:], batch)
    with _hooked(layer, flip):
        for index in range(filters):
            chosen[:] = [index]
            hits[index] = correct_images(model, images, labels, scale=scale, size=size).cpu()
    return hits


@contextlib.contextmanager
def _hooked(module: nn.Module, hook: Callable[..., torch.Tensor | None]) -> Iterator[None]:
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextlib.contextmanager
def _weights(weight: torch.Tensor, values: torch.Tensor) -> Iterator[None]:
    original = weight.detach().clone()
    with torch.no_grad():
        weight.copy_(values)
    try:
        yield
    finally:
        with torch.no_grad():
            weight.copy_(original)


def weight_of(layer: nn.Module) -> torch.Tensor:
    """The weight of a conv or linear layer, shape (F, ...); raises `InputError` if it has none, or a derived one."""
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, nn.Parameter):
        raise InputError(f"{type(layer).__name__}: has no weight of its own; choose a plain conv or linear layer")
    return weight


def dc_share(weight: torch.Tensor) -> torch.Tensor:
    """Share of each filter's energy that lies in its mean: (Σ w)² / (n Σ w²), shape (F,).

    0 for a zero-mean filter, which does not see a change of the grey level; 1 for a flat one; for a
    direction drawn at random Beta(1/2, (n - 1)/2) with mean 1/n. A filter of zeros gives NaN.
    """
    rows = weight.detach().double().flatten(1)
    return rows.sum(1) ** 2 / (rows.shape[1] * (rows**2).sum(1))
