"""A user's own images: a folder for each class, as ImageNet is laid out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from probecore.dataset.progress import progress
from probecore.dataset.store import Dataset, Split
from probecore.determinism import numpy_generator
from probecore.errors import InputError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".webp")
_GREY = ("1", "L", "LA")
_DEEP = ("I", "F")

Files = dict[str, list[Path]]
"""Class name to image files, both sorted."""


def read_folder(name: str, path: Path, *, size: int | None, test_fraction: float, seed: int) -> Dataset:
    """Images from `train/<class>/` and `test/<class>/` (or `val/`), or from `<class>/` and split here.

    Each split is in a fixed random order, so that its first images are of all classes. Grey if all images are, else
    RGB. With `size` the shorter side is scaled to it (bilinear,
    antialiased) and the central square cut out; without, all images must have one size.

    Raises
    ------
    InputError
        If folders, classes or images are missing, unreadable or do not fit together.
    """
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; correct the `path` of {name}")
    train, test = _given_split(path) if (path / "train").is_dir() else _own_split(path, test_fraction, seed)
    form = _common_form([*_flat(train), *_flat(test)], size)
    return Dataset.from_splits(
        name, train=_decode("train", train, form), test=_decode("test", test, form), classes=list(train)
    )


def _given_split(path: Path) -> tuple[Files, Files]:
    for part in ("test", "val"):
        if (path / part).is_dir():
            train, test = _list_classes(path / "train"), _list_classes(path / part)
            if odd := sorted(train.keys() ^ test.keys()):
                raise InputError(f"{path}: the class {odd[0]!r} is in only one of train and {part}; make them alike")
            return train, test
    raise InputError(f"{path}: train/ without test/ or val/; add one, or put the class folders directly here")


def _own_split(path: Path, test_fraction: float, seed: int) -> tuple[Files, Files]:
    """Of each class the same share for testing, at least one image and not all."""
    train, test = {}, {}
    for label, files in _list_classes(path).items():
        if len(files) < 2:
            raise InputError(f"{path / label}: one image cannot be both for training and for testing; add some")
        count = min(max(round(test_fraction * len(files)), 1), len(files) - 1)
        chosen = set(numpy_generator("folder", seed, label).permutation(len(files))[:count].tolist())
        train[label] = [file for index, file in enumerate(files) if index not in chosen]
        test[label] = [file for index, file in enumerate(files) if index in chosen]
    return train, test


def _list_classes(folder: Path) -> Files:
    classes = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    if not classes:
        raise InputError(f"{folder}: no class folders in it; wanted: a folder of images for each class")
    files = {place.name: sorted(file for file in place.iterdir() if _is_image(file)) for place in classes}
    for label, found in files.items():
        if not found:
            raise InputError(f"{folder / label}: no images ({', '.join(SUFFIXES)}); add some or remove the folder")
    return files


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def _flat(files: Files) -> list[Path]:
    return [file for found in files.values() for file in found]


@dataclass(frozen=True)
class _Form:
    """What every image becomes: PIL mode, width, height, and whether it is scaled and cut to that."""

    mode: str
    width: int
    height: int
    scale: bool


def _common_form(files: Sequence[Path], size: int | None) -> _Form:
    """Decided from the headers of all images."""
    colour, width, height = False, size or 0, size or 0
    for file in files:
        with _open(file) as image:
            if image.mode.startswith(_DEEP):
                raise InputError(f"{file}: more than 8 bits per channel; convert it to 8 bits")
            colour = colour or image.mode not in _GREY
            if size is None and file is files[0]:
                width, height = image.size
            if size is None and image.size != (width, height):
                found = f"{image.width} x {image.height} pixels, but {files[0].name} has {width} x {height}"
                raise InputError(f"{file}: {found}; set `size` to bring all to one size")
    return _Form("RGB" if colour else "L", width, height, size is not None)


def _decode(part: str, files: Files, form: _Form) -> Split:
    paths = _flat(files)
    labels = np.repeat(np.arange(len(files), dtype=np.int64), [len(found) for found in files.values()])
    order = numpy_generator("folder order", part).permutation(len(paths))
    images = np.empty((len(paths), len(form.mode), form.height, form.width), np.uint8)
    with progress("reading images", len(paths), unit="images") as advance:
        for index, place in enumerate(order):
            images[index] = _pixels(paths[place], form)
            advance(1)
    return Split(images, labels[order])


def _pixels(path: Path, form: _Form) -> NDArray[Any]:
    """One image, uint8 (C, H, W)."""
    try:
        with _open(path) as source:
            image = source.convert(form.mode)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: image cannot be decoded ({error}); replace or remove it") from None
    if form.scale:
        image = _central_square(image, form.width)
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable image ({error}); replace or remove it") from None


def _central_square(image: Image.Image, size: int) -> Image.Image:
    shorter = min(image.size)
    width, height = (round(side * size / shorter) for side in image.size)
    scaled = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size) // 2, (height - size) // 2
    return scaled.crop((left, top, left + size, top + size))
