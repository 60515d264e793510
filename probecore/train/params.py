"""Parameters of the step `train`: the network, its recipe, conditions and seeds."""

from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field

from probecore.models.params import ModelParams
from probecore.networks import condition_of
from probecore.schema import Section

Loss = Literal["cross_entropy", "squared_error"]
Optimiser = Literal["sgd", "nesterov", "adam", "rmsprop"]


class Normalise(Section):
    """How a uint8 image becomes the network's input: (x - 255 mean) / (255 std), per channel."""

    mean: float | list[float] = Field(0.5, description="Mean on [0, 1]: one number, or one per channel.")
    std: float | list[float] = Field(1.0, description="Standard deviation on [0, 1]: one number, or one per channel.")

    @pydantic.field_validator("mean", "std")
    @classmethod
    def _some(cls, values: float | list[float]) -> float | list[float]:
        if values == []:
            raise ValueError("must hold at least 1 number")
        return values

    @pydantic.field_validator("mean", "std")
    @classmethod
    def _of_pixels_on_0_to_1(cls, values: float | list[float], info: pydantic.ValidationInfo) -> float | list[float]:
        most = {"mean": 1, "std": 10}[str(info.field_name)]
        if max(values if isinstance(values, list) else [values]) > most:
            raise ValueError("is of pixels on [0, 1], and this looks like 0 to 255; divide it by 255")
        return values

    @pydantic.field_validator("std")
    @classmethod
    def _positive(cls, std: float | list[float]) -> float | list[float]:
        if min(std if isinstance(std, list) else [std]) <= 0:
            raise ValueError("must be greater than 0")
        return std


class Schedule(Section):
    """Learning rate as a factor of `learning_rate`, by step; `cosine` is short for `{kind: cosine}`."""

    kind: Literal["constant", "one_cycle", "cosine", "step"] = Field("constant", description="Shape over training.")
    warm_up: float = Field(0.3, ge=0, lt=1, description="one_cycle: share of the steps in which the rate rises.")
    gamma: float = Field(0.6, gt=0, le=1, description="step: factor at each drop.")
    every: int = Field(20, ge=1, description="step: epochs between drops.")
    after: list[int] | None = Field(None, description="step: epochs after which the rate drops, instead of `every`.")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _by_name(cls, content: Any) -> Any:
        return {"kind": content} if isinstance(content, str) else content


class Augmentation(Section):
    """Random changes of training images, drawn anew for every image and epoch."""

    shift: int = Field(0, ge=0, le=16, description="Largest shift in pixels, uniform in x and in y.")
    flip: bool = Field(False, description="Mirror left and right with probability 1/2.")
    fill: float = Field(0.0, ge=0, le=1, description="What shifted-in pixels hold, on [0, 1].")


class Recipe(Section):
    """How one network is trained."""

    epochs: int = Field(20, ge=0, description="Passes over the training images; 0 keeps the initial state alone.")
    batch: int = Field(64, ge=1, description="Images per step; a smaller last batch is left out of the epoch.")
    optimiser: Optimiser = Field("nesterov", description="`nesterov` is SGD with Nesterov momentum.")
    learning_rate: float = Field(0.1, gt=0, description="Highest learning rate of the schedule.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum of sgd, nesterov and rmsprop.")
    weight_decay: float = Field(5.0e-4, ge=0, description="L2 penalty on all parameters.")
    schedule: Schedule = Field(Schedule(kind="one_cycle"), description="Learning rate over training.")
    loss: Loss = Field("cross_entropy", description="`squared_error` is against one-hot labels, or the targets.")
    augmentation: Augmentation = Field(Augmentation(), description="Random changes of training images.")
    checkpoints: list[int] | None = Field(
        None, description="Epochs kept beside the first and the last; null keeps 1, 2, 5, 10, 20, 50, …"
    )

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.optimiser == "nesterov" and self.momentum == 0:
            raise ValueError("optimiser nesterov needs a momentum above 0; write `optimiser: sgd`")
        late = [epoch for epoch in self.checkpoints or [] if not 0 <= epoch <= self.epochs]
        if late:
            raise ValueError(f"checkpoints: epoch {late[0]} is outside of 0 to {self.epochs}")
        return self

    @property
    def checkpoint_epochs(self) -> list[int]:
        """Epochs of the checkpoints, ascending, with the first (0) and the last."""
        chosen = self.checkpoints
        if chosen is None:
            chosen = [factor * 10**power for power in range(5) for factor in (1, 2, 5)]
        return sorted({0, self.epochs, *(epoch for epoch in chosen if epoch < self.epochs)})


RecipeChanges = pydantic.create_model(  # type: ignore[call-overload]
    "RecipeChanges",
    __base__=Section,
    __doc__="What a condition changes in the recipe of the experiment.",
    **{
        name: (Annotated[field.annotation, Field(), *field.metadata] | None, Field(None, description=field.description))
        for name, field in Recipe.model_fields.items()
    },
)


class Shuffled(RecipeChanges):
    """Networks of permuted labels, and what they change in the recipe of the experiment."""

    control: Literal["same_recipe"] = Field(
        "same_recipe",
        description="What they are compared with: true labels under the same recipe. That is `trained` where nothing "
        "changes; else one further network per seed, `twin`, is trained on true labels under the changed recipe.",
    )


class Given(Section):
    """A network whose weights come from outside."""

    weights: str | None = Field(
        description="A safetensors file or a state dict, seen from the study; null: the factory brings them."
    )
    control: Literal["reinitialised"] | None = Field(
        None,
        description="Also measure an untrained control: the same architecture with new random weights, "
        "`reinitialised-0`; null: none beside the experiment's own seeds.",
    )


class TrainParams(Recipe):
    """Which networks an experiment has: a model, a recipe, conditions and seeds."""

    model: ModelParams = Field(description="The network: a name, or a mapping with its options.")
    normalise: Normalise = Field(Normalise(), description="Input scaling; the default maps images onto [-0.5, 0.5].")
    seeds: list[int] = Field([0], description="One trained network (and one of every other condition) per seed.")
    shuffled: Shuffled | None = Field(
        None, description="Also train on permuted labels, `{}` under the same recipe, or with changes; null: do not."
    )
    given: Given | None = Field(None, description="Also measure a network with given weights; null: none.")

    @pydantic.model_validator(mode="after")
    def _networks(self) -> Self:
        if len(set(self.seeds)) < len(self.seeds) or min(self.seeds, default=0) < 0:
            raise ValueError("seeds: must be different whole numbers from 0 on")
        if not self.networks:
            raise ValueError("seeds: no network left; give at least one seed or `given`")
        if self.shuffled is not None:
            try:
                self.recipe("shuffled-0")
            except pydantic.ValidationError as error:
                raise ValueError(f"shuffled: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
        if self.given is not None and self.given.weights is None and not self.model.is_factory:
            raise ValueError(f"given.weights: {self.model.name} brings no weights of its own; name a file")
        return self

    @property
    def networks(self) -> list[str]:
        """Names of the networks, e.g. ``["trained-0", "twin-0", "shuffled-0", "given"]``."""
        conditions = ["trained"]
        if self.shuffled is not None:
            conditions += ["twin", "shuffled"] if self._recipes_differ() else ["shuffled"]
        names = [f"{condition}-{seed}" for condition in conditions for seed in self.seeds]
        if self.given is not None:
            names += ["given", *(["reinitialised-0"] if self.given.control is not None else [])]
        return names

    def recipe(self, network: str) -> Recipe:
        """The recipe of one network."""
        own = {name: getattr(self, name) for name in Recipe.model_fields}
        if condition_of(network) in ("shuffled", "twin"):
            changed = (self.shuffled.model_fields_set if self.shuffled is not None else set()) & own.keys()
            own |= {name: getattr(self.shuffled, name) for name in changed}
        if condition_of(network) in ("given", "reinitialised"):
            own |= {"epochs": 0, "checkpoints": None}
        return Recipe(**own)

    def _recipes_differ(self) -> bool:
        """Whether permuted labels are learnt in another way than true ones, whatever epochs are kept."""
        kept = {"checkpoints": None}
        return self.recipe("trained-0").model_copy(update=kept) != self.recipe("shuffled-0").model_copy(update=kept)
