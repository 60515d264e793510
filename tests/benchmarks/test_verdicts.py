"""The committed table of verdicts on planted effects says what docs/claims.md says of it."""

import pandas as pd
import pytest

from benchmarks.verdicts import BOUND, RESULTS, table


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return pd.read_csv(RESULTS)


def test_held_is_rare_under_the_null_and_fails_above_it(committed: pd.DataFrame) -> None:
    assert committed.loc[committed["effect"] <= BOUND, "held"].max() <= 0.05
    assert committed.loc[committed["effect"] > BOUND, "fails"].max() <= 0.05
    assert committed.loc[(committed["effect"] == 2) & (committed["seeds"] == 20), "held"].min() > 0.5


def test_undecided_grows_as_seeds_fall(committed: pd.DataFrame) -> None:
    away = committed[committed["effect"] != BOUND]
    for _, rows in away.groupby(["claim", "effect"]):
        undecided = rows.sort_values("seeds")["undecided"]
        assert undecided.is_monotonic_decreasing and undecided.iloc[0] == 1


def test_the_table_is_that_of_the_code(committed: pd.DataFrame) -> None:
    again = pd.DataFrame(table(repeats=100)).astype(committed.dtypes)
    assert again[["claim", "effect", "seeds"]].equals(committed[["claim", "effect", "seeds"]])
    assert (again["held"] - committed["held"]).abs().max() < 0.2
