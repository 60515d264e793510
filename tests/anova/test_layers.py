"""Regressions of whole layers against slow references: permutations done one by one, resamples refitted."""

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from probecore.errors import InputError
from probecore.measures.anova import LayerModel, matrix_association, regression_anova
from probecore.measures.anova.intervals import difference_interval


def layer(filters: int = 7, taps: int = 9, slope: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    excitations = rng.normal(2, size=(filters, taps))
    return slope * excitations + rng.normal(size=excitations.shape), excitations


def model(filters: int = 7, taps: int = 9, **options: object) -> LayerModel:
    return LayerModel(filters, taps, generator=np.random.default_rng(0), **{"permutations": 99, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_fit_and_permutations_equal_refits(degree: int) -> None:
    weights, excitations = layer()
    shared = model(degree=degree)
    found = shared.associate(weights, excitations)
    table = regression_anova(weights, excitations, degree=degree)
    for name in ("r2", "adjusted_r2", "f", "p"):
        assert getattr(found, name) == pytest.approx(getattr(table, name), rel=1e-9)
    filter_orders = np.argsort(shared._filter_keys, axis=1)
    by_hand = [regression_anova(weights[order], excitations, degree=degree).r2 for order in filter_orders]
    np.testing.assert_allclose(found.filters_r2, by_hand, rtol=1e-8)
    by_hand = [regression_anova(weights[:, order], excitations, degree=degree).r2 for order in shared._tap_orders]
    np.testing.assert_allclose(found.taps_r2, by_hand, rtol=1e-8)
    moving = model(degree=degree, grid=(3, 3), per_filter=True)
    by_hand = [_r2_per_filter(weights[:, order], excitations, degree) for order in moving._tap_orders]
    np.testing.assert_allclose(moving.associate(weights, excitations).taps_r2, by_hand, rtol=1e-8)
    assert found.filters_p == (1 + (found.filters_r2 >= found.r2).sum()) / 100
    assert found.null == degree / 62


def _r2_per_filter(weights: np.ndarray, excitations: np.ndarray, degree: int) -> float:
    scale = (excitations - excitations.mean()) / excitations.std()
    powers = [scale**power for power in range(1, degree + 1)]
    columns = np.stack([(values - values.mean(1, keepdims=True)).ravel() for values in powers], axis=1)
    centred = (weights - weights.mean(1, keepdims=True)).ravel()
    residual = centred - columns @ np.linalg.lstsq(columns, centred, rcond=None)[0]
    return float(1 - residual @ residual / (centred @ centred))


def test_jackknife_and_heldout_equal_refits() -> None:
    weights, excitations = layer()
    shared = model()
    found = shared.associate(weights, excitations)
    by_hand = [regression_anova(np.delete(weights, i, 0), np.delete(excitations, i, 0)).r2 for i in range(7)]
    np.testing.assert_allclose(found.replicates, by_hand, rtol=1e-8)
    z = np.arctanh(np.sqrt(by_hand))
    spread = z - z.mean()
    freedom = min(4, 14 / ((spread**4).mean() / (spread**2).mean() ** 2 - 4 / 6))
    half = stats.t.ppf(0.975, freedom) * np.sqrt(6 / 7 * (spread**2).sum())
    root = np.arctanh(np.sqrt(found.r2))
    centres = root, 7 * root - 6 * z.mean()
    ends = np.tanh([max(0, min(centres) - half), max(centres) + half]) ** 2
    np.testing.assert_allclose([found.low, found.high], ends, rtol=1e-6)
    errors = totals = 0.0
    for keys in shared._half_keys:
        first = np.argsort(np.argsort(keys)) < 3
        for seen in (first, ~first):
            slope, intercept = np.polyfit(excitations[seen].ravel(), weights[seen].ravel(), 1)
            errors += ((weights[~seen] - intercept - slope * excitations[~seen]) ** 2).sum()
            totals += ((weights[~seen] - weights[seen].mean()) ** 2).sum()
    assert found.heldout_r2 == pytest.approx(1 - errors / totals, rel=1e-8)


def test_one_intercept_per_filter() -> None:
    weights, excitations = layer()
    found = model(per_filter=True).associate(weights, excitations)
    shifted = model(per_filter=True).associate(weights + 100 * np.arange(7)[:, None], excitations)
    assert found.r2 == pytest.approx(shifted.r2, rel=1e-8)
    assert (found.df1, found.df2) == (1, 63 - 7 - 1)
    centred = [values - values.mean(1, keepdims=True) for values in (weights, excitations)]
    assert found.r == pytest.approx(np.corrcoef(*(values.ravel() for values in centred))[0, 1])


def test_p_values_of_independent_pairs() -> None:
    """On independent normal pairs permutation and F agree, and 5 % are rejected."""
    rng = np.random.default_rng(1)
    shared = LayerModel(30, 9, generator=np.random.default_rng(2), permutations=499)
    fits = [shared.associate(*rng.normal(size=(2, 30, 9))) for _ in range(300)]
    for name in ("p", "filters_p", "taps_p"):
        rejected = np.mean([getattr(fit, name) <= 0.05 for fit in fits])
        assert rejected == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 300))
    assert np.mean([abs(fit.filters_p - fit.p) for fit in fits]) < 0.05
    assert np.mean([fit.r2 for fit in fits]) == pytest.approx(
        1 / 269, abs=4 * np.std([fit.r2 for fit in fits]) / 300**0.5
    )
    assert np.mean([fit.heldout_r2 for fit in fits]) < 0


def test_what_filters_share_is_no_evidence_for_filters() -> None:
    """Filters and excitations that all follow one template: only the permutation of filters sees through it."""
    rng = np.random.default_rng(0)
    template = rng.normal(size=25)
    weights, excitations = (template + 0.3 * rng.normal(size=(20, 25)) for _ in range(2))
    found = model(20, 25).associate(weights, excitations)
    assert found.p < 1e-20
    assert found.taps_p == 0.01
    assert found.filters_p > 0.05


def test_tap_correlations() -> None:
    weights, excitations = layer(taps=25, slope=1.0)
    weights[0] = 0.5
    found = model(taps=25, grid=(5, 5)).tap_correlations(weights, excitations)
    assert np.isnan([found.r[0], found.low[0], found.high[0], found.p[0]]).all()
    np.testing.assert_allclose(
        found.r[1:], [np.corrcoef(w, e)[0, 1] for w, e in zip(weights[1:], excitations[1:], strict=True)]
    )
    assert (found.p[1:] < 0.05).all()
    assert ((found.low[1:] > 0) & (found.low[1:] < found.r[1:]) & (found.r[1:] < found.high[1:])).all()


def smooth_fields(rng: np.random.Generator, count: int) -> np.ndarray:
    """Independent stationary fields of 5×5, cut out of larger ones."""
    fields = gaussian_filter(rng.normal(size=(count, 17, 17)), (0, 1, 1))
    return fields[:, 6:-6, 6:-6].reshape(count, 25)


def test_unrelated_smooth_fields() -> None:
    """Exchanged taps call 28 to 33 % of them related, at the level of 5 %; Fisher's interval covers 0 for 66 %."""
    rng = np.random.default_rng(4)
    moved, exchanged, covered, layers = [], [], [], []
    for _ in range(120):
        weights, excitations = smooth_fields(rng, 6), smooth_fields(rng, 6)
        shared = LayerModel(6, 25, grid=(5, 5), generator=rng, permutations=199)
        found = shared.tap_correlations(weights, excitations)
        moved += found.p.tolist()
        covered += ((found.low <= 0) & (found.high >= 0)).tolist()
        layers.append(shared.associate(weights, excitations).taps_p)
        free = LayerModel(6, 25, generator=rng, permutations=199)
        exchanged += free.tap_correlations(weights, excitations).p.tolist()
    assert np.mean(np.array(exchanged) <= 0.05) > 0.25
    assert 0.03 <= np.mean(np.array(moved) <= 0.05) <= 0.07
    assert 0.93 <= np.mean(covered) <= 0.97
    assert np.mean(np.array(layers) <= 0.05) <= 0.07


def test_intervals_of_six_filters() -> None:
    """A percentile bootstrap over 6 filters covers 81 to 86 %."""
    rng = np.random.default_rng(5)
    covered, changes = [], []
    for _ in range(200):
        excitations = rng.normal(size=(2, 6, 25))
        slopes = np.array([0.5, 1.0])[:, None, None] * (1 + 0.3 * rng.normal(size=(2, 6, 1)))
        before, after = (
            LayerModel(6, 25, generator=rng, permutations=19).associate(e * slope + rng.normal(size=(6, 25)), e)
            for e, slope in zip(excitations, slopes, strict=True)
        )
        truths = 0.25 / (0.25 * 1.09 + 1), 1 / (1.09 + 1)
        covered += [fit.low <= truth <= fit.high for fit, truth in zip((before, after), truths, strict=True)]
        low, high = difference_interval(after.r2 - before.r2, after.replicates - before.replicates)
        changes.append(low <= truths[1] - truths[0] <= high)
    assert np.mean(covered) > 0.91
    assert np.mean(changes) > 0.9


def test_pruned_silent_and_constant() -> None:
    weights, excitations = layer()
    weights[2] = 0
    assert np.isfinite(model().associate(weights, excitations).r2)
    excitations[3] = np.nan
    found = model().associate(weights, excitations)
    assert found.n == 6 * 9
    assert found.r2 == pytest.approx(regression_anova(np.delete(weights, 3, 0), np.delete(excitations, 3, 0)).r2)
    nothing = model().associate(np.zeros_like(weights), layer()[1])
    assert np.isnan([nothing.r2, nothing.filters_p]).all()
    flat = model().associate(weights, np.full_like(weights, 0.1))
    assert flat.r2 == 0
    assert np.isnan([flat.f, flat.p]).all()


def test_one_filter() -> None:
    weights, excitations = layer(filters=1, taps=25)
    found = model(1, 25).associate(weights, excitations)
    assert found.r2 == pytest.approx(regression_anova(weights, excitations).r2)
    assert np.isnan([found.filters_p, found.low, found.heldout_r2]).all()
    assert np.isfinite(found.taps_p)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="all filters are silent"):
        model().associate(layer()[0], np.full_like(layer()[1], np.nan))
    with pytest.raises(InputError, match=r"weights \(7, 9\) and excitations \(6, 9\); give equal shapes"):
        model().associate(layer()[0], layer()[1][1:])
    with pytest.raises(InputError, match="degree 0; give 1 or more"):
        regression_anova(*layer(), degree=0)
    with pytest.raises(InputError, match="2 pairs of weights and excitations are too few"):
        model(2, 1).associate(np.ones((2, 1)), np.arange(2.0)[:, None])
    with pytest.raises(InputError, match="a matrix \\(3, 3\\) for 4 taps"):
        matrix_association(np.ones((2, 4)), np.eye(3), generator=np.random.default_rng(0))


def test_matrix_association() -> None:
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(12, 12))
    weights, matrix = rng.normal(size=(40, 12)) @ factor, factor.T @ factor
    found = matrix_association(weights, matrix, generator=np.random.default_rng(1), permutations=199)
    assert found.r == pytest.approx(np.corrcoef((weights.T @ weights).ravel(), matrix.ravel())[0, 1])
    assert found.p == 1 / 200
    assert found.low < found.r2 < found.high
    without = [np.delete(weights, index, 0) for index in range(40)]
    by_hand = [np.corrcoef((w.T @ w).ravel(), matrix.ravel())[0, 1] ** 2 for w in without]
    np.testing.assert_allclose(found.replicates, by_hand)
    unrelated = [
        matrix_association(rng.normal(size=(6, 12)), matrix, generator=np.random.default_rng(i), permutations=99).p
        for i in range(100)
    ]
    assert np.mean(np.array(unrelated) <= 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 100)
