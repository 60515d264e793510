"""Parameters of the step `mean_dimension`."""

from typing import Annotated, Literal

from pydantic import Field

from probecore.schema import MeasureSection, Section


class Layers(Section):
    """Mean dimension of every layer and filter; costs more per exchange than that of the outputs."""

    images: int = Field(100, ge=2, description="Base points, from the start of the test split.")
    features: int | None = Field(
        40,
        ge=1,
        description="Coordinates exchanged per pair of points, drawn at random and weighted; null: all.",
    )


class Companions(Section):
    """What part of the outputs' mean dimension comes from dependence among inputs; first and last checkpoint."""

    features: int | None = Field(
        40,
        ge=1,
        description="Coordinates exchanged per pair of points: independent, of one class, black or white; null: all.",
    )
    fit_images: int = Field(
        500,
        ge=20,
        description="Test images behind the base points, at most, to which linear, additive and non-additive "
        "functions are fitted; the base points judge them.",
    )


class Deletion(Section):
    """Deletion curves: what accuracy is left when the pixels with the largest total indices are removed."""

    images: int = Field(500, ge=1, description="Test images, from the end of the split, that the curves use.")


class MeanDimensionParams(MeasureSection):
    """Mean dimension (Hahn et al. 2022)."""

    needs_labelled_images = False

    bases: list[Literal["pixels", "pca"]] = Field(
        ["pixels", "pca"],
        min_length=1,
        description="Coordinates that are exchanged: those of the input itself, or principal components of the "
        "training inputs.",
    )
    epochs: Literal["all"] | list[int] = Field(
        "all", description="Checkpoints to measure; those that a network does not have are left out."
    )
    images: int = Field(300, ge=2, description="Base points, from the start of the test split.")
    shuffles: int = Field(1, ge=1, description="Donors of each base point, at most.")
    features: Annotated[int, Field(ge=1)] | Literal["affordable"] | None = Field(
        "affordable",
        description="Coordinates exchanged per pair of points, drawn at random and weighted; affordable: all, or where "
        "that takes over 10¹² multiply-adds per basis and checkpoint, as many as do not, but 10 at least; null: all.",
    )
    pca_images: int = Field(10_000, ge=2, description="Training inputs to which the principal components are fitted.")
    precision: float | None = Field(
        None,
        gt=0,
        description="Stop before `shuffles` when the interval of the network's output has a half-width of at most this "
        "share of its value.",
    )
    layers: Layers | None = Field(Layers(), description="Layers and filters; null: outputs alone.")
    companions: Companions | None = Field(
        Companions(),
        description="Mean dimension under independent margins and within classes, and how far additive functions "
        "explain the outputs; null: none.",
    )
    deletion: Deletion | None = Field(Deletion(), description="Deletion curves, for images; null: none.")
