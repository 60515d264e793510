"""Mutual information from distances to nearest neighbours, for variables of any dimension.

Samples are used as they are: scale the coordinates of a variable alike before. Many one-dimensional
variables against one label: `probecore.mutual_information.units` is far faster.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.special import digamma

from probecore.errors import InputError
from probecore.mutual_information.result import (
    Array,
    Labels,
    MutualInformation,
    conclude,
    enough,
    entropy,
    nothing,
    points,
    same_length,
    symbols,
)

Count = Callable[[Array], npt.NDArray[np.int64]]


def ksg(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    k: int = 3,
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
    repeats : permutations of y behind the null; 0: neither null nor interval
    generator : draws both

    Raises
    ------
    InputError
        If samples are not finite, too few, or so often equal that a k-th neighbour lies at distance 0.
    """
    return _continuous(x, y, estimator="ksg", k=k, atoms=False, repeats=repeats, generator=generator)


def mixed_ksg(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    k: int = 3,
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
    k, repeats, generator : as in `ksg`

    Raises
    ------
    InputError
        If samples are not finite or too few.
    """
    if np.asarray(y).dtype.kind in "iub":
        return _labelled(x, y, estimator="mixed_ksg", k=k, atoms=True, repeats=repeats, generator=generator)
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
        tree = cKDTree(joint)
        radius = tree.query(joint, k=[k + 1], p=np.inf)[0][:, 0]
        inside = np.full(n, k)
        if not radius.all():
            if not atoms:
                raise _ties(estimator, int((radius == 0).sum()), n)
            inside[radius == 0] = _equal(joint)[radius == 0]
        back = np.argsort(order)
        return np.asarray(
            digamma(inside) + digamma(n) - digamma(nearer_x(radius)) - digamma(nearer_y(radius[back])[order])
        )

    return conclude(
        contributions,
        estimator=estimator,
        n=n,
        ceiling=float(digamma(n) - digamma(k)),
        parameters={"k": k},
        repeats=repeats,
        generator=generator,
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
    ceiling = entropy(labels)
    if not np.ptp(values, axis=0).any():
        return nothing(estimator=estimator, n=n, ceiling=ceiling, parameters={"k": k}, repeats=repeats)
    nearer = _counter(values)
    sizes = np.bincount(labels)[labels]

    def contributions(order: npt.NDArray[np.intp]) -> Array:
        shown = labels[order]
        radius, inside = np.empty(n), np.minimum(k, sizes[order] - 1)
        for label in range(int(labels.max()) + 1):
            members = np.flatnonzero(shown == label)
            tree = cKDTree(values[members])
            radius[members] = tree.query(values[members], k=[min(k, len(members) - 1) + 1], p=np.inf)[0][:, 0]
        if not radius.all():
            if not atoms:
                raise _ties(estimator, int((radius == 0).sum()), n)
            here = radius == 0
            inside[here] = _equal(np.column_stack([values, shown]))[here]
        return np.asarray(digamma(inside) + digamma(n) - digamma(sizes[order]) - digamma(nearer(radius)))

    return conclude(
        contributions,
        estimator=estimator,
        n=n,
        ceiling=ceiling,
        parameters={"k": k},
        repeats=repeats,
        generator=generator,
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


def _counter(values: Array) -> Count:
    """Counts, for radii (N,), the points strictly closer than the radius, or equal where it is 0; itself too."""
    if values.shape[1] == 1:
        return _line_counter(values[:, 0])
    tree, equal = cKDTree(values), _equal(values)

    def count(radius: Array) -> npt.NDArray[np.int64]:
        strictly = np.nextafter(radius, 0)
        found = tree.query_ball_point(values, strictly, p=np.inf, return_length=True)
        return np.where(radius > 0, found, equal)

    return count


def _line_counter(values: Array) -> Count:
    """As `_counter` on a line: by bisection, then checked by the differences themselves, which alone decide."""
    order = np.argsort(values, kind="stable")
    line = values[order]
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    equal = np.searchsorted(line, values, "right") - np.searchsorted(line, values, "left")

    def count(radius: Array) -> npt.NDArray[np.int64]:
        left = np.minimum(np.searchsorted(line, values - radius), place)
        right = np.maximum(np.searchsorted(line, values + radius) - 1, place)
        last = len(line) - 1
        for step, edge in ((1, left), (-1, right)):
            while (out := np.abs(values - line[edge]) >= radius).any() and (out & (radius > 0)).any():
                edge[out & (radius > 0)] += step
            while (inner := (edge - step >= 0) & (edge - step <= last)).any():
                inner &= np.abs(values - line[np.clip(edge - step, 0, last)]) < radius
                if not inner.any():
                    break
                edge[inner] -= step
        return np.where(radius > 0, right - left + 1, equal)

    return count


def _equal(values: Array) -> npt.NDArray[np.int64]:
    """How many rows equal each row, itself included."""
    _, which, counts = np.unique(values, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(counts[which.reshape(-1)])


def _ties(estimator: str, tied: int, n: int) -> InputError:
    return InputError(f"{estimator}: {tied} of {n} samples have k equal neighbours; use mixed_ksg, or lower the ties")
