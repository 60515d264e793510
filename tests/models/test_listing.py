"""The tables of `probecore models`, and the one in the documentation."""

from pathlib import Path

import pytest

from probecore.models import listing
from probecore.models.catalogue import MODELS
from probecore.models.params import ModelParams

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


@pytest.fixture(scope="module")
def models() -> list[listing.Row]:
    return listing.model_table()


def test_model_table_has_every_network(models: list[listing.Row]) -> None:
    assert [row["model"] for row in models] == list(MODELS)
    assert models[0]["parameters"] == "61,706"
    assert models[0]["multiply-adds"] == "416,520"


def test_layer_table_ends_with_the_sum() -> None:
    rows = listing.layer_table(ModelParams.read("lenet5"), (1, 28, 28), 10)
    assert rows[0] == {
        "layer": "conv1",
        "kind": "conv",
        "output": "6x28x28",
        "parameters": "156",
        "multiply-adds": "117,600",
        "calls": "1",
        "ends block of": "",
    }
    assert rows[2]["ends block of"] == "conv1"
    assert (rows[-1]["layer"], rows[-1]["parameters"], rows[-1]["multiply-adds"]) == (
        "sum",
        "61,706",
        "416,520",
    )


def test_layer_table_tells_calls_of_reused_modules() -> None:
    rows = listing.layer_table(ModelParams.read("resnet18"), (3, 32, 32), 10)
    (row,) = [row for row in rows if row["layer"] == "layer1.0.relu"]
    assert row["ends block of"] == "layer1.0.conv1, layer1.0.conv2 (call 2)"


def test_rendered_table_is_plain_text(models: list[listing.Row]) -> None:
    text = listing.render(models)
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(MODELS) + 2
    assert "[300, 50]" in text
    assert max(map(len, listing.render(models, width=100).splitlines())) <= 100


def test_documented_sizes_are_true(models: list[listing.Row]) -> None:
    documented = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 5:
            documented[cells[0].strip("`")] = tuple(cells[2:])
    assert documented == {
        row["model"]: (f"{row['input']}, {row['outputs']}", row["parameters"], row["multiply-adds"]) for row in models
    }
