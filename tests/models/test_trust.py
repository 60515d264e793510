"""Whose code runs: nothing is imported, and nothing called, before it is known to be the study's own."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from probecore.errors import InputError
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.models.trust import check_known, check_place
from probecore.params import load_study
from probecore.train.checkpoints import NetworkInfo, describe, save_checkpoints
from probecore.train.params import Normalise
from tests.conftest import PARAMS, read_params

NET = """
import subprocess
from os import system
from pathlib import Path
from torch import nn
from torch.nn import Sequential

def net(outputs):
    return nn.Linear(3, outputs)

class Net(nn.Linear):
    def __init__(self, outputs):
        super().__init__(3, outputs)

class Other:
    def __init__(self, outputs):
        Path("called").touch()

tool = Other.__init__
from_another_module = subprocess.run
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "nets.py").write_text(NET)
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "__init__.py").write_text("open('imported', 'w').close()\n" + NET)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "evil", raising=False)
    return tmp_path


def name_packages(*packages: str) -> None:
    Path("params.yaml").write_text(yaml.safe_dump({"packages": list(packages)}))


def build(name: str, **options: Any) -> torch.nn.Module:
    params = ModelParams.read({"name": name, "options": options})
    return build_model(params, input_shape=(3,), outputs=2)


@pytest.mark.parametrize("name", ["own/nets.py:net", "own/nets.py:Net", "evil:net", "evil:Net"])
def test_functions_and_classes_of_networks_of_a_named_place(study: Path, name: str) -> None:
    name_packages("evil")
    assert build(name)(torch.zeros(1, 3)).shape == (1, 2)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("os:system", {"command": "touch called"}, "os is Python's own"),
        ("subprocess:run", {"args": ["touch", "called"]}, "subprocess is Python's own"),
        ("evil:net", {}, "this runs code of evil; if you trust it, write `packages: [evil]`"),
        ("evil.deeper:net", {}, "this runs code of evil"),
        ("own/nets.py:system", {"command": "touch called"}, "is from posix"),
        ("own/nets.py:from_another_module", {"args": ["touch", "called"]}, "is from subprocess"),
        ("own/nets.py:Other", {"outputs": 2}, "must be a class of networks or a function"),
        ("elsewhere/nets.py:net", {}, "lies outside of own/"),
        ("own/../elsewhere/nets.py:net", {}, "lies outside of own/"),
        ("./../own/nets.py:net", {}, "lies outside of own/"),
        ("own/link.py:net", {}, "is a link out of own/"),
    ],
)
def test_refused_before_it_is_imported_or_called(study: Path, name: str, options: dict[str, Any], words: str) -> None:
    (study / "elsewhere").mkdir()
    (study / "elsewhere" / "nets.py").write_text("open('imported', 'w').close()\n" + NET)
    (study / "own" / "link.py").symlink_to(study / "elsewhere" / "nets.py")
    with pytest.raises(InputError) as caught:
        build(name, **options)
    assert words in str(caught.value)
    assert not (study / "called").exists()
    assert not (study / "imported").exists()
    assert "evil" not in sys.modules


def test_a_study_names_its_packages(study: Path) -> None:
    content = read_params(PARAMS, ".")
    content["experiments"]["tiny"]["train"]["model"] = {"name": "evil:net"}
    Path("params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=r"experiments\.tiny\.train\.model: evil:net: this runs code of evil"):
        load_study(Path("params.yaml"))
    Path("params.yaml").write_text(yaml.safe_dump(content | {"packages": ["evil"]}))
    load_study(Path("params.yaml"))
    assert not (study / "imported").exists()


def checkpoint(path: Path, model: Any) -> Path:
    info = NetworkInfo(
        experiment="tiny",
        network="given",
        model=ModelParams.read(model),
        normalise=Normalise(),
        input_shape=[3],
        outputs=2,
        data="",
    )
    save_checkpoints(path, info, {0: torch.nn.Linear(3, 2).state_dict()})
    return path


@pytest.mark.parametrize(
    "model",
    [
        "own/nets.py:Net",
        "evil:net",
        {"name": "os:system", "options": {"command": "touch called"}},
        {"name": "own/nets.py:net", "options": {"depth": 3}},
    ],
)
def test_a_checkpoint_cannot_choose_code(study: Path, model: Any) -> None:
    content = read_params(PARAMS, ".") | {"packages": ["evil"]}
    content["experiments"]["tiny"]["train"]["model"] = {"name": "own/nets.py:net"}
    Path("params.yaml").write_text(yaml.safe_dump(content))
    good = describe(checkpoint(study / "good.safetensors", "own/nets.py:net"))
    assert good.model.name == "own/nets.py:net"
    with pytest.raises(InputError, match="a checkpoint cannot choose which code runs"):
        describe(checkpoint(study / "bad.safetensors", model))


def test_outside_of_a_study_no_package_is_named(study: Path) -> None:
    with pytest.raises(InputError, match=r"no experiment of params\.yaml names"):
        check_known(ModelParams.read("evil:net"), where=Path("a.safetensors"))
    check_known(ModelParams.read("lenet5"), where=Path("a.safetensors"))
    check_place(ModelParams.read("torchvision:resnet18"), [])


@pytest.mark.parametrize("key", ["checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"])
def test_no_option_reads_a_file_of_weights(key: str) -> None:
    with pytest.raises(InputError, match=f"remove '{key}'"):
        ModelParams.read({"name": "timm:resnet18", "options": {key: "w.pt"}}, where="model")
