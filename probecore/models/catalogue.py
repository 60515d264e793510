"""Which networks there are, where they come from, and which options each takes. No torch here.

`probecore.models.build` holds a builder for each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One network: provenance and the options it takes, with their defaults."""

    source: str
    ours: str
    input_shape: tuple[int, ...]
    """The shape for which `probecore models` prints the size."""
    outputs: int = 10
    options: Mapping[str, Any] = field(default_factory=dict)


_RELU = {"activation": "relu"}
_RESNET = "He et al. 2016, arXiv 1512.03385; torchvision's"
_RESNET_OURS = "`stem: cifar` (3x3 stride 1, no pool)"
_TZACH = "Tzach et al. 2023, arXiv 2305.18078"

MODELS: Mapping[str, Entry] = {
    "lenet5": Entry(
        source="LeCun et al. 1998, doi 10.1109/5.726791 (6-16-120-84-10)",
        ours="ReLU and max-pool; conv2 sees all maps; images below 32 pixels are padded by 2 zeros",
        input_shape=(1, 28, 28),
        options=_RELU,
    ),
    "lenet_caffe": Entry(
        source="Caffe's LeNet 20-50-500, as in Hahn et al. 2022, arXiv 2207.04890",
        ours="nothing",
        input_shape=(1, 28, 28),
        options=_RELU,
    ),
    "vgg6": Entry(
        source=f"{_TZACH} (name only)",
        ours="the layout: 5 blocks of d, 2d, 4d, 8d, 8d filters, each pooled; one linear layer",
        input_shape=(3, 32, 32),
        options={"width": 64, **_RELU},
    ),
    "vgg16": Entry(
        source=f"{_TZACH}, and its authors' public code: 13 blocks, three linear layers without activation",
        ours="64 d inner linear outputs when d is not 64",
        input_shape=(3, 32, 32),
        options={"width": 64, **_RELU},
    ),
    "avgg16": Entry(
        source=f"{_TZACH}; pooling moved towards the end as in doi 10.1038/s41598-023-40566-y",
        ours="where the pools stand: 2x2 max after 7 and 10; 4x4 average, then 2x2 max after 13",
        input_shape=(3, 32, 32),
        options={"width": 64, **_RELU},
    ),
    "alexnet": Entry(
        source="Krizhevsky et al. 2012, doi 10.1145/3065386; filter numbers as torchvision's",
        ours="the layout for 32x32: conv1 5x5 stride 2, 3x3 pools padded by 1, no adaptive pool",
        input_shape=(3, 32, 32),
        options=_RELU,
    ),
    "alexnet_torchvision": Entry(
        source="Krizhevsky 2014, arXiv 1404.5997; torchvision's `alexnet`",
        ours="nothing",
        input_shape=(3, 224, 224),
        outputs=1000,
        options=_RELU,
    ),
    **{
        f"resnet{depth}": Entry(
            source=_RESNET,
            ours=_RESNET_OURS,
            input_shape=(3, 224, 224),
            outputs=1000,
            options={"stem": "imagenet", **_RELU},
        )
        for depth in (18, 34, 50, 101)
    },
    "densenet121": Entry(
        source="Huang et al. 2017, arXiv 1608.06993; torchvision's",
        ours=_RESNET_OURS,
        input_shape=(3, 224, 224),
        outputs=1000,
        options={"stem": "imagenet"},
    ),
    "sibling_cnn": Entry(
        source="Shi & De Silva 2022, doi 10.3390/e24010067 (32 filters, first layer unpadded, 512 tanh)",
        ours="torch's initialisation instead of Keras's; no dropout",
        input_shape=(1, 28, 28),
        options={"layers": 2, "kernel": 3, "activation": "tanh"},
    ),
    "mlp": Entry(
        source="Hahn et al. 2022, arXiv 2207.04890 (300-50)",
        ours="nothing",
        input_shape=(1, 28, 28),
        options={"hidden": [300, 50], **_RELU},
    ),
}

ACTIVATIONS: Mapping[str, Mapping[str, float]] = {
    "relu": {},
    "identity": {},
    "leaky_relu": {"slope": 0.01},
    "abs": {},
    "tanh": {},
    "sigmoid": {},
    "gelu": {},
    "elu": {},
    "trelu": {"threshold": 0.5},
    "crelu": {},
}
"""The activation functions and their options; `probecore.models.activations` holds a module for each."""
