"""Exchanges in any basis, from the first layer's output on: moving the input along a direction adds a multiple of
one vector to it. No input is built, and no inverse transform computed.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from probecore.measures.mean_dimension.bases import Basis
from probecore.measures.mean_dimension.evaluate import BATCH, Named
from probecore.measures.mean_dimension.exchange import Swaps
from probecore.measures.mean_dimension.kernels import is_tiling, pair
from probecore.measures.mean_dimension.stages import Rest, Stage

ROWS = 500
"""Changed points that are handed on at once."""

BYTES = 1 << 30
"""Largest table of directions behind the first layer."""


class RankOne:
    """A network that starts with a conv or linear layer; see `Evaluator`.

    Where a pool tiles the first layer's maps, each of its taps is updated as a plane of its own, so that the pool
    is a maximum of contiguous planes.
    """

    chunk = BATCH
    by_feature = True

    def __init__(self, model: nn.Module, stage: Stage, points: Tensor, basis: Basis | None) -> None:
        self._model, self._stage, shape = model, stage, tuple(points.shape[1:])
        self._rest = Rest(model, [stage], shape, last=stage.modules[-1])
        directions = torch.eye(points[0].numel()) if basis is None else torch.from_numpy(basis.directions)
        with torch.inference_mode():
            directions = directions.to(points).view(-1, *shape)
            self._moves = self._planes(torch.cat([stage.move(part) for part in directions.split(BATCH)]))

    @staticmethod
    def fits(stage: Stage, points: Tensor, directions: int) -> bool:
        """Whether the table of directions has a bearable size."""
        with torch.inference_mode():
            return bool(stage.affine(points[:1]).numel() * directions * points.element_size() <= BYTES)

    def outputs(self, points: Tensor) -> Named:
        """See `Evaluator`."""
        return {"output": self._model(points)}

    def changed(self, points: Tensor, swaps: Swaps) -> Iterator[tuple[slice, Named, Named]]:
        """See `Evaluator`."""
        base = self._planes(self._stage.affine(points))
        before = self._rest(self._finish(base))
        whole = len(swaps) == len(points) * self._moves.shape[1] and len(points) >= BATCH // 2
        kept: list[Tensor] = []
        start = 0
        for part in swaps.runs() if whole else _batches(len(swaps)):
            rows = slice(None) if whole else swaps.rows[part]
            feature = int(swaps.features[part.start])
            features = slice(feature, feature + 1) if whole else swaps.features[part]
            delta = swaps.deltas[part, None]
            planes = (
                torch.addcmul(old[rows], delta, move[features]) for old, move in zip(base, self._moves, strict=True)
            )
            kept.append(self._rest(self._finish(planes)))
            if part.stop - start >= ROWS or part.stop == len(swaps):
                done = slice(start, part.stop)
                yield done, {"output": torch.cat(kept)}, {"output": before[swaps.rows[done]]}
                start, kept = part.stop, []

    def _planes(self, values: Tensor) -> Tensor:
        """(B, ...) to (T, B, P), T the taps of the pool, or 1."""
        pool = self._stage.pool
        self._map = tuple(values.shape[1:])
        self._taps = pool is not None and is_tiling(pool)
        if pool is None or not self._taps:
            return values.flatten(1)[None]
        down, right = pair(pool.kernel_size)
        self._map = (values.shape[1], values.shape[2] // down, values.shape[3] // right)
        cut = values[:, :, : self._map[1] * down, : self._map[2] * right]
        taps = [cut[:, :, y::down, x::right].flatten(1) for y in range(down) for x in range(right)]
        return torch.stack(taps)

    def _finish(self, planes: Iterator[Tensor] | Tensor) -> Tensor:
        """(B, P) of each tap to what the stage gives."""
        first, *others = planes
        for other in others:
            first = torch.maximum(first, other)
        values = first.view(-1, *self._map)
        if not self._taps:
            return self._stage.finish(values)
        return values if self._stage.activation is None else self._stage.activation(values)


def _batches(count: int) -> Iterator[slice]:
    for start in range(0, count, BATCH):
        yield slice(start, min(start + BATCH, count))
