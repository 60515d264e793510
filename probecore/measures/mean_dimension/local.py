"""Exchanges of single pixels, from window to window: what one pixel reaches is updated, the rest is as before.

Grouped by pixel, all base points share the same windows: a conv layer's update is one matrix product on the window,
a pool works on a few slices. Where the next layer is linear, its update is a product with a few of its columns.
"""

from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from probecore.measures.mean_dimension.evaluate import Named
from probecore.measures.mean_dimension.exchange import Swaps
from probecore.measures.mean_dimension.kernels import Kernel, kernels
from probecore.measures.mean_dimension.stages import Rest, Stage

ROWS = 500
"""Changed points that run through the rest of the network at once."""

CACHE_BYTES = 1 << 30
"""Matrices of one network's windows that are kept, at most."""

Window = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last."""


class Local:
    """A network that starts with convolutions; see `Evaluator`."""

    chunk = 1000
    by_feature = True

    def __init__(self, model: nn.Module, stages: list[Stage], points: Tensor) -> None:
        self._model, self._shape = model, tuple(points.shape[1:])
        stages, elements = _worthwhile(stages, points)
        self._stages = [stage for stage in stages if isinstance(stage.layer, nn.Conv2d)]
        self._head = stages[-1].layer if isinstance(stages[-1].layer, nn.Linear) else None
        self._weights = [stage.weight for stage in self._stages]
        last = self._head or stages[-1].modules[-1]
        self._rest = Rest(model, stages, self._shape, last=last)
        kept = max(1, min(128, CACHE_BYTES // (max(1, elements) * points.element_size())))
        self._matrix = lru_cache(maxsize=kept)(self._new_matrix)
        self._windows = lru_cache(maxsize=48)(self._new_window)
        self._columns = lru_cache(maxsize=128)(self._new_columns)

    def outputs(self, points: Tensor) -> Named:
        """See `Evaluator`."""
        return {"output": self._model(points)}

    def changed(self, points: Tensor, swaps: Swaps) -> Iterator[tuple[slice, Named, Named]]:
        """See `Evaluator`."""
        self._walk(points)
        output = torch.cat([self._rest(part) for part in self._end.split(ROWS)])
        kept: list[Tensor] = []
        start = 0
        for run in swaps.runs():
            rows = swaps.rows[run]
            every = None if len(rows) == len(points) else rows
            kept.append(self._update(every, swaps.deltas[run], int(swaps.features[run.start])))
            if run.stop - start >= ROWS or run.stop == len(swaps):
                part = slice(start, run.stop)
                changed = torch.cat([self._rest(each) for each in torch.cat(kept).split(ROWS)])
                yield part, {"output": changed}, {"output": output[swaps.rows[part]]}
                start, kept = run.stop, []

    def _walk(self, points: Tensor) -> None:
        """Of each stage the maps of the base points before and after pool and activation, and what follows them."""
        self._before, self._after = [], []
        values = points
        for stage in self._stages:
            self._before.append(torch.cat([stage.affine(part) for part in values.split(ROWS)]))
            values = stage.finish(self._before[-1])
            self._after.append(values)
        self._end = values if self._head is None else self._head(values.flatten(1))
        self._windows.cache_clear()

    def _update(self, rows: Tensor | None, deltas: Tensor, feature: int) -> Tensor:
        """What the stages give after one pixel moved by `deltas` (B,)."""
        _, height, width = self._shape
        channel, y, x = feature // (height * width), feature // width % height, feature % width
        window = (y, y + 1, x, x + 1)
        change = deltas[:, None]
        for index in range(len(self._stages)):
            inner, matrix = self._matrix(index, window)
            if _is_empty(inner):
                return _pick(self._end, rows)
            moved = change @ (matrix[channel : channel + 1] if index == 0 else matrix)
            window, old, new = self._finish(index, rows, inner, moved)
            if _is_empty(window):
                return _pick(self._end, rows)
            change = new.sub(old)
        if self._head is not None:
            return torch.addmm(_pick(self._end, rows), change, self._columns(window))
        maps = _pick(self._end, rows).clone()
        _cut(maps, window).copy_(new.view(_cut(maps, window).shape))
        return maps

    def _finish(self, index: int, rows: Tensor | None, inner: Window, moved: Tensor) -> tuple[Window, Tensor, Tensor]:
        """The window behind pool and activation of a stage, and its values before and after the move in `inner`."""
        stage, before, after = self._stages[index], self._before[index], self._after[index]
        pooled = outer = inner
        if stage.pool is not None:
            pooled = _reached(stage.pool, inner, after.shape)
            outer = _needed(stage.pool, pooled)
        if _is_empty(pooled):
            return pooled, moved, moved
        height, width = before.shape[2:]
        region = (max(0, outer[0]), min(height, outer[1]), max(0, outer[2]), min(width, outer[3]))
        values = _pick(self._windows(index, region), rows).view(-1, *_size(before, region))
        common = _overlap(inner, region)
        moves = moved.view(len(values), -1, inner[1] - inner[0], inner[3] - inner[2])
        _cut(values, _within(common, region)).add_(_cut(moves, _within(common, inner)))
        if stage.pool is not None and outer != region:
            values = _pad(values, region, outer)
        old = _pick(self._windows(index, pooled, after=True), rows)
        return pooled, old, stage.finish(values, padded=True).flatten(1)

    def _new_matrix(self, index: int, window: Window) -> tuple[Window, Tensor]:
        """Where a conv layer's outputs see the window, and how: (C h w, F h' w')."""
        layer, weight = self._stages[index].layer, self._weights[index]
        assert isinstance(layer, nn.Conv2d)
        maps = self._before[index].shape
        top, bottom, left, right = _reached(layer, window, maps)
        height, width = window[1] - window[0], window[3] - window[2]
        if top == bottom or left == right:
            return (top, bottom, left, right), weight.new_zeros(1, 0)
        channels = weight.shape[1] * layer.groups
        units = torch.eye(channels * height * width, dtype=weight.dtype, device=weight.device)
        units = units.view(-1, channels, height, width)
        axes = _kernels(layer)
        wide = [kernel.wide for kernel in axes]
        full = functional.conv2d(units, weight, padding=wide, dilation=layer.dilation, groups=layer.groups)
        picked = []
        for kernel, first, end, seen in zip(axes, (top, left), (bottom, right), window[::2], strict=True):
            start = first * kernel.stride - kernel.padding - seen + kernel.wide
            picked.append(slice(start, start + (end - first - 1) * kernel.stride + 1, kernel.stride))
        return (top, bottom, left, right), full[:, :, picked[0], picked[1]].reshape(len(units), -1)

    def _new_window(self, index: int, window: Window, *, after: bool = False) -> Tensor:
        """A window of a stage's maps, of all base points, (n, C h w); neighbouring pixels share it."""
        return _cut((self._after if after else self._before)[index], window).flatten(1)

    def _new_columns(self, window: Window) -> Tensor:
        """The columns of the linear layer that see the window, (C h w, outputs)."""
        assert isinstance(self._head, nn.Linear)
        weight = self._head.weight.detach().view(-1, *self._after[-1].shape[1:])
        return _cut(weight, window).flatten(1).T.contiguous()


def _worthwhile(stages: list[Stage], points: Tensor) -> tuple[list[Stage], int]:
    """The stages whose windows cost fewer multiply-adds than their maps, one at least; elements of the largest matrix.

    Judged by a pixel in the middle. Windows grow from layer to layer, until they are the maps.
    """
    values, largest = points[:1], 0
    window: Window = (points.shape[2] // 2, points.shape[2] // 2 + 1, points.shape[3] // 2, points.shape[3] // 2 + 1)
    with torch.inference_mode():
        for index, stage in enumerate(stages):
            if not isinstance(stage.layer, nn.Conv2d):
                break
            maps = stage.affine(values)
            inner = _reached(stage.layer, window, maps.shape)
            elements = values.shape[1] * _area(window) * maps.shape[1] * _area(inner)
            if index and elements > stage.weight.numel() * maps[0, 0].numel():
                return stages[:index], largest
            values, largest = stage.finish(maps), max(largest, elements)
            window = inner if stage.pool is None else _reached(stage.pool, inner, values.shape)
    return stages, largest


def _area(window: Window) -> int:
    return max(0, window[1] - window[0]) * max(0, window[3] - window[2])


def _pick(values: Tensor, rows: Tensor | None) -> Tensor:
    """Rows of `values`, as a copy."""
    return values.clone() if rows is None else values.index_select(0, rows)


def _size(maps: Tensor, window: Window) -> tuple[int, int, int]:
    return maps.shape[1], window[1] - window[0], window[3] - window[2]


def _cut(maps: Tensor, window: Window) -> Tensor:
    return maps[:, :, window[0] : window[1], window[2] : window[3]]


def _is_empty(window: Window) -> bool:
    return window[0] >= window[1] or window[2] >= window[3]


def _reached(module: nn.Module, window: Window, maps: torch.Size) -> Window:
    """The outputs of a conv layer or pool that see the window; `maps` is the shape of all."""
    rows, columns = _kernels(module)
    return *_span(window[:2], rows, maps[2]), *_span(window[2:], columns, maps[3])


def _kernels(module: nn.Module) -> tuple[Kernel, Kernel]:
    found = kernels(module)
    assert found is not None
    return found


def _span(span: tuple[int, int], kernel: Kernel, size: int) -> tuple[int, int]:
    first, end = kernel.reached(*span)
    first = min(max(0, first), size)
    return first, max(first, min(end, size))


def _needed(pool: nn.MaxPool2d, window: Window) -> Window:
    """The inputs that outputs in the window see, beyond the border where the pool pads."""
    rows, columns = _kernels(pool)
    (top, height), (left, width) = (
        rows.seen(window[0], window[1] - window[0]),
        columns.seen(window[2], window[3] - window[2]),
    )
    return top, top + height, left, left + width


def _overlap(one: Window, other: Window) -> Window:
    top, left = max(one[0], other[0]), max(one[2], other[2])
    return top, max(top, min(one[1], other[1])), left, max(left, min(one[3], other[3]))


def _within(window: Window, outer: Window) -> Window:
    """The window, counted from the corner of `outer`."""
    return window[0] - outer[0], window[1] - outer[0], window[2] - outer[2], window[3] - outer[2]


def _pad(values: Tensor, region: Window, outer: Window) -> Tensor:
    """Minus infinity around `region`, out to `outer`."""
    margins = (region[2] - outer[2], outer[3] - region[3], region[0] - outer[0], outer[1] - region[1])
    return functional.pad(values, margins, value=float("-inf"))
