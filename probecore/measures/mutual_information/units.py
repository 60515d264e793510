"""What each of many one-dimensional variables knows of one label: every unit of a layer in one pass.

The same numbers as `neighbours.mixed_ksg` with labels, so those of `neighbours.ross` where nothing is equal. Each
unit is sorted once; a relabelling is a walk along the line, class by class, with a window over the nearest
members, whose edges gallop to the points inside. Differences decide, never x ± r, which rounding would move.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from probecore.determinism import numpy_generator
from probecore.measures.mutual_information.groups import Part, groups_interval
from probecore.measures.mutual_information.neighbours import keep_shared, label_ceiling
from probecore.measures.mutual_information.result import Array, Labels, enough, points, same_length, symbols
from probecore.statistics import permutation_p

Function = TypeVar("Function", bound=Callable[..., Any])

WALK = 16
"""Single steps to the edge of a neighbourhood before they double: enough for all but rare classes."""


@dataclass(frozen=True, kw_only=True)
class UnitInformation:
    """Î(T;Y) of each unit, nats: arrays of shape (U,), as in `MutualInformation`."""

    value: Array
    low: Array
    high: Array
    null: Array
    null_95: Array
    p: Array
    n: int
    ceiling: float


def label_information(
    values: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    k: int = 3,
    repeats: int = 0,
    generator: np.random.Generator | None = None,
) -> UnitInformation:
    """What each unit knows of the label, with `mixed_ksg`; all units see the same permutations.

    Parameters
    ----------
    values : shape (N, U)
    labels : whole numbers (N,); classes of one member are left out
    k : neighbours
    repeats : permutations behind the null; 0: neither null nor interval (by random groups, `groups_interval`)
    generator : draws both; None: one of fixed seed

    Raises
    ------
    InputError
        If values are not finite, samples too few, or no class has two members.
    """
    columns, classes = points(values, "values"), symbols(labels, "labels")
    same_length(columns, classes)
    columns, classes = keep_shared(columns, classes)
    n = len(classes)
    enough(n, k)
    generator = generator or numpy_generator("mutual_information", "units")
    relabelled = [classes, *(generator.permutation(classes) for _ in range(repeats))]
    units = np.ascontiguousarray(columns.T)
    order = np.argsort(units, axis=1, kind="stable")
    means = _score(
        np.take_along_axis(units, order, axis=1),
        order,
        np.stack(relabelled),
        np.concatenate([[0], np.cumsum(np.bincount(classes))]),
        k,
        digamma(np.maximum(np.arange(n + 1), 1)),
    )
    value, null = means[:, 0], means[:, 1:].T
    missing = np.full(len(value), np.nan)
    low = high = missing
    if repeats:

        def on(part: Part) -> Array:
            return label_information(columns[part], classes[part], k=k).value

        low, high = groups_interval(value, on, classes, k=k, generator=generator)
    return UnitInformation(
        value=value,
        low=low,
        high=high,
        null=null.mean(axis=0) if repeats else missing,
        null_95=np.quantile(null, 0.95, axis=0) if repeats else missing,
        p=permutation_p(value, null) if repeats else missing,
        n=n,
        ceiling=float(label_ceiling(classes).mean()),
    )


def _compiled(function: Function) -> Function:
    """Machine code, typed as what it is made from, and kept for the next start where there is a place for it."""
    try:
        return cast(Function, numba.njit(cache=True)(function))
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return cast(Function, numba.njit(function))


@_compiled
def _score(
    lines: Array,
    orders: npt.NDArray[np.intp],
    relabelled: Labels,
    starts: npt.NDArray[np.int64],
    k: int,
    psi: Array,
) -> Array:
    """Means over samples of each unit and relabelling, (U, B)."""
    units, n = lines.shape
    means = np.zeros((units, len(relabelled)))
    places, values, filled = np.empty(n, np.int64), np.empty(n), np.empty(len(starts) - 1, np.int64)
    for unit in range(units):
        line, order = lines[unit], orders[unit]
        equal = _equal(line)
        for index in range(len(relabelled)):
            for label in range(len(starts) - 1):
                filled[label] = starts[label]
            for place in range(n):
                label = relabelled[index, order[place]]
                places[filled[label]], values[filled[label]] = place, line[place]
                filled[label] += 1
            total = 0.0
            for label in range(len(starts) - 1):
                own, mine = places[starts[label] : starts[label + 1]], values[starts[label] : starts[label + 1]]
                size = len(own)
                near, window, after = min(k, size - 1), 0, 0
                while after < size:
                    this, value = after, mine[after]
                    after += 1
                    while after < size and mine[after] == value:
                        after += 1
                    if after - this > near:
                        inside, count = after - this, equal[own[this]]
                    else:
                        while window + near + 1 < size and mine[window + near + 1] - value < value - mine[window]:
                            window += 1
                        last = window + near
                        radius = max(value - mine[window], mine[last] - value)
                        inside = near
                        if _tied(mine, value, window, last, radius):
                            radius = np.nextafter(radius, np.inf)
                            inside = _closer(mine, value, window, last, radius)
                        count = _closer(line, value, own[window], own[last], radius)
                    part = psi[inside] - psi[count] - psi[size] + psi[n]
                    total += part * (after - this)
            means[unit, index] = total / n
    return means


@_compiled
def _equal(line: Array) -> npt.NDArray[np.int64]:
    """How many points of a sorted line have the value of each."""
    equal, start = np.empty(len(line), np.int64), 0
    for place in range(1, len(line) + 1):
        if place == len(line) or line[place] != line[start]:
            equal[start:place] = place - start
            start = place
    return equal


@_compiled
def _tied(line: Array, value: float, left: int, right: int, radius: float) -> bool:
    """Whether several of the nearest points, from `left` to `right`, or the next are at the distance `radius`."""
    found = 0
    for place in range(max(left - 1, 0), min(right + 2, len(line))):
        if abs(line[place] - value) == radius:
            found += 1
    return found > 1


@_compiled
def _closer(line: Array, value: float, left: int, right: int, radius: float) -> int:
    """Points closer to `value` than `radius`; `left` and `right` are places on both sides of it, near its edges."""
    while value - line[left] >= radius:
        left += 1
    while line[right] - value >= radius:
        right -= 1
    for side in (-1, 1):
        edge = left if side < 0 else right
        step, walked = 1, 0
        while step and 0 <= edge + side * step < len(line):
            if abs(line[edge + side * step] - value) >= radius:
                break
            edge += side * step
            walked += 1
            if walked >= WALK:
                step *= 2
        while step > 1:
            step //= 2
            if 0 <= edge + side * step < len(line) and abs(line[edge + side * step] - value) < radius:
                edge += side * step
        if side < 0:
            left = edge
        else:
            right = edge
    return right - left + 1
