"""Simulations of the intervals and p-values of `recos`, with its own functions."""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from benchmarks.simulations import AUDITED, Repeat, Simulation
from probecore.measures.recos import Contributions, fisher_ratio, sphere_correlations
from probecore.measures.recos.cascade_rows import relative_variances
from probecore.measures.recos.density import PatchSums, RandomSets
from probecore.measures.recos.ratios import effective_occupancy, entropy, ratio_over_images
from probecore.measures.recos.sphere_rows import against_random
from probecore.measures.recos.weight_rows import angle_interval, dc_share_p, turned_p
from probecore.statistics import paired_difference, permutation_p, wilson_interval
from probecore.statistics.moved_grid import moved_taps

Array = npt.NDArray[np.float64]
Generator = np.random.Generator
Compared = Callable[[RandomSets, PatchSums, Tensor], tuple[npt.ArrayLike, Array]]
"""What of anchors is compared with what of random directions."""

FISHER = (
    "fisher_class",
    "fisher_class_seen",
    "fisher_class_unseen",
    "fisher_background_seen",
    "fisher_background_unseen",
)


def both(*quantities: str) -> tuple[str, ...]:
    """Quantities of layers and of filters."""
    return tuple(f"{table}.csv:{quantity}" for table in ("layers", "filters") for quantity in quantities)


def accuracy(rng: Generator, *, truth: float, n: int) -> Repeat:
    right = int(rng.binomial(n, truth))
    low, high = wilson_interval(right, n)
    return Repeat(truth=truth, value=right / n, low=low, high=high)


def paired(rng: Generator, *, gained: float, lost: float, n: int) -> Repeat:
    drawn = rng.random(n)
    before, after = (drawn >= gained) & (drawn < 0.9), (drawn < gained) | ((drawn >= gained + lost) & (drawn < 0.9))
    found = paired_difference(before, after)
    p = found.p if gained == lost else np.nan
    return Repeat(truth=gained - lost, value=found.value, low=found.low, high=found.high, p=p)


def share(rng: Generator, *, n: int, truth: float, spread: float) -> Repeat:
    """A share of 100 patches of each image, which differs between images."""
    shares = rng.beta(truth * spread, (1 - truth) * spread, size=n)
    counts = torch.from_numpy(rng.binomial(100, shares)[:, None])
    found = ratio_over_images(counts, torch.full((n, 1), 100))
    return Repeat(truth=truth, **found)


def angle(rng: Generator, *, n: int) -> Repeat:
    """A mean over patches, of which images have different numbers with different angles."""
    patches = rng.integers(20, 100, size=n)
    sums = patches * (60 - 0.2 * (patches - 59.5) + rng.normal(scale=8, size=n))
    ratio = ratio_over_images(*(torch.from_numpy(part[:, None]) for part in (sums, patches)), proportion=False)
    truth = 60 - 0.2 * ((np.arange(20, 100) - 59.5) ** 2).mean() / 59.5
    return Repeat(truth=truth, **ratio)


def contributions(rng: Generator, *, n: int) -> Repeat:
    """Negative contributions that are skewed and follow the positive ones."""
    positive = rng.gamma(2, 1, size=n)
    negative = 0.3 * positive * rng.gamma(1, 1, size=n)
    below = torch.from_numpy((positive + negative)[:, None])
    return Repeat(truth=0.3 / 1.3, **ratio_over_images(torch.from_numpy(negative[:, None]), below))


def smooth(rng: Generator, *shape: int) -> Tensor:
    """Independent stationary maps, cut out of larger ones."""
    larger = rng.normal(size=(*shape[:-2], shape[-2] + 8, shape[-1] + 8))
    sigma = (0,) * (len(shape) - 2) + (1, 1)
    return torch.from_numpy(gaussian_filter(larger, sigma)[..., 4:-4, 4:-4].copy()).float()


def sign_confusion_p(rng: Generator) -> Repeat:
    """Smooth filters, unrelated to the smooth map that they read."""
    layer = nn.Conv2d(2, 6, 5)
    layer.weight = nn.Parameter(smooth(rng, 6, 2, 5, 5), requires_grad=False)
    read = Contributions(layer)
    read.add(smooth(rng, 1, 2, 5, 5))
    orders = moved_taps(50, (5, 5), count=199, generator=rng)
    by_filter, whole = read.moved(orders)
    rate = (read.negative.sum() / (read.negative + read.positive).sum()).numpy()
    p = permutation_p(read.rate().numpy(), by_filter, tail="two-sided")
    return Repeat(p=np.append(p, permutation_p(rate, whole, tail="two-sided")))


def random_anchors(rng: Generator) -> tuple[RandomSets, PatchSums, Tensor]:
    """Anchors that are random directions themselves, on smooth images."""
    layer, images = nn.Conv2d(1, 4, 3), smooth(rng, 20, 1, 8, 8)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    layer.weight = nn.Parameter(torch.randn(4, 1, 3, 3, generator=generator), requires_grad=False)
    random = RandomSets(layer, 1, generator)
    random.add(images)
    weights = layer.weight.flatten(1)
    anchors = nn.functional.normalize(weights - weights.mean(1, keepdim=True))
    return random, PatchSums.of(sphere_correlations(layer, images)), anchors


def direction_p(
    rng: Generator, *, of: Callable[[RandomSets, PatchSums, Tensor], tuple[npt.ArrayLike, Array]]
) -> Repeat:
    return Repeat(p=against_random(*of(*random_anchors(rng)))["p"])


@cache
def occupancy_truth(anchors: int) -> tuple[Array, float]:
    shares = np.random.default_rng(1).dirichlet(np.full(anchors, 2.0))
    return shares, float(np.exp(-(shares * np.log(shares)).sum()) / anchors)


def occupancy(rng: Generator, *, n: int, anchors: int, patches: int) -> Repeat:
    shares, truth = occupancy_truth(anchors)
    of_images = rng.dirichlet(shares * 30, size=n)
    nearest = np.stack([rng.multinomial(patches, own) for own in of_images])
    return Repeat(truth=truth, **effective_occupancy(torch.from_numpy(nearest)))


def fisher(rng: Generator, *, n: int, places: int, truth: float) -> Repeat:
    groups = np.arange(n) % 10
    means = np.random.default_rng(0).normal(size=(10, places))
    means -= means.mean(0)
    means *= np.sqrt(truth * places / (means**2).sum(1).mean())
    maps = torch.from_numpy((means[groups] + rng.normal(size=(n, places)))[:, None, :, None])
    found = fisher_ratio(maps, groups, generator=rng, resamples=1 if truth else 99)
    p = np.nan if truth else found.p[-1]
    return Repeat(truth=truth, value=found.value[-1], low=found.low[-1], high=found.high[-1], p=p)


def positions(rng: Generator, *, anchors: int) -> Repeat:
    scale = np.linspace(0.5, 1.5, 9)
    weights = scale * rng.normal(size=(anchors, 4, 9)) * (1 + 0.3 * rng.normal(size=(anchors, 1, 1)))
    value, low, high = relative_variances(weights)
    return Repeat(truth=scale**2 / (scale**2).mean(), value=value, low=low, high=high)


def turned(rng: Generator, *, filters: int) -> Repeat:
    degrees = 90 * rng.beta(4, 6, size=filters)
    mean, low, high = angle_interval(degrees)
    return Repeat(truth=36.0, value=mean, low=low, high=high)


def turned_null(rng: Generator, *, taps: int) -> Repeat:
    one, other = rng.normal(size=(2, 20, taps))
    one, other = (part - part.mean(1, keepdims=True) for part in (one, other))
    cosines = (one * other).sum(1) / np.sqrt((one**2).sum(1) * (other**2).sum(1))
    return Repeat(p=np.array([turned_p(degrees, taps) for degrees in np.degrees(np.arccos(cosines))]))


def dc_null(rng: Generator, *, taps: int) -> Repeat:
    weights = rng.normal(size=(20, taps))
    shares = weights.sum(1) ** 2 / (taps * (weights**2).sum(1))
    return Repeat(p=np.array([dc_share_p(value, taps) for value in shares]))


def _nearest_other(vectors: Tensor) -> float:
    return float((vectors @ vectors.T).fill_diagonal_(-2).max(1).values.acos().mean())


def _dimension(vectors: Tensor) -> float:
    gram = vectors @ vectors.T
    return float(gram.trace() ** 2 / gram.square().sum())


DIRECTIONS: dict[str, Compared] = {
    "filters.csv:density": lambda random, sums, _: (
        (sums.near.sum(0) / sums.patches.sum(0)).numpy(),
        np.tile(random.densities[:, None], 4),
    ),
    "filters.csv:occupancy": lambda random, sums, _: (
        (sums.nearest.sum(0) / sums.patches.sum(0)).numpy(),
        np.tile(random.occupancies[:, None], 4),
    ),
    "layers.csv:density": lambda random, sums, _: (
        float(sums.near.sum() / sums.patches.sum()),
        random.layer_densities,
    ),
    "layers.csv:nearest_angle": lambda random, sums, _: (
        float(sums.angles.sum() / sums.histogram.sum()),
        random.angles,
    ),
    "layers.csv:effective_occupancy": lambda random, sums, _: (
        float(np.exp(entropy(sums.nearest.sum(0).numpy())) / 4),
        random.effective,
    ),
    "layers.csv:anchor_angle": lambda random, _, anchors: (
        _nearest_other(anchors),
        np.array([_nearest_other(vectors) for vectors in random.vectors]),
    ),
    "layers.csv:anchor_dimension": lambda random, _, anchors: (
        _dimension(anchors),
        np.array([_dimension(vectors) for vectors in random.vectors]),
    ),
}

SHARES = (
    "layers.csv:near_flat",
    *(f"layers.csv:density{ending}" for ending in ("", "_random", "_kmeans")),
    "filters.csv:density",
    "filters.csv:occupancy",
)

SIMULATIONS = [
    *(
        Simulation(
            name=f"accuracy {truth}",
            covers=("polarity.csv:accuracy", "cascade.csv:accuracy", "heads.csv:accuracy"),
            n=n,
            repeat=partial(accuracy, truth=truth, n=n),
            repeats=2000,
            quick_repeats=1000,
        )
        for truth, n in ((0.98, 1000), (0.1, 1000), (0.5, 50))
    ),
    *(
        Simulation(
            name=f"gained {gained}, lost {lost}",
            covers=(
                "heads.csv:gain",
                "layers.csv:accuracy_change_without_mean",
                "filters.csv:accuracy_change_normal",
                "filters.csv:accuracy_change_reversed",
            ),
            n=1000,
            repeat=partial(paired, gained=gained, lost=lost, n=1000),
            repeats=2000,
            quick_repeats=1000,
        )
        for gained, lost in ((0.02, 0.02), (0.05, 0.01), (0.004, 0.001))
    ),
    *(
        Simulation(
            name=f"share {truth} of patches, {n} images",
            covers=SHARES,
            n=n,
            repeat=partial(share, n=n, truth=truth, spread=10),
            quick_repeats=300,
        )
        for truth, n in ((0.2, 100), (0.2, 1000), (0.02, 1000))
    ),
    Simulation(
        name="mean angle of patches",
        covers=tuple(f"layers.csv:nearest_angle{ending}" for ending in ("", "_random", "_kmeans")),
        n=200,
        repeat=partial(angle, n=200),
        quick_repeats=300,
    ),
    *(
        Simulation(
            name=f"sign confusion, {n} images",
            covers=both("sign_confusion"),
            n=n,
            repeat=partial(contributions, n=n),
            quick_repeats=300,
        )
        for n in (200, 1000)
    ),
    Simulation(
        name="sign confusion of unrelated smooth filters",
        covers=both("sign_confusion"),
        n=1,
        repeat=sign_confusion_p,
        quick_repeats=150,
    ),
    *(
        Simulation(
            name="random anchors", covers=(quantity,), n=20, repeat=partial(direction_p, of=of), quick_repeats=150
        )
        for quantity, of in DIRECTIONS.items()
    ),
    *(
        Simulation(
            name=f"effective occupancy of {anchors} anchors, {patches} patches an image",
            covers=("layers.csv:effective_occupancy",),
            n=500,
            repeat=partial(occupancy, n=500, anchors=anchors, patches=patches),
            quick_repeats=200,
        )
        for anchors, patches in ((6, 100), (84, 1))
    ),
    *(
        Simulation(
            name=f"Fisher ratio {truth} of {places} places, {n} images",
            covers=both(*FISHER),
            n=n,
            repeat=partial(fisher, n=n, places=places, truth=truth),
            quick_repeats=300,
        )
        for n in (200, 1000)
        for places in (1, 150)
        for truth in (0.0, 0.05, 0.5, 5.0)
    ),
    *(
        Simulation(
            name=f"variance over {anchors} anchors by place",
            covers=("positions.csv:value",),
            n=anchors,
            repeat=partial(positions, anchors=anchors),
        )
        for anchors in (20, 120)
    ),
    *(
        Simulation(
            name=f"mean angle of {filters} anchors",
            covers=("layers.csv:rotation",),
            n=filters,
            repeat=partial(turned, filters=filters),
            quick_repeats=300,
        )
        for filters in (6, 120)
    ),
    Simulation(
        name="random directions turned",
        covers=("filters.csv:rotation",),
        n=25,
        repeat=partial(turned_null, taps=25),
    ),
    Simulation(
        name="DC share of random filters",
        covers=("filters.csv:dc_share",),
        n=25,
        repeat=partial(dc_null, taps=25),
    ),
]

EXEMPT = [AUDITED]
