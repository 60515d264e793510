"""Parameters of the step `atlas`."""

from typing import Literal

from pydantic import Field

from probecore.schema import MeasureSection, Section


class ShapleyParams(Section):
    """Shapley values of the filters of a layer, from random orders, each with its reverse."""

    layers: list[str] = Field(["*"], min_length=1, description="Names or globs of layers, the last one excepted.")
    images: int = Field(200, ge=20, description="Last images of the training split on which sets of filters are run.")
    pairs: int = Field(100, ge=8, description="Orders that are drawn at most, each with its reverse.")
    tolerance: float = Field(
        0.05, ge=0, lt=1, description="No more orders where noise is at most this fraction of the variance of filters."
    )


class RetrainingParams(Section):
    """What the network loses without a filter when it may learn again for a moment: two retrainings per filter."""

    layers: list[str] = Field(["*"], min_length=1, description="Names or globs of layers, the last one excepted.")
    filters: int = Field(8, ge=4, description="Filters of each layer, drawn at random; all where it has fewer.")
    steps: int = Field(20, ge=1, description="SGD steps of a retraining.")
    learning_rate: float = Field(0.01, gt=0, description="Of the retraining, SGD with momentum 0.9.")
    batch: int = Field(64, ge=1, description="Images per step, of training images that do not judge.")


class AtlasParams(MeasureSection):
    """Truths about filters, what simple baselines say of them, and how measures agree with both."""

    layers: list[str] = Field(["*"], min_length=1, description="Names or globs of layers, the last one excepted.")
    images: int = Field(
        1000,
        ge=20,
        description="Of the training split, the last, for truths; of the test split, the first, for baselines.",
    )
    ablations: list[Literal["zero", "mean", "resample"]] = Field(
        ["zero", "mean", "resample"],
        description="By what a filter's map is replaced: 0, its mean map, its map of another image.",
    )
    shapley: ShapleyParams | None = Field(ShapleyParams(), description="Shapley values; null: none.")
    retraining: RetrainingParams | None = Field(
        None, description="Loss after retraining without a filter; null: none. The dearest of the truths."
    )
