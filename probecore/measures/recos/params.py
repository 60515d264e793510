"""Parameters of the step `recos`."""

from typing import Literal

import pydantic
from pydantic import Field

from probecore.schema import MeasureSection, Section
from probecore.train.params import Recipe


class Polarity(Section):
    """The polarity experiment: normal and reversed images, first-layer filters as they are and changed."""

    scalings: list[Literal["half", "unit", "standard"]] = Field(
        ["half", "unit", "standard"],
        min_length=1,
        description="Input scalings to compare in the identity's check: `half` [-0.5, 0.5], `unit` [0, 1], "
        "`standard` (zero mean, unit variance over the training images).",
    )
    images: int = Field(1000, ge=1, description="Test images on which filters are negated one by one.")
    both: Recipe | None = Field(
        None,
        description="Recipe of networks trained anew on both polarities, from the same initial weights: reversal as it "
        "is, and around the mean; null: none are.",
    )

    @pydantic.field_validator("both")
    @classmethod
    def _reversed_without_a_fill(cls, both: Recipe | None) -> Recipe | None:
        if both is not None and both.augmentation.shift:
            raise ValueError("augmentation.shift: nobody knows what a shift moves into reversed images; leave it out")
        return both


class Sphere(Section):
    """Anchor vectors and patches on the unit sphere."""

    patches: int = Field(4000, ge=100, description="Patches of training images for k-means centres, at most.")
    directions: int = Field(
        1000,
        ge=1,
        description="Random directions that anchors are compared with, at least; 99 times as many as a layer has "
        "anchors, if that is more.",
    )
    embedding: Literal["anchors", "positions"] = Field(
        "anchors", description="What is embedded in two dimensions: anchor vectors, or anchor-position vectors."
    )


class Cascade(Section):
    """One layer against two, on composites of the data set's images and backgrounds."""

    backgrounds: int = Field(20, ge=2, description="Backgrounds of each group, seen and unseen, for test images.")
    head_images: int = Field(4000, ge=100, description="Training images for the heads, at most.")
    head_epochs: int = Field(10, ge=1, description="Epochs of the heads.")


class RecosParams(MeasureSection):
    """RECOS (Kuo 2016): why rectify, and what do two layers do that one cannot?"""

    layers: list[str] = Field(
        ["*"], min_length=1, description="Conv and linear layers, by name; `*` stands for any characters."
    )
    images: int = Field(1000, ge=20, description="Test images for what is measured layer by layer.")
    resamples: int = Field(99, ge=19, description="Permutations of groups of images behind p of Fisher ratios.")
    polarity: Polarity = Field(Polarity(), description="The polarity experiment.")
    sphere: Sphere = Field(Sphere(), description="Anchors and patches on the unit sphere.")
    cascade: Cascade | None = Field(None, description="Images on backgrounds; null: not wanted.")
