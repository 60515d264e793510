"""Networks of others: torchvision, timm, modules, files; and everything that can be wrong with them."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from probecore.errors import InputError
from probecore.models import build_model, list_layers, model_layer_names
from probecore.models.params import ModelParams

NET = """
from __future__ import annotations
from dataclasses import dataclass
from torch import nn

@dataclass
class Shape:
    inputs: int

def tiny(input_shape, outputs, hidden=4):
    shape = Shape(input_shape[0])
    return nn.Sequential(nn.Linear(shape.inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

def fixed():
    return nn.Linear(3, 2)

def anything(**keywords):
    return nn.Linear(keywords["input_shape"][0], keywords["outputs"])
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "nets.py").write_text(NET)
    return tmp_path


def build(content: Any) -> nn.Module:
    return build_model(ModelParams.read(content), input_shape=(3,), outputs=2)


@pytest.mark.parametrize("function", ["tiny", "fixed", "anything"])
def test_file_factory_gets_the_keywords_it_takes(study: Path, function: str) -> None:
    model = build(f"own/nets.py:{function}")
    assert model(torch.zeros(5, 3)).shape == (5, 2)
    assert [path.name for path in (study / "own").iterdir()] == ["nets.py"]


def test_options_reach_the_factory(study: Path) -> None:
    params = ModelParams.read({"name": "own/nets.py:tiny", "options": {"hidden": 9}})
    assert list_layers(build_model(params, input_shape=(3,), outputs=2), (3,))[0].output_shape == (9,)
    assert model_layer_names(params, (3,), 2) == ("0", "1", "2")


def test_file_is_read_anew(study: Path) -> None:
    build("own/nets.py:fixed")
    (study / "own" / "nets.py").write_text(NET.replace("nn.Linear(3, 2)", "nn.Linear(3, 2, bias=False)"))
    assert sum(parameter.numel() for parameter in build("own/nets.py:fixed").parameters()) == 6


def test_package_factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users_package").mkdir()
    (tmp_path / "users_package" / "__init__.py").write_text("")
    (tmp_path / "users_package" / "nets.py").write_text(NET)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("packages: [users_package]")
    assert isinstance(build("users_package.nets:tiny"), nn.Sequential)


@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        # torchvision's documentation, at 1000 classes, less 990 outputs of the last layer
        ("torchvision:resnet18", {}, 11_689_512 - 990 * 513),
        ("torchvision:mobilenet_v3_small", {"dropout": 0.1}, 2_542_856 - 990 * 1025),
        ("timm:resnet18", {}, 11_689_512 - 990 * 513),
    ],
)
def test_library_networks(name: str, options: dict[str, Any], parameters: int) -> None:
    params = ModelParams.read({"name": name, "options": options})
    model = build_model(params, input_shape=(3, 64, 64), outputs=10)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def test_timm_takes_other_channels() -> None:
    model = build_model(ModelParams.read("timm:resnet18"), input_shape=(1, 32, 32), outputs=10)
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("own/nothere.py:f", "", ["nothere.py: no such file", "relative to the study"]),
        ("own/bad.py:f", "def f(:", ["own/bad.py:f fails: SyntaxError"]),
        ("own/bad.py:f", "import nothing_like_this", ["ModuleNotFoundError", "nothing_like_this", "(line 1)"]),
        ("own/bad.py:build", "def built(): pass", ["no function 'build'", "did you mean 'built'"]),
        ("own/bad.py:f", "f = 3", ["no function 'f'"]),
        ("own/bad.py:f", "def f():\n    raise ValueError('two\\nlines')", ["ValueError: two", "(line 2)"]),
        ("own/bad.py:f", "def f():\n    raise SystemExit('leaving')", ["SystemExit: leaving"]),
        ("own/bad.py:f", "def f(depth): pass", ["TypeError", "depth"]),
        ("own/bad.py:f", "def f(): return 'a network'", ["returned str", "torch.nn.Module"]),
        (
            "own/bad.py:f",
            "from torch import nn\ndef f(): return nn.Linear(4, 2)",
            ["cannot read inputs of shape (3,)", "RuntimeError"],
        ),
        (
            "own/bad.py:f",
            "from torch import nn\ndef f(): return nn.Linear(3, 5)",
            ["gives shape (1, 5)", "(1, 2) is needed"],
        ),
        (
            "own/bad.py:f",
            "from torch import nn\ndef f(): return nn.GRU(3, 2)",
            ["gives tuple", "one tensor (N, 2)"],
        ),
        ("no.such.package:f", "", ["no.such.package:f fails: ModuleNotFoundError"]),
        ("torch.nn:Linearr", "", ["no function 'Linearr'", "did you mean 'Linear'"]),
        (
            "torchvision:resnet19",
            "",
            ["torchvision has no classification network 'resnet19'", "did you mean"],
        ),
        ("timm:resnet19", "", ["timm has no network 'resnet19'", "did you mean"]),
    ],
)
def test_bad_factories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "bad.py").write_text(source)
    (tmp_path / "params.yaml").write_text("packages: ['no', torch]")
    with pytest.raises(InputError) as caught:
        build(name)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["bad.py"]


def test_a_file_that_fails_leaves_no_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "bad.py").write_text("1 / 0")
    before = set(sys.modules)
    with pytest.raises(InputError, match="ZeroDivisionError"):
        build("own/bad.py:f")
    assert not [name for name in set(sys.modules) - before if "bad" in name]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"name": "torchvision:resnet18", "options": {"depth": 3}},
            ["torchvision:resnet18 fails: TypeError", "depth"],
        ),
        ({"name": "torchvision:resnet18"}, ["cannot read inputs of shape (1, 28, 28)", "3 channels"]),
    ],
)
def test_library_networks_that_do_not_fit(content: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        build_model(ModelParams.read(content), input_shape=(1, 28, 28), outputs=10)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
