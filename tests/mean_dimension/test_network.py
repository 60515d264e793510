"""Fast ways against the plain one, layers against hand-made functions, and the untrained network's exact picture."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from probecore.determinism import numpy_generator
from probecore.mean_dimension import Basis, InverseBasis, mean_dimension, network, network_mean_dimension, pca_basis
from probecore.mean_dimension.graph import Graph, Rewritten
from probecore.mean_dimension.local import Local, _worthwhile
from probecore.mean_dimension.network import NetworkMeanDimension, _candidates
from probecore.mean_dimension.rank_one import RankOne
from probecore.mean_dimension.stages import stages_of
from probecore.mean_dimension.windows import Windows
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


WAYS: dict[str, type] = {"local": Local, "windows": Windows, "rank_one": RankOne, "rewritten": Rewritten}
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


def allow(monkeypatch: pytest.MonkeyPatch, *ways: type) -> None:
    """Let networks be evaluated in these fast ways alone, whatever they gain."""
    for name in ("ROWS_PER_PIXEL", "ROWS_PER_DIRECTION", "LEAST_SHARE"):
        monkeypatch.setattr(network, name, 0)
    monkeypatch.setattr(
        network, "_candidates", lambda *given: (way for way in _candidates(*given) if type(way()) in ways)
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NETWORKS)
def test_fast_ways_equal_the_plain_one(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In double precision, so that nothing but rounding may differ; single precision is tested below."""
    model, shape, ways = NETWORKS[name]
    allow(monkeypatch, WAYS[way])
    n, features = (12, None) if np.prod(shape) < 700 else (3, 40)
    x = images(shape, n)
    model(x)
    model = copy.deepcopy(model).double()
    generator = numpy_generator("directions")
    directions = np.linalg.qr(generator.standard_normal((int(np.prod(shape)), 20)))[0].T
    basis = Basis(directions, np.zeros(directions.shape[1])) if way in ("rank_one", "rewritten") else None
    fast, plain = (
        network_mean_dimension(model, x, basis=basis, features=features, fast=fast, labels=torch.arange(n) % 3)
        for fast in (True, False)
    )
    assert (fast.path, plain.path) == (way if way in ways.split() else "plain", "plain")
    for output, found in fast.outputs.items():
        slow = plain.outputs[output]
        assert found.value == pytest.approx(slow.value, rel=1e-7)
        assert found.total_indices == pytest.approx(slow.total_indices, rel=1e-7, abs=1e-9 * slow.total_indices.max())
        assert found.evaluations == slow.evaluations
    assert not any("forward" in vars(module) for module in model.modules())


def test_windows_of_few_exchanges_and_of_few_points_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, Windows)
    model, shape, _ = NETWORKS["residual"]
    x = images(shape, 9)
    one = x[:1].repeat(9, 1, 1, 1)
    one[:, 1, 12, 0] = torch.arange(9)
    monkeypatch.setattr("probecore.mean_dimension.windows.BYTES", 20_000)
    monkeypatch.setattr("probecore.mean_dimension.windows.ROWS", 7)
    assert Windows(Graph(model, x), x).chunk < 4
    for points in (x, one):
        fast, plain = (network_mean_dimension(model, points, fast=fast) for fast in (True, False))
        assert fast.path == "windows"
        assert fast.outputs["output"].value == pytest.approx(plain.outputs["output"].value, rel=1e-5)
        assert fast.outputs["output"].evaluations == plain.outputs["output"].evaluations


def test_the_local_way_on_all_pixels_of_lenet5(monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, Local)
    model, shape, *_ = NETWORKS["lenet5"]
    x = images(shape, 3)
    x[:, :, :7] = 0
    found = [network_mean_dimension(model, x, fast=fast) for fast in (True, False)]
    assert [each.path for each in found] == ["local", "plain"]
    fast, plain = (each.outputs["output"] for each in found)
    assert fast.value == pytest.approx(plain.value, rel=1e-5)
    assert fast.evaluations == plain.evaluations < 3 * 784 * 0.55
    assert (fast.total_indices[0, :7] == 0).all()
    assert fast.total_indices == pytest.approx(plain.total_indices, rel=1e-3, abs=1e-5 * plain.total_indices.max())


@pytest.mark.parametrize(
    ("name", "rows", "ways"),
    [
        ("resnet18", 1000, [Windows, Rewritten]),
        ("densenet121", 1000, [Windows, Rewritten]),
        ("vgg6", 1000, [Windows, Local, RankOne, Rewritten]),
        ("lenet5", 1000, [Local, Windows, RankOne, Rewritten]),
        ("lenet5", 5, [Windows, RankOne, Rewritten]),
        ("lenet5", 0.5, [Windows, Rewritten]),
        ("mlp", 1000, [RankOne]),
        ("pool first", 1000, []),
    ],
)
def test_which_ways_are_tried(name: str, rows: float, ways: list[type]) -> None:
    model, shape, *_ = NETWORKS[name]
    x = images(shape, 2)
    assert [type(build()) for build in _candidates(model, x, x[0].numel(), None, rows)] == ways


def test_stages_are_local_as_long_as_windows_are_less_work_than_maps() -> None:
    vgg16 = build("vgg16", (3, 32, 32), width=2), (3, 32, 32)
    for (model, shape, *_), local in ((NETWORKS["lenet5"], 3), (NETWORKS["vgg6"], 6), (vgg16, 5)):
        stages, elements = _worthwhile(stages_of(model, images(shape, 1)), images(shape, 1))
        assert len(stages) == local and elements < 200_000
    model, shape, *_ = NETWORKS["windows that become maps"]
    assert len(_worthwhile(stages_of(model, images(shape, 1)), images(shape, 1))[0]) == 3


@pytest.mark.parametrize("features", [None, 30])
def test_the_rank_one_way_with_many_points_and_with_few(features: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, RankOne)
    model, shape, *_ = NETWORKS["lenet5"]
    x = images(shape, 110)
    basis = Basis(np.eye(784)[300:340], np.zeros(784))
    fast, plain = (
        network_mean_dimension(model, x, basis=basis, features=features, fast=fast) for fast in (True, False)
    )
    assert fast.path == "rank_one"
    assert fast.outputs["output"].value == pytest.approx(plain.outputs["output"].value, rel=1e-5)
    few, plain_few = (network_mean_dimension(model, x[:4], features=300, fast=fast) for fast in (True, False))
    assert few.path == "rank_one"
    assert few.outputs["output"].value == pytest.approx(plain_few.outputs["output"].value, rel=1e-5)


def test_a_basis_equals_an_inverse_layer_in_front_of_the_network() -> None:
    model, shape, *_ = NETWORKS["lenet5"]
    x = images(shape, 30)
    basis = pca_basis(x)
    ours = mean_dimension(model, x, basis=basis)
    behind = mean_dimension(nn.Sequential(InverseBasis(basis, shape), model), basis.coordinates(x))
    assert ours.value == pytest.approx(behind.value, rel=1e-4)
    assert ours.total_indices == pytest.approx(behind.total_indices, rel=1e-2, abs=1e-4 * ours.total_indices.max())


def test_softmax_and_nll_equal_plain_functions() -> None:
    model, shape, *_ = NETWORKS["lenet5"]
    x, labels = images(shape, 20), torch.arange(20) % 4
    found = network_mean_dimension(model, x, labels=labels, basis=pca_basis(x))
    with torch.inference_mode():
        softmax = mean_dimension(lambda x: model(x).softmax(1), x, basis=pca_basis(x))
    assert found.outputs["softmax"].value == pytest.approx(softmax.value, rel=1e-4)
    assert found.outputs["softmax"].outputs.value == pytest.approx(softmax.outputs.value, rel=1e-3)
    nll = found.outputs["nll"]
    assert nll.group_indices.shape == (4, len(pca_basis(x).directions))
    assert nll.group_indices.mean(0) == pytest.approx(nll.total_indices)


def test_layers_equal_functions_of_their_own() -> None:
    model, shape, *_ = NETWORKS["lenet5"]
    x = images(shape, 8)
    layers = ["conv1", "act1", "pool2", "fc1", "act4"]
    found = network_mean_dimension(model, x, layers=layers, features=20)
    for name in layers:
        index = [child for child, _ in model.named_children()].index(name)
        front = model[: index + 1]
        with torch.inference_mode():
            alone = mean_dimension(lambda x, front=front: front(x).flatten(1), x, features=20, batch=98)
        layer = found.layers[name]
        assert layer.value == pytest.approx(alone.value, rel=1e-5)
        assert layer.nodes == alone.nodes and layer.dead == alone.dead
        assert layer.node_mean == pytest.approx(alone.node_mean, rel=1e-4)
        filters = alone.outputs.variance.reshape(len(layer.outputs.value), -1)
        indices = alone.outputs.total_indices.sum(0).reshape(filters.shape)
        varies = filters.any(1)
        expected = np.where(varies, indices.sum(1) / np.where(varies, filters.sum(1), 1), np.nan)
        assert layer.outputs.value == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_a_module_that_is_called_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.Tanh()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(2 * self.act(x))

    x = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    found = network_mean_dimension(Twice(), x, layers=["act#1", "act#2"]).layers
    assert found["act#2"].value == network_mean_dimension(Twice(), x).outputs["output"].value
    assert found["act#1"].value != found["act#2"].value


TRACES = {
    "relu": {"fc1": 1.0, "act1": 1.434, "fc2": 1.434, "act2": 1.8826, "fc3": 1.917},
    "tanh": {"fc1": 1.0, "act1": 1.0493, "fc2": 1.0493, "act2": 1.0543, "fc3": 1.033},
}


@pytest.mark.parametrize("activation", TRACES)
def test_untrained_networks_have_the_mean_dimension_of_wide_ones(activation: str) -> None:
    """200-300-50-1 at torch's initialisation on standard normal inputs, trace, means over 5 networks."""
    values: list[dict[str, float]] = []
    for seed in range(5):
        torch.manual_seed(seed)
        model = build_model(ModelParams.read({"name": "mlp", "activation": activation}), input_shape=(200,), outputs=1)
        x = torch.randn(300, 200, generator=torch.Generator().manual_seed(100 + seed))
        found = network_mean_dimension(model, x, layers=list(TRACES[activation]), features=60)
        values.append({name: layer.value for name, layer in found.layers.items()})
    for name, exact in TRACES[activation].items():
        measured = np.array([each[name] for each in values])
        slack = 0.05 if name in ("act2", "fc3") and activation == "relu" else 0.01
        assert abs(measured.mean() - exact) < 4 * measured.std(ddof=1) / np.sqrt(5) + slack


def test_nothing_of_the_network_changes() -> None:
    model, shape, *_ = NETWORKS["vgg6"]
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    network_mean_dimension(model, images(shape, 4), features=10)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_dead_network_gives_nan_and_counts_its_nodes() -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU())
    with torch.no_grad():
        model[0].bias -= 100
    found: NetworkMeanDimension = network_mean_dimension(model, torch.rand(20, 5), layers=["1"])
    assert found.layers["1"].dead == 4 and np.isnan(found.outputs["output"].value)
