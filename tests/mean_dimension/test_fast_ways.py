"""Fast ways against the plain one: each alone on every network that it fits, and which are tried."""

import copy

import numpy as np
import pytest
import torch

from probecore.determinism import numpy_generator
from probecore.measures.mean_dimension import Basis, network, network_mean_dimension
from probecore.measures.mean_dimension.graph import Graph, Rewritten
from probecore.measures.mean_dimension.local import Local, _worthwhile
from probecore.measures.mean_dimension.network import _candidates
from probecore.measures.mean_dimension.rank_one import RankOne
from probecore.measures.mean_dimension.stages import stages_of
from probecore.measures.mean_dimension.windows import Windows
from tests.mean_dimension.networks import NETWORKS, build, images

WAYS: dict[str, type] = {"local": Local, "windows": Windows, "rank_one": RankOne, "rewritten": Rewritten}


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
    monkeypatch.setattr("probecore.measures.mean_dimension.windows.BYTES", 20_000)
    monkeypatch.setattr("probecore.measures.mean_dimension.windows.ROWS", 7)
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
