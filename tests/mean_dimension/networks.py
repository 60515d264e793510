"""Networks of all kinds for the fast ways, and images for them."""

import torch
from torch import Tensor, nn

from probecore.models import build_model
from probecore.models.params import ModelParams


def images(shape: tuple[int, ...], n: int = 12) -> Tensor:
    """Smooth images, a third of their pixels exactly 0."""
    generator = torch.Generator().manual_seed(1)
    found = torch.randn((n, *shape), generator=generator)
    return found * (torch.rand((1, *shape), generator=generator) > 0.3) - 0.1


def build(name: str, shape: tuple[int, ...], **options: object) -> nn.Module:
    torch.manual_seed(0)
    model = build_model(ModelParams.read({"name": name, **options}), input_shape=shape, outputs=10)
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(16, *shape))  # batch normalisation gets statistics of its own
    return model.eval()


class Skip(nn.Module):
    """Looks like a chain of modules, but uses its input twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.act = nn.ReLU()
        self.head = nn.Linear(3 * 64, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head((self.act(self.conv(x)) + x).flatten(1))


class Branching(Skip):
    """What it computes depends on its input, so that it cannot be traced."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.mean() < 1e9 else x


class Residual(nn.Module):
    """Strides, pools with padding, a branch of another size, sums, concatenations, `view`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 4, 5, padding=2, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.one = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.two = nn.Conv2d(6, 6, (1, 3), padding=(0, 1), groups=2)
        self.short = nn.Sequential(nn.Conv2d(4, 6, 1, stride=2), nn.BatchNorm2d(6))
        self.mean = nn.AvgPool2d(3, 1, 1)
        self.norm = nn.BatchNorm2d(12)
        self.last = nn.Conv2d(12, 5, 3, padding=1, padding_mode="circular")
        self.head = nn.LazyLinear(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        x = torch.relu(self.two(self.one(x).abs()) + self.short(x) * 0.5)
        x = self.norm(torch.cat([x, self.mean(x) - x], 1))
        x = nn.functional.relu(self.last(x), inplace=True)
        return self.head(x.view(x.size(0), -1))


class Stacked(nn.Module):
    """Concatenates maps along their rows, where windows end."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        return self.two(torch.cat([x, x.abs()], 2)).sigmoid().mean((2, 3))


class DenseBlock(nn.Module):
    """Every layer sees all before it; 1 × 1 maps in the end."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (1, 4, 7)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(size), nn.GELU(), nn.Conv2d(size, 3, 3, padding=1)) for size in sizes
        )
        self.end = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(10, 6, 3, 3, 1), nn.ReLU(), nn.Conv2d(6, 8, 3, 2, 1))
        self.head = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 4, 3, padding="same"), nn.Flatten())

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat((x, layer(x)), dim=1)
        return self.head(self.end(x))


def chain(*modules: nn.Module, shape: tuple[int, ...] | None = None) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(*modules)
    if shape is not None:
        for _ in range(3):
            model(torch.randn(16, *shape))  # as above
    return model.eval()


SMALL = (1, 12, 12)
ODD = (2, 13, 11)

NETWORKS = {
    "lenet5": (build("lenet5", (1, 28, 28)), (1, 28, 28), "local windows rank_one rewritten"),
    "lenet_caffe tanh": (
        build("lenet_caffe", (1, 28, 28), activation="tanh"),
        (1, 28, 28),
        "local windows rank_one rewritten",
    ),
    "vgg6": (build("vgg6", (3, 32, 32), width=2), (3, 32, 32), "local windows rank_one rewritten"),
    "resnet18": (build("resnet18", (3, 32, 32)), (3, 32, 32), "local windows rank_one rewritten"),
    "densenet121": (build("densenet121", (3, 32, 32)), (3, 32, 32), "local windows rank_one rewritten"),
    "mlp": (build("mlp", (1, 28, 28)), (1, 28, 28), "rank_one"),
    "gelu": (build("lenet5", (1, 28, 28), activation="gelu"), (1, 28, 28), "local windows rank_one rewritten"),
    "crelu": (build("lenet5", (1, 28, 28), activation="crelu"), (1, 28, 28), "local windows rank_one rewritten"),
    "skip": (Skip().eval(), (1, 8, 8), "windows rewritten"),
    "odd maps, strides, dilation, overlapping pool": (
        chain(
            nn.Conv2d(2, 4, (3, 4), stride=(2, 1), padding=(1, 2), dilation=(2, 1)),
            nn.LeakyReLU(),
            nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(4, 6, 3, padding="same", groups=2),
            nn.Tanh(),
            nn.Flatten(),
            nn.LazyLinear(5),
        ),
        ODD,
        "local windows rank_one rewritten",
    ),
    "windows that become maps": (
        chain(
            nn.Conv2d(1, 3, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(3, 3, 3, padding=1),
            nn.Tanh(),
            nn.Conv2d(3, 3, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(3, 3, 5, padding=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.LazyLinear(4),
        ),
        SMALL,
        "local windows rank_one rewritten",
    ),
    "a stride that misses pixels": (
        chain(nn.Conv2d(1, 3, 1, stride=3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4)),
        SMALL,
        "local windows rank_one rewritten",
    ),
    "one conv layer": (
        chain(nn.Conv2d(1, 3, 3, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        SMALL,
        "local windows rank_one rewritten",
    ),
    "pool first": (chain(nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(4)), SMALL, ""),
    "pool that drops a border": (
        chain(
            nn.Conv2d(2, 3, 3),
            nn.Sigmoid(),
            nn.MaxPool2d(2),
            nn.Conv2d(3, 3, 3),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.LazyLinear(4),
        ),
        ODD,
        "local windows rank_one rewritten",
    ),
    "residual": (chain(Residual(), shape=ODD), ODD, "windows rank_one rewritten"),
    "dense block": (chain(DenseBlock(), shape=SMALL), SMALL, "windows rewritten"),
    "stacked": (Stacked().eval(), SMALL, "local windows rank_one rewritten"),
    "no graph": (Branching().eval(), (1, 8, 8), ""),
}
