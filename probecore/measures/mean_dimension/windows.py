"""Exchanges of single pixels in any network of maps that `torch.fx` can trace, branches and sums included.

Node by node only the window that a pixel reaches is computed, from the base point's maps around it; see `graph`. Each
changed point has a window at its own place, and those of a batch are of one size: at a border a window moves inwards,
and what it holds beyond the pixel's reach is as before. Where windows end, they are put into whole maps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate
from torch.nn import functional

from probecore.measures.mean_dimension.evaluate import BATCH, Named
from probecore.measures.mean_dimension.exchange import Swaps
from probecore.measures.mean_dimension.graph import Graph, Ints, Walk, Window
from probecore.measures.mean_dimension.kernels import max_pool

ROWS = 256
"""Changed points that run through the network at once."""

BYTES = 1 << 30
"""Maps of base points that are kept, at most."""

ZERO, LOWEST = -2, -1
"""What lies outside of a map: rows of its table."""

Stretch = tuple[Ints, int]
"""Along one axis, where it starts for each point, (B,), and its length."""


class Windows:
    """A network of maps; see `Evaluator`."""

    by_feature = True

    def __init__(self, graph: Graph, points: Tensor) -> None:
        self._graph = graph
        size = sum(graph.maps[node].numel() for node in graph.kept) * points.element_size()
        self.chunk = max(1, min(1000, BYTES // max(1, size)))

    def outputs(self, points: Tensor) -> Named:
        """See `Evaluator`."""
        return {"output": self._run(points, {})}

    def changed(self, points: Tensor, swaps: Swaps) -> Iterator[tuple[slice, Named, Named]]:
        """See `Evaluator`."""
        _, height, width = points.shape[1:]
        tables = {node: _Table(len(points), self._graph.maps[node], points) for node in self._graph.kept}
        output = self._run(points, tables)
        for start in range(0, len(swaps), ROWS):
            part = slice(start, min(start + ROWS, len(swaps)))
            rows, features = swaps.rows[part], swaps.features[part]
            places = features % (height * width)
            values = points.flatten(2)[rows, :, places]
            values.scatter_(1, features[:, None] // (height * width), swaps.values[part, None])
            windows = self._graph.windows((places // width).cpu().numpy(), (places % width).cpu().numpy())
            changed = _Changed(self._graph, tables, windows, rows.cpu()).run(values[:, :, None, None])
            yield part, {"output": changed}, {"output": output[rows]}

    def _run(self, points: Tensor, tables: "dict[fx.Node, _Table]") -> Tensor:
        base = _Base(self._graph.network, tables)
        return torch.cat([base.run(part) for part in points.split(BATCH)])


class _Table:
    """Maps (C, H, W) of n base points as a table of their places, and two rows for what lies outside of them."""

    def __init__(self, n: int, shape: torch.Size, like: Tensor) -> None:
        channels, self._height, self._width = shape
        self._places = like.new_zeros(n * self._height * self._width + 2, channels)
        self._places[LOWEST] = float("-inf")
        self._filled = 0

    def append(self, maps: Tensor) -> None:
        """Put in the maps of the next points."""
        places = maps.permute(0, 2, 3, 1).flatten(0, 2)
        self._places[self._filled : self._filled + len(places)] = places
        self._filled += len(places)

    def read(self, points: Tensor, rows: Tensor, columns: Tensor, outside: int) -> Tensor:
        """Rows (B, h) and columns (B, w) of the maps of points (B,), as (B h w, C)."""
        index = _cross((points[:, None] * self._height + rows) * self._width, columns, torch.add)
        beyond = ~_cross(_is_within(rows, self._height), _is_within(columns, self._width), torch.logical_and)
        index.masked_fill_(beyond, len(self._places) + outside)
        return self._places.index_select(0, index.flatten().to(self._places.device))


class _Base(Walk):
    """Base points, in full; fills the tables."""

    def __init__(self, network: fx.GraphModule, tables: dict[fx.Node, _Table]) -> None:
        super().__init__(network)
        self._tables = tables

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n in self._tables:
            self._tables[n].append(value)
        return value


@dataclass(frozen=True, eq=False)
class _Patch:
    """What changed points have in a window of a node's maps, (B, C, h, w)."""

    node: fx.Node
    window: Window
    values: Tensor


class _Changed(Walk):
    """Points (B, C, 1, 1) changed at one pixel each, on windows as far as they go."""

    def __init__(
        self, graph: Graph, tables: dict[fx.Node, _Table], windows: dict[fx.Node, Window], points: Tensor
    ) -> None:
        super().__init__(graph.network)
        self._graph, self._tables, self._windows, self._points = graph, tables, windows, points

    def run_node(self, n: fx.Node) -> Any:
        window = self._windows.get(n)
        if window is not None and n in self._graph.kernels:
            values = self._apply(n, window)
        else:
            args, kwargs = self.fetch_args_kwargs_from_env(n)
            args, kwargs = map_aggregate((args, kwargs), lambda value: self._bring(value, window))
            values = getattr(self, n.op)(n.target, args, kwargs)
        return values if window is None else _Patch(n, window, values)

    def _apply(self, node: fx.Node, window: Window) -> Tensor:
        """A conv layer or pool on what its outputs in the window see."""
        module, kernels = self._graph.module(node), self._graph.kernels[node]
        values = self._read(
            self.env[node.all_input_nodes[0]],
            *(kernel.seen(span.start, span.width) for span, kernel in zip(window, kernels, strict=True)),
            outside=LOWEST if isinstance(module, nn.MaxPool2d) else ZERO,
        )
        if isinstance(module, nn.MaxPool2d):
            return max_pool(values, module, padded=True)
        if isinstance(module, nn.AvgPool2d):
            return functional.avg_pool2d(values, module.kernel_size, module.stride)
        assert isinstance(module, nn.Conv2d)
        return functional.conv2d(values, module.weight, module.bias, module.stride, 0, module.dilation, module.groups)

    def _bring(self, value: Any, window: Window | None) -> Any:
        """A patch to another window of the same map, or to the whole map."""
        if not isinstance(value, _Patch):
            return value
        if window is None:
            return self._read(value, *((np.zeros_like(span.first), span.size) for span in value.window))
        return self._read(value, *((span.start, span.width) for span in window))

    def _read(self, patch: _Patch, rows: Stretch, columns: Stretch, *, outside: int = ZERO) -> Tensor:
        """Rows and columns of the maps of changed points: the base points' with the patch put in."""
        old = [(span.start, span.width) for span in patch.window]
        if all(a[1] == b[1] and np.array_equal(a[0], b[0]) for a, b in zip(old, (rows, columns), strict=True)):
            return patch.values
        (top, height), (left, width) = rows, columns
        found = self._tables[patch.node].read(self._points, _places(rows), _places(columns), outside)
        down, right = _places((old[0][0] - top, old[0][1])), _places((old[1][0] - left, old[1][1]))
        first = torch.arange(len(down))[:, None] * height
        index = _cross((first + down) * width, right, torch.add).flatten()
        values = patch.values.permute(0, 2, 3, 1).flatten(0, 2)
        seen = _cross(_is_within(down, height), _is_within(right, width), torch.logical_and).flatten()
        if not seen.all():
            index, values = index[seen], values[seen.to(values.device)]
        found.index_copy_(0, index.to(found.device), values)
        return found.view(len(down), height, width, -1).permute(0, 3, 1, 2)


def _places(stretch: Stretch) -> Tensor:
    """(B, length)."""
    starts, length = stretch
    return torch.from_numpy(starts)[:, None] + torch.arange(length)


def _cross(rows: Tensor, columns: Tensor, join: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """(B, h) and (B, w) to (B, h, w)."""
    return join(rows[:, :, None], columns[:, None])


def _is_within(places: Tensor, size: int) -> Tensor:
    return (places >= 0) & (places < size)
