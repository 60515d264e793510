"""Every network: size and shapes against published numbers and closed forms."""

from typing import Any

import pytest
import torch
from torch import nn

from probecore.errors import InputError
from probecore.models import build_model, list_layers, model_layer_names
from probecore.models.build import BUILDERS, outline_model
from probecore.models.catalogue import MODELS
from probecore.models.params import ModelParams
from probecore.torchvision_import import import_torchvision


def size(content: Any, input_shape: tuple[int, ...], outputs: int) -> int:
    model = outline_model(ModelParams.read(content), input_shape=input_shape, outputs=outputs)
    return sum(parameter.numel() for parameter in model.parameters())


def test_catalogue_and_builders_agree() -> None:
    assert BUILDERS.keys() == MODELS.keys()


@pytest.mark.parametrize(
    ("content", "input_shape", "outputs", "published"),
    [
        # LeCun et al. 1998 with a full conv2 and plain pools: 156 + 2,416 + 48,120 + 10,164 + 850
        ("lenet5", (1, 28, 28), 10, 61_706),
        ("lenet5", (1, 32, 32), 10, 61_706),
        # PyTorch's CIFAR-10 tutorial network has these layers
        ("lenet5", (3, 32, 32), 10, 62_006),
        # Caffe's MNIST example
        ("lenet_caffe", (1, 28, 28), 10, 431_080),
        # torchvision's documentation, "num_params" of the weights
        ("alexnet_torchvision", (3, 224, 224), 1000, 61_100_840),
        ("resnet18", (3, 224, 224), 1000, 11_689_512),
        ("resnet34", (3, 224, 224), 1000, 21_797_672),
        ("resnet50", (3, 224, 224), 1000, 25_557_032),
        ("resnet101", (3, 224, 224), 1000, 44_549_160),
        ("densenet121", (3, 224, 224), 1000, 7_978_856),
        # torchvision's, less 990 outputs of 1024 features and a bias
        ("densenet121", (3, 32, 32), 10, 7_978_856 - 990 * 1025),
        # the CIFAR ResNets of github.com/kuangliu/pytorch-cifar
        ({"name": "resnet18", "stem": "cifar"}, (3, 32, 32), 10, 11_173_962),
        ({"name": "resnet34", "stem": "cifar"}, (3, 32, 32), 10, 21_282_122),
        ({"name": "resnet50", "stem": "cifar"}, (3, 32, 32), 10, 23_520_842),
        ({"name": "resnet101", "stem": "cifar"}, (3, 32, 32), 10, 42_512_970),
        # its VGG16 (14,728,266) less one linear layer 512 -> 10, and the three of Tzach et al.
        ("vgg16", (3, 32, 32), 100, 14_728_266 - 5_130 + 513 * 4096 + 4097 * 4096 + 4096 * 100),
        ("avgg16", (3, 32, 32), 100, 14_728_266 - 5_130 + 513 * 4096 + 4097 * 4096 + 4096 * 100),
        # closed forms: 9 c f weights, f biases and 2 f of batch normalisation for each block
        (
            {"name": "vgg6", "width": 16},
            (3, 32, 32),
            10,
            9 * (48 + 512 + 2048 + 8192 + 16384) + 3 * 368 + 1280,
        ),
        ("sibling_cnn", (1, 28, 28), 10, 10 * 32 + (9 * 32 + 1) * 32 + (32 * 13 * 13 + 1) * 512 + 513 * 10),
        ({"name": "sibling_cnn", "layers": 1, "kernel": 5}, (1, 28, 28), 10, 832 + (4608 + 1) * 512 + 5130),
        ({"name": "sibling_cnn", "layers": 6}, (1, 28, 28), 10, 320 + 5 * 9248 + 5409 * 512 + 5130),
        ("mlp", (200,), 1, 201 * 300 + 301 * 50 + 51),
        # Shwartz-Ziv & Tishby's successor networks on MNIST: 784-1024-20-20-20-10
        (
            {"name": "mlp", "hidden": [1024, 20, 20, 20]},
            (1, 28, 28),
            10,
            785 * 1024 + 1025 * 20 + 2 * 420 + 210,
        ),
        ({"name": "mlp", "hidden": []}, (5,), 2, 12),
        # conv1 at 5x5 from 3 channels, then torchvision's filters; 256 maps of 2x2 into the linear layers
        (
            "alexnet",
            (3, 32, 32),
            10,
            4_864 + 307_392 + 663_936 + 884_992 + 590_080 + 1025 * 4096 + 4097 * 4106,
        ),
        # crelu doubles what each following layer reads
        ({"name": "lenet5", "activation": "crelu"}, (1, 28, 28), 10, 156 + 4_816 + 96_120 + 20_244 + 1_690),
    ],
)
def test_parameters(content: Any, input_shape: tuple[int, ...], outputs: int, published: int) -> None:
    assert size(content, input_shape, outputs) == published


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
def test_any_channels_and_outputs(name: str, stem: str) -> None:
    content = {"name": name, "stem": stem} if "stem" in MODELS[name].options else name
    side = 64 if name == "alexnet_torchvision" else 32
    for channels, outputs in ((1, 7), (4, 1)):
        model = outline_model(ModelParams.read(content), input_shape=(channels, side, side), outputs=outputs)
        assert model(torch.zeros(2, channels, side, side, device="meta")).shape == (2, outputs)


@pytest.mark.parametrize(
    ("name", "input_shape", "maps"),
    [
        (
            "lenet5",
            (1, 28, 28),
            {"conv1": (6, 28, 28), "conv2": (16, 10, 10), "pool2": (16, 5, 5), "fc1": (120,)},
        ),
        ("lenet5", (1, 32, 32), {"conv1": (6, 28, 28), "pool2": (16, 5, 5)}),
        ("lenet_caffe", (1, 28, 28), {"conv1": (20, 24, 24), "conv2": (50, 8, 8), "pool2": (50, 4, 4)}),
        ("vgg6", (3, 32, 32), {"pool1": (64, 16, 16), "pool3": (256, 4, 4), "pool5": (512, 1, 1)}),
        (
            "vgg16",
            (3, 32, 32),
            {
                "act1": (64, 32, 32),
                "pool4": (128, 8, 8),
                "act9": (512, 4, 4),
                "pool10": (512, 2, 2),
                "pool13": (512, 1, 1),
            },
        ),
        (
            "avgg16",
            (3, 32, 32),
            {"act6": (256, 32, 32), "pool7": (256, 16, 16), "pool10": (512, 8, 8), "avgpool13": (512, 2, 2)},
        ),
        (
            "alexnet",
            (3, 32, 32),
            {"conv1": (64, 16, 16), "pool1": (64, 8, 8), "pool2": (192, 4, 4), "pool5": (256, 2, 2)},
        ),
        ("sibling_cnn", (1, 28, 28), {"conv1": (32, 26, 26), "conv2": (32, 26, 26), "pool2": (32, 13, 13)}),
        ("densenet121", (3, 32, 32), {"features.conv0": (64, 16, 16), "features.norm5": (1024, 1, 1)}),
        ({"name": "densenet121", "stem": "cifar"}, (3, 32, 32), {"features.norm5": (1024, 4, 4)}),
        ("resnet18", (3, 32, 32), {"layer1.0.conv1": (64, 8, 8), "layer4.1.conv2": (512, 1, 1)}),
        ({"name": "resnet18", "stem": "cifar"}, (3, 32, 32), {"layer1.0.conv1": (64, 32, 32)}),
    ],
)
def test_map_sizes(name: Any, input_shape: tuple[int, ...], maps: dict[str, tuple[int, ...]]) -> None:
    model = outline_model(ModelParams.read(name), input_shape=input_shape, outputs=10)
    shapes = {layer.name: layer.output_shape for layer in list_layers(model, input_shape)}
    assert {layer: shapes[layer] for layer in maps} == maps


def test_layer_names() -> None:
    names = model_layer_names(ModelParams.read("lenet5"), (1, 28, 28), 10)
    assert " ".join(names) == "conv1 act1 pool1 conv2 act2 pool2 flatten fc1 act3 fc2 act4 fc3"
    names = model_layer_names(ModelParams.read("vgg6"), (3, 32, 32), 10)
    assert names[:9] == ("conv1", "norm1", "act1", "pool1", "conv2", "norm2", "act2", "pool2", "conv3")
    assert names[-2:] == ("flatten", "fc1")
    names = model_layer_names(ModelParams.read("mlp"), (3,), 1)
    assert " ".join(names) == "fc1 act1 fc2 act2 fc3"


def test_vgg_linear_layers_have_no_activation_between_them() -> None:
    names = model_layer_names(ModelParams.read("vgg16"), (3, 32, 32), 10)
    assert names[-5:] == ("pool13", "flatten", "fc1", "fc2", "fc3")
    model = outline_model(ModelParams.read("vgg16"), input_shape=(3, 32, 32), outputs=10)
    assert [model.get_submodule(f"fc{i}").bias is not None for i in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize("name", ["lenet5", "vgg6", "resnet18", "densenet121", "mlp"])
def test_seed_decides_every_weight(name: str) -> None:
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(build_model(ModelParams.read(name), input_shape=(3, 32, 32), outputs=10).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert any(not torch.equal(states[0][key], states[2][key]) for key in states[0])


def test_unchanged_resnet_is_torchvision_s() -> None:
    torch.manual_seed(3)
    ours = build_model(ModelParams.read("resnet18"), input_shape=(3, 32, 32), outputs=10)
    torch.manual_seed(3)
    theirs = import_torchvision().models.resnet18(weights=None, num_classes=10)
    expected = theirs.state_dict()
    assert ours.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[key]) for key, value in ours.state_dict().items())


def test_new_stem_is_initialised_as_torchvision_does() -> None:
    torch.manual_seed(0)
    params = ModelParams.read({"name": "resnet18", "stem": "cifar"})
    model = build_model(params, input_shape=(3, 32, 32), outputs=10)
    weight = model.get_submodule("conv1").weight
    assert isinstance(weight, nn.Parameter)
    assert weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.07)  # 1,728 weights: 4 s.e.


def test_a_new_network_trains() -> None:
    model = build_model(ModelParams.read("lenet5"), input_shape=(1, 28, 28), outputs=10)
    assert all(module.training for module in model.modules())
    model(torch.randn(2, 1, 28, 28)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("content", "input_shape", "words"),
    [
        ("lenet5", (3,), ["lenet5 needs images", "(3,)", "mlp"]),
        ("resnet18", (3,), ["resnet18 needs images", "(3,)"]),
        ("lenet5", (1, 5, 5), ["lenet5", "the 2x2 maps before conv2 are too small"]),
        ("vgg6", (1, 28, 28), ["vgg6", "the 1x1 maps before pool5 are too small"]),
        ("densenet121", (1, 28, 28), ["cannot read inputs of shape (1, 28, 28)", "too small"]),
        ("alexnet_torchvision", (3, 32, 32), ["cannot read inputs of shape (3, 32, 32)"]),
        ({"name": "resnet18", "activation": "crelu"}, (3, 32, 32), ["crelu multiplies channels", "resnet18"]),
    ],
)
def test_data_that_do_not_fit(content: Any, input_shape: tuple[int, ...], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        build_model(ModelParams.read(content), input_shape=input_shape, outputs=10)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
