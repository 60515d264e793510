"""How much work each step is, from the sizes of network and data and the step's parameters.

Three kinds of work are counted, because machines are not alike in them: multiply-adds of convolutions and matrix
products in float32, numbers that numpy passes over in float64, and calls of modules. What is small is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from probecore.activations.excitations import COVARIANCE_TAPS
from probecore.activations.params import ActivationsParams, ExcitationParams
from probecore.measures.atlas.params import AtlasParams
from probecore.measures.mean_dimension.params import MeanDimensionParams
from probecore.measures.mechanism.params import MechanismParams
from probecore.measures.mutual_information.params import MutualInformationParams
from probecore.measures.recos.density import PRODUCTS, number_of_sets
from probecore.measures.recos.params import RecosParams
from probecore.models.selection import matching
from probecore.planning.outline import BlockSize, Outline
from probecore.schema import Section
from probecore.train.params import Recipe


@dataclass(frozen=True)
class Images:
    """How many images the splits have, and classes."""

    train: int
    test: int
    classes: int


@dataclass(frozen=True)
class Work:
    """Work of a step."""

    multiply_adds: float = 0.0
    numbers: float = 0.0
    calls: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.multiply_adds + other.multiply_adds, self.numbers + other.numbers, self.calls + other.calls)


def work_of(
    step: str, outline: Outline, images: Images, params: Section, activations: ActivationsParams | None = None
) -> Work:
    """Work of a step on one checkpoint of one network; `activations` are those that it reads."""
    if not outline.blocks:
        return Work()
    if step in _READ_ACTIVATIONS:
        return _READ_ACTIVATIONS[step](outline, images, params, activations)
    return _STEPS[step](outline, images, params)


def work_once(outline: Outline, images: Images, params: Section) -> Work:
    """Work of a step that is done once for a network, whatever its checkpoints: training inside of a measure."""
    found = Work()
    if isinstance(params, MutualInformationParams):
        found += _training(outline, params.design, images.train, times=3)
    if isinstance(params, RecosParams):
        found += _training(outline, params.polarity.both, 2 * images.train, times=2)
    return found


def _training(outline: Outline, recipe: Recipe | None, images: int, *, times: int) -> Work:
    """Training so many networks by a recipe; a backward pass costs two forward ones."""
    if recipe is None:
        return Work()
    seen = 3 * times * recipe.epochs * images
    return _forward(outline, seen, seen / recipe.batch)


def _forward(outline: Outline, images: float, passes: float = 1) -> Work:
    """Images run through the network, in as many batches as there are `passes`."""
    return Work(multiply_adds=images * outline.macs, calls=passes * outline.calls)


def chosen_blocks(found: Sequence[BlockSize], patterns: Sequence[str]) -> list[BlockSize]:
    """The blocks whose layers the patterns mean, in their order."""
    names = {name for pattern in patterns for name in matching((block.layer for block in found), pattern)}
    return [block for block in found if block.layer in names]


def _train(outline: Outline, images: Images, _params: Section) -> Work:
    """Of a given network: the test of its accuracy on all images."""
    return _forward(outline, images.train + images.test)


def _activations(outline: Outline, images: Images, params: ActivationsParams) -> Work:
    found = _forward(outline, images.test)
    if (sums := params.excitations) is None:
        return found
    count = sum(min(part, sums.images or part) for part in (images.train, images.test))
    found += _forward(outline, count)
    for block in chosen_blocks(outline.blocks, sums.layers):
        dilations = len({1, *sums.dilations}) if block.taps > 1 and block.positions > 1 else 1
        found += Work(multiply_adds=count * block.macs * dilations)
        if block.taps <= COVARIANCE_TAPS:
            covered = min(count, 2 * sums.covariance_images)
            found += Work(multiply_adds=covered * block.positions * block.taps**2)
    return found


def _anova(outline: Outline, images: Images, params: Any, activations: ActivationsParams | None) -> Work:
    """Three relations for each excitation, dilation and class, each with its nulls."""
    sums = (activations.excitations if activations else None) or ExcitationParams()
    classes = images.classes if sums.by_class else 0
    kinds = len({"mean_patch", "activation_weighted_patch"} & set(params.excitations))
    numbers = 0.0
    for block in chosen_blocks(outline.blocks, params.layers):
        f, t = block.filters, block.taps
        dilations = len({1, *sums.dilations}) if block.positions > 1 else 1
        relations = 3 * (kinds * dilations + classes)
        products = f * f * t + f * t * t + 2 * params.permutations * f * t
        numbers += relations * products / DOUBLES + (3 * params.permutations + WEIGHT) * f * t
        if "patch_covariance" in params.excitations and t <= COVARIANCE_TAPS:
            numbers += 3 * 199 * t * t
    return Work(numbers=numbers)


WEIGHT = 300
"""Numbers that `anova` passes over for each weight, beside its permutations: tables of bins, ranks, assumptions."""

DOUBLES = 150
"""Multiply-adds of a matrix product in float64 that take as long as passing over one number."""


PROBE = 28_000
"""Numbers that the fit of a linear probe passes over for each unit and class: two folds of at most 200 iterations."""


def _dumped(outline: Outline, activations: ActivationsParams | None) -> list[BlockSize]:
    """The blocks of which activations are kept; all, if nobody says."""
    patterns = activations.layers if activations is not None else ["*"]
    names = {name for block in outline.blocks for name in (block.layer, block.output)}
    meant = {name for pattern in patterns for name in matching(names, pattern)}
    return [block for block in outline.blocks if {block.layer, block.output} & meant]


def _mutual_information(outline: Outline, images: Images, params: Any, activations: ActivationsParams | None) -> Work:
    n, k = min(images.test, params.images), images.classes
    found = Work()
    for block in _dumped(outline, activations):
        units = block.filters
        per_layer = n * n * (2 * units / DOUBLES + 4) * (1 + params.layer_shuffles / 4)
        per_unit = n * units * (1 + params.shuffles) * (params.neighbours + k)
        found += Work(numbers=per_layer + per_unit + PROBE * units * k)
        if params.redundancy is not None:
            paired = min(units, params.redundancy.units)
            cells = params.redundancy.bins**2 * k
            found += Work(numbers=paired**2 / 2 * (1 + params.redundancy.shuffles) * (n / DOUBLES + 4 * cells))
    if params.ablation is not None:
        runs = len(outline.blocks) * len(params.ablation.fractions) * (2 + params.ablation.random)
        steps = params.ablation.retraining_steps
        batch = min(images.train, params.ablation.batch)
        found += _forward(outline, runs * (n + 3 * steps * batch), runs * (1 + 3 * steps))
    return found


def _mechanism(outline: Outline, images: Images, params: MechanismParams) -> Work:
    chosen, k, heads = chosen_blocks(outline.inner, params.layers), images.classes, params.heads
    values = sum(block.values for block in chosen)
    filters = sum(block.filters for block in chosen)
    shown = images.train * heads.epochs
    found = Work(multiply_adds=3 * shown * values * k)
    found += _forward(outline, images.train + (shown if heads.augmentation is not None else 0))
    found += _forward(outline, 8 * images.test)
    replicates = params.bootstrap + params.permutations
    found += Work(multiply_adds=8 * images.test * values * k)
    found += Work(numbers=replicates * filters * k * k * (20 * (1 + len(params.sweep)) + images.test / DOUBLES))
    return found + _ablated(outline, chosen, min(images.test, params.importance_images))


def _ablated(outline: Outline, chosen: Sequence[BlockSize], images: int) -> Work:
    """Each filter once, on what follows its block."""
    found = Work()
    for block in chosen:
        calls = outline.calls * block.after / max(1, outline.macs) + 10
        found += Work(multiply_adds=block.filters * images * block.after, calls=block.filters * calls)
    return found


def _recos(outline: Outline, images: Images, params: RecosParams) -> Work:
    n, first = min(images.test, params.images), outline.blocks[0]
    passes = 4 + 4 + 4 + 8 * len(params.polarity.scalings)
    found = _forward(outline, passes * images.test)
    found += _forward(outline, 2 * first.filters * min(images.test, params.polarity.images), 2 * first.filters)
    found += _forward(outline, 2 * n + min(images.train, params.images))
    for block in chosen_blocks(outline.blocks, params.layers):
        per_image = random_cosines(outline, block, params) * block.taps
        sets = random_cosines(outline, block, params) // (block.positions * block.filters)
        found += Work(multiply_adds=2 * sets * block.filters**2 * block.taps, numbers=sets * block.filters**2 / 4)
        compared = min(n, 200, max(20, PRODUCTS // per_image))
        found += Work(multiply_adds=3 * n * block.macs + compared * per_image)
        found += Work(numbers=compared * per_image / block.taps + 4 * n * block.values)
        found += Work(multiply_adds=20 * params.sphere.patches * block.filters * block.taps)
        kept = block.filters * min(256, block.positions) * n
        found += Work(numbers=kept * (4 + params.resamples / DOUBLES * images.classes))
    return found


def random_cosines(outline: Outline, block: BlockSize, params: RecosParams) -> int:
    """Correlations of an image's patches with the random directions of a layer, see `RandomSets`."""
    layers = len(chosen_blocks(outline.blocks, params.layers))
    sets = number_of_sets(params.sphere.directions, block.filters, block.filters * block.taps, layers=layers)
    return block.positions * sets * block.filters


def _mean_dimension(outline: Outline, images: Images, params: MeanDimensionParams) -> Work:
    size, points = prod(outline.input_shape), min(images.test, params.images)
    found = Work()
    for basis in params.bases:
        coordinates = size if basis == "pixels" else min(size, images.train, params.pca_images)
        found += _exchanged(outline, points * params.shuffles, coordinates, params.features)
        if params.layers is not None:
            count = min(points, params.layers.images)
            found += _exchanged(outline, count, coordinates, params.layers.features, layers=True)
        if params.companions is not None:
            for _ in range(2):
                found += _exchanged(outline, points, coordinates, params.companions.features)
    if params.deletion is not None:
        judged = max(0, min(images.test - points, params.deletion.images))
        found += _forward(outline, 60 * judged) + _forward(outline, 3 * points * bool(judged))
    return found


def _exchanged(outline: Outline, points: int, coordinates: int, features: Any, *, layers: bool = False) -> Work:
    if features == "affordable":
        features = max(10, 10**12 // max(1, outline.macs * points))
    rows = points * min(coordinates, features or coordinates)
    kept = sum(block.values for block in outline.blocks) * 3 if layers else 0
    return _forward(outline, rows + rows / 8, rows / 98) + Work(numbers=rows * kept / 2)


def _atlas(outline: Outline, images: Images, params: AtlasParams) -> Work:
    chosen = chosen_blocks(outline.inner, params.layers)
    found = _forward(outline, 3 * min(images.test, params.images))
    for _ in params.ablations:
        found += _ablated(outline, chosen, min(images.train, params.images))
    filters = sum(block.filters for block in chosen)
    found += Work(numbers=len(params.ablations) * filters * min(images.train, params.images) * 999 / DOUBLES)
    if params.shapley is not None:
        played = chosen_blocks(outline.inner, params.shapley.layers)
        for _ in range(2 * params.shapley.pairs):
            found += _ablated(outline, played, min(images.train, params.shapley.images))
    if (retraining := params.retraining) is not None:
        retrained = chosen_blocks(outline.inner, retraining.layers)
        times = 2 * sum(1 + min(block.filters, retraining.filters) for block in retrained)
        steps = retraining.steps
        found += _forward(outline, times * (3 * steps * retraining.batch + params.images), times * (3 * steps + 1))
    return found


_READ_ACTIVATIONS: Mapping[str, Callable[[Outline, Images, Any, ActivationsParams | None], Work]] = {
    "anova": _anova,
    "mutual_information": _mutual_information,
}

_STEPS: Mapping[str, Callable[[Outline, Images, Any], Work]] = {
    "train": _train,
    "activations": _activations,
    "mechanism": _mechanism,
    "recos": _recos,
    "mean_dimension": _mean_dimension,
    "atlas": _atlas,
}
