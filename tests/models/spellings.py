"""Networks written twice, with modules and with functions: `build(name, functional=...)`; the weights are the same."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SHAPE = (1, 12, 12)
OUTPUTS = 3


class Plain(nn.Module):
    """conv, activation, pool, twice; linear. The functions are given."""

    def __init__(self, act: Any, pool: Any) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(6 * 4, 5), nn.Linear(5, OUTPUTS)
        self.act1, self.act2, self.act3 = act(), act(), act()
        self.pool1, self.pool2 = pool(2), pool(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.act1(self.conv1(x)))
        x = self.pool2(self.act2(self.conv2(x)))
        return self.fc2(self.act3(self.fc1(torch.flatten(x, 1))))


class PlainFunctions(Plain):
    """The same; `act` and `pool` are functions here, and modules are not made."""

    def __init__(self, act: Any, pool: Any) -> None:
        nn.Module.__init__(self)
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(6 * 4, 5), nn.Linear(5, OUTPUTS)
        self.act1 = self.act2 = self.act3 = act
        self.pool1 = self.pool2 = pool


class Residual(nn.Module):
    """Two blocks with a sum before the activation; the second has a shortcut of its own."""

    def __init__(self, *, functional: bool, before: bool = False) -> None:
        super().__init__()
        self.functional, self.before = functional, before
        self.stem, self.bn0 = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.conv1, self.bn1 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 6, 3, stride=2), nn.BatchNorm2d(4 if before else 6)
        self.shortcut = nn.Conv2d(4, 6, 3, stride=2)
        self.fc = nn.Linear(6, OUTPUTS)
        if not functional:
            self.relu0, self.relu1, self.relu2 = nn.ReLU(), nn.ReLU(), nn.ReLU()
            self.pool = nn.AdaptiveAvgPool2d(1)

    def relu(self, index: int, x: Tensor) -> Tensor:
        return F.relu(x) if self.functional else self.get_submodule(f"relu{index}")(x)

    def forward(self, x: Tensor) -> Tensor:
        if self.before:
            x = self.stem(x)
            x = x + self.conv1(self.relu(0, self.bn0(x)))
            h = self.relu(1, self.bn2(x))
            x = self.relu(2, self.conv2(h) + self.shortcut(h))
        else:
            x = self.relu(0, self.bn0(self.stem(x)))
            x = self.relu(1, self.bn1(self.conv1(x)) + x)
            x = self.relu(2, torch.add(self.bn2(self.conv2(x)), self.shortcut(x)))
        x = F.adaptive_avg_pool2d(x, 1) if self.functional else self.pool(x)
        return self.fc(x.flatten(1))


class Part(nn.Module):
    """A part that is used twice."""

    def __init__(self, *, functional: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.act = torch.tanh if functional else nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.act(self.conv(x))
        return output


class Nested(nn.Module):
    """Parts with functions of their own, one of them called twice; a branch that cannot be traced symbolically."""

    def __init__(self, *, functional: bool) -> None:
        super().__init__()
        self.stem, self.part, self.fc = nn.Conv2d(1, 4, 3), Part(functional=functional), nn.Linear(4, OUTPUTS)
        self.act = F.leaky_relu if functional else nn.LeakyReLU()

    def forward(self, x: Tensor) -> Tensor:
        if float(x.detach().abs().sum()) < 0:
            raise ValueError("never")
        x = self.act(self.stem(x))
        for _ in range(2):
            x = self.part(x)
        return self.fc(x.amax((2, 3)))


class Tokens(nn.Module):
    """Rows as tokens: units are the last axis."""

    def __init__(self, *, functional: bool) -> None:
        super().__init__()
        self.embed, self.norm = nn.Linear(12, 8), nn.LayerNorm(8)
        self.up, self.down, self.head = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, OUTPUTS)
        self.act = F.gelu if functional else nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.embed(x.squeeze(1)))
        x = x + self.down(self.act(self.up(x)))
        return self.head(x.mean(1))


class Grouped(nn.Module):
    """Channels in groups and one by one, as in networks for telephones."""

    def __init__(self, *, functional: bool) -> None:
        super().__init__()
        self.stem, self.depth, self.point = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 6, 1)
        self.groups, self.bn, self.fc = nn.Conv2d(6, 6, 3, groups=2), nn.BatchNorm2d(6), nn.Linear(6, OUTPUTS)
        self.act1, self.act2 = (F.relu6, F.hardswish) if functional else (nn.ReLU6(), nn.Hardswish())
        self.pool = (lambda x: F.adaptive_avg_pool2d(x, 1)) if functional else nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.point(self.depth(self.act1(self.stem(x))))
        return self.fc(self.pool(self.act2(self.bn(self.groups(x)))).flatten(1))


class Dense(nn.Module):
    """Maps of two layers are laid side by side."""

    def __init__(self, *, functional: bool) -> None:
        super().__init__()
        self.functional = functional
        self.conv1, self.conv2 = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 2, 3, padding=1)
        self.join, self.fc = nn.Conv2d(5, 4, 1), nn.Linear(4, OUTPUTS)
        if not functional:
            self.softplus, self.mish, self.softsign = nn.Softplus(), nn.Mish(), nn.Softsign()
            self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.softplus(self.conv1(x)) if self.functional else self.softplus(self.conv1(x))
        y = F.mish(self.conv2(x)) if self.functional else self.mish(self.conv2(x))
        x = self.join(torch.cat([x, y], 1))
        x = F.avg_pool2d(x, 2) if self.functional else self.pool(x)
        x = F.softsign(x) if self.functional else self.softsign(x)
        return self.fc(x.mean((2, 3)))


class Perceptron(nn.Module):
    """No convolution; dropout while it trains."""

    def __init__(self, *, functional: bool) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(144, 8), nn.Linear(8, 6), nn.Linear(6, OUTPUTS)
        self.act = (lambda x: F.gelu(x, approximate="tanh")) if functional else nn.GELU("tanh")
        self.drop = (lambda x: F.dropout(x, 0.2, self.training)) if functional else nn.Dropout(0.2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.act(self.fc1(x.flatten(1))))
        return self.fc3(self.drop(self.act(self.fc2(x))))


def _modules(act: Any, pool: Any) -> Callable[[], nn.Module]:
    return lambda: Plain(act, pool)


def _functions(act: Any, pool: Any) -> Callable[[], nn.Module]:
    return lambda: PlainFunctions(act, pool)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module]]] = {
    "F.relu": (_modules(nn.ReLU, nn.MaxPool2d), _functions(F.relu, lambda x: F.max_pool2d(x, 2))),
    "in place": (
        _modules(lambda: nn.ReLU(inplace=True), nn.MaxPool2d),
        _functions(lambda x: F.relu(x, inplace=True), lambda x: torch.max_pool2d(x, 2)),
    ),
    "relu_": (_modules(lambda: nn.ReLU(True), nn.AvgPool2d), _functions(torch.relu_, lambda x: F.avg_pool2d(x, 2))),
    "x.relu()": (_modules(nn.ReLU, nn.MaxPool2d), _functions(lambda x: x.relu(), lambda x: F.max_pool2d(x, 2, 2))),
    "torch.sigmoid": (_modules(nn.Sigmoid, nn.AvgPool2d), _functions(torch.sigmoid, lambda x: F.avg_pool2d(x, 2))),
    "F.elu": (
        _modules(lambda: nn.ELU(0.5), lambda k: nn.LPPool2d(2, k)),
        _functions(lambda x: F.elu(x, 0.5), lambda x: F.lp_pool2d(x, 2, 2)),
    ),
    "F.silu": (_modules(nn.SiLU, nn.MaxPool2d), _functions(F.silu, lambda x: F.max_pool2d(x, kernel_size=2))),
    "hardtanh": (
        _modules(lambda: nn.Hardtanh(0, 6), nn.MaxPool2d),
        _functions(lambda x: F.hardtanh(x, 0, 6), lambda x: F.max_pool2d(x, 2, stride=2)),
    ),
    "residual": (lambda: Residual(functional=False), lambda: Residual(functional=True)),
    "residual, activation first": (
        lambda: Residual(functional=False, before=True),
        lambda: Residual(functional=True, before=True),
    ),
    "nested": (lambda: Nested(functional=False), lambda: Nested(functional=True)),
    "grouped": (lambda: Grouped(functional=False), lambda: Grouped(functional=True)),
    "dense": (lambda: Dense(functional=False), lambda: Dense(functional=True)),
    "perceptron": (lambda: Perceptron(functional=False), lambda: Perceptron(functional=True)),
    "tokens": (lambda: Tokens(functional=False), lambda: Tokens(functional=True)),
}


def build(input_shape: tuple[int, ...], outputs: int, name: str, functional: bool) -> nn.Module:
    """One of `NETWORKS`, to be named by a model section."""
    assert (input_shape, outputs) == (SHAPE, OUTPUTS)
    return NETWORKS[name][functional]()
