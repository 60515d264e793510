"""The recipes in the docs are parameters that the schema takes."""

import re

import pytest
import yaml

from probecore.train.params import TrainParams
from tests.conftest import ROOT

BLOCKS = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/recipes.md").read_text(encoding="utf-8"), flags=re.S)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_recipe_is_good(block: str) -> None:
    params = TrainParams.read(yaml.safe_load(block))
    assert params.recipe(params.networks[0]).checkpoint_epochs[-1] == params.epochs


def test_there_are_recipes_for_every_paper() -> None:
    assert len(BLOCKS) == 7
