from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from probecore.dataset import Dataset, write_dataset
from probecore.dataset.arrays import read_arrays
from probecore.errors import InputError

from .support import images, tiny_dataset

Arrays = dict[str, Any]


def good() -> Arrays:
    labels = np.arange(6) % 3
    return {"x_train": images(6, 3, 4), "y_train": labels, "x_test": images(3, 3, 4), "y_test": labels[:3]}


def save(path: Path, arrays: Arrays) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for key, array in arrays.items():
                file[key] = array
    return path


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_images_from_either_format(tmp_path: Path, suffix: str) -> None:
    dataset = read_arrays("mine", save(tmp_path / f"a{suffix}", good()))
    assert (dataset.name, dataset.classes, dataset.input_shape) == ("mine", ("0", "1", "2"), (3, 4, 4))
    np.testing.assert_array_equal(dataset.train.inputs, good()["x_train"])
    assert dataset.test.targets.tolist() == [0, 1, 2]


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_class_names(tmp_path: Path, suffix: str) -> None:
    names = np.array(["ant", "bee", "wasp", "fly"])
    arrays = good() | {"classes": names if suffix == ".npz" else names.astype(h5py.string_dtype())}
    assert read_arrays("mine", save(tmp_path / f"a{suffix}", arrays)).classes == ("ant", "bee", "wasp", "fly")


def test_grey_images_without_a_channel_axis_and_labels_as_a_column(tmp_path: Path) -> None:
    arrays = good()
    grey = {key: arrays[key][:, 0] for key in ("x_train", "x_test")}
    column = {"y_train": arrays["y_train"].astype(np.uint8)[:, None]}
    dataset = read_arrays("mine", save(tmp_path / "a.npz", arrays | grey | column))
    assert dataset.input_shape == (1, 4, 4)
    assert dataset.train.targets.tolist() == [0, 1, 2, 0, 1, 2]


def test_real_features_and_targets(tmp_path: Path) -> None:
    x, y = np.linspace(0, 1, 12).reshape(6, 2), np.linspace(0, 1, 6)
    arrays = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    dataset = read_arrays("mine", save(tmp_path / "a.npz", arrays))
    assert dataset.classes is None
    assert dataset.train.inputs.dtype == np.float32
    np.testing.assert_allclose(dataset.train.targets, y, rtol=1e-6)


def test_a_data_set_of_our_own(tmp_path: Path) -> None:
    write_dataset(tiny_dataset(), tmp_path / "a.h5")
    assert isinstance(read_arrays("mine", tmp_path / "a.h5"), Dataset)


BAD: list[tuple[Arrays, str]] = [
    ({"y_test": np.arange(4)}, "test has 3 inputs and 4 targets"),
    ({"y_train": np.arange(6) % 3 + 1}, "no sample of the label 0, but of 3; number the labels 0 to K-1"),
    ({"y_train": np.arange(6) % 3 - 1}, "the label -1"),
    ({"y_test": np.array([0, 1, 3])}, "test has the label 3, but there are 3 classes"),
    ({"x_train": good()["x_train"] / np.float32(255)}, "images of float32"),
    ({"x_train": good()["x_train"].transpose(0, 2, 3, 1)}, r"\(6, 4, 4, 3\), channels last; transpose"),
    ({"x_train": images(6, 3, 5)}, "in train and .* in test; make them alike"),
    ({"y_train": np.array([], np.int64)}, "6 inputs and 0 targets"),
    ({"y_train": np.array(list("abcabc"))}, r"train has labels of <U1; number the classes 0 to K-1 \(names go into"),
    ({"y_train": np.arange(6) % 3 / 1.0}, "train has labels of float64; number the classes"),
    ({"y_train": np.arange(6) % 2 == 0}, "train has labels of bool; number the classes"),
    ({"y_train": np.arange(6) % 3 + 1_700_000_000}, "no sample of the label 0, but of 1700000002"),
    ({"y_train": (np.arange(6) % 3) * 10**12}, "no sample of the label 1, but of 2000000000000"),
    ({"y_train": np.array([0, 1, 2, 0, 1, 2**63], np.uint64)}, "train has the label 9223372036854775808"),
    (
        {"y_train": np.array([0, 1, 2, 0, 1, 10**12]), "classes": np.array(["a", "b", "c"])},
        "the label 1000000000000, but",
    ),
    ({"x_train": images(6, 8, 8)[..., :4]}, r"images \(6, 8, 8, 4\), channels last; transpose"),
    ({"x_train": np.zeros((6, 64, 64, 16), np.uint8)}, "channels last; transpose"),
    ({"x_train": np.zeros((6, 28, 32, 2), np.uint8)}, "channels last; transpose"),
    ({"classes": np.array(["a", "b", ""])}, "the class name '' is empty or unprintable"),
    ({"classes": np.array(["a", "b", "b"])}, "class names 'b' and 'b' look alike"),
    ({"classes": np.array(["a", "caf\u00e9", "cafe\u0301"])}, "look alike; rename one"),
    ({"classes": np.array(["a", "b", "c\nd"])}, "is empty or unprintable"),
    ({"classes": np.array([b"a", b"b", b"\xe9"])}, "classes cannot be read"),
    ({"x_train": np.zeros((6, 4)), "y_train": np.arange(6) % 3}, r"features \(6, 4\) and targets of int64"),
    (
        {key: np.full((6, 2), np.nan) for key in ("x_train", "x_test")}
        | {key: np.zeros(6) for key in ("y_train", "y_test")},
        "train/inputs holds NaN or infinity",
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_arrays_that_do_not_fit(tmp_path: Path, change: Arrays, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_arrays("mine", save(tmp_path / "a.npz", good() | change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_class_names_from_bytes(tmp_path: Path, suffix: str) -> None:
    names = np.char.encode(np.array(["ant", "bee", "caf\u00e9"]), "utf-8")
    arrays = good() | {"classes": names}
    assert read_arrays("mine", save(tmp_path / f"a{suffix}", arrays)).classes == ("ant", "bee", "caf\u00e9")


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_missing_array_is_named(tmp_path: Path, suffix: str) -> None:
    arrays = good()
    del arrays["y_test"]
    with pytest.raises(InputError, match="no array y_test in it; wanted: x_train, y_train, x_test, y_test"):
        read_arrays("mine", save(tmp_path / f"a{suffix}", arrays))


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    arrays = good() | {"y_train": np.array([0, "one", None, 0, 1, 2], dtype=object)}
    with pytest.raises(InputError, match="it holds Python objects, which are pickled"):
        read_arrays("mine", save(tmp_path / "a.npz", arrays))


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
@pytest.mark.parametrize("damage", ["text", "truncated", "empty", "missing"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str, damage: str) -> None:
    path = save(tmp_path / name, good())
    whole = path.read_bytes()
    content = {"text": b"x_train = 1", "truncated": whole[: len(whole) // 2], "empty": b"", "missing": None}[damage]
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: (cannot be read|no such file)") as caught:
        read_arrays("mine", path)
    assert "\n" not in str(caught.value)


def test_single_array_in_the_place_of_an_archive(tmp_path: Path) -> None:
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, np.arange(3))
    with pytest.raises(InputError, match=r"it is no whole \.npz archive"):
        read_arrays("mine", tmp_path / "a.npz")


def test_archive_damaged_inside(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", good())
    content = bytearray(path.read_bytes())
    content[300] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz: cannot be read \(Bad CRC-32"):
        read_arrays("mine", path)


def test_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.mat: neither \.npz nor \.h5"):
        read_arrays("mine", tmp_path / "a.mat")
