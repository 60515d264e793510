"""Networks from outside, with given weights, through the whole pipeline."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from probecore.dataset import load_dataset
from probecore.params import MEASURES
from probecore.train import epochs_in, load_network
from tests.conftest import Study, make_study

PARAMS = """
home: {home}
numerics: {{device: cpu, threads: 1, isa: avx2}}
datasets:
  mnist5k: {{train_samples: 200, test_samples: 100}}
  colour: {{kind: arrays, path: own/colour.npz}}
experiments:
  resnet:
    dataset: colour
    train:
      model: torchvision:resnet18
      normalise: {{mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}}
      seeds: []
      given: {{weights: own/resnet18.pt}}
    activations: {{layers: [conv1, layer1.*], store: [pooled, class_means], excitations: {{layers: [conv1]}}}}
    anova: {{permutations: 59}}
    mechanism:
      layers: [conv1]
      heads: {{epochs: 1, batch: 4, augmentation: null}}
      bootstrap: 20
      permutations: 20
      importance_images: 3
    recos: {{layers: [conv1], images: 20, resamples: 19, polarity: {{images: 3}}}}
    mean_dimension: {{bases: [pixels], images: 3, features: 3, layers: null, deletion: null}}
  mine:
    dataset: mnist5k
    train:
      model: {{name: own/mine.py:build, options: {{filters: 4}}}}
      seeds: []
      given: {{weights: own/mine.safetensors, control: reinitialised}}
    activations: {{excitations: {{}}}}
    anova: {{permutations: 59}}
    mutual_information: {{shuffles: 19, redundancy: {{shuffles: 39}}, ablation: {{retraining_steps: 2}}}}
    mechanism: {{heads: {{epochs: 1, augmentation: null}}, importance_images: 50}}
    recos: {{polarity: {{images: 20}}}}
    mean_dimension: {{images: 10, features: 20, layers: {{images: 5, features: 10}}, deletion: {{images: 20}}}}
    atlas: {{images: 20, shapley: {{images: 20, pairs: 8}}}}
"""

MINE = """
from torch import nn


class Mine(nn.Module):
    def __init__(self, filters, outputs):
        super().__init__()
        self.look = nn.Conv2d(1, filters, 5, stride=2)
        self.rectify = nn.ReLU(inplace=True)
        self.decide = nn.Linear(filters * 144, outputs)

    def forward(self, images):
        return self.decide(self.rectify(self.look(images)).flatten(1))


def build(input_shape, outputs, filters):
    return Mine(filters, outputs)
"""


def mine() -> torch.nn.Module:
    scope: dict[str, Any] = {}
    exec(MINE, scope)
    model: torch.nn.Module = scope["build"]((1, 28, 28), 10, 4)
    return model


def make_own(study: Study) -> None:
    """A ResNet-18's state dict, a module in a file with its weights, and small colour images."""
    from probecore.torchvision_import import import_torchvision

    own = study.folder / "own"
    torch.manual_seed(5)
    torch.save(import_torchvision().models.resnet18(num_classes=3).state_dict(), own / "resnet18.pt")
    (own / "mine.py").write_text(MINE)
    save_file(mine().state_dict(), own / "mine.safetensors")
    rng = np.random.default_rng(0)
    np.savez(
        own / "colour.npz",
        x_train=rng.integers(0, 256, (12, 3, 64, 64), dtype=np.uint8),
        y_train=np.arange(12) % 3,
        x_test=rng.integers(0, 256, (9, 3, 64, 64), dtype=np.uint8),
        y_test=np.arange(9) % 3,
    )


@pytest.mark.slow
def test_given_networks_are_measured_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path / "study", PARAMS)
    make_own(study)
    study.snakemake()
    metrics = json.loads((study.folder / "results/metrics.json").read_text())
    assert metrics["mine"]["recos"]["identity_error"] == 0
    assert 0 <= metrics["resnet"]["train"]["test_accuracy.given"] <= 1
    assert "test_accuracy.untrained" in metrics["mine"]["train"]

    checkpoints = study.folder / "results/train/mine/given.safetensors"
    assert epochs_in(checkpoints) == [0]
    for measure in MEASURES:
        filters = pd.read_csv(study.folder / f"results/{measure}/mine/filters.csv")
        assert set(filters.loc[filters["layer"] == "look", "filter"]) == {0, 1, 2, 3}, measure
        assert set(filters["network"]) == {"given", "reinitialised-0"}, measure

    monkeypatch.chdir(study.folder)
    images = load_dataset(study.folder / "data/mnist5k.h5").test.inputs[:5]
    model = load_network(checkpoints, 0)
    with torch.inference_mode():
        ours = model(torch.from_numpy(images).float().sub(127.5).div(255))
    theirs = mine()
    theirs.load_state_dict(load_file(study.folder / "own/mine.safetensors"))
    with torch.inference_mode():
        assert torch.allclose(ours, theirs(torch.from_numpy(images).float().sub(127.5).div(255)), atol=1e-5)

    assert "Nothing to be done" in study.snakemake("--dry-run").stdout
    (study.folder / "own/mine.py").write_text(MINE + "\n# changed\n")
    assert "train_network" in study.snakemake("--dry-run").stdout
