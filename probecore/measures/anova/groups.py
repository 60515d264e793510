"""One-way and two-way ANOVA and Kruskal–Wallis: do weights differ between groups of excitations?

One call does any number of tables of equal size. The layout that compares a column of features with a column of
weights tests whether their means are equal, and finds that they are not: see `comparisons.two_means`, to be audited.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import chdtrc

from probecore.errors import InputError
from probecore.measures.anova.regression import f_power, f_tail, f_test
from probecore.statistics.ranks import average_ranks

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

SINGULAR = 1e-12
"""Of the largest singular value: smaller ones are 0."""


@dataclass(frozen=True, kw_only=True)
class OneWay:
    """One-way tables; every field has the shape of the tables, () for one.

    `f`, `p` and the effect sizes are NaN where all values are equal or there is one group.
    """

    ss_between: Array
    ss_within: Array
    df_between: Labels
    df_within: Labels
    f: Array
    p: Array
    eta2: Array
    """SSB / SST."""
    omega2: Array
    """(SSB - df MSW) / (SST + MSW), less biased."""
    epsilon2: Array
    """(SSB - df MSW) / SST."""
    n: int

    @property
    def cohen_f(self) -> Array:
        """sqrt(η² / (1 - η²))."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.sqrt(self.eta2 / (1 - self.eta2))

    def power(self, alpha: float = 0.05) -> Array:
        """Chance that the test at level `alpha` finds an effect as large as this one."""
        return f_power(self.cohen_f**2, self.df_between, self.df_within, self.n, alpha)


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """Kruskal–Wallis tests; `epsilon2` = H / (n - 1) is the effect size."""

    h: Array
    df: Labels
    p: Array
    epsilon2: Array


@dataclass(frozen=True, kw_only=True)
class Term:
    """A row of a two-way table; `partial_eta2` = SS / (SS + SS of the residual)."""

    ss: float
    df: int
    f: float
    p: float
    partial_eta2: float


@dataclass(frozen=True, kw_only=True)
class TwoWay:
    """A two-way table with type II sums of squares."""

    first: Term
    second: Term
    interaction: Term
    ss_residual: float
    df_residual: int


def one_way_anova(values: npt.ArrayLike, groups: npt.ArrayLike) -> OneWay:
    """One-way ANOVA of each table.

    Parameters
    ----------
    values : shape (..., n)
    groups : group of each value, integers from 0, shape (..., n) or (n,); empty groups do not count

    Raises
    ------
    InputError
        If shapes do not fit, values are not finite, or a table has as many groups as values.
    """
    table, labels = _tables(values, groups)
    cells = _Cells(table, labels)
    between, within = cells.between, cells.within
    df_between, df_within = cells.groups - 1, cells.n - cells.groups
    if (df_within < 1).any():
        raise InputError(f"one_way_anova: {cells.n} values in as many groups; make fewer groups")
    total = between + within
    f, p = f_test(between, df_between, within, df_within)
    excess = between - df_between * within / df_within
    with np.errstate(divide="ignore", invalid="ignore"):
        valid = np.where((total > 0) & (df_between > 0), 1.0, np.nan)
        effects = {
            "eta2": valid * between / total,
            "omega2": valid * excess / (total + within / df_within),
            "epsilon2": valid * excess / total,
        }
    shape = np.shape(values)[:-1]
    fields = {
        "ss_between": between,
        "ss_within": within,
        "df_between": df_between,
        "df_within": df_within,
        "f": f,
        "p": p,
        **effects,
    }
    return OneWay(**{name: field.reshape(shape) for name, field in fields.items()}, n=cells.n)


def welch_anova(values: npt.ArrayLike, groups: npt.ArrayLike) -> tuple[Array, Array]:
    """F and p of Welch's one-way test, which lets variances differ (1951, doi 10.1093/biomet/38.3-4.330).

    NaN where a group has fewer than two values or no variance.
    """
    table, labels = _tables(values, groups)
    cells = _Cells(table, labels)
    count, k = cells.counts, cells.groups
    present = count > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(present, count * (count - 1) / cells.squares, 0.0)
        total = weight.sum(axis=1)
        mean = (weight * cells.means).sum(axis=1) / total
        spread = np.where(present, (1 - weight / total[:, None]) ** 2 / (count - 1), 0.0).sum(axis=1)
        between = (weight * (cells.means - mean[:, None]) ** 2).sum(axis=1) / (k - 1)
        f = between / (1 + 2 * (k - 2) / (k**2 - 1) * spread)
        p = f_tail(f, k - 1, (k**2 - 1) / (3 * spread))
    f, p = (np.where(np.isfinite(f), result, np.nan) for result in (f, p))
    shape = np.shape(values)[:-1]
    return f.reshape(shape), p.reshape(shape)


def kruskal_wallis(values: npt.ArrayLike, groups: npt.ArrayLike) -> Ranked:
    """Kruskal–Wallis test of each table (1952, doi 10.1080/01621459.1952.10483441); parameters as `one_way_anova`.

    With average ranks for ties H = (n - 1) η² of the ranks, which contains the correction for ties.
    """
    table, labels = _tables(values, groups)
    anova = one_way_anova(average_ranks(table, axis=1), labels)
    h = (anova.n - 1) * anova.eta2
    shape = np.shape(values)[:-1]
    fields = {"h": h, "df": anova.df_between, "p": chdtrc(anova.df_between, h), "epsilon2": anova.eta2}
    return Ranked(**{name: np.asarray(field).reshape(shape) for name, field in fields.items()})


def two_way_anova(values: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike) -> TwoWay:
    """Two-way ANOVA with interaction and type II sums of squares, for any numbers of values per cell.

    Parameters
    ----------
    values : shape (n,)
    first, second : levels of the two factors, integers from 0, shape (n,); cells may be empty

    Raises
    ------
    InputError
        If shapes do not fit, values are not finite, or no value is left beyond one per cell.

    Notes
    -----
    Models are fitted to the means of the cells, weighted by counts: their size is that of the cells, not of n. Of the
    additive one, the factor with more levels is eliminated; what is left to solve has the size of the other.
    """
    table, rows = _tables(values, first)
    _, columns = _tables(values, second)
    if table.shape[0] != 1:
        raise InputError("two_way_anova: values are one table; give an array (n,)")
    rows, columns = (np.unique(labels[0], return_inverse=True)[1] for labels in (rows, columns))
    shape = rows.max() + 1, columns.max() + 1
    cells = _Cells(table, (rows * shape[1] + columns)[None])
    counts, means = (
        np.pad(each[0], (0, shape[0] * shape[1] - each.shape[1])).reshape(shape) for each in (cells.counts, cells.means)
    )
    only_first, only_second = _one_factor(counts, means), _one_factor(counts.T, means.T)
    both, rank = _additive(counts, means)
    filled = int((counts > 0).sum())
    residual, df = float(cells.within[0]), cells.n - filled
    if df < 1:
        raise InputError(f"two_way_anova: {cells.n} values in as many cells; make fewer groups")

    def term(ss: float, df_term: int) -> Term:
        ss = max(0.0, ss)
        f, p = f_test(ss, df_term, residual, df)
        share = ss / (ss + residual) if ss + residual > 0 else np.nan
        return Term(ss=ss, df=df_term, f=float(f), p=float(p), partial_eta2=share)

    return TwoWay(
        first=term(only_second - both, rank - shape[1]),
        second=term(only_first - both, rank - shape[0]),
        interaction=term(both, filled - rank),
        ss_residual=residual,
        df_residual=df,
    )


def _one_factor(counts: Labels, means: Array) -> float:
    """What the rows' own means leave of the cells' means (R, C), a weighted sum of squares."""
    fitted = (counts * means).sum(axis=1) / counts.sum(axis=1)
    return float((counts * (means - fitted[:, None]) ** 2).sum())


def _additive(counts: Labels, means: Array) -> tuple[float, int]:
    """What a sum of an effect of the row and one of the column leaves, likewise, and how many effects are free."""
    if counts.shape[0] < counts.shape[1]:
        counts, means = counts.T, means.T
    of_row, sums = counts.sum(axis=1), counts * means
    shares = counts / of_row[:, None]
    left = np.diag(counts.sum(axis=0)) - counts.T @ shares
    columns = np.linalg.lstsq(left, sums.sum(axis=0) - shares.T @ sums.sum(axis=1), rcond=SINGULAR)[0]
    rows = (sums.sum(axis=1) - counts @ columns) / of_row
    free = sum(counts.shape) - _components(counts)
    return float((counts * (means - rows[:, None] - columns) ** 2).sum()), free


def _components(counts: Labels) -> int:
    """Sets of rows and columns that no filled cell joins."""
    rows, columns = counts.nonzero()
    joins = coo_array((np.ones(len(rows)), (rows, columns + counts.shape[0])), shape=(sum(counts.shape),) * 2)
    return int(connected_components(joins, directed=False, return_labels=False))


class _Cells:
    """Counts, means and squares of the groups of tables (T, n), by bincounts on centred values."""

    def __init__(self, table: Array, labels: Labels) -> None:
        tables, self.n = table.shape
        width = int(labels.max()) + 1
        keys = (labels + width * np.arange(tables)[:, None]).reshape(-1)
        constant = np.ptp(table, axis=1) == 0
        centred = np.where(constant[:, None], 0.0, table - table.mean(axis=1, keepdims=True))
        shape = (tables, width)
        self.counts = np.bincount(keys, minlength=tables * width).reshape(shape)
        filled = np.maximum(self.counts, 1)
        self.means = np.bincount(keys, centred.reshape(-1), minlength=tables * width).reshape(shape) / filled
        rest = centred.reshape(-1) - self.means.reshape(-1)[keys]
        self.squares = np.bincount(keys, rest * rest, minlength=tables * width).reshape(shape)
        self.groups = (self.counts > 0).sum(axis=1)
        self.between = (self.counts * self.means**2).sum(axis=1)
        self.within = self.squares.sum(axis=1)


def _tables(values: npt.ArrayLike, groups: npt.ArrayLike) -> tuple[Array, Labels]:
    table = np.asarray(values, dtype=np.float64)
    labels = np.asarray(groups)
    if table.ndim == 0 or not table.size or labels.shape not in (table.shape, table.shape[-1:]):
        raise InputError(f"anova: groups {labels.shape} for values {table.shape}; give each value its group")
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
        raise InputError("anova: groups are integers from 0; number them")
    if not np.isfinite(table).all():
        raise InputError("anova: values are not all finite; leave out what is infinite or not a number")
    table = table.reshape(-1, table.shape[-1])
    return table, np.broadcast_to(labels.reshape(-1, table.shape[1]), table.shape).astype(np.int64)
