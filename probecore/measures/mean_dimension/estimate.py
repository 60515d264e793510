"""The estimator: mean dimension of a function over given points (Hahn et al. 2022, arXiv 2207.04890).

ξ_i = E[(f(x with x_i of another point) - f(x))²]/2 and ν = Σ ξ_i / Var f, for any callable. Networks with their
layers are `network`'s business.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from probecore.determinism import numpy_generator
from probecore.errors import InputError
from probecore.measures.mean_dimension.bases import Basis
from probecore.measures.mean_dimension.evaluate import Evaluator, Plain, as_function
from probecore.measures.mean_dimension.exchange import exchanges
from probecore.measures.mean_dimension.result import MeanDimension
from probecore.measures.mean_dimension.sums import Sums

BATCH_OF_FUNCTIONS = 4096
"""Changed points per call of a function that is no network."""


def mean_dimension(
    function: Callable[[Any], Any],
    inputs: np.ndarray | Tensor,
    *,
    basis: Basis | None = None,
    shuffles: int = 1,
    features: int | None = None,
    precision: float | None = None,
    batch: int | None = None,
    generator: np.random.Generator | None = None,
) -> MeanDimension:
    """Mean dimension of `function` over `inputs`, from these points alone.

    Parameters
    ----------
    function
        Points (B, ...) to values (B,) or (B, K). Gets what `inputs` is: arrays or tensors. A module runs in
        evaluation mode without gradients, and fast where it can.
    inputs
        Points, shape (N, ...).
    basis
        Directions in which to exchange; None for the inputs' own coordinates.
    shuffles
        Donors of each point, at most.
    features
        Coordinates exchanged per pair, drawn and weighted so that nothing is biased; None for all.
    precision
        Stop before `shuffles` when the interval's half-width is at most this share of the value.
    batch
        Changed inputs per call of the function.
    generator
        For the order of the points, the draw of coordinates and the bootstrap; by default always the same.

    Returns
    -------
    MeanDimension
        Trace over outputs, and per output.

    Raises
    ------
    InputError
        If there are fewer than two points or no coordinate, the function is constant or gives NaN, or an option is
        not above 0.

    Notes
    -----
    Var f is the population variance over all points. For correlated inputs ν can be less than 1.
    """
    check_options(shuffles=shuffles, features=features, precision=precision, batch=batch)
    if isinstance(function, nn.Module):
        from probecore.measures.mean_dimension.network import network_mean_dimension

        result = network_mean_dimension(
            function,
            torch.as_tensor(inputs),
            basis=basis,
            shuffles=shuffles,
            features=features,
            precision=precision,
            batch=batch,
            generator=generator,
        ).outputs["output"]
    else:
        generator = generator or numpy_generator("mean_dimension")
        points = as_points(inputs)
        points = points[torch.from_numpy(generator.permutation(len(points)))]
        coordinates = points.flatten(1) if basis is None else basis.coordinates(points)
        call = as_function(function, arrays=isinstance(inputs, np.ndarray))
        result = run(
            Plain(call, basis=basis, batch=batch or BATCH_OF_FUNCTIONS),
            points,
            {"output": Sums(len(points), coordinates.shape[1])},
            shape=tuple(points.shape[1:]) if basis is None else tuple(coordinates.shape[1:]),
            coordinates=coordinates,
            donors=around(coordinates, shuffles),
            features=features,
            precision=precision,
            generator=generator,
        )["output"]
    return _not_constant(result, len(inputs))


def authors_variant(
    function: Callable[[Any], Any], inputs: np.ndarray | Tensor, *, basis: Basis | None = None
) -> MeanDimension:
    """The estimate on the authors' pairs: points in the given order, each exchanging with the next alone.

    Its ``variance_form`` is what their public code computes: Var(Δ_i)/2 in place of E[Δ_i²]/2, variances over the
    N - 1 base points. It is too small where E[Δ_i] is not 0.
    """
    points = as_points(inputs)
    coordinates = points.flatten(1) if basis is None else basis.coordinates(points)
    result = run(
        Plain(
            as_function(function, arrays=isinstance(inputs, np.ndarray)),
            basis=basis,
            batch=BATCH_OF_FUNCTIONS,
        ),
        points[:-1],
        {"output": Sums(len(points) - 1, coordinates.shape[1])},
        shape=tuple(points.shape[1:]) if basis is None else tuple(coordinates.shape[1:]),
        coordinates=coordinates[:-1],
        donors=[coordinates[1:]],
        features=None,
        precision=None,
        generator=numpy_generator("mean_dimension"),
    )["output"]
    return _not_constant(result, len(inputs))


def run(
    evaluator: Evaluator,
    points: Tensor,
    sums: Mapping[str, Sums],
    *,
    shape: tuple[int, ...],
    coordinates: Tensor,
    donors: Sequence[Tensor],
    features: int | None,
    precision: float | None,
    generator: np.random.Generator,
    sources: Mapping[str, str] | None = None,
) -> dict[str, MeanDimension]:
    """Fill `sums` by exchanging coordinates of `points` (N, ...) with those of `donors`, (N, D) for each shuffle.

    `sources` says which of the evaluator's outputs each of the `sums` is made of; by default that of its name. `shape`
    is that of the total indices. `precision` is that of ``output``.
    """
    sources = sources or {name: name for name in sums}
    _describe(evaluator, points, sums, sources)
    evaluations = 0
    results: dict[str, MeanDimension] = {}
    for shuffle, donor in enumerate(donors, start=1):
        for each in sums.values():
            each.begin_shuffle()
        for start in range(0, len(points), evaluator.chunk):
            chunk = slice(start, start + evaluator.chunk)
            swaps = exchanges(
                coordinates[chunk],
                donor[chunk],
                features=features,
                generator=generator,
                by_feature=evaluator.by_feature,
            )
            evaluations += len(swaps)
            for part, changed, raw in evaluator.changed(points[chunk], swaps):
                for name, each in sums.items():
                    each.add(swaps, part, start, changed[sources[name]], raw[sources[name]])
        if shuffle == len(donors) or precision is not None:
            results = {
                name: each.result(shape=shape, evaluations=evaluations, generator=generator)
                for name, each in sums.items()
            }
            _check_exchanged(results)
            if precision is not None and not _is_wide(results["output"], precision):
                break
    return results


def check_options(**options: float | None) -> None:
    """Raise `InputError` for an option that is given and not above 0."""
    for name, value in options.items():
        if value is not None and not value > 0:
            raise InputError(f"{name}: {value}; give a number above 0")


def around(coordinates: Tensor, shuffles: int) -> list[Tensor]:
    """Donors for each shuffle: the next points on the circle.

    Raises
    ------
    InputError
        If there are not enough points for so many.
    """
    if shuffles >= len(coordinates):
        raise InputError(f"shuffles: {shuffles} donors per point need {shuffles + 1} points, got {len(coordinates)}")
    return [coordinates.roll(-shuffle, 0) for shuffle in range(1, shuffles + 1)]


def as_points(inputs: np.ndarray | Tensor) -> Tensor:
    """Points (N, ...) as a tensor of floats.

    Raises
    ------
    InputError
        If there are fewer than two, they have no coordinate, or one is not finite.
    """
    points = torch.as_tensor(inputs)
    points = points if points.is_floating_point() else points.double()
    if points.ndim < 2 or len(points) < 2:
        raise InputError(f"inputs: shape {tuple(points.shape)}; give two points or more, one per row")
    if points[0].numel() == 0:
        raise InputError(f"inputs: shape {tuple(points.shape)} has no coordinate to exchange; give at least one")
    if not points.isfinite().all():
        raise InputError("inputs: some are NaN or infinite; remove those points")
    return points


def _not_constant(result: MeanDimension, points: int) -> MeanDimension:
    if np.isnan(result.value):
        raise InputError(f"function: constant over the {points} points, so it has no mean dimension; check it")
    return result


def _describe(evaluator: Evaluator, points: Tensor, sums: Mapping[str, Sums], sources: Mapping[str, str]) -> None:
    """Means and squared deviations of the outputs at the points themselves, in two passes."""
    for second in (False, True):
        for start in range(0, len(points), evaluator.chunk):
            outputs = evaluator.outputs(points[start : start + evaluator.chunk])
            for name, each in sums.items():
                raw = outputs[sources[name]]
                if second:
                    each.spread(raw, start)
                elif raw.isfinite().all():
                    each.centre(raw, start)
                else:
                    wrong = (
                        int((~raw.isfinite()).flatten(1).any(1).sum()) if raw.ndim > 1 else int((~raw.isfinite()).sum())
                    )
                    raise InputError(f"function: {name} is NaN or infinite at {wrong} points; repair or leave them out")
        if not second:
            for each in sums.values():
                each.start()


def _check_exchanged(results: Mapping[str, MeanDimension]) -> None:
    for name, result in results.items():
        if not np.isfinite(result.per_shuffle).all() and result.dead < result.nodes:
            raise InputError(
                f"function: {name} is NaN or infinite at exchanged points; make it answer wherever coordinates may lie"
            )


def _is_wide(result: MeanDimension, precision: float) -> bool:
    """Whether more shuffles are worth it; not for a constant, whose value stays NaN."""
    low, high = result.interval
    return not (np.isnan(result.value) or (high - low) / 2 <= precision * result.value)
