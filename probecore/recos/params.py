"""Parameters of the step `recos`."""

from typing import Literal

from pydantic import Field

from probecore.schema import MeasureSection, Section


class Polarity(Section):
    """The polarity experiment: normal and reversed images, plain and negated first-layer filters."""

    scalings: list[Literal["half", "unit", "standard"]] = Field(
        ["half", "unit", "standard"],
        min_length=1,
        description="Input scalings to compare in the identity's check: `half` [-0.5, 0.5], `unit` [0, 1], "
        "`standard` (zero mean, unit variance over the training images).",
    )
    images: int = Field(1000, ge=1, description="Test images on which filters are negated one by one.")


class RecosParams(MeasureSection):
    """RECOS (Kuo 2016): what rectification does to signs."""

    polarity: Polarity = Field(Polarity(), description="The polarity experiment.")
