"""What the costs of intervals are measured with."""

from pathlib import Path

import pytest
import yaml

from benchmarks.interval_costs import EXPERIMENT, FEWEST, merged
from probecore.measures import MEASURES, declaration

STUDY = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("measure", MEASURES)
def test_as_few_draws_as_the_parameters_allow(measure: str) -> None:
    section = declaration(measure).section
    few = merged(STUDY["experiments"][EXPERIMENT][measure], FEWEST[measure])
    assert section.model_validate(few) != section.model_validate(STUDY["experiments"][EXPERIMENT][measure])
