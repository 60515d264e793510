"""The information plane: what each layer keeps of the input and of the label, by estimators side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from probecore.measures.mutual_information.density import kolchinsky_tracey
from probecore.measures.mutual_information.discrete import equal_bins, plugin, vector_symbols
from probecore.measures.mutual_information.parametric import gaussian, principal_components, probe_bound
from probecore.measures.mutual_information.result import Array, Labels, MutualInformation, mean_of
from probecore.statistics import Estimate

COMPONENTS = 10
"""Principal components of a layer that enter the layer-to-layer matrix."""

PROBE = "probe_bound"
NO_INTERVAL = {"low": np.nan, "high": np.nan}

Row = dict[str, Any]


@dataclass(frozen=True)
class Point:
    """An estimate of a layer, and what tells it from the others of that layer."""

    estimator: str
    noise_variance: float
    quantity: str
    main: bool
    estimate: MutualInformation

    @property
    def keys(self) -> Row:
        """The leading columns of its row."""
        names = ("estimator", "noise_variance", "quantity")
        return {name: getattr(self, name) for name in names}


def layer_points(
    vector: Array,
    labels: Labels,
    *,
    noise_variances: Sequence[float],
    bins: int,
    repeats: int,
    generator: np.random.Generator,
) -> list[Point]:
    """One layer's estimates, nats: by estimator, noise variance and quantity, input or label.

    Parameters
    ----------
    vector : the layer, (N, d)
    labels : (N,)
    noise_variances : σ² of the pairwise bounds; the first is the main one, and has nulls
    bins : equal bins over the layer's range for the binned estimate
    repeats : permutations of the labels
    generator : draws them
    """
    points = []
    for index, variance in enumerate(noise_variances):
        settings: dict[str, Any] = {"noise_variance": variance, "repeats": 0 if index else repeats}
        for quantity, known in (("input", None), ("label", labels)):
            for bound in kolchinsky_tracey(vector, known, **settings, generator=generator):
                points.append(Point(bound.estimator, variance, quantity, index == 0, bound))
    whole = vector_symbols(equal_bins(vector, bins))
    binned = {"input": plugin(np.arange(len(vector)), whole, miller_madow=False)}
    binned["label"] = plugin(whole, labels, miller_madow=False, repeats=repeats, generator=generator)
    for quantity, estimate in binned.items():  # most bins hold one image: what N makes of it has no interval
        points.append(Point("binned", 0.0, quantity, True, estimate.without_interval()))
    points.append(Point(PROBE, 0.0, "label", True, probe_bound(vector, labels)))
    return points


def plane_row(point: Point) -> Row:
    """A row of ``plane.csv``."""
    return {**row(point.estimate), **point.keys, "main": int(point.main)}


def contrast_rows(before: Sequence[Point], after: Sequence[Point]) -> Iterator[Row]:
    """What changed of each estimate of a layer, on the same images at the same σ², with a paired interval.

    The probe's has none: over images alone, classifiers as they are, it held the truth in 78 to 82 % of samples.
    """
    for first, last in zip(before, after, strict=True):
        here, there = first.estimate.contributions, last.estimate.contributions
        if here is not None and there is not None:
            found = mean_of(there - here)
            interval = {"low": found.low, "high": found.high} if first.estimator != PROBE else NO_INTERVAL
            yield {**first.keys, "value": found.value, **interval, "n": found.n}


def convergence_rows(
    points: Mapping[int, Sequence[Point]], *, ceiling: float, accuracy: Mapping[int, float]
) -> Iterator[Row]:
    """How far a layer is from the information-bottleneck bound, and how fast it moves, by epoch.

    For labels that are a function of the input the bound is I(T;Y) = min(I(X;T), H(Y)) (Kolchinsky, Tracey and
    Van Kuyk 2019, arXiv 1808.07593). `vertical` is what the layer misses of it at its I(X;T), `horizontal` what
    it keeps of the input beyond what it knows of the label; `distance` is their sum. All are differences of upper
    estimates, so not themselves bounds.

    Parameters
    ----------
    points : the layer's, by epoch; the upper pairwise estimates of the main σ² are used
    ceiling : H(Y), nats
    accuracy : of the network, by epoch
    """
    before: tuple[int, Array] | None = None
    for epoch, found in sorted(points.items()):
        upper = [one for one in found if one.main and one.estimator == "kolchinsky_tracey_upper"]
        known = {one.quantity: one.estimate for one in upper}
        kept, said = known["input"].value, known["label"].value
        bound = min(kept, ceiling)
        shares = [np.asarray(known[name].contributions) for name in ("input", "label")]
        local = (shares[0] if kept < ceiling else ceiling) + shares[0] - 2 * shares[1]
        distance = mean_of(local)
        drift = mean_of((local - before[1]) / (epoch - before[0])) if before else Estimate(value=np.nan, n=distance.n)
        yield {
            "epoch": epoch,
            "input": kept,
            "label": said,
            "bound": bound,
            "vertical": bound - said,
            "horizontal": kept - said,
            "distance": distance.value,
            "distance_low": distance.low,
            "distance_high": distance.high,
            "drift": drift.value,
            "drift_low": drift.low,
            "drift_high": drift.high,
            "accuracy": accuracy[epoch],
            "n": distance.n,
        }
        before = epoch, local


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
            breaks = before is not None and found.low > before.high
            yield {"layer": first, "to_layer": second, **row(found), "breaks": int(breaks)}
            before = found


def row(estimate: MutualInformation, **keys: Any) -> Row:
    """An estimate as columns of a table."""
    return {
        "estimator": estimate.estimator,
        **keys,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "null": estimate.null,
        "null_95": estimate.null_95,
        "p": estimate.p,
        "n": estimate.n,
        "ceiling": estimate.ceiling,
        "saturated": int(estimate.saturated),
    }
