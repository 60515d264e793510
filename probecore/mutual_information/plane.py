"""The information plane: what each layer keeps of the input and of the label, by estimators side by side."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from probecore.mutual_information.density import kolchinsky_tracey
from probecore.mutual_information.discrete import equal_bins, plugin, vector_symbols
from probecore.mutual_information.parametric import gaussian, principal_components, probe_bound
from probecore.mutual_information.result import Array, Labels, MutualInformation

COMPONENTS = 10
"""Principal components of a layer that enter the layer-to-layer matrix."""

Row = dict[str, Any]


def plane_rows(
    vector: Array,
    labels: Labels,
    *,
    noise_variances: Sequence[float],
    bins: int,
    repeats: int,
    generator: np.random.Generator,
) -> Iterator[Row]:
    """One layer's place in the plane, nats: a row per estimator, noise variance and quantity.

    Parameters
    ----------
    vector : the layer, (N, d)
    labels : (N,)
    noise_variances : σ² of the pairwise bounds; only the first gets nulls and intervals
    bins : equal bins over the layer's range for the binned estimate
    repeats : permutations and bootstrap replicates
    generator : draws both
    """
    for index, variance in enumerate(noise_variances):
        settings: dict[str, Any] = {"noise_variance": variance, "repeats": 0 if index else repeats}
        for quantity, known in (("input", None), ("label", labels)):
            for bound in kolchinsky_tracey(vector, known, **settings, generator=generator):
                yield row(bound, quantity=quantity, noise_variance=variance)
    whole = vector_symbols(equal_bins(vector, bins))
    images = np.arange(len(vector))
    binned = {"input": plugin(images, whole, miller_madow=False)}
    binned["label"] = plugin(whole, labels, miller_madow=False, repeats=repeats, generator=generator)
    for quantity, estimate in binned.items():
        yield row(estimate, quantity=quantity, noise_variance=0.0) | {"estimator": "binned"}
    yield row(probe_bound(vector, labels), quantity="label", noise_variance=0.0)


def convergence_rows(plane: Sequence[Row], *, ceiling: float, accuracy: Mapping[int, float]) -> Iterator[Row]:
    """How far each layer is from the information-bottleneck bound, and how fast it moves, by epoch.

    For labels that are a function of the input the bound is I(T;Y) = min(I(X;T), H(Y)) (Kolchinsky, Tracey and
    Van Kuyk 2019, arXiv 1808.07593). `vertical` is what the layer misses of it at its I(X;T), `horizontal` what
    it keeps of the input beyond what it knows of the label; `distance` is their sum.

    Parameters
    ----------
    plane : rows with epoch, layer, estimator, quantity, value; those of the upper pairwise estimate are used
    ceiling : H(Y), nats
    accuracy : of the network, by epoch
    """
    places: dict[str, dict[int, dict[str, float]]] = {}
    for entry in plane:
        places.setdefault(entry["layer"], {}).setdefault(entry["epoch"], {})[entry["quantity"]] = entry["value"]
    for layer, epochs in places.items():
        before: tuple[int, float] | None = None
        for epoch, place in sorted(epochs.items()):
            vertical = min(place["input"], ceiling) - place["label"]
            horizontal = place["input"] - place["label"]
            distance = vertical + horizontal
            yield {
                "epoch": epoch,
                "layer": layer,
                "input": place["input"],
                "label": place["label"],
                "bound": min(place["input"], ceiling),
                "vertical": vertical,
                "horizontal": horizontal,
                "distance": distance,
                "drift": (distance - before[1]) / (epoch - before[0]) if before else np.nan,
                "accuracy": accuracy[epoch],
            }
            before = epoch, distance


def layer_rows(
    vectors: Mapping[str, Array], *, noise_variance: float, repeats: int, generator: np.random.Generator
) -> Iterator[Row]:
    """Gaussian information between every two layers, and where a later layer seems to know more.

    Layers are their first principal components plus noise of `noise_variance`. `breaks` marks pairs whose interval
    lies above that of the first layer with the layer before the second, which the data-processing inequality
    forbids: there the estimate, not the network, is at fault.
    """
    names = list(vectors)
    components = min(COMPONENTS, max(1, len(vectors[names[0]]) // 8))
    reduced = {name: principal_components(vector, components) for name, vector in vectors.items()}
    for start, first in enumerate(names):
        before: MutualInformation | None = None
        for second in names[start + 1 :]:
            found = gaussian(
                reduced[first],
                reduced[second],
                noise_variance=noise_variance,
                repeats=repeats,
                generator=generator,
            )
            breaks = before is not None and found.interval[0] > before.interval[1]
            yield {"layer": first, "to_layer": second, **row(found), "breaks": int(breaks)}
            before = found


def row(estimate: MutualInformation, **keys: Any) -> Row:
    """An estimate as columns of a table."""
    return {
        "estimator": estimate.estimator,
        **keys,
        "value": estimate.value,
        "low": estimate.interval[0],
        "high": estimate.interval[1],
        "null": estimate.null_mean,
        "null_95": estimate.null_95,
        "p": estimate.p,
        "n": estimate.n,
        "ceiling": estimate.ceiling,
        "saturated": int(estimate.saturated),
    }
