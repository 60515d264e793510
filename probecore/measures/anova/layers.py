"""Regression of a layer's weights on excitations, with its intervals and nulls, for many predictors of one layer.

The pairs (weight, excitation) of a layer are no independent draws: taps of a filter belong together, and neighbours
resemble each other. So intervals come from leaving out whole filters, and p-values from exchanging filters and from
moving kernels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from probecore.errors import InputError
from probecore.measures.anova.intervals import r2_interval
from probecore.measures.anova.regression import f_from_r2
from probecore.statistics import permutation_p
from probecore.statistics.moved_grid import moved_taps

Array = npt.NDArray[np.float64]

SPLITS = 50
"""Random halves of the filters behind a held-out R²; each half is predicted from the other."""


@dataclass(frozen=True, kw_only=True)
class Association:
    """A regression of weights on one excitation; NaN where a number is not defined."""

    r: float
    """Correlation, with its sign."""
    r2: float
    low: float
    high: float
    """95 % interval of R², jackknife over filters."""
    adjusted_r2: float
    f: float
    df1: int
    df2: int
    p: float
    """Of the F test, which takes pairs for independent."""
    null: float
    """Mean of R² for independent normal pairs, df1 / (df1 + df2)."""
    filters_null: float
    filters_p: float
    """Mean R² and p when each filter meets the excitation of another."""
    taps_null: float
    taps_p: float
    """Mean R² and p when kernels are moved, in all filters alike."""
    heldout_r2: float
    """R² of filters that the fit has not seen; below 0: worse than their mean."""
    n: int
    replicates: Array
    """R² without each filter in turn (F,); NaN for a filter that was left out anyway."""
    filters_r2: Array
    taps_r2: Array
    """R² under both nulls (B,)."""


@dataclass(frozen=True, kw_only=True)
class TapCorrelations:
    """Correlations over the taps of each filter, shape (F,); NaN where weights or excitations are constant."""

    r: Array
    low: Array
    high: Array
    """95 % interval: on the scale of Fisher's z as wide as 95 % of the moved kernels' correlations lie around 0."""
    p: Array
    """Two-sided, among moved kernels."""


class LayerModel:
    """The draws that all regressions of one layer share.

    Parameters
    ----------
    filters, taps : F and T, the shape of the layer's weights with taps flat
    generator : of the draws
    grid : height and width of the kernels; with (1, 1) each tap is a channel, and taps exchange places freely
    permutations : of each null
    degree : of the polynomial in the excitation
    per_filter : one intercept for each filter

    Raises
    ------
    InputError
        If the degree is not 1 or more.
    """

    def __init__(
        self,
        filters: int,
        taps: int,
        *,
        generator: np.random.Generator,
        grid: tuple[int, int] = (1, 1),
        permutations: int = 1999,
        degree: int = 1,
        per_filter: bool = False,
    ) -> None:
        if degree < 1:
            raise InputError(f"anova: degree {degree}; give 1 or more")
        self.degree, self.per_filter = degree, per_filter
        self._filter_keys = generator.random((permutations, filters))
        self._tap_orders = moved_taps(taps, grid, count=permutations, generator=generator)
        self._tap_counts = np.stack([np.bincount(order, minlength=taps) for order in self._tap_orders]).astype(float)
        self._half_keys = generator.random((SPLITS, filters))

    def associate(self, weights: Array, excitations: Array) -> Association:
        """Regress weights (F, T) on excitations (F, T); filters with a NaN among their excitations are left out.

        Raises
        ------
        InputError
            If shapes differ, all filters are left out, or there are too few pairs for the predictors.
        """
        if weights.shape != excitations.shape:
            raise InputError(f"anova: weights {weights.shape} and excitations {excitations.shape}; give equal shapes")
        known = np.asarray(np.isfinite(excitations).all(axis=1))
        if not known.any():
            raise InputError("anova: all filters are silent, so none has an excitation; leave the layer out")
        weights, excitations = weights[known], excitations[known]
        basis = self._basis(excitations)
        n, rank = weights.size, len(basis)
        df2 = n - rank - (len(weights) if self.per_filter else 1)
        if df2 < 1:
            raise InputError(f"anova: {n} pairs of weights and excitations are too few for a regression; use fewer")
        centred = self._centred(weights)
        total = (centred**2).sum()
        if total == 0 or rank == 0:
            return self._undefined(known, weights.size, rank, df2, constant_weights=total == 0)
        scores = np.tensordot(basis, centred, axes=2)
        r2 = float((scores**2).sum() / total)
        f, p = f_from_r2(r2, predictors=rank, n=rank + 1 + df2)
        filters_r2 = self._filters_permuted(basis, centred, known) / total
        taps_r2 = self._taps_moved(basis, centred)
        replicates, heldout = self._resampled(basis, centred, known)
        low, high = r2_interval(r2, replicates)
        several, movable = len(weights) > 1, weights.shape[1] > 1
        return Association(
            r=float(np.sign(scores[0]) * np.sqrt(r2)) if self.degree == 1 else np.nan,
            r2=r2,
            low=low,
            high=high,
            adjusted_r2=1 - (1 - r2) * (rank + df2) / df2,
            f=float(f),
            df1=rank,
            df2=df2,
            p=float(p),
            null=rank / (rank + df2),
            filters_null=float(filters_r2.mean()) if several else np.nan,
            filters_p=float(permutation_p(r2, filters_r2)) if several else np.nan,
            taps_null=float(taps_r2.mean()) if movable else np.nan,
            taps_p=float(permutation_p(r2, taps_r2)) if movable else np.nan,
            heldout_r2=heldout,
            n=n,
            replicates=replicates,
            filters_r2=filters_r2,
            taps_r2=taps_r2,
        )

    def tap_correlations(self, weights: Array, excitations: Array) -> TapCorrelations:
        """Correlate weights with excitations over the taps of each filter, both (F, T)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ours, theirs = (_standard(values) for values in (weights, excitations))
            r = (ours * theirs).sum(axis=1)
            products = np.stack([w[self._tap_orders] @ e for w, e in zip(ours, theirs, strict=True)], axis=1)
            null = products / np.sqrt(self._moved_squares(ours, per_filter=True))
            z, z_null = (np.arctanh(np.clip(values, -1 + 1e-12, 1 - 1e-12)) for values in (r, null))
        half = np.quantile(np.abs(z_null), 0.95, axis=0)
        p = permutation_p(np.abs(r), np.abs(null))
        return TapCorrelations(r=r, low=np.tanh(z - half), high=np.tanh(z + half), p=p)

    def _basis(self, excitations: Array) -> Array:
        """Orthonormal columns (rank, F, T) that span the predictors about their means."""
        if np.ptp(excitations) <= 1e-14 * np.abs(excitations).max(initial=0.0):
            return np.empty((0, *excitations.shape))
        standard = (excitations - excitations.mean()) / excitations.std()
        columns = [self._centred(standard**power).reshape(-1) for power in range(1, self.degree + 1)]
        vectors, sizes, _ = np.linalg.svd(np.stack(columns, axis=1), full_matrices=False)
        if self.degree == 1:
            vectors = np.sign(columns[0] @ vectors[:, 0] or 1.0) * vectors
        rank = int((sizes > 1e-10 * max(sizes[0], np.sqrt(excitations.size))).sum())
        return np.asarray(vectors[:, :rank].T.reshape(rank, *excitations.shape))

    def _centred(self, values: Array) -> Array:
        centred = values - (values.mean(axis=1, keepdims=True) if self.per_filter else values.mean())
        return np.where(np.ptp(values) == 0, 0.0, centred)

    def _filters_permuted(self, basis: Array, centred: Array, known: npt.NDArray[np.bool_]) -> Array:
        products = np.einsum("qft,gt->qfg", basis, centred, optimize=True)
        orders = np.argsort(self._filter_keys[:, known], axis=1)
        return _sum_along(products, orders)

    def _taps_moved(self, basis: Array, centred: Array) -> Array:
        products = np.einsum("qft,fs->qts", basis, centred, optimize=True)
        squares = self._moved_squares(centred, per_filter=self.per_filter).sum(axis=1)
        return np.asarray(_sum_along(products, self._tap_orders) / squares)

    def _moved_squares(self, values: Array, *, per_filter: bool) -> Array:
        """Sums of squares of moved values about their mean, (B, F), or (B, 1) about the mean of all filters.

        A moved kernel can hold a tap twice and another not at all, so its variance is its own.
        """
        sums, squares = self._tap_counts @ values.T, self._tap_counts @ (values**2).T
        if per_filter:
            return np.asarray(squares - sums**2 / values.shape[1])
        return np.asarray(squares.sum(1, keepdims=True) - sums.sum(1, keepdims=True) ** 2 / values.size)

    def _resampled(self, basis: Array, centred: Array, known: npt.NDArray[np.bool_]) -> tuple[Array, float]:
        """R² without each filter (F,), and the held-out R², both from sums by filter."""
        replicates = np.full(len(known), np.nan)
        if len(centred) < 2:
            return replicates, np.nan
        columns = np.concatenate([np.ones((1, *centred.shape)), np.sqrt(centred.size) * basis])
        moments = _Moments(
            np.einsum("aft,bft->fab", columns, columns, optimize=True),
            np.einsum("aft,ft->fa", columns, centred, optimize=True),
            (centred**2).sum(axis=1),
        )
        others = moments.of(1 - np.eye(len(centred)))
        with np.errstate(divide="ignore", invalid="ignore"):
            replicates[known] = 1 - others.residual(others.fit()) / others.total(others.mean())
        order = np.argsort(np.argsort(self._half_keys[:, known], axis=1), axis=1)
        halves = (order < len(centred) // 2).astype(np.float64)
        parts = moments.of(halves), moments.of(1 - halves)
        errors = totals = 0.0
        for seen, unseen in (parts, parts[::-1]):
            errors += unseen.residual(seen.fit()).sum()
            totals += unseen.total(seen.mean()).sum()
        return replicates, float(1 - errors / totals) if totals > 0 else np.nan

    def _undefined(
        self, known: npt.NDArray[np.bool_], n: int, rank: int, df2: int, *, constant_weights: bool
    ) -> Association:
        """Nothing to explain: R² is not defined. Nothing that explains: R² is 0."""
        value = np.nan if constant_weights else 0.0
        nothing = np.full(len(self._tap_orders), value)
        unknown = dict.fromkeys(
            ("f", "p", "r", "low", "high", "filters_null", "filters_p", "taps_null", "taps_p", "heldout_r2"), np.nan
        )
        return Association(
            **unknown,
            r2=value,
            adjusted_r2=value,
            df1=rank,
            df2=df2,
            null=rank / (rank + df2),
            n=n,
            replicates=np.where(known, value, np.nan),
            filters_r2=nothing,
            taps_r2=nothing,
        )


@dataclass(frozen=True)
class _Moments:
    """Sums over pairs of columns x columns (S, A, A), columns x weights (S, A) and weights² (S,)."""

    columns: Array
    weights: Array
    squares: Array

    def of(self, counts: Array) -> "_Moments":
        """The sums of samples, given how often each filter is drawn (S, F)."""
        sums = (self.columns, self.weights, self.squares)
        return _Moments(*(np.tensordot(counts, values, axes=1) for values in sums))

    def fit(self) -> Array:
        try:
            return np.asarray(np.linalg.solve(self.columns, self.weights[..., None])[..., 0], dtype=np.float64)
        except np.linalg.LinAlgError:
            return np.asarray((np.linalg.pinv(self.columns, hermitian=True) @ self.weights[..., None])[..., 0])

    def mean(self) -> Array:
        return np.asarray(self.weights[:, 0] / self.columns[:, 0, 0])

    def residual(self, fit: Array) -> Array:
        explained = np.einsum("sa,sa->s", fit, self.weights)
        return np.asarray(self.squares - 2 * explained + np.einsum("sa,sab,sb->s", fit, self.columns, fit))

    def total(self, mean: Array) -> Array:
        return np.asarray(self.squares - 2 * mean * self.weights[:, 0] + mean**2 * self.columns[:, 0, 0])


def _sum_along(products: Array, orders: npt.NDArray[np.int64]) -> Array:
    """Σ over q of (Σ_i products[q, i, order[i]])², for each order (B, n)."""
    places = np.arange(orders.shape[1])
    return np.asarray(sum(matrix[places, orders].sum(axis=1) ** 2 for matrix in products))


def _standard(values: Array) -> Array:
    centred = values - values.mean(axis=1, keepdims=True)
    constant = np.ptp(values, axis=1) == 0
    return np.asarray(np.where(constant[:, None], np.nan, centred / np.sqrt((centred**2).sum(axis=1, keepdims=True))))
