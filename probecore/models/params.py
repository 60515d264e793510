"""The `model` section of `train`: which network, with which options. No torch here."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, JsonValue, ValidationInfo, field_validator, model_validator

from probecore.models.catalogue import ACTIVATIONS, MODELS
from probecore.schema import Section, did_you_mean

T = TypeVar("T")

_LIBRARY = re.compile(r"(torchvision|timm):[A-Za-z0-9_.]+")
_FACTORY = re.compile(r"(?:[A-Za-z_][\w.]*|[^:]+\.py):[A-Za-z_]\w*")
_MODEL_OPTIONS: Mapping[str, Mapping[str, Any]] = {name: entry.options for name, entry in MODELS.items()}
_NOT_OPTIONS = frozenset(
    {
        "weights",
        "pretrained",
        "pretrained_cfg",
        "pretrained_cfg_overlay",
        "checkpoint_path",
        "cache_dir",
        "num_classes",
        "in_chans",
    }
)
_ELSEWHERE = "`torchvision:NAME`, `timm:NAME`, `package.module:function` or `path/to/file.py:function`"


class ActivationParams(Section):
    """An activation function; `activation: tanh` is short for `activation: {name: tanh}`."""

    name: str = Field(description=f"One of {', '.join(ACTIVATIONS)}.")
    slope: float | None = Field(default=None, description="Slope for negative inputs (leaky_relu).")
    threshold: float | None = Field(
        default=None, ge=0, lt=1, description="phi of trelu: 0 below phi, (x - phi) / (1 - phi) from there."
    )

    @model_validator(mode="before")
    @classmethod
    def _accept_name(cls, content: Any) -> Any:
        return {"name": content} if isinstance(content, str) else content

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in ACTIVATIONS:
            raise ValueError(f"unknown activation{did_you_mean(name, ACTIVATIONS)}")
        return name

    @field_validator("slope", "threshold")
    @classmethod
    def _resolve(cls, value: float | None, info: ValidationInfo) -> float | None:
        resolved: float | None = _option(value, info, ACTIVATIONS)
        return resolved


class ModelParams(Section):
    """A network; `model: lenet5` is short for `model: {name: lenet5}`.

    An option that is left out (or null) gets the network's own default; one that the network
    does not take is refused.
    """

    name: str = Field(description=f"A name of `probecore models`, or {_ELSEWHERE}.")
    activation: ActivationParams | None = Field(default=None, description="Activation function.")
    width: int | None = Field(
        default=None, ge=1, le=1024, description="d, filters of the first block (vgg6, vgg16, avgg16)."
    )
    stem: Literal["cifar", "imagenet"] | None = Field(
        default=None, description="First layers of resnet* and densenet121: 7x7 stride 2 and a pool, or 3x3."
    )
    layers: int | None = Field(default=None, ge=1, le=32, description="Convolutional layers (sibling_cnn).")
    kernel: int | None = Field(default=None, ge=1, le=31, description="Kernel size, odd (sibling_cnn).")
    hidden: list[int] | None = Field(default=None, max_length=64, description="Neurons of the hidden layers (mlp).")
    options: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Keyword arguments of a factory or of a torchvision or timm network.",
    )

    @model_validator(mode="before")
    @classmethod
    def _accept_name(cls, content: Any) -> Any:
        return {"name": content} if isinstance(content, str) else content

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name in MODELS or _LIBRARY.fullmatch(name) or _FACTORY.fullmatch(name):
            return name
        raise ValueError(f"unknown model{did_you_mean(name, MODELS)}, or {_ELSEWHERE}")

    @field_validator("activation", "width", "stem", "layers", "kernel", "hidden")
    @classmethod
    def _resolve(cls, value: Any, info: ValidationInfo) -> Any:
        resolved = _option(value, info, _MODEL_OPTIONS)
        if info.field_name == "activation" and isinstance(resolved, str):
            return ActivationParams(name=resolved)
        return resolved

    @field_validator("kernel")
    @classmethod
    def _is_odd(cls, kernel: int | None) -> int | None:
        if kernel is not None and kernel % 2 == 0:
            raise ValueError("must be odd, or maps would shift")
        return kernel

    @field_validator("hidden")
    @classmethod
    def _are_sizes(cls, hidden: list[int] | None) -> list[int] | None:
        if any(size < 1 for size in hidden or []):
            raise ValueError("every hidden layer needs 1 neuron or more")
        return hidden

    @field_validator("options")
    @classmethod
    def _are_wanted(cls, options: dict[str, JsonValue], info: ValidationInfo) -> dict[str, JsonValue]:
        name = info.data.get("name", "")
        if options and name in MODELS:
            raise ValueError(f"{name} takes none; its options stand beside its name")
        if _LIBRARY.fullmatch(name) and (fixed := sorted(_NOT_OPTIONS & options.keys())):
            raise ValueError(f"remove {fixed[0]!r}; sizes come from the data set and weights from a file of yours")
        return options

    @property
    def is_factory(self) -> bool:
        """Whether a function of the user's builds the network, and may load its weights."""
        return _FACTORY.fullmatch(self.name) is not None and _LIBRARY.fullmatch(self.name) is None

    @property
    def file(self) -> Path | None:
        """The Python file of a `path/to/file.py:function`, relative to the study; else None."""
        path, _, _ = self.name.rpartition(":")
        return Path(path) if path.endswith(".py") else None


def filled(value: T | None) -> T:
    """An option that validation has filled in, because the network takes it."""
    assert value is not None
    return value


def _option(value: Any, info: ValidationInfo, known: Mapping[str, Mapping[str, Any]]) -> Any:
    """The value of an option, or its default; refused where the named thing does not take it."""
    name = info.data.get("name")
    if name is None:
        return value
    defaults = known.get(name, {})
    if value is None:
        return defaults.get(str(info.field_name))
    if info.field_name not in defaults:
        raise ValueError(f"{name} has none; remove it")
    return value
