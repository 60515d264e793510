"""From parameters to the file, for every kind; and that a mistake leaves nothing behind."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from probecore.dataset import DatasetParams, load_dataset, make_dataset, verify_dataset
from probecore.dataset.cifar import read_cifar10
from probecore.dataset.embedded import mnist5k
from probecore.dataset.named import NAMED
from probecore.errors import InputError

from .support import cifar10_files, labelled, named_set, put
from .test_folders import fill


def make(name: str, output: Path, **content: Any) -> None:
    make_dataset(name, DatasetParams.read(content), output=output, cache=output.parent / "cache")


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the entries of `KINDS` read, in the working directory."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "photos", 5)
    train, test = labelled(20, 3, 32, 10), labelled(10, 3, 32, 10, seed=1)
    np.savez("a.npz", x_train=train.inputs, y_train=train.targets, x_test=test.inputs, y_test=test.targets)
    files = cifar10_files(train, test)
    put(tmp_path / "cifar", files)
    monkeypatch.setitem(NAMED, "cifar10", named_set(files, read=read_cifar10, classes=10))
    return tmp_path


KINDS: list[dict[str, Any]] = [
    {"kind": "mnist5k", "train_samples": 50, "test_samples": 20},
    {"kind": "cifar10", "path": "cifar", "train_samples": 10},
    {"kind": "cifar10", "path": "cifar", "size": 36},
    {"kind": "folder", "path": "photos", "size": 5, "test_fraction": 0.4},
    {"kind": "arrays", "path": "a.npz", "test_samples": 10},
    {"kind": "mnist5k", "classes": 3, "train_samples": 12},
    {"kind": "arrays", "path": "a.npz", "classes": 2, "others": ["mnist5k"]},
    {"kind": "ishigami", "train_samples": 30, "test_samples": 7, "seed": 3},
    {"kind": "gaussian_noise", "features": 4, "train_samples": 30, "test_samples": 7},
]


@pytest.mark.parametrize("content", KINDS, ids=str)
def test_every_kind_gives_the_same_bytes_twice(sources: Path, content: dict[str, Any]) -> None:
    for name in ("a.h5", "b.h5"):
        make("mine", sources / "data" / name, **content)
    assert (sources / "data/a.h5").read_bytes() == (sources / "data/b.h5").read_bytes()
    assert sorted(path.name for path in (sources / "data").iterdir()) == ["a.h5", "b.h5"]
    dataset = verify_dataset(sources / "data" / "a.h5")
    assert dataset.name == "mine"
    for part, split in (("train_samples", dataset.train), ("test_samples", dataset.test)):
        assert len(split) == content.get(part, len(split))


def test_synthetic_sets_have_the_size_of_the_paper(tmp_path: Path) -> None:
    make("ishigami", tmp_path / "a.h5")
    dataset = load_dataset(tmp_path / "a.h5")
    assert (len(dataset.train), len(dataset.test)) == (48_000, 12_000)
    make("gaussian_noise", tmp_path / "b.h5", train_samples=10, test_samples=10)
    assert load_dataset(tmp_path / "b.h5").input_shape == (200,)


def test_subset_is_of_every_class(sources: Path) -> None:
    make("mnist5k", sources / "a.h5", train_samples=30)
    assert np.bincount(load_dataset(sources / "a.h5").train.targets).tolist() == [3] * 10


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"kind": "mnist", "path": "absent"}, "datasets.mine.path: no 'absent' seen from the study"),
    ({"kind": "mnist", "path": "photos"}, "photos: no train-images-idx3-ubyte"),
    ({"kind": "cifar10", "path": "cifar", "train_samples": 21}, "21 asked for, but there are 20"),
    ({"kind": "cifar100", "path": "cifar"}, "cifar: neither cifar-100-binary.tar.gz nor"),
    ({"kind": "folder", "path": "a.npz"}, "a.npz: no such folder"),
    ({"kind": "arrays", "path": "photos"}, "photos: neither .npz nor .h5"),
    ({"kind": "moons"}, "unknown kind 'moons'"),
]


@pytest.mark.parametrize(("content", "message"), MISTAKES)
def test_a_mistake_leaves_nothing_behind(sources: Path, content: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make("mine", sources / "data" / "a.h5", **content)
    assert "\n" not in str(caught.value)
    assert not (sources / "data").exists()


def test_a_mistake_leaves_the_earlier_file(sources: Path) -> None:
    output = sources / "a.h5"
    make("mine", output, kind="arrays", path="a.npz")
    before = output.read_bytes()
    (sources / "a.npz").write_bytes(b"")
    with pytest.raises(InputError):
        make("mine", output, kind="arrays", path="a.npz")
    assert output.read_bytes() == before


def test_images_of_other_sets_lie_beside_in_the_shape_of_this_one(sources: Path) -> None:
    make("mine", sources / "a.h5", kind="arrays", path="a.npz", classes=2, others=["mnist5k"])
    (digits,) = verify_dataset(sources / "a.h5").others
    assert digits.name == "mnist5k"
    assert digits.train.shape[1:] == digits.test.shape[1:] == (3, 32, 32) and len(digits.train) == 400
    whole = mnist5k()
    first = whole.train.inputs[whole.train.targets == 0][0, 0]
    np.testing.assert_array_equal(digits.train[0], np.pad(first, 2)[None].repeat(3, 0))
    second = whole.train.inputs[whole.train.targets == 1][0, 0]
    np.testing.assert_array_equal(digits.train[1, 0], np.pad(second, 2))
    with_none = verify_dataset(sources / "a.h5")
    make("mine", sources / "b.h5", kind="arrays", path="a.npz", classes=2)
    assert load_dataset(sources / "b.h5").others == ()
    assert load_dataset(sources / "b.h5").sha256 != with_none.sha256


def test_a_changed_image_of_another_set_is_seen(sources: Path) -> None:
    make("mine", sources / "a.h5", kind="arrays", path="a.npz", classes=2, others=["mnist5k"])
    with h5py.File(sources / "a.h5", "r+") as file:
        file["others/mnist5k/test"][0, 0, 0, 0] = 7
    with pytest.raises(InputError, match="differ from the SHA-256"):
        verify_dataset(sources / "a.h5")


def test_a_named_set_is_laid_on_a_larger_square(sources: Path) -> None:
    make("mine", sources / "a.h5", kind="cifar10", path="cifar", size=36)
    make("mine", sources / "b.h5", kind="cifar10", path="cifar")
    larger, plain = (load_dataset(sources / name).train.inputs for name in ("a.h5", "b.h5"))
    np.testing.assert_array_equal(larger, np.pad(plain, ((0, 0), (0, 0), (2, 2), (2, 2))))
    assert DatasetParams(kind="cifar10", size=36).form("x") == ((3, 36, 36), 10)
