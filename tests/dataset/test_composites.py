"""Digits on backgrounds: what they are made of, and that nothing else than their pinned selves is made."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from probecore.dataset import (
    Backgrounds,
    Dataset,
    DatasetParams,
    composites as module,
    load_dataset,
    make_dataset,
    verify_dataset,
)
from probecore.dataset.composites import digits_on_cifar10, digits_on_textures, lay_on, lie_on, textures
from probecore.dataset.embedded import mnist5k
from probecore.errors import InputError

from .support import labelled


@pytest.fixture(scope="module")
def composed() -> Dataset:
    return digits_on_textures()


def test_training_digits_lie_on_seen_backgrounds_and_test_digits_are_plain(composed: Dataset) -> None:
    digits = mnist5k()
    assert composed.sha256 == module.SHA256["digits_on_textures"]
    assert composed.backgrounds is not None
    assert np.array_equal(composed.test.inputs, digits.test.inputs)
    assert np.array_equal(composed.train.targets, digits.train.targets)
    for image, digit in zip(composed.train.inputs[:50], digits.train.inputs, strict=False):
        assert (np.maximum(digit, composed.backgrounds.seen) == image).all((1, 2, 3)).sum() == 1
        assert not (np.maximum(digit, composed.backgrounds.unseen) == image).all((1, 2, 3)).any()
    assert lie_on(composed.train.inputs, composed.backgrounds.seen)
    assert not lie_on(digits.train.inputs, composed.backgrounds.seen)


def test_plain_digits_come_with_the_same_backgrounds(composed: Dataset) -> None:
    plain = digits_on_textures(plain=True)
    assert plain.backgrounds is not None
    assert composed.backgrounds is not None
    assert np.array_equal(plain.train.inputs, mnist5k().train.inputs)
    assert np.array_equal(plain.backgrounds.unseen, composed.backgrounds.unseen)
    assert plain.sha256 != composed.sha256


def test_backgrounds_are_equally_frequent_and_independent_of_classes(composed: Dataset) -> None:
    assert composed.backgrounds is not None
    laid, chosen = lay_on(composed.test.inputs, composed.backgrounds.unseen[:20], np.random.default_rng(0))
    assert np.bincount(chosen).tolist() == [50] * 20
    assert np.array_equal(laid, np.maximum(composed.test.inputs, composed.backgrounds.unseen[chosen]))
    shares = np.histogram2d(composed.test.targets, chosen, bins=(10, 20))[0]
    assert ((shares - 5) ** 2 / 5).sum() < 171 + 4 * (2 * 171) ** 0.5


def test_seen_and_unseen_textures_come_from_different_halves() -> None:
    crops = textures((1, 28, 28))
    assert crops.seen.shape == crops.unseen.shape == (100, 1, 28, 28)
    both = np.concatenate([crops.seen, crops.unseen]).reshape(200, -1)
    assert both.var(axis=1).min() >= module.LEAST_VARIANCE
    halves = [module._grey(module._photograph(name)[None])[0, 0] for name in ("china.jpg", "flower.jpg")]
    for group, half in ((crops.seen, slice(0, 320)), (crops.unseen, slice(320, 640))):
        windows = np.lib.stride_tricks.sliding_window_view(halves[1][:, half], (28, 28))
        assert any((windows == crop).all((2, 3)).any() for crop in group[50:53, 0])
    assert textures((3, 32, 40)).seen.shape == (100, 3, 32, 40)


def test_cifar_backgrounds_are_grey_crops_and_other_pictures_are_refused() -> None:
    train, test = labelled(1200, 3, 32, 10), labelled(1100, 3, 32, 10, seed=1)
    digits, pictures = mnist5k(), Dataset.from_splits("pictures", train=train, test=test, classes="0123456789")
    with pytest.raises(InputError, match=r"digits_on_cifar10: the images have SHA-256 .*, not 6ee7e013"):
        digits_on_cifar10(digits, pictures)
    made = module._grey(pictures.train.inputs[:1])
    assert made[0, 0, 3, 4] == round(float(pictures.train.inputs[0, :, 3, 4] @ [0.299, 0.587, 0.114]))


def test_the_file_keeps_the_backgrounds(tmp_path: Path, composed: Dataset) -> None:
    for name in ("a.h5", "b.h5"):
        params = DatasetParams.read({"kind": "digits_on_textures", "train_samples": 50, "test_samples": 20})
        make_dataset("mine", params, output=tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    dataset = verify_dataset(tmp_path / "a.h5")
    assert dataset.backgrounds is not None and composed.backgrounds is not None
    assert len(dataset.train) == 50
    assert np.array_equal(dataset.backgrounds.seen, composed.backgrounds.seen)
    assert load_dataset(tmp_path / "a.h5").sha256 == dataset.sha256
    other = Backgrounds(composed.backgrounds.unseen, composed.backgrounds.seen)
    swapped = Dataset.from_splits("x", train=dataset.train, test=dataset.test, classes="0123456789", backgrounds=other)
    assert swapped.sha256 != dataset.sha256


def test_mistakes_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="photographs have 1 or 3 channels and images 2"):
        textures((2, 28, 28))
    with pytest.raises(InputError, match="half a photograph has 427x320 pixels"):
        textures((1, 28, 321))
    with pytest.raises(InputError, match=r"datasets\.mnist5k\.plain: not a key of the kind 'mnist5k'"):
        DatasetParams.read({"plain": True}).kind_of("mnist5k")
    part = labelled(20, 1, 28, 10)
    small = np.zeros((2, 1, 5, 5), np.uint8)
    with pytest.raises(InputError, match=r"backgrounds/seen are \(1, 5, 5\) and images \(1, 28, 28\)"):
        Dataset.from_splits("x", train=part, test=part, classes="0123456789", backgrounds=Backgrounds(small, small))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install scikit-learn"):
        textures((1, 28, 28))
