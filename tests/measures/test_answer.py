import pandas as pd
import pytest

from probecore.measures.answer import answer_from
from probecore.measures.base import Answer
from probecore.summary import Answered

SNR = Answer(says="SNR", table="layers", where={"quantity": "snr", "class": 1}, at_end="layer_index")


def table(networks: dict[str, tuple[float, float]], *, null: float = 1.0) -> pd.DataFrame:
    """Two layers of each network, before training and after it; what is asked for is in the second."""
    rows = [
        {
            "network": name,
            "epoch": epoch,
            "quantity": "snr",
            "class": "1",
            "layer_index": depth,
            "value": value,
            "null": null,
        }
        for name, ends in networks.items()
        for epoch, last in zip((0, 9), ends, strict=True)
        for depth, value in ((1, 100.0), (2, last))
    ]
    other = [row | {"quantity": "noise", "value": -1.0} for row in rows] + [row | {"class": "2"} for row in rows]
    return pd.DataFrame(rows + other)


def answer(networks: dict[str, tuple[float, float]]) -> Answered:
    return answer_from({"layers": table(networks)}, SNR)


def test_rows_and_sentence() -> None:
    found = answer({"trained-0": (2.0, 6.0), "trained-1": (4.0, 5.0), "shuffled-0": (2.0, 1.0)})
    rows = [(row.condition, row.n, row.value, row.least, row.most, row.low, row.null) for row in found.rows]
    assert rows == [
        ("untrained", 2, 3.0, 2.0, 4.0, None, 1.0),
        ("trained", 2, 5.5, 5.0, 6.0, None, 1.0),
        ("shuffled", 1, 1.0, 1.0, 1.0, None, 1.0),
    ]
    assert found.sentence == "SNR: 5.5 after training and 3 before it (2 networks), a difference of 2.5"
    assert found.verdict == "undecided: 2 of 5 networks"


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ((6.0, 6.1, 6.2, 6.1, 5.9), "higher than untrained"),
        ((2.0, 2.1, 2.2, 2.1, 1.9), "lower than untrained"),
        ((6.0, 2.0, 5.0, 1.0, 4.5), "not told from untrained"),
    ],
)
def test_verdicts_follow_the_numbers(after: tuple[float, ...], verdict: str) -> None:
    found = answer({f"trained-{seed}": (4.0, value) for seed, value in enumerate(after)})
    assert found.verdict == verdict
    assert "95 % interval" in found.sentence


def test_given_weights_are_compared_with_the_reinitialised_copy() -> None:
    given = table({"given": (0.0, 7.0)})
    alone = answer_from({"layers": given[given["epoch"] == 9]}, SNR)
    assert alone.verdict == "no control"
    assert alone.sentence == "SNR: 7 (1 network), and no untrained network to compare with"
    copy = table({"reinitialised-0": (0.0, 3.0)})
    both = pd.concat([given[given["epoch"] == 9], copy[copy["epoch"] == 9]])
    assert "7 after training and 3 before it" in answer_from({"layers": both}, SNR).sentence


def test_a_table_that_was_not_asked_for_has_its_keys_alone() -> None:
    found = answer_from({"layers": table({"trained-0": (1.0, 2.0)}).iloc[:0][["network", "epoch"]]}, SNR)
    assert (found.rows, found.verdict, found.sentence) == ([], "no control", "SNR: not measured")
