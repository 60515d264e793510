"""Mutual information through a model of the variables: Gaussian, and a classifier's cross-entropy."""

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import digamma, log_softmax

from probecore.errors import InputError
from probecore.measures.mutual_information.result import (
    Array,
    Labels,
    MutualInformation,
    conclude,
    entropy,
    nothing,
    points,
    same_length,
    symbols,
)


def gaussian(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    noise_variance: float = 0.0,
    repeats: int = 0,
    generator: np.random.Generator | None = None,
) -> MutualInformation:
    """I(X;Y) as if X and Y were jointly normal: -½ Σ log(1 - ρ²) over the canonical correlations ρ.

    Without noise unbiased for normal variables: the bias of a Wishart matrix's log determinant depends on its
    size alone, and is subtracted (Misra, Singh and Demchuk 2005, doi 10.1016/j.jmva.2003.10.003). With noise the bias
    is subtracted to first order.

    Parameters
    ----------
    x, y : shape (N,) or (N, d); coordinates that never change are left out
    noise_variance : σ² of independent noise on all coordinates; keeps what linear maps share finite
    repeats : permutations of y behind the null; 0: none
    generator : draws them

    Raises
    ------
    InputError
        If samples are not finite or too few, or coordinates are linear functions of others.
    """
    first, second = (_varying(points(values, name)) for values, name in ((x, "x"), (y, "y")))
    n, widths = same_length(first, second), (first.shape[1], second.shape[1])
    if n <= sum(widths) + 1:
        raise InputError(f"{n} samples are too few for {sum(widths)} dimensions; give more, or reduce x and y")
    settings = {"noise_variance": noise_variance}
    if not all(widths):
        return nothing(estimator="gaussian", n=n, ceiling=0.0, parameters=settings, repeats=repeats)
    of_first, of_second = (_surprise(part, noise_variance) for part in (first, second))
    alone = _bias(first, noise_variance) + _bias(second, noise_variance)

    def contributions(order: npt.NDArray[np.intp]) -> Array:
        both = np.hstack([first, second[order]])
        bias = (alone - _bias(both, noise_variance)) / 2
        return np.asarray(of_first + of_second[order] - _surprise(both, noise_variance) - bias)

    return conclude(
        contributions,
        estimator="gaussian",
        n=n,
        ceiling=math.inf,
        parameters=settings,
        repeats=repeats,
        generator=generator,
    )


def probe_bound(
    t: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    penalty: float = 10.0,
    folds: int = 2,
    repeats: int = 0,
    generator: np.random.Generator | None = None,
) -> MutualInformation:
    """A lower bound of I(T;Y) from a linear classifier: Ĥ(Y) less its cross-entropy on samples it has not seen.

    Free of bandwidths at any dimension (Barber and Agakov 2003); below I(T;Y) by what a linear classifier of
    so many samples misses, and below 0 where it is worse than the class frequencies.

    Parameters
    ----------
    t : shape (N,) or (N, d); standardised over each training part
    y : labels, whole numbers (N,), every class with `folds` members or more
    penalty : of ½‖W‖² against the summed cross-entropy
    folds : parts, balanced over classes, each predicted by a classifier of the others
    repeats : permutations of y behind the null, a classifier each; 0: none
    generator : draws them

    Raises
    ------
    InputError
        If t is not finite, there is one class only, or a class has fewer members than `folds`.
    """
    features, labels = points(t, "t"), symbols(y, "y")
    n, sizes = same_length(features, labels), np.bincount(labels)
    if len(sizes) < 2 or sizes.min() < folds or folds < 2:
        raise InputError(
            f"y: {folds} folds need 2 classes or more with {folds} members each; the rarest has {sizes.min()}"
        )
    surprise = -np.log(sizes / n)

    def contributions(order: npt.NDArray[np.intp]) -> Array:
        shown = labels[order]
        return np.asarray(surprise[shown] + _unseen_log_likelihood(features, shown, penalty=penalty, folds=folds))

    return conclude(
        contributions,
        estimator="probe_bound",
        n=n,
        ceiling=entropy(labels),
        parameters={"penalty": penalty, "folds": folds},
        repeats=repeats,
        generator=generator,
    )


def principal_components(values: Array, count: int) -> Array:
    """The first `count` principal components of (N, d), as (N, min(count, d)), unscaled."""
    centred = values - values.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(left[:, :count] * singular[:count])


def _varying(values: Array) -> Array:
    moving = values[:, np.ptp(values, axis=0) > 0]
    return np.asarray(moving - moving.mean(axis=0))


def _surprise(centred: Array, noise_variance: float) -> Array:
    """-log density of each row under the fitted normal law, less constants; shifted to the mean of ½ log det."""
    n, width = centred.shape
    rows = np.vstack([centred, math.sqrt(n * noise_variance) * np.eye(width)]) if noise_variance else centred
    q, r = np.linalg.qr(rows)
    scales = np.abs(np.diag(r)) / math.sqrt(n)
    if (scales <= 1e-9 * np.sqrt((rows**2).sum(0) / n)).any():
        raise InputError("x, y: coordinates are linear functions of others, which is infinite information; add noise")
    distance = n * (q[:n] ** 2).sum(axis=1)
    return np.asarray(np.log(scales).sum() + (distance - distance.mean()) / 2)


def _bias(centred: Array, noise_variance: float) -> float:
    """Mean of log det of the rows' covariance matrix (divided by n), plus noise, less that of the truth.

    Without noise exact for normal rows. With noise σ² to first order, -((Σs)² + Σs² + 2Σs) / 2n with the shares
    s = λ / (λ + σ²) of the eigenvalues λ, for what noise drowns has no bias.
    """
    n, width = centred.shape
    if not noise_variance:
        return float(digamma((n - np.arange(1, width + 1)) / 2).sum() + width * math.log(2 / n))
    variances = np.linalg.eigvalsh(centred.T @ centred / n)
    shares = np.maximum(variances, 0) / (np.maximum(variances, 0) + noise_variance)
    return float(-(shares.sum() ** 2 + (shares**2).sum() + 2 * shares.sum()) / (2 * n))


def _unseen_log_likelihood(features: Array, labels: Labels, *, penalty: float, folds: int) -> Array:
    """The log q(y|t) of each sample, from a multinomial logistic regression that was fitted without its fold."""
    by_class = np.argsort(labels, kind="stable")
    fold = np.empty(len(labels), np.int64)
    fold[by_class] = np.arange(len(labels)) % folds
    likelihood = np.empty(len(labels))
    for part in range(folds):
        seen, unseen = fold != part, fold == part
        centre, width = features[seen].mean(axis=0), features[seen].std(axis=0)
        scaled = (features - centre) / np.where(width > 0, width, 1)
        scaled = np.column_stack([scaled, np.ones(len(scaled))])
        weights = _logistic(scaled[seen], labels[seen], classes=int(labels.max()) + 1, penalty=penalty)
        scores = log_softmax(scaled[unseen] @ weights, axis=1)
        likelihood[unseen] = np.take_along_axis(scores, labels[unseen, None], axis=1)[:, 0]
    return likelihood


def _logistic(features: Array, labels: Labels, *, classes: int, penalty: float) -> Array:
    """Weights (d, K) of a multinomial logistic regression; the last feature is the intercept, not penalised."""
    target = np.eye(classes)[labels]
    free = np.ones((features.shape[1], 1))
    free[-1] = 0

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(-1, classes)
        scores = log_softmax(features @ weights, axis=1)
        gradient = features.T @ (np.exp(scores) - target) + penalty * free * weights
        return float(-(scores * target).sum() + penalty / 2 * (free * weights**2).sum()), gradient.ravel()

    start = np.zeros(features.shape[1] * classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200, "maxcor": 10})
    return np.asarray(found.x).reshape(-1, classes)
