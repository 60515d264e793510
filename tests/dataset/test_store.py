import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest

from probecore.dataset import Dataset, Split, load_dataset, verify_dataset, write_dataset
from probecore.errors import InputError

from .support import labelled, regression, tiny_dataset


@pytest.mark.parametrize("dataset", [tiny_dataset(), regression()], ids=["images", "regression"])
def test_round_trip(tmp_path: Path, dataset: Dataset) -> None:
    write_dataset(dataset, tmp_path / "a.h5")
    read = verify_dataset(tmp_path / "a.h5")
    assert (read.name, read.classes, read.sha256) == (dataset.name, dataset.classes, dataset.sha256)
    for part in ("train", "test"):
        for array in ("inputs", "targets"):
            found, wanted = (getattr(getattr(d, part), array) for d in (read, dataset))
            assert found.dtype == wanted.dtype
            np.testing.assert_array_equal(found, wanted)


def test_equal_data_give_equal_bytes_without_times(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        write_dataset(tiny_dataset(), tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    with h5py.File(tmp_path / "a.h5") as file:
        objects = [file]
        file.visititems(lambda _, node: objects.append(node))
        assert len(objects) == 7
        assert {h5py.h5o.get_info(node.id).mtime for node in objects} == {0}


def test_hash_is_of_names_dtypes_shapes_and_values() -> None:
    import hashlib

    dataset = regression()
    text = b""
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        text += f"{part}/inputs <f4 (5, 2)\n".encode() + split.inputs.tobytes()
        text += f"{part}/targets <f4 (5,)\n".encode() + split.targets.tobytes()
    assert dataset.sha256 == hashlib.sha256(text).hexdigest()


def test_hash_does_not_depend_on_memory_layout() -> None:
    dataset = tiny_dataset()
    strided = Split(np.asfortranarray(dataset.train.inputs), dataset.train.targets)
    again = Dataset.from_splits("other", train=strided, test=dataset.test, classes=dataset.classes)
    assert again.sha256 == dataset.sha256


def test_shapes_that_networks_ask_for() -> None:
    assert (tiny_dataset().input_shape, tiny_dataset().outputs) == ((1, 4, 4), 3)
    assert (regression().input_shape, regression().outputs) == ((2,), 1)
    assert len(tiny_dataset().train) == 6


GOOD = labelled(6, 1, 4, 3)


@pytest.mark.parametrize(
    ("train", "classes", "message"),
    [
        (Split(GOOD.inputs, GOOD.targets[:5]), 3, "train has 6 inputs and 5 targets"),
        (Split(GOOD.inputs, GOOD.targets + 1), 3, "the label 3, but there are 3 classes"),
        (Split(GOOD.inputs, GOOD.targets - 1), 3, "the label -1"),
        (Split(GOOD.inputs / np.float32(255), GOOD.targets), 3, "images of float32"),
        (
            Split(GOOD.inputs[:, 0], GOOD.targets),
            3,
            r"images of uint8 \(6, 4, 4\); wanted: uint8 \(N, C, H, W\)",
        ),
        (Split(GOOD.inputs, GOOD.targets.astype(np.int32)), 3, "labels of int32"),
        (Split(GOOD.inputs[:0], GOOD.targets[:0]), 3, "train is empty"),
        (Split(GOOD.inputs[..., :3], GOOD.targets), 3, r"inputs are \(1, 4, 3\) in train"),
        (Split(GOOD.inputs, GOOD.targets.astype(np.float32)), None, "features of uint8"),
    ],
)
def test_arrays_that_do_not_fit(train: Split, classes: int | None, message: str) -> None:
    names = None if classes is None else [str(label) for label in range(classes)]
    with pytest.raises(InputError, match=message) as caught:
        Dataset.from_splits("bad", train=train, test=GOOD, classes=names)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_must_be_finite(value: float) -> None:
    good = regression().train
    broken = Split(np.where(good.inputs == good.inputs[2, 1], np.float32(value), good.inputs), good.targets)
    with pytest.raises(InputError, match="test/inputs holds NaN or infinity"):
        Dataset.from_splits("bad", train=good, test=broken, classes=None)


def test_changed_arrays_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_dataset(tiny_dataset(), path)
    with h5py.File(path, "r+") as file:
        file["test/inputs"][0, 0, 0, 0] ^= 1
    load_dataset(path)
    with pytest.raises(InputError, match=r"a\.h5: arrays differ from the SHA-256"):
        verify_dataset(path)


@pytest.mark.parametrize(("key", "value"), [("classes", ["a", "b", "d"]), ("classes", ["b", "a", "c"]), ("name", "x")])
def test_changed_names_are_noticed_on_loading(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "a.h5"
    write_dataset(dataclasses.replace(tiny_dataset(), classes=("a", "b", "c")), path)
    assert load_dataset(path).classes == ("a", "b", "c")
    with h5py.File(path, "r+") as file:
        file.attrs[key] = value
    with pytest.raises(InputError, match=r"a\.h5: its names differ from the SHA-256"):
        load_dataset(path)


def test_changed_labels_are_noticed_on_loading(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_dataset(dataclasses.replace(tiny_dataset(), classes=("a", "b")), path)
    with pytest.raises(InputError, match=r"a\.h5: train has the label 2"):
        load_dataset(path)


@pytest.mark.parametrize("damage", ["missing", "text", "truncated", "other", "group"])
def test_files_that_are_no_data_sets(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.h5"
    write_dataset(tiny_dataset(), path)
    if damage == "missing":
        path.unlink()
    elif damage == "text":
        path.write_text("images")
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        with h5py.File(path, "r+") as file:
            del file["train/inputs"]
            if damage == "group":
                file.create_group("train/inputs")
    with pytest.raises(InputError, match=r"a\.h5") as caught:
        load_dataset(path)
    assert "\n" not in str(caught.value)
