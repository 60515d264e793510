"""Which images judge a plan of a study: those before the ones that gave the truths, by what the table says of these."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from probecore.api import pruning
from probecore.errors import InputError


def test_the_table_says_how_many_images_gave_the_truths() -> None:
    rows = [("atlas", "zero_loss", 60), ("atlas", "shapley", 40), ("atlas", "apoz", 900), ("recos", "zero_loss", 800)]
    table = pd.DataFrame(rows, columns=["measure", "quantity", "n"])
    assert pruning.images_of_truths(table) == 60
    assert pruning.images_of_truths(table.iloc[2:]) == 0


@pytest.mark.parametrize(("used", "expected"), [(60, (10, 40)), (0, (70, 100)), (75, (0, 25))])
def test_images_before_those_of_the_truths_judge(
    used: int, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = judging(used, monkeypatch)
    assert (found[0], found[-1] + 1) == expected


def test_too_few_images_that_judge_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="15 training images are left"):
        judging(85, monkeypatch)


def judging(used: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of 100 images, those that judge, of 30 that are wished."""

    class Train(SimpleNamespace):
        def __len__(self) -> int:
            return 100

    every = np.arange(100)
    dataset = SimpleNamespace(train=Train(inputs=every))
    info = SimpleNamespace(experiment="small", network="trained-0")
    network: Any = SimpleNamespace(dataset=dataset, info=info, scale=None, device="cpu")
    monkeypatch.setattr(pruning, "learned_targets", lambda *_, **__: every)
    monkeypatch.setattr(pruning, "chunks", lambda inputs, _labels, **_: [inputs])
    (found,) = pruning._training_images(network, 30, used=used)
    return list(found)  # type: ignore[arg-type]
