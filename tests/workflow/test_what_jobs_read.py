"""Every kind of file that a job can read: a change in it is seen by both tools, and gives other bytes.

Parameters and code of the package are edited in `test_dvc_edits`.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import made_once, read_params
from tests.workflow.repository import build, copy

PARAMS = """
home: {home}
numerics: {{device: cpu, threads: 1, isa: avx2}}
datasets:
  colour: {{kind: arrays, path: own/colour.npz}}
experiments:
  mine:
    dataset: colour
    train:
      model: own/mine.py:build
      seeds: [0]
      epochs: 1
      batch: 10
      given: {{weights: own/mine.safetensors}}
"""

MINE = """
import json
from pathlib import Path

from torch import nn

SCALE = 1


def build(input_shape, outputs):
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, outputs))
    model[1].weight.data *= SCALE * json.loads(Path("own/scale.json").read_text())
    return model
"""

CHECKPOINTS = {name: f"results/train/mine/{name}.safetensors" for name in ("trained-0", "given")}


def fill(folder: Path, *, seed: int = 0) -> None:
    """Data, code, what code reads, and weights."""
    own = folder / "own"
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
    labels = np.arange(40) % 4
    np.savez(own / "colour.npz", x_train=images[:20], y_train=labels[:20], x_test=images[20:], y_test=labels[20:])
    (own / "mine.py").write_text(MINE.replace("SCALE = 1", f"SCALE = {1 + seed}"))
    (own / "scale.json").write_text(f"{1 + seed}")
    weights = torch.Generator().manual_seed(seed)
    tensors = {"1.weight": torch.randn(4, 192, generator=weights), "1.bias": torch.zeros(4)}
    save_file(tensors, own / "mine.safetensors")


CHANGES: dict[str, tuple[str, set[str]]] = {
    "own/mine.py": ("trained-0", {"train"}),
    "own/scale.json": ("trained-0", {"train"}),
    "own/mine.safetensors": ("given", {"train"}),
    "own/colour.npz": ("trained-0", {"dataset", "train"}),
}
"""For each file a network that it changes, and the steps that Snakemake runs again, beside the report."""


@pytest.fixture(scope="module")
def built_own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "built-own", lambda folder: build(folder, read_params(PARAMS, "."), fill))


@pytest.mark.parametrize("file", CHANGES)
def test_a_changed_file(built_own: Path, tmp_path: Path, file: str) -> None:
    study = copy(built_own, tmp_path)
    before = study.hashes()
    (tmp_path / "other/own").mkdir(parents=True)
    fill(tmp_path / "other", seed=1)
    (study.folder / file).write_bytes((tmp_path / "other" / file).read_bytes())
    network, steps = CHANGES[file]
    assert {step for step, _ in study.wanted_by_snakemake()} == {*steps, "report"}
    assert {step for step, _ in study.wanted_by_dvc()} == {"train", "report"}
    if "dataset" in steps:
        refused = study.run("dvc", "repro", check=False).stdout
        assert "probecore: data/colour.h5: own/colour.npz has changed since; `snakemake --forcerun dataset`" in refused
    study.snakemake(CHECKPOINTS[network])
    assert study.hashes()[CHECKPOINTS[network]] != before[CHECKPOINTS[network]]


def test_what_is_the_same_again_runs_nothing(built_own: Path, tmp_path: Path) -> None:
    study = copy(built_own, tmp_path)
    fill(study.folder)
    assert study.wanted_by_snakemake() == study.wanted_by_dvc() == set()
    (study.folder / "own/linked").symlink_to("../workflow")
    refused = study.snakemake("--dry-run", check=False)
    assert refused.returncode == 2
    assert "probecore: own/linked: a link to a folder" in refused.stdout
