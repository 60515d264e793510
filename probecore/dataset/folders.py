"""A user's own images: a folder for each class, as ImageNet is laid out."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from probecore.dataset.images import LONGEST_SHAPE, SUFFIXES, Form, read_header, read_pixels
from probecore.dataset.limits import check_memory
from probecore.dataset.progress import progress
from probecore.dataset.store import Dataset, Split
from probecore.determinism import numpy_generator
from probecore.errors import InputError, reading
from probecore.progress import say

Files = dict[str, list[Path]]
"""Class name to image files, both sorted."""


def read_folder(name: str, path: Path, *, size: int | None, test_fraction: float, seed: int) -> Dataset:
    """Images from `train/<class>/` and `test/<class>/` (or `val/`), or from `<class>/` and split here.

    Each split is in a fixed random order, so that its first images are of all classes. Grey if all images are, else
    RGB. With `size` the shorter side is scaled to it (bilinear,
    antialiased) and the central square cut out; without, all images must have one size. What is not read is counted
    in a line, by suffix.

    Raises
    ------
    InputError
        If folders, classes or images are missing, unreadable or do not fit together.
    """
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; correct the `path` of {name}")
    with reading(path, "cannot be listed", "correct the folder"):
        train, test = _given_split(path) if _has_split(path) else _own_split(path, test_fraction, seed)
    _say_skipped(name, path, [*_flat(train), *_flat(test)])
    form = _common_form(name, [*_flat(train), *_flat(test)], size)
    return Dataset.from_splits(
        name, train=_decode("train", train, form), test=_decode("test", test, form), classes=list(train)
    )


_SPLITS = ("train", "test", "val")


def _has_split(path: Path) -> bool:
    """Whether train/ is the training split, with class folders in it, or a class that is called so."""
    if not (path / "train").is_dir() or not _folders(path / "train"):
        return False
    if others := [place.name for place in _folders(path) if place.name not in _SPLITS]:
        raise InputError(f"{path}: {others[0]!r} stands beside train/, which holds classes; move it, or rename train/")
    return True


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
    classes = _folders(folder)
    if not classes:
        raise InputError(f"{folder}: no class folders in it; wanted: a folder of images for each class")
    for place in classes:
        if not place.name.isprintable():
            raise InputError(f"{folder}: the folder {place.name!a} is not named in UTF-8; rename it")
    files = {place.name: sorted(file for file in place.iterdir() if _is_image(file)) for place in classes}
    for label, found in files.items():
        if not found:
            raise InputError(f"{folder / label}: no images ({', '.join(SUFFIXES)}); add some or remove the folder")
    return files


def _folders(path: Path) -> list[Path]:
    return sorted(place for place in path.iterdir() if place.is_dir() and not place.name.startswith("."))


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def _flat(files: Files) -> list[Path]:
    return [file for found in files.values() for file in found]


def _say_skipped(name: str, path: Path, read: Sequence[Path]) -> None:
    """One line on files that are not read, by suffix: of other kinds, in other folders, hidden."""
    kept = set(read)
    kinds = Counter(
        "hidden" if file.name.startswith(".") else file.suffix.lower() or "without a suffix"
        for file in path.rglob("*")
        if file not in kept and not file.is_dir()
    )
    found = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    say(f"{name}: {len(kept):,} images read; files skipped: {found or 'none'}")


def _common_form(name: str, files: Sequence[Path], size: int | None) -> Form:
    """Decided from the headers of all images, which must fit memory together."""
    colour, turned, width, height = False, 0, size or 0, size or 0
    for file in files:
        header = read_header(file)
        colour = colour or not header.grey
        turned += header.turned
        found = f"{header.width} x {header.height} pixels"
        if size is not None:
            if max(header.width, header.height) > LONGEST_SHAPE * min(header.width, header.height):
                raise InputError(f"{file}: {found}, too long for a square of it; cut or remove it")
            continue
        if file is files[0]:
            width, height = header.width, header.height
        if (header.width, header.height) != (width, height):
            raise InputError(
                f"{file}: {found}, but {files[0].name} has {width} x {height}; set `size` to bring all to one size"
            )
    if turned:
        say(f"{name}: {turned:,} images say (EXIF) that they are to be shown turned; they are read as they lie")
    form = Form("RGB" if colour else "L", width, height, size is not None)
    check_memory(files[0].parent.parent, len(files) * len(form.mode) * width * height)
    return form


def _decode(part: str, files: Files, form: Form) -> Split:
    paths = _flat(files)
    labels = np.repeat(np.arange(len(files), dtype=np.int64), [len(found) for found in files.values()])
    order = numpy_generator("folder order", part).permutation(len(paths))
    images = np.empty((len(paths), len(form.mode), form.height, form.width), np.uint8)
    with progress("reading images", len(paths), unit="images") as advance:
        for index, place in enumerate(order):
            images[index] = read_pixels(paths[place], form)
            advance(1)
    return Split(images, labels[order])
