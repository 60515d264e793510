import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from probecore.dataset.idx import FILES, read_mnist
from probecore.errors import InputError

from .support import idx, labelled, mnist_files, put

TRAIN, TEST = labelled(7, 1, 5, 3), labelled(4, 1, 5, 3, seed=1)


@pytest.mark.parametrize("form", ["gz", "raw", "dotted"])
def test_reads_official_files_compressed_or_not(tmp_path: Path, form: str) -> None:
    files = mnist_files(TRAIN, TEST, compress=form == "gz")
    if form == "dotted":
        files = {name.replace("-idx", ".idx"): content for name, content in files.items()}
    train, test = read_mnist(put(tmp_path, files))
    for found, wanted in ((train, TRAIN), (test, TEST)):
        np.testing.assert_array_equal(found.inputs, wanted.inputs)
        np.testing.assert_array_equal(found.targets, wanted.targets)
        assert found.inputs.dtype == np.uint8
        assert found.targets.dtype == np.int64


RAW = mnist_files(TRAIN, TEST, compress=False)[FILES[0]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (f"{FILES[0]}.gz", gzip.compress(RAW)[:-20], "damaged or truncated"),
        (f"{FILES[0]}.gz", b"<html>not here</html>", "damaged or truncated"),
        (FILES[0], RAW[:-1], "174 values where its header announces 175"),
        (FILES[0], RAW + b"\0", "176 values where its header announces 175"),
        (FILES[0], b"\0\0\x0d" + RAW[3:], "does not begin like an IDX file"),
        (FILES[0], b"\0\0\x08\x03\0", "does not begin like an IDX file"),
        (FILES[0], b"", "does not begin like an IDX file"),
        (FILES[0], idx(TRAIN.targets), "images of rank 1 and labels of rank 1"),
        (FILES[0], b"\0\0\x08\xff" + b"\0" * 2000, "255 axes; wanted: 3 of images, 1 of labels"),
        (FILES[0], b"\0\0\x08\x03" + b"\xff" * 12, "0 values where its header announces"),
        (FILES[0], b"\0\0\x08\x02\0\0\0\x01\0\0\0\x01\0", "2 axes; wanted"),
        (f"{FILES[0]}.gz", gzip.compress(RAW) + b"rubbish", "damaged or truncated"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    files = mnist_files(TRAIN, TEST)
    del files[f"{FILES[0]}.gz"]
    with pytest.raises(InputError, match=message) as caught:
        read_mnist(put(tmp_path, files | {name: content}))
    assert "\n" not in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    files = mnist_files(TRAIN, TEST)
    del files[f"{FILES[3]}.gz"]
    with pytest.raises(InputError, match=f"no {FILES[3]} or {FILES[3]}.gz"):
        read_mnist(put(tmp_path, files))


def test_a_file_that_unpacks_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probecore.dataset.limits.MOST_UNPACKED", 1 << 22)
    files = mnist_files(TRAIN, TEST)
    files[f"{FILES[0]}.gz"] = gzip.compress(bytes(1 << 24)) * 3
    tracemalloc.start()
    with pytest.raises(InputError, match=r"unpacks to more than 0.0 GiB"):
        read_mnist(put(tmp_path, files))
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()


def test_members_of_gzip_are_one_file(tmp_path: Path) -> None:
    files = mnist_files(TRAIN, TEST)
    files[f"{FILES[0]}.gz"] = gzip.compress(RAW[:50]) + gzip.compress(RAW[50:])
    np.testing.assert_array_equal(read_mnist(put(tmp_path, files))[0].inputs, TRAIN.inputs)
