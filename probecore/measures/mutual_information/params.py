"""Parameters of the step `mutual_information`."""

from typing import Annotated, Literal

from pydantic import Field

from probecore.schema import MeasureSection, Section
from probecore.train.params import Recipe

Variance = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Redundancy(Section):
    """What units of a layer know twice."""

    units: int = Field(
        64,
        ge=2,
        le=512,
        description="Units per layer that are paired: those of largest entropy, which no label chooses.",
    )
    bins: int = Field(4, ge=2, le=16, description="Quantile bins per unit; a pair and the label have bins² · K cells.")
    shuffles: int = Field(
        100, ge=39, description="Permutations behind the nulls of pairs, two-sided, and of the choice order."
    )
    coverage: float = Field(
        0.9, gt=0, lt=1, description="Share of the summed gains of the choice order that suggested widths keep."
    )


class Ablation(Section):
    """Accuracy when kernels are removed in an order, before and after short retraining."""

    fractions: list[Fraction] = Field(
        [0.25, 0.5, 0.75], min_length=1, description="Shares of a conv layer's kernels that are removed."
    )
    random: int = Field(3, ge=0, description="Random orders to compare with.")
    retraining_steps: int = Field(30, ge=0, description="SGD steps of the retraining after each removal; 0: none.")
    learning_rate: float = Field(0.01, gt=0, description="Of the retraining, SGD with momentum 0.9.")
    batch: int = Field(64, ge=1, description="Images per retraining step.")


class MutualInformationParams(MeasureSection):
    """Mutual information (Fang et al. 2018): who knows what, and when."""

    reads_activations = "pooled"

    site: Literal["conv", "act", "block"] = Field(
        "act", description="Where a block is measured: its conv or linear layer, its activation, or its end."
    )
    pool: Literal["mean", "max"] = Field("mean", description="What makes one number per image of a filter's map.")
    images: int = Field(2000, ge=20, description="Test images, balanced over classes as far as they go.")
    neighbours: int = Field(3, ge=1, le=50, description="k of the nearest-neighbour estimators.")
    shuffles: int = Field(100, ge=19, description="Permutations behind every null; p is at least 1 / (shuffles + 1).")
    layer_shuffles: int = Field(20, ge=19, description="Permutations behind the nulls of whole layers.")
    bins: int = Field(
        30, ge=2, le=1000, description="Equal bins over a layer's range, for I(X;T) and the binned plane."
    )
    scale: Literal["total", "none"] = Field(
        "total",
        description="`total`: each layer is scaled to total variance 1 before noise is added, so that σ² is a share of "
        "it; `none`: as it is, so that σ² is in the layer's own units.",
    )
    noise_variances: list[Variance] = Field(
        [0.1, 0.01, 1.0], min_length=1, description="σ² of the Kolchinsky-Tracey bounds; the first is the main one."
    )
    redundancy: Redundancy | None = Field(Redundancy(), description="Pairs of units; null: none.")
    ablation: Ablation | None = Field(Ablation(), description="Removing kernels; null: no ablation.")
    design: Recipe | None = Field(
        None, description="Recipe of networks trained anew at suggested and at uniform widths; null: none are."
    )
