"""Parameters of the step `mechanism`."""

from typing import Literal

from pydantic import Field

from probecore.schema import MeasureSection, Section
from probecore.train.params import Augmentation


class Heads(Section):
    """How the linear heads on the frozen network are trained; rates and epochs are the authors' recipe."""

    features: Literal["standardised", "raw"] = Field(
        "standardised",
        description="What a head sees. standardised: features minus their means over training images, divided by one "
        "root mean square per block; raw: features as they are, the authors' recipe, under which accuracies follow the "
        "features' size.",
    )
    epochs: int = Field(200, ge=1, description="Passes over the training images.")
    batch: int = Field(100, ge=1, description="Images per step, all if there are fewer; a smaller last batch is left.")
    learning_rate: float = Field(0.01, gt=0, description="Learning rate before its first decay.")
    decay: float = Field(0.975, gt=0, le=1, description="Factor of the rate before every epoch, the first included.")
    momentum: float = Field(0.975, gt=0, lt=1, description="Nesterov momentum.")
    weight_decay: float = Field(1.0e-3, ge=0, description="L2 penalty.")
    augmentation: Augmentation | None = Field(
        Augmentation(shift=4, flip=True, fill=0.5),
        description="Random changes of training images; null: none, and each image passes the network only once.",
    )


class Pruning(Section):
    """Connections kept between filters that share a label, against other ways to choose as many."""

    thresholds: list[float] = Field(
        [0.2, 0.3, 0.4, 0.5, 0.6], min_length=1, description="Clipping thresholds; a higher one leaves fewer labels."
    )
    clusterless: Literal["drop", "keep"] = Field(
        "drop", description="What becomes of the connections of filters that are in no cluster."
    )
    epochs: int = Field(1, ge=0, description="Passes over the training images after pruning; 0: no retraining.")
    batch: int = Field(100, ge=1, description="Images per step of retraining.")
    learning_rate: float = Field(0.01, gt=0, description="Learning rate of retraining.")
    momentum: float = Field(0.95, gt=0, lt=1, description="Nesterov momentum of retraining.")
    weight_decay: float = Field(1.0e-3, ge=0, description="L2 penalty of retraining.")
    augmentation: Augmentation = Field(Augmentation(), description="Random changes of images in retraining.")


class MechanismParams(MeasureSection):
    """What each filter says (Tzach et al.)."""

    layers: list[str] = Field(
        ["*"],
        min_length=1,
        description="Conv and linear layers whose blocks are probed, by name or shell pattern; never the last.",
    )
    epochs: Literal["ends", "last", "all"] = Field(
        "ends", description="Checkpoints: the first and the last, the last, or all."
    )
    heads: Heads = Field(Heads(), description="Linear heads on the frozen network.")
    threshold: float = Field(0.3, gt=0, lt=1, description="An element of a filter's matrix above this is a 1.")
    sweep: list[float] = Field([0.2, 0.3, 0.4, 0.5, 0.6], description="Other thresholds to compare with.")
    bootstrap: int = Field(200, ge=20, description="Bootstrap replicates over test images.")
    permutations: int = Field(100, ge=20, description="Permutations of the test labels.")
    importance_images: int = Field(1000, ge=2, description="Test images on which filters are ablated one by one.")
    pruning: Pruning | None = Field(
        Pruning(), description="Pruning by clusters, at the last checkpoint of trained networks; null: none."
    )
