"""The `model` section: shorthands, defaults, refusals."""

import subprocess
import sys
from pathlib import Path

import pytest

from probecore.errors import InputError
from probecore.models.catalogue import MODELS
from probecore.models.params import ActivationParams, ModelParams


def test_string_is_shorthand_for_name() -> None:
    assert ModelParams.read("lenet5") == ModelParams.read({"name": "lenet5"})
    assert ModelParams.read({"name": "lenet5", "activation": "tanh"}).activation == ActivationParams(name="tanh")


@pytest.mark.parametrize("name", MODELS)
def test_defaults_are_those_of_the_catalogue(name: str) -> None:
    params = ModelParams.read(name)
    for option, default in MODELS[name].options.items():
        value = getattr(params, option)
        assert (value.name if option == "activation" else value) == default
    others = {"activation", "width", "stem", "layers", "kernel", "hidden"} - MODELS[name].options.keys()
    assert all(getattr(params, option) is None for option in others)


@pytest.mark.parametrize(
    "content",
    [
        *MODELS,
        {"name": "vgg16", "width": 8, "activation": {"name": "trelu", "threshold": 0.25}},
        {"name": "a.b:net", "options": {"x": [1, 2]}},
    ],
)
def test_dump_reads_back(content: object) -> None:
    params = ModelParams.read(content)
    assert ModelParams.parse(params.model_dump_json(), where="model") == params


def test_activation_options_have_defaults() -> None:
    assert ActivationParams.read("trelu").threshold == 0.5
    assert ActivationParams.read("leaky_relu").slope == 0.01
    assert ActivationParams.read("relu").slope is None


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("nets/mine.py:build", Path("nets/mine.py")),
        ("../mine.py:build", Path("../mine.py")),
        ("package.module:build", None),
        ("torchvision:resnet18", None),
        ("timm:vit_tiny_patch16_224.augreg", None),
        ("lenet5", None),
    ],
)
def test_file_of_a_factory(name: str, file: Path | None) -> None:
    assert ModelParams.read(name).file == file


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("lenet6", ["model.name", "unknown model", "did you mean 'lenet5'"]),
        ("mine.py", ["unknown model", "path/to/file.py:function"]),
        ("mine.py:", ["unknown model"]),
        ({}, ["model.name: missing"]),
        (5, ["model"]),
        ({"name": "lenet5", "width": 8}, ["model.width: lenet5 has none; remove it"]),
        ({"name": "resnet18", "hidden": [3]}, ["model.hidden: resnet18 has none"]),
        ({"name": "densenet121", "activation": "tanh"}, ["model.activation: densenet121 has none"]),
        ({"name": "torchvision:vgg16", "width": 8}, ["model.width: torchvision:vgg16 has none"]),
        ({"name": "lenet5", "options": {"x": 1}}, ["model.options: lenet5 takes none"]),
        ({"name": "timm:resnet18", "options": {"pretrained": True}}, ["model.options: remove 'pretrained'"]),
        ({"name": "lenet5", "activaton": "tanh"}, ["model.activaton: unknown key", "'activation'"]),
        ({"name": "lenet5", "activation": "rellu"}, ["model.activation.name", "did you mean 'relu'"]),
        (
            {"name": "lenet5", "activation": {"name": "relu", "slope": 0.1}},
            ["activation.slope: relu has none"],
        ),
        ({"name": "lenet5", "activation": {"name": "trelu", "threshold": 1.0}}, ["threshold", "less than 1"]),
        ({"name": "vgg16", "width": 0}, ["model.width", "greater than or equal to 1"]),
        ({"name": "vgg16", "width": "16"}, ["model.width", "integer"]),
        ({"name": "resnet18", "stem": "small"}, ["model.stem", "'cifar' or 'imagenet'"]),
        ({"name": "sibling_cnn", "kernel": 4}, ["model.kernel: must be odd"]),
        ({"name": "sibling_cnn", "layers": 0}, ["model.layers"]),
        ({"name": "mlp", "hidden": [30, 0]}, ["model.hidden: every hidden layer needs 1 neuron or more"]),
    ],
)
def test_bad_input_is_one_line_with_its_key(content: object, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        ModelParams.read(content, where="model")
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_reading_parameters_imports_no_torch() -> None:
    code = (
        "import sys, probecore.models.params as p\n"
        "p.ModelParams.read('vgg16')\nassert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
