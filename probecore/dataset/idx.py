"""Reading the IDX files of MNIST and Fashion-MNIST, compressed or not."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probecore.dataset.limits import read_file
from probecore.dataset.store import Split
from probecore.errors import InputError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def read_mnist(folder: Path) -> tuple[Split, Split]:
    """Training and test split from a folder with the four files, with or without `.gz`.

    Raises
    ------
    InputError
        If a file is missing, truncated or no IDX file of unsigned bytes.
    """
    train_images, train_labels, test_images, test_labels = (_read_idx(_find(folder, name)) for name in FILES)
    return _split(train_images, train_labels, folder), _split(test_images, test_labels, folder)


def _find(folder: Path, name: str) -> Path:
    dotted = name.replace("-idx", ".idx")
    for candidate in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
        if (folder / candidate).is_file():
            return folder / candidate
    raise InputError(f"{folder}: no {name} or {name}.gz in it; the folder must hold {', '.join(FILES)}")


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """Magic 0, 0, 8 (unsigned bytes), rank; then the sizes as big-endian uint32; then the values."""
    content = read_file(path)
    if content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        raise InputError(f"{path}: does not begin like an IDX file of unsigned bytes; get it again")
    rank = content[3]
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=rank, offset=4))
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
    if rank not in (1, 3):
        raise InputError(f"{path}: {rank} axes; wanted: 3 of images, 1 of labels")
    if len(values) != math.prod(shape):
        raise InputError(f"{path}: {len(values)} values where its header announces {math.prod(shape)}; get it again")
    return values.reshape(shape)


def _split(images: NDArray[Any], labels: NDArray[Any], folder: Path) -> Split:
    if images.ndim != 3 or labels.ndim != 1:
        raise InputError(f"{folder}: images of rank {images.ndim} and labels of rank {labels.ndim}; wanted: 3 and 1")
    return Split(images[:, None], labels.astype(np.int64))
