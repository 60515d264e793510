"""Every quantity of every layer with its interval and null: matrices and winners, as they are and replicated."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import nn

from probecore.determinism import numpy_generator
from probecore.measures.mechanism.estimates import Array, Quantities, estimates, of_fields, of_winners, within_range
from probecore.measures.mechanism.head import Head
from probecore.measures.mechanism.params import MechanismParams
from probecore.measures.mechanism.readout import (
    Floats,
    Images,
    Reading,
    Replicates,
    as_they_are,
    bootstrap,
    image_winners,
    permutation,
    replicate_means,
)
from probecore.measures.mechanism.winners import favourites
from probecore.models import Block

About = str | float
"""filter, layer, or a threshold of the sweep (the layer at that threshold)."""
Place = tuple[str, str, About]
"""Layer, quantity, and what it is about."""

SWEPT = ("snr", "labels_all", "clusters_all", "cluster_size", "noise_all", "clusterless")
"""Quantities of a layer that are followed over thresholds."""


JUDGED = "winner_share"
"""Quantity of a filter's favourite, which one half of the images chooses and the other judges."""


@dataclass(frozen=True, kw_only=True)
class Halves:
    """What two halves of the images give, so that nothing is judged on the images that chose it."""

    ranking: npt.NDArray[np.bool_]
    """Which images rank, (N,), from `ranking_half`; the others judge."""
    matrices: dict[str, Floats]
    """Name of a layer → matrices (2, F, K, K) over the half that ranks and the half that judges."""
    winners: dict[str, Floats]
    """Name of a layer → share of the images of each label won by each output, likewise."""
    qualities: dict[Place, Array]
    """Quantities of every filter (F,) and layer () over the half that ranks."""


def halves(
    model: nn.Module,
    blocks: Sequence[Block],
    heads: Mapping[str, Head],
    images: Images,
    labels: npt.NDArray[np.int64],
    *,
    ranking: npt.NDArray[np.bool_],
    params: MechanismParams,
) -> Halves:
    """Matrices, winners and quantities by halves of the images.

    Parameters
    ----------
    labels : of the test images, in the order of `images`
    ranking : which images rank, shape (N,), from `ranking_half`
    """
    both = as_they_are(labels, classes=next(iter(heads.values())).classes, chosen=np.stack([ranking, ~ranking]))

    def of(read: Reading) -> dict[str, Floats]:
        found: dict[str, list[Floats]] = defaultdict(list)
        for layer, part in replicate_means(model, blocks, heads, images, both, read=read):
            found[layer].append(part)
        return {layer: np.concatenate(parts) for layer, parts in found.items()}

    matrices, winners = of(Head.image_fields), of(image_winners)
    fields, rates = ([(layer, each[:1]) for layer, each in found.items()] for found in (matrices, winners))
    qualities = {place: values[0] for place, values in _quantities(fields, rates, params).items()}
    return Halves(ranking=ranking, matrices=matrices, winners=winners, qualities=qualities)


def replicated_estimates(
    model: nn.Module,
    blocks: Sequence[Block],
    heads: Mapping[str, Head],
    images: Images,
    labels: npt.NDArray[np.int64],
    *,
    fields: Mapping[str, Floats],
    by_half: Halves,
    params: MechanismParams,
    key: Sequence[str | int],
) -> dict[Place, Quantities]:
    """Columns of every quantity, (F,) about filters and () about layers.

    Intervals come from bootstrap replicates of the images, drawn within labels; nulls are medians over permutations
    of the labels. The share of a filter's favourite does not depend on labels: in place of a null it has 1 / K, that of
    a filter that votes at random.

    Parameters
    ----------
    labels : of the test images, in the order of `images`
    fields : name of a layer → matrices (F, K, K) of its filters
    by_half : what halves of the images give: one half chooses each filter's favourite, the other judges it
    key : names this unit of work; the draws follow from it
    """
    classes = next(iter(heads.values())).classes

    def of(replicates: Replicates, read: Reading) -> Iterator[tuple[str, Floats]]:
        return replicate_means(model, blocks, heads, images, replicates, read=read)

    def draw(kind: str, repeats: int) -> Replicates:
        resample = {"bootstrap": bootstrap, "permutation": permutation}[kind]
        return resample(labels, classes=classes, repeats=repeats, generator=numpy_generator(*key, kind))

    as_given = ((layer, matrices[None]) for layer, matrices in fields.items())
    observed = _quantities(as_given, of(as_they_are(labels, classes=classes), image_winners), params)
    drawn, null = (
        _quantities(of(replicates, Head.image_fields), of(replicates, image_winners), params)
        for replicates in (draw("bootstrap", params.bootstrap), draw("permutation", params.permutations))
    )
    favourite = {layer: favourites(each[0]) for layer, each in by_half.winners.items()}
    judged = ((layer, each[1:]) for layer, each in by_half.winners.items())
    observed |= _shares(judged, favourite)
    generator = numpy_generator(*key, "judging")
    redrawn = bootstrap(labels, classes=classes, repeats=params.bootstrap, generator=generator, chosen=~by_half.ranking)
    drawn |= _shares(of(redrawn, image_winners), favourite)
    found = {
        place: within_range(place[1], estimates(observed[place][0], drawn[place], null[place])) for place in observed
    }
    for (_, quantity, _), columns in found.items():
        if quantity == JUDGED:
            columns |= {"null": np.full_like(columns["value"], 1 / classes), "p": np.full_like(columns["p"], np.nan)}
    return found


def _shares(rates: Iterable[tuple[str, Floats]], favourite: Mapping[str, npt.NDArray[np.intp]]) -> dict[Place, Array]:
    """The share that each filter's favourite wins, and its mean over a layer, with replicates along the first axis."""
    parts: dict[Place, list[Array]] = defaultdict(list)
    for layer, part in rates:
        for about, quantities in zip(("filter", "layer"), of_winners(part, favourite[layer]), strict=True):
            parts[layer, JUDGED, about].append(quantities[JUDGED])
    return {place: np.concatenate(values) for place, values in parts.items()}


def _quantities(
    fields: Iterable[tuple[str, Floats]], rates: Iterable[tuple[str, Floats]], params: MechanismParams
) -> dict[Place, Array]:
    """Every quantity with its replicates along the first axis."""
    parts: dict[Place, list[Array]] = defaultdict(list)

    def add(layer: str, about: About, quantities: Quantities) -> None:
        for name, values in quantities.items():
            parts[layer, name, about].append(values)

    for layer, matrices in fields:
        filters, together = of_fields(matrices, params.threshold)
        add(layer, "filter", filters)
        add(layer, "layer", together)
        for threshold in params.sweep:
            _, together = of_fields(matrices, threshold)
            add(layer, threshold, {name: together[name] for name in SWEPT})
    for layer, shares in rates:
        filters, together = of_winners(shares)
        add(layer, "filter", filters)
        add(layer, "layer", together)
    return {place: np.concatenate(values) for place, values in parts.items()}
