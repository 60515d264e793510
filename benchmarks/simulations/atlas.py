"""Agreement of quantities with truths, where one quantity knows the truth to a known degree and all others nothing."""

import itertools
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from benchmarks.simulations import Repeat, Simulation
from benchmarks.simulations.statistics import changes, rare_losses
from probecore.measures.atlas.agreement import ALL, agreement
from probecore.measures.atlas.groups import Group, Groups
from probecore.measures.atlas.prediction import BASELINES, predict
from probecore.statistics import difference_over_seeds

SIZES = [("atlas", "block", "activation_variance"), ("atlas", "conv", "weight_norm_l2")]
PLANTED = ("mechanism", "block", "strength")
FILTERS = (16, 60)


def planted(
    generator: np.random.Generator,
    *,
    networks: int,
    strength: float = 0.0,
    between: float = 0.0,
    by_size: float = 0.0,
    filters: Sequence[int] = FILTERS,
    noise: int = 4,
) -> Groups:
    """Draw networks with one truth, two sizes, a planted quantity, and quantities that are noise.

    Parameters
    ----------
    strength : Spearman correlation of the planted quantity with the truth in the mean network
    between : standard deviation between networks, on Fisher's scale
    by_size : correlation of truth and of the planted quantity with the first size, where they have no other
    """
    names = [*SIZES, PLANTED, *[("recos", "conv", f"noise{index}") for index in range(noise)]]
    spearman = np.tanh(np.arctanh(strength) + between * generator.normal(size=networks))
    pearson = 2 * np.sin(np.pi * spearman / 6)
    groups = []
    for network, (layer, count) in itertools.product(range(networks), enumerate(filters)):
        truth, quantities = generator.normal(size=count), generator.normal(size=(len(names), count))
        truth = by_size * quantities[0] + np.sqrt(1 - by_size**2) * truth
        quantities[2] = pearson[network] * truth + np.sqrt(1 - pearson[network] ** 2) * quantities[2]
        quantities[2] = by_size * quantities[0] + np.sqrt(1 - by_size**2) * quantities[2]
        values = {"quantities": quantities, "truths": truth[None], "reliability": np.array([0.64])}
        groups.append(Group(network=f"trained-{network}", layer=f"conv{layer}", **values))
    return Groups(groups=groups, quantities=names, truths=["zero_loss"])


def covered(generator: np.random.Generator, *, column: str, strength: float, between: float, networks: int) -> Repeat:
    """The planted quantity's mean correlation over networks."""
    groups = planted(generator, networks=networks, strength=strength, between=between, noise=0)
    table = agreement(groups, generator=generator, permutations=1)
    row = table[(table["layer"] == ALL) & (table["measure"] == PLANTED[0])].iloc[0]
    low, high = ("low", "high") if column == "value" else (f"{column}_low", f"{column}_high")
    return Repeat(truth=strength, value=row[column], low=row[low], high=row[high])


def by_chance(generator: np.random.Generator, *, column: str, by_size: float = 0.0) -> Repeat:
    """P of all quantities, none of which knows the truth other than by size; of `p_max` the smallest."""
    groups = planted(generator, networks=3, by_size=by_size, filters=(6, 16, 40))
    table = agreement(groups, generator=generator, permutations=99)
    p = table.loc[table["layer"] == ALL, column].dropna().to_numpy()
    return Repeat(p=p.min() if column.endswith("max") else p)


def gained(generator: np.random.Generator, *, networks: int) -> Repeat:
    """P of the gain on baselines of a measure that adds nothing to what they say of the truth; 1 without a gain."""
    groups = planted(generator, networks=networks, by_size=0.5)
    sets = {BASELINES: [0, 1], "recos": [0, 1, *range(3, len(groups.quantities))]}
    table = predict(groups, sets=sets)
    gain = table.loc[table["features"] == "recos", "gain"].to_numpy()
    return Repeat(p=difference_over_seeds(gain).p if gain.mean() > 0 else 1.0)


def simulation(name: str, quantity: str, repeat: Callable[[np.random.Generator], Repeat], n: int) -> Simulation:
    """One of agreement.csv."""
    return Simulation(name=name, covers=(f"agreement.csv:{quantity}",), n=n, repeat=repeat, repeats=1000)


LOSSES = ("zero_loss", "mean_loss", "resample_loss", "shapley")
ACCURACIES = ("zero_accuracy", "mean_accuracy", "resample_accuracy")

SIMULATIONS = [
    *(
        simulation(
            f"planted {strength}{f', {between} between networks' if between else ''}, {networks} networks",
            "value",
            partial(covered, column="value", strength=strength, between=between, networks=networks),
            networks * sum(FILTERS),
        )
        for strength, between, networks in ((0.5, 0.0, 5), (0.5, 0.3, 5), (0.2, 0.1, 10))
    ),
    simulation(
        "planted 0.5 beyond size, 5 networks",
        "partial",
        partial(covered, column="partial", strength=0.5, between=0.0, networks=5),
        5 * sum(FILTERS),
    ),
    simulation("nothing planted", "p", partial(by_chance, column="p"), 186),
    simulation("nothing planted, any claim", "p_max", partial(by_chance, column="p_max"), 186),
    simulation("size alone", "partial_p", partial(by_chance, column="partial_p", by_size=0.5), 186),
    simulation("size alone, any claim", "partial_p_max", partial(by_chance, column="partial_p_max", by_size=0.5), 186),
    *(
        Simulation(
            name=f"nothing beyond size, any gain, {networks} networks",
            covers=("prediction.csv:gain",),
            n=networks * sum(FILTERS),
            repeat=partial(gained, networks=networks),
            repeats=1000,
        )
        for networks in (3, 5)
    ),
    Simulation(
        name="rare losses",
        covers=tuple(f"filters.csv:{name}" for name in LOSSES),
        n=400,
        repeat=rare_losses,
    ),
    Simulation(
        name="images gained and lost",
        covers=tuple(f"filters.csv:{name}" for name in ACCURACIES),
        n=200,
        repeat=changes(0.02, 0.05, 200),
        repeats=4000,
        quick_repeats=800,
    ),
]
