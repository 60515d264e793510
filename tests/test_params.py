"""`params.yaml`: what is good, what is refused, and how."""

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from probecore import cli
from probecore.params import STEPS, json_schema, load_study
from tests.conftest import ROOT

Edit = Callable[[dict[str, Any]], None]


def lenet5(content: dict[str, Any]) -> dict[str, Any]:
    experiment: dict[str, Any] = content["experiments"]["lenet5"]
    return experiment


def put(*path: str, value: Any) -> Edit:
    """An edit that sets the key at `path`."""

    def edit(content: dict[str, Any]) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return edit


def drop(*path: str) -> Edit:
    """An edit that removes the key at `path`."""

    def edit(content: dict[str, Any]) -> None:
        for key in path[:-1]:
            content = content[key]
        del content[path[-1]]

    return edit


E = ("experiments", "lenet5")

MISTAKES: list[tuple[str, Edit, str, str]] = [
    ("unknown key", put(*E, "train", "epoch", value=3), "experiments.lenet5.train.epoch:", "did you mean 'epochs'"),
    ("unknown step", put(*E, "reccos", value=None), "experiments.lenet5.reccos:", "did you mean 'recos'"),
    ("unknown top-level key", put("experiment", value={}), "experiment:", "did you mean 'experiments'"),
    ("nothing to read", put(*E, "activations", value=None), "lenet5.anova: reads what is not dumped", "activations.excitations"),
    ("missing step", drop(*E, "recos"), "experiments.lenet5.recos:", "`recos: null` if it is not wanted, as `probecore upgrade` does"),
    ("missing model", drop(*E, "train", "model"), "experiments.lenet5.train.model:", "missing"),
    ("text for a number", put(*E, "train", "learning_rate", value="1e-3"), "train.learning_rate:", "1.0e-3"),
    ("text for a whole number", put(*E, "train", "epochs", value="20"), "train.epochs:", "integer"),
    ("negative epochs", put(*E, "train", "epochs", value=-1), "train.epochs:", "greater than or equal to 0"),
    ("rate of zero", put(*E, "train", "learning_rate", value=0.0), "train.learning_rate:", "greater than 0"),
    ("not a number", put(*E, "train", "momentum", value=float("nan")), "train.momentum:", "finite"),
    ("equal seeds", put(*E, "train", "seeds", value=[1, 1]), "experiments.lenet5.train:", "seeds: must be different"),
    ("no networks", put(*E, "train", "seeds", value=[]), "experiments.lenet5.train:", "at least one seed"),
    ("unknown optimiser", put(*E, "train", "optimiser", value="adamw"), "train.optimiser:", "'nesterov', 'adam'"),
    ("unknown model", put(*E, "train", "model", value="lenet"), "train.model.name:", "did you mean 'lenet5'"),
    ("option of another model", put(*E, "train", "model", value={"name": "lenet5", "width": 8}), "model.width:", "lenet5"),
    ("data set nobody uses", put("datasets", "mnist", value={}), "datasets.mnist:", "no experiment uses it"),
    ("data among the outputs", put("datasets", "x", value={"kind": "folder", "path": "data/x"}), "x.path:", "deleted"),
    ("cross-entropy of real targets", put("datasets", "mnist5k", value={"kind": "ishigami"}), "lenet5.train.loss:", "squared_error"),
    ("normalise of three channels", put(*E, "train", "normalise", value={"mean": [0.1, 0.2, 0.3]}), "train.normalise.mean:", "3 values for 1 channels"),
    ("mean of 0 to 255", put(*E, "train", "normalise", value={"mean": 127.5}), "train.normalise.mean:", "divide it by 255"),
    ("deviation of 0 to 255", put(*E, "train", "normalise", value={"std": [58.4]}), "train.normalise.std:", "divide it by 255"),
    ("home that a shell would run", put("home", value="$(touch x)"), "home:", "pattern"),
    ("package of Python's own", put(*E, "train", "model", value="os:system"), "train.model: os:system:", "Python's own"),
    ("seed beyond 64 bits", put(*E, "train", "seeds", value=[10**23]), "train.seeds.0:", "beyond 64 bits"),
    ("no standard deviation", put(*E, "train", "normalise", value={"std": []}), "train.normalise.std", "at least 1"),
    ("shuffled recipe out of range", put(*E, "train", "shuffled", value={"epochs": -1}), "train.shuffled.epochs:", "greater than or equal to 0"),
    ("given without weights", put(*E, "train", "given", value={"weights": None}), "lenet5.train:", "given.weights"),
    ("nothing stored", put(*E, "activations", "store", value=[]), "activations.store:", "at least 1"),
    ("model too large for data", put(*E, "train", "model", value="vgg6"), "experiments.lenet5.train.model:", "larger images"),
    ("unknown data set", put(*E, "dataset", value="mnist5"), "experiments.lenet5.dataset:", "did you mean 'mnist5k'"),
    ("unknown kind of data", put("datasets", "mnst", value={}), "datasets.mnst.kind:", "did you mean 'mnist'"),
    ("unknown layer", put(*E, "activations", "layers", value=["conv9"]), "lenet5.activations.layers:", "conv1"),
    ("epoch never kept", put(*E, "activations", "epochs", value=[3]), "activations.epochs:", "epoch 3 has no checkpoint"),
    ("checkpoint after the end", put(*E, "train", "checkpoints", value=[99]), "train:", "epoch 99 is outside of 0 to 40"),
    ("shuffled recipe impossible", put(*E, "train", "shuffled", value={"optimiser": "nesterov", "momentum": 0.0}), "train:", "sgd"),
    ("level that gzip lacks", put(*E, "activations", "compression", value="gzip"), "lenet5.activations:", "level"),
    ("device chosen silently", put("numerics", "device", value="auto"), "numerics.device:", "'cpu' or 'cuda'"),
    ("no threads", put("numerics", "threads", value=0), "numerics.threads:", "greater than or equal to 1"),
    ("a name YAML reads as true", put("experiments", "yes", value=None), "experiments.yes", "YAML booleans"),
    ("a name with capitals", put("datasets", "MNIST", value={"kind": "mnist"}), "datasets.MNIST", "small letters"),
    ("weights outside of own/", put(*E, "train", "given", value={"weights": "../w.pt"}), "train.given.weights:", "own/"),
    ("weights that are not there", put(*E, "train", "given", value={"weights": "own/w.pt"}), "given.weights:", "no file"),
    ("no section list", put("experiments", value=[]), "experiments:", "dictionary"),
]  # fmt: skip


@pytest.fixture
def content() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    lenet5(loaded)["activations"]["level"] = 10
    return copy.deepcopy(loaded)


def check(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    (folder / "params.yaml").write_text(text)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["probecore", "check"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_the_embedded_study_is_good(
    content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, yaml.safe_dump(content), monkeypatch) == 0
    assert capsys.readouterr().out == "params.yaml: good; 1 experiments, 6 networks\n"


@pytest.mark.parametrize(("edit", "key", "remedy"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_one_line_with_key_and_remedy(
    edit: Edit,
    key: str,
    remedy: str,
    content: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit(content)
    assert check(tmp_path, yaml.safe_dump(content, sort_keys=False), monkeypatch) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("probecore: params.yaml: ")
    assert key in lines[0]
    assert remedy in lines[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("home: .\nhome: ..\n", "params.yaml, line 2: the key 'home' stands here twice"),
        ("home: [\n", "params.yaml, line 2:"),
        ("- home\n", "params.yaml: expected `key: value` lines"),
    ],
)
def test_what_is_not_readable_yaml(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, text, monkeypatch) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_merge_keys_share_sections(content: dict[str, Any], tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("    train:", "    train: &train")
    text += "  tanh:\n    dataset: mnist5k\n    train: {<<: *train, model: {name: lenet5, activation: tanh}}\n"
    text += "".join(f"    {step}: null\n" for step in STEPS if step != "train")
    (tmp_path / "params.yaml").write_text(text)
    study, _ = load_study(tmp_path / "params.yaml")
    assert study.experiments["tanh"].train.seeds == [0, 1, 2]
    assert study.experiments["tanh"].train.model.activation is not None
    assert study.experiments["tanh"].train.model.activation.name == "tanh"


def test_the_committed_schema_is_current() -> None:
    assert (ROOT / "params.schema.json").read_text(encoding="utf-8") == json_schema(), "run `probecore schema`"


def test_every_key_has_a_description() -> None:
    import json

    def undescribed(node: Any, path: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        missing = [
            f"{path}.{name}" for name, field in node.get("properties", {}).items() if not field.get("description")
        ]
        return missing + [bad for name, inner in node.get("$defs", {}).items() for bad in undescribed(inner, name)]

    assert undescribed(json.loads(json_schema()), "study") == []


def test_files_of_a_study_are_seen_from_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study, _ = load_study(ROOT / "studies" / "atlas" / "params.yaml")
    assert study.experiments["resnet20-cifar10"].train.model.name == "own/resnet20.py:build"
    assert Path.cwd() == tmp_path
