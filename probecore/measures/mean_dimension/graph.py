"""A network's graph as `torch.fx` traces it: rewritten so that it runs faster, and what single pixels reach in it.

A node of the graph is a module or a function that the network calls. Windows follow convolutions, pools, what works
place by place, and sums and concatenations of maps; they end before any other node, and where they are nearly whole
maps. Evaluating on windows is `windows`' business.
"""

import operator
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.optimization import fuse
from torch.fx.node import map_aggregate
from torch.nn import functional

from probecore.measures.mean_dimension.bases import Basis
from probecore.measures.mean_dimension.evaluate import Plain
from probecore.measures.mean_dimension.kernels import Dense, Kernel, kernels
from probecore.measures.mean_dimension.stages import MONOTONE

LARGEST_SHARE = 0.7
"""Of a map, above which a window costs as much."""

MODULES = (*MONOTONE, nn.BatchNorm2d, nn.Dropout, nn.GELU, nn.Hardswish, nn.Identity, nn.Mish, nn.SiLU)
FUNCTIONS = (functional.relu, torch.relu, torch.sigmoid, torch.tanh, operator.neg, "abs", "relu", "sigmoid", "tanh")
"""What gives each place of a map from that place alone."""

ELEMENTWISE = (operator.add, operator.mul, operator.sub, operator.truediv, torch.add, torch.mul, torch.sub)
"""What joins maps of one shape, or a map and a number, place by place."""

Ints = npt.NDArray[np.int64]


class Span(NamedTuple):
    """Where changed points (B,) may differ from their base points, along one axis of a map."""

    first: Ints
    end: Ints
    size: int
    """Of the map."""

    @property
    def width(self) -> int:
        """Of the windows, one for all points."""
        return int((self.end - self.first).max())

    @property
    def start(self) -> Ints:
        """Of each point's window, which lies inside the map."""
        return np.minimum(self.first, self.size - self.width)


Window = tuple[Span, Span]
"""Rows and columns."""


class Graph:
    """A network in evaluation mode, traced and rewritten.

    Normalisations are folded into the conv layers before them, convolutions of maps smaller than the kernel are
    products with a matrix, and maps have their channels last in memory.

    Raises
    ------
    Exception
        Whatever tracing raises where a network cannot be traced, or is no network of maps.
    """

    def __init__(self, model: nn.Module, points: Tensor) -> None:
        network = fuse(model)
        assert isinstance(network, fx.GraphModule)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for module in network.modules():
            if "inplace" in vars(module):
                vars(module)["inplace"] = False
        self.nodes = list(network.graph.nodes)
        self.input = self.nodes[0]
        shapes = _Shapes(self.network)
        with torch.inference_mode():
            shapes.run(points[:1])
        self.maps = shapes.maps
        """Shapes (C, H, W) of the nodes that give maps."""
        self._shares = dict.fromkeys(self.nodes, 1.0)
        self._costs = {node: self._multiply_adds(node) for node in self.nodes}
        for node in self.nodes:
            self._make_dense(node)
        self.kernels = {node: found for node in self.maps if (found := kernels(self.module(node)))}
        corner = np.zeros(1, np.int64)
        self._zone = set(self.maps)
        self._zone = set(self.windows(corner, corner))
        zone = [node for node in self.nodes if node in self._zone]
        self.kept = [node for node in zone if not all(map(self._is_place_by_place, node.users))]
        """Nodes whose maps of base points are needed around windows."""

    def module(self, node: fx.Node) -> nn.Module | None:
        """What the node calls, if it is a module."""
        return self.network.get_submodule(str(node.target)) if node.op == "call_module" else None

    def windows(self, rows: Ints, columns: Ints) -> dict[fx.Node, Window]:
        """What the pixels there, (B,) each, reach: for each node that is to be computed on windows."""
        _, height, width = self.maps[self.input]
        found: dict[fx.Node, Window] = {
            self.input: (Span(rows, rows + 1, height), Span(columns, columns + 1, width)),
        }
        for node in self.nodes[1:]:
            sources = [found.get(source) for source in node.all_input_nodes]
            if node in self._zone and sources and None not in sources:
                window = self._window(node, [source for source in sources if source is not None])
                if window is not None and _share(window) <= LARGEST_SHARE:
                    found[node] = window
        return found

    def saved(self) -> float:
        """Share of the multiply-adds of conv and linear layers that an exchange in the middle saves."""
        _, height, width = self.maps[self.input]
        windows = self.windows(np.array([height // 2]), np.array([width // 2]))
        left = sum(
            cost * (_share(windows[node]) if node in windows else self._shares[node])
            for node, cost in self._costs.items()
        )
        return 1 - left / max(1, sum(self._costs.values()))

    def _multiply_adds(self, node: fx.Node) -> int:
        module = self.module(node)
        places = self.maps[node][1:].numel() if node in self.maps else 1
        return module.weight.numel() * places if isinstance(module, nn.Conv2d | nn.Linear) else 0

    def _make_dense(self, node: fx.Node) -> None:
        """Let a conv layer be one product with a matrix where that is less work; twice as much takes as long."""
        conv = self.module(node)
        if isinstance(conv, nn.Conv2d):
            shape = self.maps[node.all_input_nodes[0]]
            share = shape[1:].numel() / conv.weight[0, 0].numel() * conv.groups
            if share <= 0.5:
                self._shares[node] = share
                self.network.set_submodule(str(node.target), Dense(conv, shape))

    def _window(self, node: fx.Node, sources: list[Window]) -> Window | None:
        if node in self.kernels:
            (rows, columns), (_, height, width) = self.kernels[node], self.maps[node]
            return _reached(sources[0][0], rows, height), _reached(sources[0][1], columns, width)
        if self._is_place_by_place(node):
            return sources[0]
        if self._is_join(node):
            return _union(rows for rows, _ in sources), _union(columns for _, columns in sources)
        return None

    def _is_place_by_place(self, node: fx.Node) -> bool:
        module = self.module(node)
        return node.target in FUNCTIONS if module is None else isinstance(module, MODULES)

    def _is_join(self, node: fx.Node) -> bool:
        """Whether it joins maps of one shape place by place, or concatenates maps along their channels."""
        if node.target is torch.cat:
            return node.kwargs == {"dim": 1} or node.args[1:] == (1,)
        shapes = {self.maps[source] for source in node.all_input_nodes}
        return node.target in ELEMENTWISE and len(node.args) == 2 and not node.kwargs and len(shapes) == 1


class Walk(fx.Interpreter):
    """Runs a network with channels last in memory."""

    def placeholder(self, target: Any, args: Any, kwargs: Any) -> Any:
        """See `fx.Interpreter`."""
        value = super().placeholder(target, args, kwargs)
        is_map = isinstance(value, Tensor) and value.ndim == 4
        return value.contiguous(memory_format=torch.channels_last) if is_map else value

    def call_method(self, target: Any, args: Any, kwargs: Any) -> Any:
        """See `fx.Interpreter`; a `view` needs the usual order in memory."""
        args = map_aggregate(args, lambda value: value.contiguous() if isinstance(value, Tensor) else value)
        return super().call_method(target, args, kwargs)


class Rewritten(Plain):
    """The whole network, rewritten; see `Evaluator`."""

    def __init__(self, graph: Graph, basis: Basis | None) -> None:
        walk = Walk(graph.network)
        super().__init__(lambda points: {"output": walk.run(points)}, basis=basis)


class _Shapes(Walk):
    """Notes the shapes of maps."""

    def __init__(self, network: fx.GraphModule) -> None:
        super().__init__(network)
        self.maps: dict[fx.Node, torch.Size] = {}

    def run_node(self, n: fx.Node) -> Any:
        """See `fx.Interpreter`."""
        value = super().run_node(n)
        if isinstance(value, Tensor) and value.ndim == 4 and value.is_floating_point():
            self.maps[n] = value.shape[1:]
        return value


def _reached(span: Span, kernel: Kernel, size: int) -> Span:
    """Which of `size` outputs see inputs in the span; for simplicity one at least."""
    first, end = kernel.reached(span.first, span.end)
    first = np.clip(first, 0, size - 1)
    return Span(first, np.clip(end, first + 1, size), size)


def _union(spans: Iterable[Span]) -> Span:
    firsts, ends, sizes = zip(*spans, strict=True)
    return Span(np.minimum.reduce(firsts), np.maximum.reduce(ends), sizes[0])


def _share(window: Window) -> float:
    """Of its map."""
    rows, columns = window
    return rows.width * columns.width / (rows.size * columns.size)
