"""How much of a network is measured where a budget of work is all that is said.

The rule: what a step does by its defaults, if that is within the budget; else the first row of `LEVELS` that is. A row
says how many layers, evenly from the first to the last, and how many images, in turns from each class, take part, and
how often samples are drawn anew; what costs most and is beside the point is left out first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from probecore.activations.params import ActivationsParams
from probecore.measures import declaration
from probecore.planning.outline import BlockSize, Outline
from probecore.planning.work import Images, Work, work_of
from probecore.schema import Section

MULTIPLY_ADDS_PER_NUMBER, MULTIPLY_ADDS_PER_CALL = 40, 1_000_000
"""What the other kinds of work count for, where no machine has been asked how fast it is."""

WHOLE = ("mechanism", "recos")
"""Measures that run all images of a data set, so that it is the data set that is made small."""

MOST_TAPS = 8192
"""Weights of one filter, of layers that `anova` is given: it holds matrices of taps by taps."""


@dataclass(frozen=True)
class Level:
    """One row of the rule."""

    layers: int
    """At most; evenly from the first to the last."""
    images: int
    """Of each split, at most."""
    ablated: int
    """Images on which filters are ablated one by one."""
    replicates: int
    """Permutations, bootstrap replicates and the like."""
    features: int
    """Coordinates of an input that are exchanged."""

    @property
    def polarity(self) -> int:
        """Images on which first filters are negated one by one: the whole network runs for each."""
        return self.ablated if self.layers > 4 else max(2, self.layers)


LEVELS = (
    Level(layers=16, images=2000, ablated=500, replicates=199, features=100),
    Level(layers=12, images=1000, ablated=200, replicates=199, features=40),
    Level(layers=8, images=500, ablated=100, replicates=99, features=40),
    Level(layers=6, images=300, ablated=60, replicates=99, features=20),
    Level(layers=4, images=200, ablated=40, replicates=49, features=20),
    Level(layers=4, images=100, ablated=20, replicates=39, features=10),
    Level(layers=3, images=60, ablated=20, replicates=39, features=10),
    Level(layers=2, images=40, ablated=20, replicates=39, features=6),
    Level(layers=1, images=24, ablated=20, replicates=39, features=4),
)
"""From the largest sizes to the least."""


@dataclass(frozen=True)
class Sizes:
    """What a measure is given: its own options, those of the activations it reads, and how many images."""

    options: Mapping[str, Any]
    activations: Mapping[str, Any]
    images: int | None
    """Of each split; None: all."""
    work: Work
    section: Section
    """The options, checked and with defaults."""
    dumped: ActivationsParams | None
    """Those of the activations, likewise."""
    kept: Images
    """How many images there are then."""


def nominal(work: Work) -> float:
    """Multiply-adds that take about as long."""
    return work.multiply_adds + MULTIPLY_ADDS_PER_NUMBER * work.numbers + MULTIPLY_ADDS_PER_CALL * work.calls


def sizes_within(
    budget: float,
    step: str,
    outline: Outline,
    images: Images,
    *,
    cost: Callable[[Work], float] = nominal,
    fits: Callable[[Section, Images], bool] = lambda _section, _images: True,
    fits_dumped: Callable[[ActivationsParams, Images], bool] = lambda _section, _images: True,
    given: Mapping[str, Any] | None = None,
) -> Sizes:
    """The largest sizes of a measure whose cost is within the budget; the least ones if none are.

    Parameters
    ----------
    budget : in the unit of `cost`
    step : a measure
    cost : of work; multiply-adds, if not said
    fits : whether the machine has room for a section with so many images
    fits_dumped : whether it has room for the activations that the measure reads
    given : options that are settled
    """
    found = _of_usual(step, outline, images, given or {})
    for level in (None, *LEVELS):
        if level is not None:
            found = _of_level(step, level, outline, images, given or {})
        room = fits(found.section, found.kept) and (found.dumped is None or fits_dumped(found.dumped, found.kept))
        if room and cost(found.work) <= budget:
            break
    return found


def spread(found: Sequence[BlockSize], count: int) -> list[BlockSize]:
    """At most `count` of the blocks, evenly from the first to the last; of one the last one."""
    if count >= len(found):
        return list(found)
    if count == 1:
        return [found[-1]]
    return [found[round(place * (len(found) - 1) / (count - 1))] for place in range(count)]


def _of_usual(step: str, outline: Outline, images: Images, given: Mapping[str, Any]) -> Sizes:
    read = declaration(step).section.reads_activations
    activations: dict[str, Any] = {}
    if read is not None:
        sums = {"layers": given.get("layers", ["*"])} if read == "excitations" else None
        activations = {"store": ["pooled"], "excitations": sums}
    return _sizes(step, dict(given), activations, None, outline, images)


def _of_level(step: str, level: Level, outline: Outline, images: Images, given: Mapping[str, Any]) -> Sizes:
    fewer = Images(min(images.train, level.images), min(images.test, level.images), images.classes)
    known: Sequence[BlockSize] = outline.inner or outline.blocks
    if step == "anova":
        known = [block for block in known if block.taps <= MOST_TAPS] or known
    inner = spread(known, level.layers)
    options, activations = _OPTIONS[step](level, given.get("layers") or [block.layer for block in inner], fewer)
    if step == "mutual_information":
        ends = ["*"] if "site" in given else list(dict.fromkeys(block.output for block in inner))
        activations = {"layers": ends, **activations}
        options = {"site": "block", **options}
    return _sizes(step, {**options, **given}, activations, level.images, outline, fewer)


def _sizes(
    step: str, options: dict[str, Any], activations: dict[str, Any], limit: int | None, outline: Outline, images: Images
) -> Sizes:
    section = declaration(step).section.read(options, where=step)
    dumped = ActivationsParams.read(activations, where="activations") if activations else None
    work = work_of(step, outline, images, section, dumped)
    if dumped is not None:
        work += work_of("activations", outline, images, dumped)
    return Sizes(options, activations, limit, work, section, dumped, images)


def joined(read: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One section `activations` for several measures, from what each wants of it."""
    wanted = [dict(each) for each in read if each]
    layers = [name for each in wanted if each.get("excitations") is None for name in each.get("layers", ["*"])]
    sums = [each["excitations"] for each in wanted if each.get("excitations") is not None]
    return {
        "layers": list(dict.fromkeys(layers)) or ["*"],
        "store": ["pooled"],
        "excitations": sums[0] if sums else None,
    }


Options = tuple[dict[str, Any], dict[str, Any]]


def _anova(level: Level, layers: list[str], _images: Images) -> Options:
    told_apart = level.layers > 8
    sums = {
        "layers": layers,
        "dilations": [1],
        "by_class": told_apart,
        "covariance_images": min(50, level.ablated),
        "images": level.images,
    }
    excitations = ["activation_weighted_patch", "mean_patch", "feature_map", "raw_map"]
    excitations += ["patch_covariance"] if level.layers > 4 else []
    options = {"layers": layers, "permutations": level.replicates, "excitations": excitations}
    return options, {"store": ["pooled"], "excitations": sums}


def _mutual_information(level: Level, _layers: list[str], _images: Images) -> Options:
    options = {
        "images": level.images,
        "shuffles": level.replicates,
        "layer_shuffles": 19,
        "redundancy": {"units": 16, "shuffles": 39} if level.layers > 2 else None,
        "ablation": None,
    }
    return options, {"store": ["pooled"]}


def _mechanism(level: Level, layers: list[str], _images: Images) -> Options:
    return {
        "layers": layers,
        "heads": {"epochs": min(50, level.replicates), "augmentation": None},
        "sweep": [0.2, 0.4],
        "bootstrap": level.replicates,
        "permutations": level.replicates,
        "importance_images": level.ablated,
        "pruning": None,
    }, {}


def _recos(level: Level, layers: list[str], _images: Images) -> Options:
    few = level.layers <= 4
    return {
        "layers": layers,
        "resamples": min(99, level.replicates),
        "polarity": {"images": level.polarity, "scalings": ["half"] if few else ["half", "unit", "standard"]},
        "sphere": {"patches": 1000 if few else 4000, "directions": 100 if few else 1000},
    }, {}


def _mean_dimension(level: Level, _layers: list[str], images: Images) -> Options:
    points = max(2, min(level.ablated, images.test // 2))
    return {
        "bases": ["pixels"] if level.layers <= 3 else ["pixels", "pca"],
        "images": points,
        "features": level.features,
        "layers": {"images": max(2, points // 4), "features": level.features},
        "companions": {"features": level.features} if level.layers > 8 else None,
        "deletion": {"images": level.ablated} if level.layers > 4 else None,
    }, {}


def _atlas(level: Level, layers: list[str], _images: Images) -> Options:
    return {
        "layers": layers,
        "images": level.ablated,
        "ablations": ["zero"] if level.layers <= 4 else ["zero", "mean", "resample"],
        "shapley": {"layers": layers[-1:], "images": 20, "pairs": 8} if level.layers > 4 else None,
    }, {}


_OPTIONS = {
    "anova": _anova,
    "mutual_information": _mutual_information,
    "mechanism": _mechanism,
    "recos": _recos,
    "mean_dimension": _mean_dimension,
    "atlas": _atlas,
}
