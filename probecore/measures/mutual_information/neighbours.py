"""Mutual information from distances to nearest neighbours, for variables of any dimension.

Samples are used as they are: scale the coordinates of a variable alike before. Many one-dimensional
variables against one label: `probecore.measures.mutual_information.units` is far faster.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.special import digamma, ndtri

from probecore.errors import InputError
from probecore.measures.mutual_information.groups import Part, groups_interval
from probecore.measures.mutual_information.result import (
    Array,
    Labels,
    MutualInformation,
    conclude,
    enough,
    nothing,
    points,
    same_length,
    symbols,
)
from probecore.statistics.ranks import average_ranks

Count = Callable[[Array], npt.NDArray[np.int64]]


def ksg(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    k: int = 3,
    scores: Literal["normal"] | None = None,
    repeats: int = 0,
    generator: np.random.Generator | None = None,
) -> MutualInformation:
    """I(X;Y) of two continuous variables: estimator 1 of Kraskov, Stögbauer and Grassberger.

    ψ(k) + ψ(N) - ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩, n the other points strictly closer than the k-th neighbour in
    the joint space, maximum norm (2004, arXiv cond-mat/0305641).

    Parameters
    ----------
    x, y : shape (N,) or (N, d)
    k : neighbours; more lower the variance and raise the bias
    scores : "normal" puts the normal quantile of its rank in place of each coordinate, which changes nothing about the
        truth; for heavy tails, where the estimate misses up to half (`benchmarks/bmi_tasks.py`)
    repeats : permutations of y behind the null; 0: neither null nor interval
    generator : draws both

    Raises
    ------
    InputError
        If samples are not finite, too few, or so often equal that a k-th neighbour lies at distance 0.
    """
    x, y = _scored(x, scores, "x"), _scored(y, scores, "y")
    return _continuous(x, y, estimator="ksg", k=k, atoms=False, repeats=repeats, generator=generator)


def mixed_ksg(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    k: int = 3,
    scores: Literal["normal"] | None = None,
    repeats: int = 0,
    generator: np.random.Generator | None = None,
) -> MutualInformation:
    """I(X;Y) of variables that may be discrete, continuous, or both at once, like a ReLU's output.

    As `ksg`, but where the k-th neighbour lies at distance 0, k becomes the number of points there (Gao et
    al. 2017, arXiv 1709.06212). With ψ in place of their logarithms and each point counted in, so that it is
    `ksg` where nothing is equal, `ross` where y is a label, and exactly 0 for a constant.

    Parameters
    ----------
    x : shape (N,) or (N, d)
    y : like x; or whole numbers of shape (N,), which are labels without distances between them
    k, scores, repeats, generator : as in `ksg`

    Raises
    ------
    InputError
        If samples are not finite or too few.
    """
    x = _scored(x, scores, "x")
    if np.asarray(y).dtype.kind in "iub":
        return _labelled(x, y, estimator="mixed_ksg", k=k, atoms=True, repeats=repeats, generator=generator)
    y = _scored(y, scores, "y")
    return _continuous(x, y, estimator="mixed_ksg", k=k, atoms=True, repeats=repeats, generator=generator)


def ross(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    k: int = 3,
    repeats: int = 0,
    generator: np.random.Generator | None = None,
) -> MutualInformation:
    """I(X;Y) of a continuous variable and a label (Ross 2014, doi 10.1371/journal.pone.0087357).

    ψ(N) + ⟨ψ(k_i)⟩ - ⟨ψ(N_y)⟩ - ⟨ψ(m_i)⟩: m_i counts the point and those of any class strictly closer than
    its k-th neighbour of the same class, k_i = min(k, N_y - 1). Maximum norm. Classes of one member are left
    out. A constant x gives 0.

    Parameters
    ----------
    x : shape (N,) or (N, d)
    y : labels, whole numbers (N,)
    k, repeats, generator : as in `ksg`

    Raises
    ------
    InputError
        If samples are not finite or too few, no class has two members, or k of a class are equal.
    """
    return _labelled(x, y, estimator="ross", k=k, atoms=False, repeats=repeats, generator=generator)


def _continuous(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    estimator: str,
    k: int,
    atoms: bool,
    repeats: int,
    generator: np.random.Generator | None,
) -> MutualInformation:
    first, second = points(x, "x"), points(y, "y")
    n = same_length(first, second)
    enough(n, k)
    if not (np.ptp(first, axis=0).any() and np.ptp(second, axis=0).any()):
        return nothing(estimator=estimator, n=n, ceiling=0.0, parameters={"k": k}, repeats=repeats)
    nearer_x, nearer_y = _counter(first), _counter(second)

    def contributions(order: npt.NDArray[np.intp]) -> Array:
        joint = np.hstack([first, second[order]])
        radius, inside = _neighbourhoods(joint, k, atoms=atoms)
        if not radius.all():
            raise _ties(estimator, int((radius == 0).sum()), n)
        back = np.argsort(order)
        return np.asarray(
            digamma(inside) + digamma(n) - digamma(nearer_x(radius)) - digamma(nearer_y(radius[back])[order])
        )

    def interval(value: float, drawing: np.random.Generator) -> tuple[float, float]:
        def on(part: Part) -> float:
            return _continuous(
                first[part], second[part], estimator=estimator, k=k, atoms=atoms, repeats=0, generator=None
            ).value

        low, high = groups_interval(value, on, np.zeros(n, np.int64), k=k, generator=drawing)
        return float(low), float(high)

    return conclude(
        contributions,
        estimator=estimator,
        n=n,
        ceiling=float(digamma(n) - digamma(k)),
        parameters={"k": k},
        repeats=repeats,
        generator=generator,
        interval=interval,
    )


def _labelled(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    estimator: str,
    k: int,
    atoms: bool,
    repeats: int,
    generator: np.random.Generator | None,
) -> MutualInformation:
    values, labels = points(x, "x"), symbols(y, "y")
    same_length(values, labels)
    values, labels = keep_shared(values, labels)
    n = len(labels)
    enough(n, k)
    most = label_ceiling(labels)
    ceiling = float(most.mean())
    if not np.ptp(values, axis=0).any():
        return nothing(estimator=estimator, n=n, ceiling=ceiling, parameters={"k": k}, repeats=repeats)
    nearer = _counter(values)

    def contributions(order: npt.NDArray[np.intp]) -> Array:
        shown = labels[order]
        radius, inside = np.empty(n), np.empty(n, np.int64)
        for label in range(int(labels.max()) + 1):
            members = np.flatnonzero(shown == label)
            near = min(k, len(members) - 1)
            radius[members], inside[members] = _neighbourhoods(values[members], near, atoms=atoms)
        if not radius.all():
            raise _ties(estimator, int((radius == 0).sum()), n)
        return np.asarray(digamma(inside) - digamma(nearer(radius)) + most[order])

    def interval(value: float, drawing: np.random.Generator) -> tuple[float, float]:
        def on(part: Part) -> float:
            return _labelled(
                values[part], labels[part], estimator=estimator, k=k, atoms=atoms, repeats=0, generator=None
            ).value

        low, high = groups_interval(value, on, labels, k=k, generator=drawing)
        return float(low), float(high)

    return conclude(
        contributions,
        estimator=estimator,
        n=n,
        ceiling=ceiling,
        parameters={"k": k},
        repeats=repeats,
        generator=generator,
        interval=interval,
    )


def keep_shared(values: Array, labels: Labels) -> tuple[Array, Labels]:
    """Samples (N, ...) and labels without those whose label no other sample has.

    Raises
    ------
    InputError
        If no sample is left.
    """
    shared = np.bincount(labels)[labels] > 1
    if not shared.any():
        raise InputError("y: no label occurs twice; give classes with several samples each")
    return values[shared], np.unique(labels[shared], return_inverse=True)[1].astype(np.int64)


def _scored(values: npt.ArrayLike, scores: Literal["normal"] | None, name: str) -> npt.ArrayLike:
    """Values as they are, or the normal scores of each coordinate; equal values share theirs."""
    if scores is None:
        return values
    columns = points(values, name)
    return np.asarray(ndtri((average_ranks(columns, axis=0) - 0.5) / len(columns)))


def label_ceiling(labels: Labels) -> Array:
    """What each sample contributes where its neighbourhood holds its class alone, (N,): ψ(N) - ψ(N_y).

    The mean is the largest value of `ross` and `mixed_ksg` for labels. It exceeds the entropy of the labels' shares by
    some (K - 1) / 2N, the bias of the latter where labels are drawn at random.
    """
    return np.asarray(digamma(len(labels)) - digamma(np.bincount(labels)[labels]))


def _neighbourhoods(values: Array, k: int, *, atoms: bool) -> tuple[Array, npt.NDArray[np.int64]]:
    """The radius of each row's neighbourhood, (N,), and how many neighbours to say that it holds.

    It reaches to the k-th other row, and holds k. With `atoms`, where several rows are as far, as those of an atom are,
    it reaches just beyond, and holds them all, the row itself too.
    """
    tree = cKDTree(values)
    before, radius, after = tree.query(values, k=[k, k + 1, k + 2], p=np.inf)[0].T
    inside = np.full(len(values), k)
    if atoms and (tied := (radius == before) | (radius == after)).any():
        inside[tied] = tree.query_ball_point(values[tied], radius[tied], p=np.inf, return_length=True)
        radius[tied] = np.nextafter(radius[tied], np.inf)
    return radius, inside


def _counter(values: Array) -> Count:
    """Counts, for radii (N,), the points strictly closer than the radius; itself too."""
    if values.shape[1] == 1:
        return _line_counter(values[:, 0])
    tree = cKDTree(values)

    def count(radius: Array) -> npt.NDArray[np.int64]:
        strictly = np.nextafter(radius, 0)
        return np.asarray(tree.query_ball_point(values, strictly, p=np.inf, return_length=True))

    return count


def _line_counter(values: Array) -> Count:
    """As `_counter` on a line: by bisection, then checked by the differences themselves, which alone decide."""
    order = np.argsort(values, kind="stable")
    line = values[order]
    place = np.empty_like(order)
    place[order] = np.arange(len(order))

    def count(radius: Array) -> npt.NDArray[np.int64]:
        left = np.minimum(np.searchsorted(line, values - radius), place)
        right = np.maximum(np.searchsorted(line, values + radius) - 1, place)
        last = len(line) - 1
        for step, edge in ((1, left), (-1, right)):
            while (out := np.abs(values - line[edge]) >= radius).any():
                edge[out] += step
            while (inner := (edge - step >= 0) & (edge - step <= last)).any():
                inner &= np.abs(values - line[np.clip(edge - step, 0, last)]) < radius
                if not inner.any():
                    break
                edge[inner] -= step
        return right - left + 1

    return count


def _ties(estimator: str, tied: int, n: int) -> InputError:
    return InputError(f"{estimator}: {tied} of {n} samples have k equal neighbours; use mixed_ksg, or lower the ties")
