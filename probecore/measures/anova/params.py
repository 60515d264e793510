"""Parameters of the step `anova`."""

from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import pydantic
from pydantic import Field

from probecore.schema import MeasureSection, Section

if TYPE_CHECKING:
    from torch import nn

Excitation = Literal[
    "mean_patch", "activation_weighted_patch", "feature_map", "raw_map", "patch_covariance", "gradient_outer_product"
]


class Features(Section):
    """Whose features of images parameters are compared with."""

    network: str | None = Field(
        None,
        description="A file of checkpoints in own/, as `train` writes it, of a network trained on other images of the "
        "same shape; its last checkpoint counts. null: the measured network itself.",
    )
    layer: str | None = Field(
        None, description="The module whose output, flattened, are the features; null: what gives the last map."
    )

    @pydantic.field_validator("network")
    @classmethod
    def _own(cls, path: str | None) -> str | None:
        if path is not None and (PurePosixPath(path).parts[:1] != ("own",) or ".." in PurePosixPath(path).parts):
            raise ValueError("lies outside of own/, where changes are seen; put it there")
        return path


class Published(Section):
    """The procedure of Alsaghir et al. by their public code, beside a sound one and noise."""

    features: Features = Field(Features(), description="Whose features of images.")
    images: int = Field(200, ge=1, description="Images of each class in a set, at most.")


class AnovaParams(MeasureSection):
    """ANOVA of weights on features (reconstruction of Alsaghir et al. 2022)."""

    reads_activations = "excitations"

    layers: list[str] = Field(
        ["*"],
        min_length=1,
        description="Names or globs, among the layers whose excitation sums `activations` keeps.",
    )
    excitations: list[Excitation] = Field(
        ["activation_weighted_patch", "mean_patch", "feature_map", "raw_map", "patch_covariance"],
        min_length=1,
        description="What a feature is; see docs/anova.md. `gradient_outer_product` runs the network backwards.",
    )
    difference: Literal["signed", "absolute"] = Field(
        "signed", description="Predictor of R3: training minus test excitations, or its absolute value."
    )
    degree: int = Field(1, ge=1, le=3, description="Degree of the polynomial in the excitation.")
    intercepts: Literal["common", "per_filter"] = Field(
        "common", description="One intercept for a layer, or one for each of its filters."
    )
    bins: int = Field(5, ge=2, le=100, description="Quantile bins of the excitation in one- and two-way tables.")
    permutations: int = Field(1999, ge=19, description="Permutations of each null.")
    gradient_images: int = Field(200, ge=1, description="Training and test images behind `gradient_outer_product`.")
    published: Published | None = Field(
        None, description="The authors' own procedure, audited: last checkpoint alone; null: not wanted."
    )

    def files(self) -> list[Path]:
        """The backbone."""
        path = None if self.published is None else self.published.features.network
        return [] if path is None else [Path(path)]

    def check_network(self, model: "nn.Module", input_shape: tuple[int, ...]) -> None:
        """Look up the backbone of `published`, and its layer.

        Imported by name: the gathering job reads this section, and must not run anew when networks change.
        """
        if self.published is not None:
            backbone = import_module("probecore.measures.anova.backbone")
            backbone.check_features(self.published.features, model, input_shape)
