"""Seeds as a sample: means over networks, and one paired test over them, as headlines have them."""

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.simulations import Repeat, Simulation
from probecore.statistics import difference_over_seeds, over_seeds

SEEDS = 5
TRUTH = 0.3


def normal(generator: np.random.Generator) -> Repeat:
    """Values that differ between seeds as a normal distribution does."""
    mean = over_seeds(generator.normal(TRUTH, 0.1, SEEDS))
    return Repeat(truth=TRUTH, value=mean.value, low=mean.low, high=mean.high)


def proportions(generator: np.random.Generator) -> Repeat:
    """Accuracies near 1 of 1,000 images, skewed, which vary between seeds by more than the images."""
    accuracies = generator.binomial(1000, generator.beta(97, 3, SEEDS)) / 1000
    mean = over_seeds(accuracies)
    return Repeat(truth=0.97, value=mean.value, low=mean.low, high=mean.high)


def paired(generator: np.random.Generator, *, seeds: int) -> Repeat:
    """Seeds and their controls, which share what their seed gives; no difference."""
    shared = generator.normal(size=seeds)
    after, before = shared + generator.normal(size=(2, seeds))
    return Repeat(p=difference_over_seeds(after, before).p)


def simulation(name: str, quantity: str, repeat: Callable[[np.random.Generator], Repeat], n: int = SEEDS) -> Simulation:
    """One of many cheap repeats."""
    return Simulation(
        name=name, covers=(f"headline:{quantity}",), n=n, repeat=repeat, repeats=40_000, quick_repeats=800
    )


SIMULATIONS = [
    simulation("normal values", "mean", normal),
    simulation("accuracies", "mean", proportions),
    simulation("paired, five seeds", "difference", partial(paired, seeds=5)),
    simulation("paired, three seeds", "difference", partial(paired, seeds=3), n=3),
]
