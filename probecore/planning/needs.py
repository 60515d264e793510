"""What the job of a step needs: processor time, memory and disk, from the work that it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from probecore.activations.params import ActivationsParams, ExcitationParams
from probecore.measures.anova.params import AnovaParams
from probecore.measures.mean_dimension.params import MeanDimensionParams
from probecore.measures.mechanism.params import MechanismParams
from probecore.measures.recos.density import COSINES
from probecore.measures.recos.params import RecosParams
from probecore.planning.outline import Outline
from probecore.planning.speed import Speed
from probecore.planning.work import Images, chosen_blocks, random_cosines, work_of, work_once
from probecore.schema import Section
from probecore.train.evaluation import CHUNK, at_once

SUMS = 6
"""Numbers in float64 that mean dimension keeps for each value of a layer."""

START = 5.0
"""Processor seconds of a job before its first line of work: imports."""

BASE = 600e6
"""Bytes of a process that has imported what it needs."""

COPIES = 3
"""Of a network's weights: as given, as stored, and as measured."""


@dataclass(frozen=True)
class Needs:
    """What one job needs."""

    seconds: float
    """Of one processor."""
    memory: float
    """Bytes, at its peak."""
    disk: float
    """Bytes that it writes, for each checkpoint."""


def needs_of(
    step: str,
    outline: Outline,
    images: Images,
    params: Section,
    speed: Speed,
    *,
    passes: int = 1,
    activations: ActivationsParams | None = None,
) -> Needs:
    """What the job of a step on one checkpoint of a network needs.

    Parameters
    ----------
    passes : how often its work is done: checkpoints, or those and epochs of training
    activations : what the step reads
    """
    work = work_of(step, outline, images, params, activations)
    memory = BASE + _data(outline, images) + 4 * COPIES * outline.parameters
    memory += _memory(step, outline, images, params, activations)
    seconds = START + passes * speed.seconds(work) + speed.seconds(work_once(outline, images, params))
    return Needs(seconds, memory, _disk(step, outline, images, params))


def _memory(
    step: str, outline: Outline, images: Images, params: Section, activations: ActivationsParams | None
) -> float:
    """Bytes that the step's own work takes at its peak."""
    if step in _READ_ACTIVATIONS:
        return _READ_ACTIVATIONS[step](outline, images, params, activations)
    return _STEPS[step](outline, images, params)


def _data(outline: Outline, images: Images) -> float:
    return float((images.train + images.test) * prod(outline.input_shape))


def _values(outline: Outline) -> int:
    return sum(block.values for block in outline.blocks)


def _forward(outline: Outline, most: int, images: int) -> float:
    """Bytes of a batch on its way: what the largest layers give, their inputs, and copies in another order."""
    return 6 * 4 * min(images, at_once(outline.input_shape, most)) * max(block.values for block in outline.blocks)


def _plain(outline: Outline, images: Images, _params: Section) -> float:
    return _forward(outline, CHUNK, max(images.train, images.test))


def _activations(outline: Outline, images: Images, params: ActivationsParams) -> float:
    found = _forward(outline, params.batch, max(images.train, images.test))
    return found + 2 * 8 * _sums(outline, images, params.excitations)


def _sums(outline: Outline, images: Images, params: ExcitationParams | None) -> int:
    """Numbers in sums of what filters read, by class and by dilation."""
    if params is None:
        return 0
    weights = sum(each.filters * each.taps for each in chosen_blocks(outline.blocks, params.layers))
    return weights * ((images.classes if params.by_class else 1) + len(params.dilations))


def _anova(outline: Outline, images: Images, params: AnovaParams, activations: ActivationsParams | None) -> float:
    """What the nulls of a layer take, and the sums of one that is read, of both halves of both splits."""
    kept = (activations.excitations if activations else None) or ExcitationParams()
    largest, read = 0.0, 0
    for block in chosen_blocks(outline.blocks, params.layers):
        read = max(read, _sums(outline, images, kept.model_copy(update={"layers": [block.layer]})))
        weights = block.filters * block.taps
        own = 8 * (2 * block.taps**2 + 10 * weights + 2 * params.permutations * (block.taps + block.filters))
        largest = max(largest, own + 8 * params.permutations * weights / 4)
    return largest + 8 * 2 * 2 * read


def _mechanism(outline: Outline, images: Images, params: MechanismParams) -> float:
    chosen = chosen_blocks(outline.inner, params.layers)
    values = sum(block.values for block in chosen)
    kept = min(2**30, 4 * images.train * values) if params.heads.augmentation is None else 0
    together = min(max(images.train, images.test), at_once(outline.input_shape))
    fields = 4 * images.classes**2 * max((block.filters for block in chosen), default=0)
    return 2 * kept + 4 * values * (3 * together + 5 * images.classes) + 4 * fields * (params.bootstrap + 1)


def _recos(outline: Outline, images: Images, params: RecosParams) -> float:
    """What layers read in a batch, correlations of one layer with copies, and random directions of all layers."""
    listened = 2 * 4 * min(images.test, at_once(outline.input_shape, 100)) * _values(outline)
    correlations = directions = 0
    for block in chosen_blocks(outline.blocks, params.layers):
        cosines = random_cosines(outline, block, params)
        correlations = max(correlations, min(10 * cosines, max(cosines, COSINES)))
        directions += cosines // block.positions * block.taps
    return _forward(outline, CHUNK, images.test) + listened + 4 * 4 * correlations + 2 * 4 * directions


def _mean_dimension(outline: Outline, images: Images, params: MeanDimensionParams) -> float:
    """Inputs as floats; of layers, three sites of each block, for a batch with its base points and in sums."""
    inputs, batch = 4 * 3 * _data(outline, images), at_once(outline.input_shape, 98)
    sites = 3 * _values(outline) if params.layers is not None else 0
    return inputs + 2 * _forward(outline, 98, 98) + sites * (2 * 4 * batch + SUMS * 8)


def _atlas(outline: Outline, images: Images, _params: Section) -> float:
    return 6 * 4 * min(images.test, at_once(outline.input_shape, 250)) * _values(outline)


_READ_ACTIVATIONS: Mapping[str, Callable[[Outline, Images, Any, ActivationsParams | None], float]] = {"anova": _anova}

_STEPS: Mapping[str, Callable[[Outline, Images, Any], float]] = {
    "train": _plain,
    "activations": _activations,
    "mutual_information": _plain,
    "mechanism": _mechanism,
    "recos": _recos,
    "mean_dimension": _mean_dimension,
    "atlas": _atlas,
}


def _disk(step: str, outline: Outline, images: Images, params: Any) -> float:
    """Tables are small beside checkpoints and activations."""
    filters = sum(block.filters for block in outline.blocks)
    if step == "train":
        return 4.0 * outline.parameters
    if step != "activations":
        return 2000.0 * filters
    found = 8.0 * 3 * images.test * filters
    if "maps" in params.store:
        found += 4.0 * 3 * images.test * _values(outline)
    return found + 2 * 2 * 8 * _sums(outline, images, params.excitations)
