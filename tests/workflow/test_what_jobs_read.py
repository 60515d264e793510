"""Every kind of file that a job can read: a change in it is seen by both tools, and gives other bytes.

Parameters and code of the package are edited in `test_dvc_edits`. What DVC cannot see (data outside of the study,
versions of what computes) is refused in one line as soon as one of its stages would build on it, and
`probecore check` says it.
"""

import functools
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.conftest import made_once, read_params
from tests.workflow.repository import Repository, build, copy

PARAMS = """
home: {home}
numerics: {{device: cpu, threads: 1, isa: avx2}}
datasets:
  colour: {{kind: arrays, path: own/colour.npz}}
  outside: {{kind: arrays, path: ../outside.npz}}
  photos: {{kind: folder, path: ../photos}}
experiments:
  outside: &small
    dataset: outside
    train: {{model: {{name: mlp, hidden: [4]}}, seeds: [0], epochs: 1, batch: 4}}
  photos: {{<<: *small, dataset: photos}}
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
    for name in ("scale", "linked"):
        model[1].weight.data *= SCALE * json.loads(Path(f"own/{name}.json").read_text())
    return model
"""

MINE_0 = "results/train/mine/trained-0.safetensors"
GIVEN = "results/train/mine/given.safetensors"


def fill(folder: Path, *, seed: int = 0) -> None:
    """Data, code, what code reads, and weights."""
    own = folder / "own"
    for place in (own, folder / "elsewhere", folder.parent / "photos/ant", folder.parent / "photos/bee"):
        place.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
    labels = np.arange(40) % 4
    for path in (own / "colour.npz", folder.parent / "outside.npz"):
        np.savez(path, x_train=images[:20], y_train=labels[:20], x_test=images[20:], y_test=labels[20:])
    for index, label in enumerate(("ant", "bee") * 6):
        Image.fromarray(images[index, 0, : 8 - seed, : 8 - seed]).save(folder.parent / f"photos/{label}/{index}.png")
    (folder / "elsewhere/linked.json").write_text(f"{1 + seed}")
    if not (own / "linked.json").is_symlink():
        (own / "linked.json").symlink_to("../elsewhere/linked.json")
    (own / "mine.py").write_text(MINE.replace("SCALE = 1", f"SCALE = {1 + seed}"))
    (own / "scale.json").write_text(f"{1 + seed}")
    weights = torch.Generator().manual_seed(seed)
    tensors = {"1.weight": torch.randn(4, 192, generator=weights), "1.bias": torch.zeros(4)}
    save_file(tensors, own / "mine.safetensors")


SEEN_BY_BOTH = {
    "own/mine.py": MINE_0,
    "own/scale.json": MINE_0,
    "elsewhere/linked.json": MINE_0,
    "own/mine.safetensors": GIVEN,
    "own/colour.npz": MINE_0,
}
"""For each file a result that it changes."""

DATA = {"own/colour.npz": "mine", "../outside.npz": "outside", "../photos": "photos"}
"""For the sources of data sets, inside of the study and outside, the experiment that reads them."""


@pytest.fixture(scope="module")
def built_own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "built-own", lambda folder: build(folder, read_params(PARAMS, "."), fill))


def change(study: Repository, tmp_path: Path, *files: str) -> None:
    """Have other files in the place of these."""
    other = tmp_path / "other/study"
    fill(other, seed=1)
    for file in files:
        if (other / file).is_dir():
            shutil.copytree(other / file, study.folder / file, dirs_exist_ok=True)
        else:
            (study.folder / file).write_bytes((other / file).read_bytes())


def refusal(study: Repository, *command: str) -> str:
    """The line of ours that a stage of DVC ends with."""
    said = study.dvc("repro", *command, check=False)
    (line,) = (line for line in said.splitlines() if line.startswith("probecore: "))
    return line


@pytest.mark.parametrize("file", SEEN_BY_BOTH)
def test_a_file_that_both_tools_see(built_own: Path, tmp_path: Path, file: str) -> None:
    study, result = copy(built_own, tmp_path), SEEN_BY_BOTH[file]
    before = study.hashes()
    change(study, tmp_path, file)
    steps = {"dataset", "train", "report"} if file in DATA else {"train", "report"}
    assert {step for step, _ in study.wanted_by_snakemake()} == steps
    assert {step for step, _ in study.wanted_by_dvc()} == {"train", "report"}
    if file not in DATA:
        study.dvc("repro", "train@mine")
        assert study.hashes()[result] != before[result]
        return
    study.snakemake(result)
    assert study.hashes()[result] != before[result]


@pytest.mark.parametrize("file", DATA)
def test_data_that_dvc_does_not_see(built_own: Path, tmp_path: Path, file: str) -> None:
    """Snakemake sees another file; another folder is said. No stage of DVC builds on the old data."""
    study, name = copy(built_own, tmp_path), DATA[file]
    result = f"results/train/{name}/trained-0.safetensors"
    before = study.hashes()
    change(study, tmp_path, file)
    dataset = study.params()["experiments"][name]["dataset"]
    line = f"data/{dataset}.h5: {file} has changed since; `snakemake --forcerun dataset` makes it anew"
    assert f"note: {line}" in study.probecore("check").stdout.splitlines()
    assert refusal(study, "--single-item", "--force", f"train@{name}") == f"probecore: {line}"
    if file == "../photos":
        assert study.wanted_by_snakemake() == set()
        assert f"probecore: {line}" in study.snakemake("--dry-run").stdout.splitlines()
        study.snakemake("--forcerun", "dataset", "--", result)
    else:
        assert ("dataset", dataset) in study.wanted_by_snakemake()
        study.snakemake(result)
    assert study.hashes()[result] != before[result]


def test_other_versions(built_own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = copy(built_own, tmp_path)
    installed = tmp_path / "statsmodels-0.0.1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: statsmodels\nVersion: 0.0.1\n")
    assert study.wanted_by_snakemake() == set()
    monkeypatch.setattr(study, "run", functools.partial(study.run, PYTHONPATH=f"{study.folder}:{tmp_path}"))
    assert {step for step, _ in study.wanted_by_snakemake()} == {"dataset", "train", "report"}
    line = "data/colour.h5: made with another statsmodels than here; `snakemake` makes it anew"
    assert f"note: {line}" in study.probecore("check").stdout.splitlines()
    assert refusal(study, "--single-item", "--force", "train@mine") == f"probecore: {line}"


def test_what_is_the_same_again_runs_nothing(built_own: Path, tmp_path: Path) -> None:
    study = copy(built_own, tmp_path)
    fill(study.folder)
    assert study.wanted_by_snakemake() == study.wanted_by_dvc() == set()
    (study.folder / "own/linked").symlink_to("../workflow")
    refused = study.snakemake("--dry-run", check=False)
    assert refused.returncode == 2
    assert "probecore: own/linked: a link to a folder" in refused.stdout
