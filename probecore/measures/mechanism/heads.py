"""Linear heads on the blocks of a frozen network, all trained in one pass of the backbone per batch."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from probecore.determinism import torch_generator
from probecore.errors import InputError, ProbecoreError
from probecore.measures.mechanism.backbone import block_shapes
from probecore.measures.mechanism.fields import check_labels
from probecore.measures.mechanism.head import Head, Moments
from probecore.measures.mechanism.params import Heads
from probecore.models import Block
from probecore.models.suffix import block_outputs
from probecore.progress import track
from probecore.train.batches import Batches, Scaling
from probecore.train.inference import chunks
from probecore.train.params import Normalise

CACHE_BYTES = 1 << 30
"""Features kept at once where images are not augmented; blocks that do not fit together take turns."""

Features = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]
Epoch = Callable[[torch.Generator], Iterator[tuple[Features, Tensor]]]
Scales = dict[str, tuple[Tensor, float]]
"""Name of a layer → mean of its flat features and their scale."""


def train_heads(
    model: nn.Module,
    blocks: Sequence[Block],
    images: np.ndarray,
    labels: np.ndarray,
    *,
    classes: int,
    key: Sequence[str | int],
    recipe: Heads | None = None,
    normalise: Normalise | None = None,
) -> dict[str, Head]:
    """Train a linear layer on the flattened output of each block of a network that stays as it is.

    Features are standardised as `Heads.features` says, from the training images as they are; without that, how well a
    head learns follows the size of its features. The losses of all heads are summed; as no head's loss depends on
    another head, each becomes what it would become alone. Without augmentation the features are computed once and
    kept. Rates, epochs and initial weights: the authors' code.

    Parameters
    ----------
    model : network in evaluation mode
    blocks : which of its blocks
    images : uint8, shape (N, C, H, W), or float32 features (N, D)
    labels : int64, shape (N,)
    classes : number of outputs K
    key : names this unit of work; initial weights and the order of images follow from it
    recipe : rates and epochs; by default the authors'
    normalise : scaling of images; by default onto [-0.5, 0.5]

    Returns
    -------
    dict
        Name of the block's layer → `Head`, affine in the block's maps.

    Raises
    ------
    InputError
        If images and labels differ in number, or a label is unknown.
    ProbecoreError
        If a head's weights are no longer finite.
    """
    recipe, normalise = recipe or Heads(), normalise or Normalise()
    if len(images) != len(labels):
        raise InputError(f"mechanism: {len(images)} training images for {len(labels)} labels; give one label each")
    check_labels(labels, classes=classes)
    recipe = recipe.model_copy(update={"batch": min(recipe.batch, len(images))})
    device = next(model.parameters()).device
    shapes = block_shapes(model, blocks, images.shape[1:])
    scale = Scaling(normalise, images.shape[1:], device)
    heads: dict[str, Head] = {}
    if recipe.augmentation is not None:
        plain = chunks(images, labels, scale=scale, device=device)
        outputs = (_flat_outputs(model, blocks, inputs) for inputs, _ in plain)
        scales = _scales(outputs) if recipe.features == "standardised" else {}
        batches = Batches(
            images, labels, normalise=normalise, augmentation=recipe.augmentation, batch=recipe.batch, device=device
        )
        weights = _train(_augmented(model, blocks, batches, scales), shapes, classes, recipe, key, device)
        return _folded(weights, scales, shapes)
    for group in _groups(blocks, shapes, CACHE_BYTES // (4 * len(images))):
        parts = list(chunks(images, labels, scale=scale, device=device))
        features, targets = _features(model, group, parts)
        scales = {}
        if recipe.features == "standardised":
            scales = _scales([features])
            for name, (centre, spread) in scales.items():
                features[name].sub_(centre).div_(spread)
        own = {block.layer: shapes[block.layer] for block in group}
        weights = _train(_cached(features, targets, recipe.batch), own, classes, recipe, key, device)
        heads |= _folded(weights, scales, own)
    return heads


def _groups(blocks: Sequence[Block], shapes: Shapes, budget: int) -> list[list[Block]]:
    """Blocks in order, as many at a time as fit into the budget, one at least."""
    groups: list[list[Block]] = []
    used = budget
    for block in blocks:
        size = math.prod(shapes[block.layer])
        used += size
        if not groups or used > budget:
            groups.append([])
            used = size
        groups[-1].append(block)
    return groups


def _scales(outputs: Iterable[Features]) -> Scales:
    moments: dict[str, Moments] = defaultdict(Moments)
    for features in outputs:
        for name, values in features.items():
            moments[name].add(values)
    return {name: each.centre_and_scale() for name, each in moments.items()}


def _folded(weights: Features, scales: Scales, shapes: Shapes) -> dict[str, Head]:
    """Heads on the maps themselves, from weights (K, D) on standardised features, channels last."""
    heads = {}
    for name, weight in weights.items():
        centre, scale = scales.get(name, (weight.new_zeros(weight.shape[1]), 1.0))
        shape = shapes[name]
        mean = _channel_major(centre[None], shape).reshape(shape)
        heads[name] = Head(weight=_channel_major(weight / scale, shape), centre=mean)
    return heads


def _augmented(model: nn.Module, blocks: Sequence[Block], batches: Batches, scales: Scales) -> Epoch:
    def epoch(generator: torch.Generator) -> Iterator[tuple[Features, Tensor]]:
        for inputs, targets in batches.epoch(generator):
            features = _flat_outputs(model, blocks, inputs)
            for name, (centre, spread) in scales.items():
                features[name] = (features[name] - centre) / spread
            yield features, targets

    return epoch


def _features(
    model: nn.Module, blocks: Sequence[Block], parts: Iterable[tuple[Tensor, Tensor]]
) -> tuple[Features, Tensor]:
    runs = [(_flat_outputs(model, blocks, inputs), targets) for inputs, targets in parts]
    features = {block.layer: torch.cat([maps[block.layer] for maps, _ in runs]) for block in blocks}
    return features, torch.cat([labels for _, labels in runs])


def _flat_outputs(model: nn.Module, blocks: Sequence[Block], inputs: Tensor) -> Features:
    outputs, _ = block_outputs(model, blocks, inputs)
    return {name: _flat(maps) for name, maps in outputs.items()}


def _cached(features: Features, targets: Tensor, batch: int) -> Epoch:
    def epoch(generator: torch.Generator) -> Iterator[tuple[Features, Tensor]]:
        order = torch.randperm(len(targets), generator=generator)[: len(targets) // batch * batch]
        for chosen in order.to(targets.device).split(batch):
            yield {name: values[chosen] for name, values in features.items()}, targets[chosen]

    return epoch


def _train(
    epoch: Epoch,
    shapes: Shapes,
    classes: int,
    recipe: Heads,
    key: Sequence[str | int],
    device: torch.device,
) -> Features:
    heads = {
        name: nn.Parameter(_flat(_initial(shape, classes, (*key, name)).to(device))) for name, shape in shapes.items()
    }
    optimiser = torch.optim.SGD(
        heads.values(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=True,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    generator = torch_generator(*key, "order")
    for _ in track(range(recipe.epochs), f"training {len(heads)} heads"):
        for group in optimiser.param_groups:
            group["lr"] *= recipe.decay
        for features, targets in epoch(generator):
            for name, weight in heads.items():
                weight.grad = _gradient(weight, features[name], targets)
            optimiser.step()
    for name, weight in heads.items():
        if not torch.isfinite(weight).all():
            raise ProbecoreError(f"{name}: the head's weights are not finite; lower mechanism.heads.learning_rate")
    return {name: weight.detach() for name, weight in heads.items()}


def _initial(shape: tuple[int, ...], classes: int, key: Sequence[str | int]) -> Tensor:
    bound = 1 / math.sqrt(math.prod(shape))
    return torch.empty(classes, *shape).uniform_(-bound, bound, generator=torch_generator(*key))


def _flat(maps: Tensor) -> Tensor:
    """(N, C, ...) to (N, D) with channels last, as convolutions leave them in memory: no copy."""
    return maps.movedim(1, -1).flatten(1)


def _channel_major(weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    return weight.reshape(len(weight), *shape[1:], shape[0]).movedim(-1, 1).flatten(1).contiguous()


@torch.no_grad()
def _gradient(weight: Tensor, features: Tensor, targets: Tensor) -> Tensor:
    """Of the mean cross-entropy: (softmax - one-hot)ᵀ x / B, which spares the bookkeeping of autograd."""
    errors = (features @ weight.T).softmax(1)
    errors[torch.arange(len(targets), device=targets.device), targets] -= 1
    return (errors / len(targets)).T @ features
