"""What `probecore check` finds before any job starts."""

from pathlib import Path

import pytest
import torch
from torch import nn

from probecore.errors import InputError
from probecore.params import load_study
from probecore.preflight import check_networks, check_sources
from tests.conftest import read_params

NETWORKS = """
import torch
from torch import nn


class Swish(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 3, 5), nn.Linear(3, 10)

    def forward(self, x):
        x = self.conv(x)
        return self.fc((x * torch.sigmoid(x)).mean((2, 3)))


class Auxiliary(Swish):
    def forward(self, x):
        y = super().forward(x)
        return (y, y) if self.training else y


class Raises(Swish):
    def forward(self, x):
        raise ValueError("not today")


def frozen():
    return Swish().requires_grad_(False)
"""

PARAMS = """
home: .
numerics: {{device: {device}, threads: 1, isa: avx2}}
datasets: {{mnist5k: {{}}}}
experiments:
  mine:
    dataset: mnist5k
    train: {{model: "own/mine.py:{model}", epochs: 1, {more}}}
"""


def check(folder: Path, model: str, more: str = "seeds: [0]", device: str = "cpu") -> list[str]:
    import yaml

    (folder / "own").mkdir(exist_ok=True)
    (folder / "own/mine.py").write_text(NETWORKS)
    text = PARAMS.format(model=model, more=more, device=device)
    content = read_params(text.replace("{", "{{").replace("}", "}}"), ".")
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    return check_networks(load_study(folder / "params.yaml")[0])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("probecore.models.build._CHECKED", set())
    return tmp_path


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ("Raises", "seeds: [0]", "mine.train.model: cannot read inputs of shape (1, 28, 28): ValueError: not today"),
        ("Auxiliary", "seeds: [0]", "mine.train.model: gives tuple in training mode"),
        ("frozen", "seeds: [0]", "mine.train.model: all parameters are frozen"),
        ("Swish", "seeds: [], given: {weights: own/none.pt}", "mine.train.given.weights: no file own/none.pt"),
        ("Swish", "seeds: [], given: {weights: own/other.pt}", "mine.train.given.weights: own/other.pt: conv.weight"),
    ],
)
def test_what_would_fail_in_a_job_is_found(folder: Path, model: str, more: str, words: str) -> None:
    (folder / "own").mkdir()
    torch.save(nn.Conv2d(1, 3, 5).state_dict(), folder / "own/other.pt")
    with pytest.raises(InputError) as caught:
        check(folder, model, more)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ("{layer: conv9}", "mine.anova.published.features.layer: no module 'conv9'"),
        ("{network: own/none.safetensors}", "own/none.safetensors"),
    ],
)
def test_features_that_are_not_there(folder: Path, features: str, words: str) -> None:
    published = f"activations: {{excitations: {{}}}}\n    anova: {{published: {{features: {features}}}}}"
    check(folder, "Swish")
    import yaml

    content = yaml.safe_load((folder / "params.yaml").read_text())
    content["experiments"]["mine"] |= yaml.safe_load(published.replace("\n    ", "\n"))
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError) as caught:
        check_networks(load_study(folder / "params.yaml")[0])
    assert words in str(caught.value) and "\n" not in str(caught.value)
    content["experiments"]["mine"]["anova"]["published"]["features"] = {"layer": "conv"}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    check_networks(load_study(folder / "params.yaml")[0])


def test_data_that_are_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(folder, "Swish")
    text = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(text.replace("mnist5k: {}", "mnist5k: {kind: folder, path: photos}"))
    study, _ = load_study(folder / "params.yaml")
    with pytest.raises(InputError, match=r"datasets\.mnist5k\.path: no 'photos' seen from the study"):
        check_sources(study)
    (folder / "data").mkdir()
    (folder / "data/mnist5k.h5").touch()
    check_sources(study)


def test_what_is_only_measured_need_not_train(folder: Path) -> None:
    for model in ("Auxiliary", "frozen"):
        check(folder, model, "seeds: [], given: {weights: null}")


def test_what_cannot_be_seen_is_said_every_time(folder: Path) -> None:
    seen = "blocks without an activation that can be seen: 1 of 2, conv (read by sigmoid#1, mul)"
    expected = [f"experiments.mine: {seen}"]
    assert check(folder, "Swish") == expected
    assert check(folder, "Swish") == expected


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_here_is_said(folder: Path) -> None:
    assert any("no GPU answers here" in note for note in check(folder, "Swish", device="cuda"))
