"""One number per seed, from planted tables."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from probecore.claims.effects import Tables, difference_from, effect_of
from probecore.claims.params import Other
from probecore.errors import InputError
from tests.claims.support import SEEDS, a_test, layers, rising

VALUE: dict[str, Any] = {"effect": "value", "where": {"quantity": "snr", "layer": "conv2"}}


def tables(*parts: pd.DataFrame) -> Tables:
    """One table under every name."""
    whole = pd.concat(parts, ignore_index=True)
    return lambda name: whole


def values_of(found: Mapping[int, float]) -> list[float]:
    return [found[seed] for seed in sorted(found)]


TRAINED = layers(rising())
UNTRAINED = layers(rising(step=-1.0), epoch=0)
PERMUTED = layers(rising("shuffled", step=0.5))


def test_a_value_is_of_the_last_checkpoint_and_of_its_condition() -> None:
    found = effect_of(a_test(**VALUE), tables(TRAINED, UNTRAINED, PERMUTED))
    assert values_of(found.values) == [seed + 1 for seed in SEEDS]
    untrained = effect_of(a_test(**VALUE, condition="untrained"), tables(TRAINED, UNTRAINED))
    assert values_of(untrained.values) == [seed - 1 for seed in SEEDS]


def test_differences() -> None:
    before = a_test(**VALUE | {"effect": {"kind": "difference", "minus": {"condition": "untrained"}}})
    assert values_of(effect_of(before, tables(TRAINED, UNTRAINED)).values) == [2.0] * 6
    other = a_test(**VALUE | {"effect": {"kind": "difference", "minus": {"where": {"layer": "conv4"}}}})
    assert values_of(effect_of(other, tables(TRAINED)).values) == [-2.0] * 6
    null = a_test(**VALUE | {"effect": {"kind": "difference", "minus": {"column": "null"}}})
    assert values_of(effect_of(null, tables(TRAINED)).values) == [seed + 0.0 for seed in SEEDS]


def test_only_seeds_of_both_are_compared() -> None:
    before = a_test(**VALUE | {"effect": {"kind": "difference", "minus": {"condition": "untrained"}}})
    fewer = UNTRAINED[UNTRAINED["network"].isin(["trained-1", "trained-4"])]
    assert set(effect_of(before, tables(TRAINED, fewer)).values) == {1, 4}


def test_between_experiments() -> None:
    test = a_test(**VALUE | {"effect": {"kind": "difference", "minus": {"experiment": "f"}}})
    found = effect_of(
        test,
        lambda name: {"mechanism/e/layers.csv": TRAINED, "mechanism/f/layers.csv": UNTRAINED.assign(epoch=2)}[name],
    )
    assert values_of(found.values) == [2.0] * 6


def test_permuted_labels_are_compared_with_the_same_recipe() -> None:
    control = Other(condition="shuffled", recipe="same")
    test = a_test(**VALUE)
    assert values_of(difference_from(control, test, tables(TRAINED, PERMUTED)).values) == [0.5] * 6
    twins = layers(rising("twin", step=3.0))
    assert values_of(difference_from(control, test, tables(TRAINED, PERMUTED, twins)).values) == [2.5] * 6
    as_effect = a_test(
        **VALUE | {"effect": {"kind": "difference", "minus": {"condition": "shuffled", "recipe": "same"}}}
    )
    assert values_of(effect_of(as_effect, tables(TRAINED, PERMUTED, twins)).values) == [2.5] * 6


def test_rank_correlations_know_their_resolution() -> None:
    found = effect_of(a_test(), tables(layers({"trained-0": [1, 3, 2, 9], "trained-1": [4, 3, 2, 1]})))
    assert values_of(found.values) == pytest.approx([0.8, -1.0])
    assert found.resolution == pytest.approx(0.2), "of four ranks, rho moves by 0.2"
    with_control = difference_from(Other(condition="untrained"), a_test(), tables(TRAINED, UNTRAINED))
    assert values_of(with_control.values) == pytest.approx([2.0] * 6)
    constant = effect_of(a_test(), tables(layers({"trained-0": [1, 1, 1, 1]})))
    assert math.isnan(constant.values[0])


def test_slopes_over_experiments_and_powers() -> None:
    effect = {"kind": "slope", "along": "experiment", "log": ["column", "along"]}
    test = a_test(experiment={"w4": 4, "w8": 8, "w16": 16}, where=VALUE["where"], effect=effect, held={"below": 0.0})
    widths = {"mechanism/w4/layers.csv": 4, "mechanism/w8/layers.csv": 8, "mechanism/w16/layers.csv": 16}
    found = effect_of(
        test, lambda name: layers({"trained-0": [0, 3 * widths[name] ** -0.5], "trained-1": [0, widths[name] ** -0.3]})
    )
    assert values_of(found.values) == pytest.approx([-0.5, -0.3])
    with pytest.raises(InputError, match="value has values of 0 and less, and no logarithm"):
        effect_of(test, lambda name: layers({"trained-0": [0, 0]}))


def test_over_training() -> None:
    course = pd.concat([layers({"trained-0": [0, value]}, epoch=epoch) for epoch, value in enumerate([1, 2, 4, 3])])
    effect = {"kind": "spearman", "along": "layer_index", "mean_over": ["epoch"]}
    assert (
        effect_of(
            a_test(effect=effect, epoch="all", where={"quantity": "snr"}), tables(layers({"trained-0": [0, 1, 2]}))
        ).values[0]
        == 1.0
    )
    at_one = a_test(**VALUE, epoch=3)
    assert effect_of(at_one, tables(course)).values[0] == 3
    assert effect_of(a_test(**VALUE), tables(course)).values[0] == 3


def test_averages_are_asked_for() -> None:
    wide = {"where": {"quantity": "snr"}}
    with pytest.raises(
        InputError,
        match=r"layer varies among the rows of a seed; choose in `where`, or average with `effect.mean_over`",
    ):
        effect_of(a_test(**VALUE | wide), tables(TRAINED))
    mean = a_test(**VALUE | wide | {"effect": {"kind": "value", "mean_over": ["layer"]}})
    assert effect_of(mean, tables(TRAINED)).values[0] == pytest.approx(np.mean([0, 1, 2, 3]))
    two = pd.concat([TRAINED, layers(rising(), quantity="noise")])
    with pytest.raises(InputError, match="layer and quantity vary"):
        effect_of(a_test(where={}), tables(two))


def test_what_is_not_in_the_table_is_named() -> None:
    with pytest.raises(
        InputError, match="results/mechanism/e/layers.csv: quantity: no row with 'snrr'; did you mean 'snr'?"
    ):
        effect_of(a_test(where={"quantity": "snrr"}), tables(TRAINED))
    with pytest.raises(InputError, match="layer: no row with 'fc9'; there are conv1, conv2"):
        effect_of(a_test(where={"layer": ["conv1", "fc9"]}), tables(TRAINED))
    null = a_test(effect={"kind": "spearman", "column": "null", "along": "layer_index"})
    with pytest.raises(InputError, match="results/mechanism/e/layers.csv: no column 'null'; run `snakemake`"):
        effect_of(null, tables(TRAINED.drop(columns="null")))
    with pytest.raises(InputError, match="no given networks at epoch last"):
        effect_of(a_test(condition="given"), tables(TRAINED))


def test_text_and_numbers_are_matched_as_they_are_stored() -> None:
    numbers = TRAINED.assign(threshold=0.3)
    assert effect_of(a_test(where={"quantity": "snr", "threshold": 0.3}), tables(numbers)).values
    mixed = TRAINED.assign(label="all")
    assert effect_of(a_test(where={"quantity": "snr", "label": "all"}), tables(mixed)).values
