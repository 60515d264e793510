"""Agreement against references, and against planted truths."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, rankdata, spearmanr
from statsmodels.stats.meta_analysis import combine_effects

from benchmarks.simulations.atlas import planted
from probecore.measures.atlas.agreement import agreement, correlate, matrix, random_effects
from probecore.measures.atlas.groups import Groups, directions, groups_of
from probecore.measures.atlas.prediction import predict
from probecore.measures.atlas.reliability import centred_ranks
from probecore.statistics import permutation_p


@pytest.mark.parametrize("spread", [0.0, 0.4])
def test_random_effects_as_statsmodels_has_them(spread: float) -> None:
    rng = np.random.default_rng(0)
    variances = rng.uniform(0.01, 0.1, size=(6, 3))
    effects = 0.3 + spread * rng.normal(size=(6, 3)) + np.sqrt(variances) * rng.normal(size=(6, 3))
    found = random_effects(effects, variances)
    for column in range(3):
        theirs = combine_effects(effects[:, column], variances[:, column], method_re="dl", use_t=True)
        kind = (
            "random" if theirs.tau2 > 0 else "fixed"
        )  # a negative variance between studies, which it keeps, is 0 here
        row = theirs.summary_frame(use_t=True).loc[f"{kind} effect wls"]
        assert found.value[column] == pytest.approx(row["eff"])
        assert (found.low[column], found.high[column]) == pytest.approx((row["ci_low"], row["ci_upp"]))
        assert found.between[column] == pytest.approx(max(0.0, theirs.tau2))


def test_few_networks_have_no_interval_and_missing_ones_do_not_count() -> None:
    effects = np.array([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.2, 0.2], [0.4, np.nan]])
    found = random_effects(effects, np.full((5, 2), 0.02))
    assert np.isfinite(found.low[0]) and np.isnan(found.low[1])
    assert found.value[1] == pytest.approx(0.2)


def test_correlations_are_over_the_filters_that_are_known() -> None:
    rng = np.random.default_rng(1)
    group = planted(rng, networks=1, strength=0.7, filters=(30,)).groups[0]
    group.quantities[2, :7] = np.nan
    order = rng.random((50, 30))
    found = correlate(group, order)
    assert found.observed[0, 2] == pytest.approx(spearmanr(group.quantities[2, 7:], group.truths[0, 7:]).statistic)
    assert found.observed[0, 3] == pytest.approx(spearmanr(group.quantities[3], group.truths[0]).statistic)
    shuffled = group.truths[0, 7:][np.argsort(order[4, 7:])]
    assert found.permuted[4, 0, 2] == pytest.approx(spearmanr(group.quantities[2, 7:], shuffled).statistic)
    assert found.filters[0].tolist() == [30, 30, 23, 30, 30, 30, 30]
    group.truths[0, 20:] = np.nan  # a truth that knows a sample of filters
    some = correlate(group, order)
    assert some.observed[0, 2] == pytest.approx(spearmanr(group.quantities[2, 7:20], group.truths[0, 7:20]).statistic)
    assert some.filters[0].tolist() == [20, 20, 13, 20, 20, 20, 20]
    assert some.observed[1:].tolist() == found.observed[1:].tolist()


def test_partial_correlation_is_that_of_residuals_of_ranks() -> None:
    rng = np.random.default_rng(2)
    group = planted(rng, networks=1, strength=0.5, filters=(40,)).groups[0]
    found = correlate(group, rng.random((5, 40)), sizes=[0, 1])
    design = np.column_stack([np.ones(40), rankdata(group.quantities[0]), rankdata(group.quantities[1])])
    residuals = [
        ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
        for ranks in (rankdata(group.quantities[2]), rankdata(group.truths[0]))
    ]
    assert found.observed[0, 2] == pytest.approx(pearsonr(*residuals).statistic)
    assert np.isnan(found.observed[0, :2]).all()


def test_ranks_of_what_never_varies_are_unknown() -> None:
    assert np.isnan(directions(centred_ranks(np.ones((1, 5))), np.zeros((5, 0)))).all()


def test_a_planted_quantity_is_found_and_noise_is_not() -> None:
    rng = np.random.default_rng(3)
    groups = planted(rng, networks=5, strength=0.5)
    table = agreement(groups, generator=rng, permutations=199)
    overall = table[table["layer"] == "all"].set_index("predictor")
    strong = overall.loc["mechanism:strength@block"]
    assert strong["low"] < 0.5 < strong["high"]
    assert strong["p_max"] == strong["partial_p_max"] == 1 / 200
    assert strong["ceiling"] == pytest.approx(0.8)
    assert strong["disattenuated"] == pytest.approx(strong["value"] / 0.8)
    assert strong["networks"] == 5 and strong["n"] == 5 * 76
    noise = overall[overall["measure"] == "recos"]
    assert (noise["p_max"] > 0.05).all()
    assert (noise["p_max"] >= noise["p"] / 2).all()
    assert set(table["layer"]) == {"all", "conv0", "conv1"}


def test_interventions_are_no_part_of_the_family() -> None:
    rng = np.random.default_rng(4)
    groups = planted(rng, networks=2, strength=0.9)
    names = [("mechanism", "block", "loss_increase") if name[2] == "strength" else name for name in groups.quantities]
    table = agreement(
        Groups(groups=groups.groups, quantities=names, truths=groups.truths), generator=rng, permutations=99
    )
    rows = table[table["predictor"] == "mechanism:loss_increase@block"]
    assert rows["p_max"].isna().all() and (rows["p"] <= 0.02).any()
    predicted = predict(Groups(groups=groups.groups, quantities=names, truths=groups.truths))
    assert "mechanism" not in set(predicted["features"])


def test_headline_claims_by_chance() -> None:
    """With quantities that know nothing, at most 5 % (and chance) of studies have any predictor with p_max <= 0.05."""
    repeats, claims = 150, {"p_max": 0, "partial_p_max": 0}
    for repeat in range(repeats):
        rng = np.random.default_rng([5, repeat])
        groups = planted(rng, networks=3, strength=0.0, filters=(6, 16))
        table = agreement(groups, generator=rng, permutations=99)
        overall = table[table["layer"] == "all"]
        for column in claims:
            claims[column] += int((overall[column] <= 0.05).any())
    assert all(count / repeats <= 0.05 + 0.02 + 0.02 for count in claims.values()), claims


def test_a_planted_strength_is_covered() -> None:
    covered, truth = 0, 0.5
    for repeat in range(100):
        rng = np.random.default_rng([6, repeat])
        groups = planted(rng, networks=5, strength=0.5, noise=0)
        row = (
            agreement(groups, generator=rng, permutations=1).query("layer == 'all' and measure == 'mechanism'").iloc[0]
        )
        covered += int(row["low"] <= truth <= row["high"])
    assert 0.92 - 0.05 <= covered / 100 <= 1.0


def test_prediction_gains_from_what_baselines_do_not_know() -> None:
    rng = np.random.default_rng(7)
    table = predict(planted(rng, networks=4, strength=0.8))
    means = table.groupby("features")["value"].mean()
    gains = table.groupby("features")["gain"].mean()
    assert means["mechanism"] > 0.6 and abs(means["baselines"]) < 0.25
    assert gains["baselines"] == 0 and gains["mechanism"] > 0.5 and abs(gains["recos"]) < 0.2
    assert len(table) == 4 * 4
    assert predict(planted(rng, networks=1, strength=0.8)).empty


def test_matrix_is_symmetric_and_ignores_what_is_missing() -> None:
    rng = np.random.default_rng(8)
    groups = planted(rng, networks=1, strength=0.6, filters=(25,))
    groups.groups[0].quantities[2, 3] = np.nan
    wide = matrix(groups).pivot(index="first", columns="second", values="value")
    pd.testing.assert_frame_equal(wide, wide.T, check_names=False)
    known = np.arange(25) != 3
    expected = spearmanr(groups.groups[0].quantities[2, known], groups.groups[0].truths[0, known]).statistic
    assert wide.loc["mechanism:strength@block", "zero_loss"] == pytest.approx(expected)


def test_p_of_one_predictor_is_that_of_its_permutations() -> None:
    rng = np.random.default_rng(9)
    groups = planted(rng, networks=1, strength=0.3, filters=(12,), noise=0)
    table = agreement(groups, generator=np.random.default_rng(1), permutations=499)
    found = correlate(groups.groups[0], np.random.default_rng(1).random((499, 12)))
    expected = permutation_p(found.observed[0, 2], found.permuted[:, 0, 2], tail="two-sided")
    assert table.query("layer == 'all'")["p"].iloc[2] == pytest.approx(float(expected))


def test_groups_come_from_the_long_table() -> None:
    rows = [
        {"network": "trained-0", "epoch": epoch, "layer": "conv1", "filter": filter_, "measure": measure, "site": "block",
         "quantity": quantity, "value": 10.0 * epoch + filter_, "reliability": 0.5}
        for epoch in (0, 3)
        for filter_ in range(4)
        for measure, quantity in [("atlas", "zero_loss"), ("recos", "density")]
        if (measure, filter_) != ("recos", 2)
    ]  # fmt: skip
    found = groups_of(pd.DataFrame(rows))
    assert (found.truths, found.quantities, found.layers) == (["zero_loss"], [("recos", "block", "density")], ["conv1"])
    np.testing.assert_array_equal(found.groups[0].truths, [[30, 31, 32, 33]])
    np.testing.assert_array_equal(found.groups[0].quantities, [[30, 31, np.nan, 33]])


def test_a_truth_that_a_layer_lacks_takes_nothing_from_the_others() -> None:
    """Shapley values of convolutions alone left all other layers out of every truth's agreement."""
    rng = np.random.default_rng(10)
    groups = planted(rng, networks=2, strength=0.6)
    lacking = np.full(60, np.nan)
    filled = [
        dataclasses.replace(
            group,
            truths=np.stack([group.truths[0], lacking if group.layer == "conv1" else group.truths[0]]),
            reliability=np.array([0.6, np.nan if group.layer == "conv1" else 0.6]),
        )
        for group in groups.groups
    ]
    both = Groups(groups=filled, quantities=groups.quantities, truths=["zero_loss", "shapley"])
    table = agreement(both, generator=rng, permutations=9).query("layer == 'all' and measure == 'mechanism'")
    assert table.set_index("truth")["n"].to_dict() == {"zero_loss": 2 * 76, "shapley": 2 * 16}
    alone = agreement(groups, generator=rng, permutations=9).query("layer == 'all' and measure == 'mechanism'")
    assert table.set_index("truth")["value"]["zero_loss"] == pytest.approx(alone["value"].item())
