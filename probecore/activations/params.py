"""Parameters of the step `activations`: what is kept of a network's activations, and how."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import pydantic
from pydantic import Field

from probecore.errors import InputError
from probecore.schema import Section

Store = Literal["maps", "pooled", "class_means"]
Compression = Literal["zstd", "gzip", "none"]
Dtype = Literal["float32", "float16"]
Epochs = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]


class ExcitationParams(Section):
    """Sums over training and test images from which `anova` makes excitations; both splits are run for them."""

    layers: list[str] = Field(
        ["*"], min_length=1, description="Names or globs of Conv2d and Linear layers; a glob passes over others."
    )
    dilations: list[Annotated[int, Field(ge=1, le=64)]] = Field(
        [1, 2, 3, 4], min_length=1, description="By how much patches are spread when they are read; 1 is always there."
    )
    images: int | None = Field(None, ge=2, description="First images of each split; null: all.")
    by_class: bool = Field(True, description="Keep the sums of each class; costs memory and disk times the classes.")
    covariance_images: int = Field(
        200, ge=0, description="First images of a split behind the covariance of patches; 0: none."
    )


class ActivationsParams(Section):
    """Which layers, splits and epochs are dumped, and what is kept of each."""

    layers: list[str] = Field(
        ["*"],
        min_length=1,
        description="Layer names or globs. A glob matches computing layers (no Flatten, Dropout, Identity, and no "
        "containers); an exact name matches any module. `probecore models NAME` lists them.",
    )
    splits: list[Literal["train", "test"]] = Field(["test"], min_length=1, description="Which images are run.")
    epochs: Literal["all", "last"] | Epochs = Field("all", description="Which checkpoints; 0 is the initial state.")
    store: list[Store] = Field(
        ["pooled", "class_means"],
        min_length=1,
        description="maps: every value, per image; pooled: mean and maximum per image and channel; "
        "class_means: mean map per class. Logits, predictions and labels are always kept.",
    )
    excitations: ExcitationParams | None = Field(None, description="Sums that `anova` reads; null: none.")
    dtype: Dtype = Field("float32", description="Of the maps; everything else keeps its precision.")
    compression: Compression = Field("zstd", description="Of the maps; reading zstd elsewhere needs hdf5plugin.")
    level: int = Field(1, ge=1, le=22, description="Of zstd (1 to 22) or gzip (1 to 9).")
    batch: int = Field(256, ge=1, description="Images per forward pass; powers of two give even blocks in the file.")

    @pydantic.field_validator("splits", "store", "epochs", "layers")
    @classmethod
    def _no_repeats(cls, chosen: str | Sequence[str | int]) -> str | Sequence[str | int]:
        if not isinstance(chosen, str) and len(set(chosen)) < len(chosen):
            raise ValueError("must name nothing twice")
        return chosen

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.compression == "gzip" and self.level > 9:
            raise ValueError(f"level: gzip knows 1 to 9, not {self.level}; lower it or write `compression: zstd`")
        return self

    def keeps(self, what: Literal["pooled", "excitations"]) -> bool:
        """Whether measures find this: pooled values of the test images, or excitation sums."""
        return (
            self.excitations is not None if what == "excitations" else "pooled" in self.store and "test" in self.splits
        )

    @property
    def splits_run(self) -> Sequence[Literal["train", "test"]]:
        """The splits that are run: excitations need both."""
        return self.splits if self.excitations is None else ("train", "test")

    @property
    def excitation_images(self) -> int | None:
        """How many first images of a split excitations take; None for all."""
        return self.excitations.images if self.excitations else None

    def epochs_of(self, available: Sequence[int]) -> list[int]:
        """The chosen epochs among those that a checkpoint file holds, ascending.

        Raises
        ------
        InputError
            If a listed epoch has no checkpoint.
        """
        if isinstance(self.epochs, str):
            return sorted(available) if self.epochs == "all" else [max(available)]
        if missing := sorted(set(self.epochs) - set(available)):
            kept = ", ".join(map(str, sorted(available)))
            raise InputError(f"activations.epochs: epoch {missing[0]} has no checkpoint (kept: {kept})")
        return sorted(self.epochs)
