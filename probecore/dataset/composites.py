"""Digits on backgrounds (Kuo 2016, arXiv 1609.04112, section 3.2), and where backgrounds come from.

A composite is the pixelwise maximum of a digit and a background. The training digits of such a data set lie on
backgrounds; its test digits are plain, and two groups of backgrounds come with them, seen in training and unseen, so
that the same test digits can be laid on none, on seen and on unseen ones. The sizes are ours.
"""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probecore.dataset.embedded import mnist5k
from probecore.dataset.store import Backgrounds, Dataset, Split
from probecore.determinism import numpy_generator
from probecore.errors import InputError

TEXTURES, PICTURES = 100, 1000
"""Backgrounds per group: crops of photographs, CIFAR-10 images."""

SHA256 = {
    "digits_on_textures": "ebd81f73e53f574d3291528e4cf37c109622590267d77d81d3a4e3e65c673cc6",
    "digits_on_cifar10": "6ee7e01375adca55b76b882815ab5c766fac68506c1ffb1a067a275ee2634e6f",
}
"""Hashes of the composed sets, `plain` or not."""

LEAST_VARIANCE = 1000
"""Of grey levels 0..255 in a crop; a flatter one is taken only where there is no other."""


def lay_on(
    images: NDArray[np.uint8], backgrounds: NDArray[np.uint8], generator: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Lay images (N, C, H, W) on backgrounds (B, C, H, W): pixelwise maximum.

    Returns
    -------
    composites
        Shape (N, C, H, W).
    chosen
        The background of each, shape (N,): all equally often, in random order.
    """
    chosen = generator.permutation(len(images)) % len(backgrounds)
    return np.maximum(images, backgrounds[chosen]), chosen


def lie_on(images: NDArray[np.uint8], backgrounds: NDArray[np.uint8]) -> bool:
    """Whether images (N, C, H, W) were laid on some of the backgrounds (B, C, H, W): a maximum is never below."""
    return bool((images[:1] >= backgrounds).all(axis=(1, 2, 3)).any())


def digits_on_textures(*, plain: bool = False) -> Dataset:
    """The digits of `mnist5k` on crops of scikit-learn's two photographs; no download."""
    return _compose("digits_on_textures", mnist5k(), textures((1, 28, 28)), plain=plain)


def digits_on_cifar10(digits: Dataset, pictures: Dataset, *, plain: bool = False) -> Dataset:
    """MNIST on grey crops of CIFAR-10 images: seen ones from its training images, unseen ones from its test images."""
    generator = numpy_generator("digits_on_cifar10", "backgrounds")
    groups = (_crops(_grey(split.inputs[:PICTURES]), (28, 28), generator) for split in (pictures.train, pictures.test))
    return _compose("digits_on_cifar10", digits, Backgrounds(*groups), plain=plain)


def textures(shape: tuple[int, ...]) -> Backgrounds:
    """Crops of shape (C, H, W) of scikit-learn's two photographs: seen from their left parts, unseen from their right.

    Raises
    ------
    InputError
        If the photographs are missing, or images are neither grey nor RGB, or too large for them.
    """
    if shape[0] not in (1, 3):
        raise InputError(f"photographs have 1 or 3 channels and images {shape[0]}; use images with 1 or 3")
    photographs = [_photograph(name) for name in ("china.jpg", "flower.jpg")]
    height, half = photographs[0].shape[1], photographs[0].shape[2] // 2
    if shape[1] > height or shape[2] > half:
        raise InputError(f"backgrounds: half a photograph has {height}x{half} pixels; use smaller images")
    parts: dict[str, list[NDArray[np.uint8]]] = {"seen": [], "unseen": []}
    for photograph in photographs:
        whole = _grey(photograph[None])[0] if shape[0] == 1 else photograph
        for name, part in (("seen", whole[..., :half]), ("unseen", whole[..., -half:])):
            parts[name].append(_varied_crops(part, (shape[1], shape[2]), numpy_generator("textures", name)))
    seen, unseen = (np.stack(crops, axis=1).reshape(-1, *shape) for crops in parts.values())
    return Backgrounds(seen, unseen)


def _compose(name: str, digits: Dataset, backgrounds: Backgrounds, *, plain: bool) -> Dataset:
    composites, _ = lay_on(digits.train.inputs, backgrounds.seen, numpy_generator(name, "train"))
    dataset = _dataset(name, composites, digits, backgrounds)
    if dataset.sha256 != SHA256[name]:
        raise InputError(
            f"{name}: the images have SHA-256 {dataset.sha256}, not {SHA256[name]}; install requirements.lock"
        )
    return _dataset(name, digits.train.inputs, digits, backgrounds) if plain else dataset


def _dataset(name: str, images: NDArray[Any], digits: Dataset, backgrounds: Backgrounds) -> Dataset:
    train = Split(images, digits.train.targets)
    return Dataset.from_splits(name, train=train, test=digits.test, classes=digits.classes, backgrounds=backgrounds)


def _photograph(name: str) -> NDArray[np.uint8]:
    """A photograph (3, H, W) in the installed wheel of scikit-learn, found without importing it."""
    from PIL import Image

    spec = importlib.util.find_spec("sklearn")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "datasets" / "images" / name
        if path.is_file():
            return np.asarray(Image.open(path, formats=["JPEG"]).convert("RGB")).transpose(2, 0, 1)
    raise InputError(f"backgrounds: scikit-learn, which holds {name}, is not installed; pip install scikit-learn")


def _grey(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma (N, 1, H, W) of RGB images, ITU-R BT.601, in whole numbers."""
    red, green, blue = (images[:, [channel]].astype(np.int64) for channel in range(3))
    luma: NDArray[np.uint8] = ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)
    return luma


def _varied_crops(image: NDArray[np.uint8], size: tuple[int, int], generator: np.random.Generator) -> NDArray[np.uint8]:
    """The first crops that vary enough among ten times as many random ones, shape (TEXTURES / 2, C, H, W)."""
    wanted = TEXTURES // 2
    crops = _crops(np.broadcast_to(image, (10 * wanted, *image.shape)), size, generator)
    flat = crops.reshape(len(crops), -1).var(axis=1) < LEAST_VARIANCE
    return crops[np.argsort(flat, kind="stable")[:wanted]]


def _crops(images: NDArray[np.uint8], size: tuple[int, int], generator: np.random.Generator) -> NDArray[np.uint8]:
    """A random window of each image (N, C, H, W)."""
    top, left = (generator.integers(images.shape[axis] - size[axis - 2] + 1, size=len(images)) for axis in (2, 3))
    return np.stack([image[:, y : y + size[0], x : x + size[1]] for image, y, x in zip(images, top, left, strict=True)])
