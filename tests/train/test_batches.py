"""Batches against a slow reference that cuts every image by hand."""

import numpy as np
import pytest
import torch

from probecore.errors import InputError
from probecore.train.batches import Batches, Scaling
from probecore.train.params import Augmentation, Normalise

CPU = torch.device("cpu")


def make(images: np.ndarray, augmentation: Augmentation, batch: int = 4) -> Batches:
    return Batches(
        images,
        np.arange(len(images)),
        normalise=Normalise(mean=0.0, std=1 / 255),
        augmentation=augmentation,
        batch=batch,
        device=CPU,
    )


def random_images(n: int = 20, channels: int = 3, size: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, channels, size, size), dtype=np.uint8)


def test_every_image_is_one_of_its_shifts_and_mirrors() -> None:
    images = random_images()
    batches = make(images, Augmentation(shift=2, flip=True, fill=1.0))
    padded = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=255)
    seen = set()
    for inputs, targets in batches.epoch(torch.Generator().manual_seed(1)):
        for drawn, index in zip(inputs.numpy(), targets.tolist(), strict=True):
            found = [
                (down, right, mirrored)
                for down in range(5)
                for right in range(5)
                for mirrored in (False, True)
                for cut in [padded[index, :, down : down + 8, right : right + 8]]
                if np.array_equal(drawn, cut[..., ::-1] if mirrored else cut)
            ]
            assert len(found) == 1
            seen.add(found[0])
    assert len({down for down, _, _ in seen}) > 2
    assert {mirrored for *_, mirrored in seen} == {False, True}


def test_an_epoch_has_every_image_once_and_is_repeatable() -> None:
    batches = make(random_images(22), Augmentation(shift=1))

    def run(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, targets = zip(*batches.epoch(torch.Generator().manual_seed(seed)), strict=True)
        return torch.cat(inputs), torch.cat(targets)

    first, again, other = run(1), run(1), run(2)
    assert len(batches) == 5
    assert len(first[1].unique()) == len(first[1]) == 20
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[1], other[1])


def test_images_come_channels_last_and_in_the_same_order_however_many_are_cut_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = random_images()
    whole = [inputs for inputs, _ in make(images, Augmentation()).epoch(torch.Generator().manual_seed(3))]
    monkeypatch.setattr("probecore.train.batches.BYTES_AT_ONCE", 1)
    single = [inputs for inputs, _ in make(images, Augmentation()).epoch(torch.Generator().manual_seed(3))]
    assert all(torch.equal(a, b) for a, b in zip(whole, single, strict=True))
    assert all(inputs.is_contiguous(memory_format=torch.channels_last) for inputs in whole)


def test_features_pass_unchanged() -> None:
    features = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    for inputs, targets in make(features, Augmentation(), batch=5).epoch(torch.Generator().manual_seed(0)):
        assert np.array_equal(inputs.numpy(), features[targets.numpy()])


def test_scaling_is_exactly_odd_around_mid_grey() -> None:
    grey = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    scale = Scaling(Normalise(), (1, 16, 16), CPU)
    assert torch.equal(scale(255 - grey), -scale(grey))
    assert scale(grey).min() == -0.5
    assert scale(grey).max() == 0.5


def test_scaling_per_channel() -> None:
    images = torch.from_numpy(random_images(2))
    scaled = Scaling(Normalise(mean=[0.1, 0.2, 0.3], std=[1.0, 2.0, 4.0]), (3, 8, 8), CPU)(images)
    expected = (images.double() - 255 * 0.2) / (255 * 2.0)
    assert torch.allclose(scaled[:, 1].double(), expected[:, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: make(random_images(3), Augmentation()), r"train.batch: 4 is more than the 3"),
        (lambda: make(np.zeros((9, 2), np.float32), Augmentation(flip=True)), r"train.augmentation: shift and flip"),
        (lambda: Scaling(Normalise(mean=[0.1, 0.2]), (3, 8, 8), CPU), r"normalise.mean: 2 values for 3 channels"),
    ],
)
def test_what_does_not_fit_is_refused(make_it: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_it()  # type: ignore[operator]
