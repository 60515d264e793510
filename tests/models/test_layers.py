"""`list_layers` and `blocks` on our networks, torchvision's, and awkward ones."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from probecore.errors import InputError
from probecore.models import blocks, build_model, list_layers
from probecore.models.build import outline_model
from probecore.models.params import ModelParams
from probecore.torchvision_import import import_timm, import_torchvision


class Shared(nn.Module):
    """One in-place ReLU used three times, one linear layer used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4, 4, 3)
        self.unused = nn.Linear(7, 7)
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv2(self.relu(self.conv1(x))))
        x = self.relu(self.fc(x.mean((2, 3))))
        return self.fc(x)


class Fails(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x))


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def test_layers_of_lenet5() -> None:
    model = outline_model(ModelParams.read("lenet5"), input_shape=(1, 28, 28), outputs=10)
    layers = {layer.name: layer for layer in list_layers(model, (1, 28, 28))}
    assert layers["conv2"].kind == "conv"
    assert layers["conv2"].output_shape == (16, 10, 10)
    assert layers["conv2"].parameters == 16 * 6 * 25 + 16
    assert layers["conv2"].macs == 16 * 6 * 25 * 100
    assert layers["act1"].kind == "activation"
    assert layers["pool1"].kind == "pool"
    assert layers["flatten"].kind == "flatten"
    assert sum(layer.parameters for layer in layers.values()) == 61_706
    assert sum(layer.macs for layer in layers.values()) == 117_600 + 240_000 + 48_000 + 10_080 + 840


@pytest.mark.parametrize(
    ("module", "input_shape", "macs"),
    [
        (nn.Conv2d(6, 12, (3, 5), padding=(1, 2)), (6, 8, 8), 12 * 6 * 15 * 64),
        (nn.Conv2d(6, 12, 3, groups=3), (6, 8, 8), 12 * 2 * 9 * 36),
        (nn.Conv2d(6, 6, 3, groups=6, stride=2), (6, 9, 9), 6 * 9 * 16),
        (nn.Conv2d(6, 12, 3, dilation=2), (6, 8, 8), 12 * 6 * 9 * 16),
        (nn.Conv1d(2, 3, 4), (2, 10), 3 * 2 * 4 * 7),
        (nn.Conv3d(1, 2, 2), (1, 3, 3, 3), 2 * 8 * 8),
        (nn.ConvTranspose2d(6, 4, 2, stride=2), (6, 5, 5), 6 * 4 * 4 * 25),
        (nn.Linear(7, 3), (7,), 21),
        (nn.Linear(7, 3, bias=False), (5, 7), 5 * 21),
    ],
)
def test_multiply_adds(module: nn.Module, input_shape: tuple[int, ...], macs: int) -> None:
    (layer,) = list_layers(nn.Sequential(module), input_shape)
    assert layer.macs == macs
    assert layer.parameters == sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("alexnet_torchvision", "AlexNet_Weights"),
        ("resnet18", "ResNet18_Weights"),
        ("resnet34", "ResNet34_Weights"),
        ("resnet50", "ResNet50_Weights"),
        ("resnet101", "ResNet101_Weights"),
        ("densenet121", "DenseNet121_Weights"),
    ],
)
def test_multiply_adds_against_torchvision_s_own_numbers(name: str, weights: str) -> None:
    published = getattr(import_torchvision().models, weights).IMAGENET1K_V1.meta["_ops"]
    model = outline_model(ModelParams.read(name), input_shape=(3, 224, 224), outputs=1000)
    giga = sum(layer.macs for layer in list_layers(model, (3, 224, 224))) / 1e9
    assert giga == pytest.approx(published, abs=6e-4)


def test_reused_and_in_place_modules() -> None:
    model = Shared()
    layers = list_layers(model, (1, 8, 8))
    assert [(layer.name, layer.calls) for layer in layers] == [
        ("conv1", 1),
        ("relu", 3),
        ("conv2", 1),
        ("fc", 2),
    ]
    assert layers[1].output_shape == (4, 6, 6)
    assert layers[3].macs == 2 * 16
    found = blocks(model, (1, 8, 8))
    assert [(b.layer, b.activation, b.activation_call, b.output, b.output_call, b.reused) for b in found] == [
        ("conv1", "relu", 0, "relu", 0, True),
        ("conv2", "relu", 1, "relu", 1, True),
        ("fc", "relu", 2, "relu", 2, True),
    ]


def test_nothing_of_the_network_changes() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5), nn.ReLU(inplace=True))
    model[1].eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.get_rng_state()
    list_layers(model, (1, 8, 8))
    blocks(model, (1, 8, 8))
    assert [module.training for module in model] == [True, False, True, True]
    assert model.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert hooks(model) == 0


@pytest.mark.parametrize("function", [list_layers, blocks])
def test_failure_is_one_line_and_leaves_no_hooks(function: Any) -> None:
    model = Fails()
    with pytest.raises(InputError) as caught:
        function(model, (1, 8, 8))
    assert "cannot read inputs of shape (1, 8, 8): RuntimeError: mat1 and mat2" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert hooks(model) == 0
    assert all(module.training for module in model.modules())


def test_hooks_are_removed_when_interrupted() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    handle = model[1].register_forward_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        list_layers(model, (2,))
    handle.remove()
    assert hooks(model) == 0
    assert model.training


def test_blocks_of_lenet5_and_vgg() -> None:
    model = outline_model(ModelParams.read("lenet5"), input_shape=(1, 28, 28), outputs=10)
    found = blocks(model, (1, 28, 28))
    assert [(block.layer, block.activation, block.output) for block in found] == [
        ("conv1", "act1", "pool1"),
        ("conv2", "act2", "pool2"),
        ("fc1", "act3", "act3"),
        ("fc2", "act4", "act4"),
        ("fc3", None, "fc3"),
    ]
    assert not any(block.reused for block in found)
    model = outline_model(ModelParams.read("avgg16"), input_shape=(3, 32, 32), outputs=10)
    ends = [block.output for block in blocks(model, (3, 32, 32))]
    assert ends[:7] == ["act1", "act2", "act3", "act4", "act5", "act6", "pool7"]
    assert ends[12:] == ["pool13", "fc1", "fc2", "fc3"]


def test_blocks_of_resnet18_tell_calls_apart() -> None:
    model = outline_model(ModelParams.read("resnet18"), input_shape=(3, 32, 32), outputs=10)
    found = {block.layer: block for block in blocks(model, (3, 32, 32))}
    assert len(found) == 21
    stem = found["conv1"]
    assert (stem.activation, stem.output, stem.reused) == ("relu", "maxpool", False)
    first, second = found["layer1.0.conv1"], found["layer1.0.conv2"]
    assert (first.activation, first.activation_call, first.reused) == ("layer1.0.relu", 0, True)
    assert (second.activation, second.activation_call, second.reused) == ("layer1.0.relu", 1, True)
    shortcut = found["layer2.0.downsample.0"]
    for block in (found["layer2.0.conv2"], shortcut):
        assert (block.activation, block.activation_call, block.output) == ("layer2.0.relu", 1, "layer2.0.relu")


def test_blocks_of_densenet_end_at_the_concatenation() -> None:
    model = outline_model(ModelParams.read("densenet121"), input_shape=(3, 32, 32), outputs=10)
    found = {block.layer: block for block in blocks(model, (3, 32, 32))}
    inner, last = (
        found["features.denseblock1.denselayer1.conv1"],
        found["features.denseblock1.denselayer1.conv2"],
    )
    assert inner.activation == "features.denseblock1.denselayer1.relu2"
    assert (last.activation, last.output) == (None, last.layer)


def test_doubled_channels_stay_in_their_block() -> None:
    params = ModelParams.read({"name": "lenet5", "activation": "crelu"})
    model = outline_model(params, input_shape=(1, 28, 28), outputs=10)
    first = blocks(model, (1, 28, 28))[0]
    assert (first.activation, first.output) == ("act1", "pool1")


def test_containers_with_parameters_and_outputs_that_are_no_tensor() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(4))
            self.gru = nn.GRU(3, 4, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.gru(x)[0]
            return output * self.scale

    layers = {layer.kind: layer for layer in list_layers(Scaled(), (5, 3))}
    assert layers["gru"].output_shape == (5, 4)
    assert layers["scaled"].parameters == 4


def test_double_precision_networks() -> None:
    assert list_layers(nn.Sequential(nn.Linear(3, 2)).double(), (3,))[0].output_shape == (2,)


def test_activations_and_norms_of_timm_are_known() -> None:
    import_timm()
    model = build_model(ModelParams.read("timm:convnext_atto"), input_shape=(3, 32, 32), outputs=10)
    kinds = {layer.kind for layer in list_layers(model, (3, 32, 32))}
    assert {"conv", "linear", "norm", "activation", "pool"} <= kinds
