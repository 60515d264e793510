"""Filters in order of a quantity, and of the best predictor, which has not seen the network it ranks."""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from probecore.errors import InputError
from probecore.measures.atlas.ranking import BEST, is_of_training_images, rank_filters

FILTERS = 12
Values = Callable[[np.ndarray, np.random.Generator], np.ndarray]
QUANTITIES: dict[tuple[str, str, str], Values] = {
    ("atlas", "block", "zero_loss"): lambda worth, _: worth,
    ("atlas", "conv", "weight_norm_l2"): lambda _, rng: rng.normal(size=FILTERS),
    ("atlas", "act", "apoz"): lambda worth, rng: -worth + 0.5 * rng.normal(size=FILTERS),
    ("recos", "conv", "q"): lambda worth, rng: worth + 0.1 * rng.normal(size=FILTERS),
    ("anova", "conv", "r_train"): lambda worth, _: worth,
    ("mechanism", "conv", "strength"): lambda worth, _: worth,
    ("mean_dimension", "act", "q"): lambda _, rng: rng.normal(size=FILTERS),
}
"""Quantities of measures as functions of what a filter is worth; two that read training images know it exactly."""


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for network, epoch, (index, layer) in itertools.product(range(3), (0, 5), enumerate(("z", "a"))):
        worth = rng.normal(size=FILTERS)
        for (measure, site, quantity), values in QUANTITIES.items():
            rows += [
                {"experiment": "one", "network": f"trained-{network}", "condition": "trained" if epoch else "untrained",
                 "epoch": epoch, "layer": layer, "layer_index": index, "filter": filter_, "measure": measure,
                 "site": site, "quantity": quantity, "value": value, "low": value - 1, "high": value + 1, "n": 50,
                 "reliability": 0.8}
                for filter_, value in enumerate(values(worth, rng))
            ]  # fmt: skip
    return pd.DataFrame(rows)


def truth(table: pd.DataFrame, layer: str, quantity: str = "zero_loss") -> np.ndarray:
    chosen = (table["network"] == "trained-0") & (table["epoch"] == 5) & (table["layer"] == layer)
    return table[chosen & (table["quantity"] == quantity)]["value"].to_numpy()


def test_by_a_quantity_layers_in_the_order_they_run(table: pd.DataFrame) -> None:
    found = rank_filters(table, "trained-0", "zero_loss")
    assert found["layer"].tolist() == ["z"] * FILTERS + ["a"] * FILTERS
    assert found["rank"].tolist() == [*range(1, FILTERS + 1)] * 2
    assert found["filter"][:FILTERS].tolist() == np.argsort(-truth(table, "z")).tolist()
    assert (found["high"] - found["value"]).round(9).eq(1).all()
    assert found["reliability"].eq(0.8).all()


def test_what_is_missing_has_no_rank_and_comes_last(table: pd.DataFrame) -> None:
    table.loc[(table["quantity"] == "apoz") & (table["filter"] == 3), "value"] = np.nan
    found = rank_filters(table, "trained-0", "apoz")
    assert found[found["filter"] == 3]["rank"].isna().all()
    assert found["filter"][FILTERS - 1] == 3


@pytest.mark.parametrize("by", ["recos:q", "q@conv", "recos:q@conv"])
def test_a_quantity_by_its_names(table: pd.DataFrame, by: str) -> None:
    found = rank_filters(table, "trained-0", by)
    assert (
        found["filter"][:FILTERS].tolist() == np.argsort(-truth(table[table["measure"] == "recos"], "z", "q")).tolist()
    )


@pytest.mark.parametrize(
    ("network", "by", "message"),
    [
        ("trained-0", "q", "several quantities are called so; write one of mean_dimension:q@act, recos:q@conv"),
        ("trained-0", "apozz", "no quantity 'apozz'; did you mean 'apoz'"),
        ("trained-7", "apoz", "no network 'trained-7'"),
    ],
)
def test_what_is_not_there(table: pd.DataFrame, network: str, by: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rank_filters(table, network, by)


def test_the_best_predictor_is_that_of_the_measure_that_knows(table: pd.DataFrame) -> None:
    found = rank_filters(table, "trained-0", BEST)
    assert found["by"].eq("best: recos").all()
    for layer in ("z", "a"):
        order = found[found["layer"] == layer].set_index("filter")["value"].sort_index()
        assert np.corrcoef(order.rank(), pd.Series(truth(table, layer)).rank())[0, 1] > 0.9


def test_the_best_predictor_has_seen_neither_the_networks_truth_nor_training_images(table: pd.DataFrame) -> None:
    expected = rank_filters(table, "trained-0", BEST)
    own = (table["network"] == "trained-0") & table["quantity"].isin(["zero_loss"])
    hidden = table["quantity"].isin(["r_train", "strength"])
    changed = table.assign(value=np.where(own | hidden, -3 * table["value"], table["value"]))
    pd.testing.assert_frame_equal(rank_filters(changed, "trained-0", BEST), expected)


def test_with_one_other_network_nothing_is_chosen_and_with_none_nothing_predicted(table: pd.DataFrame) -> None:
    two = table[table["network"] != "trained-2"]
    assert rank_filters(two, "trained-0", BEST)["by"].eq("best: baselines").all()
    with pytest.raises(InputError, match="no other network of its condition has zero_loss; name a quantity, not best"):
        rank_filters(table[table["network"] == "trained-0"], "trained-0", BEST)


@pytest.mark.parametrize(
    ("by", "expected"),
    [("mechanism:strength", True), ("e_train", True), ("e_test", False), ("zero_loss", False), (BEST, False)],
)
def test_what_is_taken_from_training_images_at_large_is_known(by: str, expected: bool) -> None:
    names = [("mechanism", "block", "strength"), ("anova", "conv", "e_train"), ("anova", "conv", "e_test")]
    names.append(("atlas", "block", "zero_loss"))
    assert is_of_training_images(pd.DataFrame(names, columns=["measure", "site", "quantity"]), by) is expected
