"""What is kept while exchanged points stream by: sums per pair, per coordinate and per node. No Δ is stored."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from probecore.measures.mean_dimension.exchange import Swaps
from probecore.measures.mean_dimension.intervals import Array, estimate_ratios
from probecore.measures.mean_dimension.result import MeanDimension, PerOutput

Transform = Callable[[Tensor, Tensor], Tensor]
"""Raw outputs (B, ...) of points, and the points' indices (B,), to what is measured (B, ...)."""


def unchanged(raw: Tensor, _points: Tensor) -> Tensor:
    """The raw outputs."""
    return raw


class Sums:
    """Sums for one output of a function: K scalars, or a layer of G groups (filters) of P nodes.

    Parameters
    ----------
    points : N
    features : D coordinates, or 0 if nothing is kept per coordinate
    transform : raw outputs to what is measured
    groups : group of each point, (N,), for total indices by group
    """

    def __init__(
        self, points: int, features: int, *, transform: Transform = unchanged, groups: Tensor | None = None
    ) -> None:
        self.points, self.features, self.transform = points, features, transform
        self._groups = groups
        self._group_count = 1 if groups is None else int(groups.max()) + 1
        self._mean: Tensor | None = None
        self.per_shuffle: list[Tensor] = []

    def centre(self, raw: Tensor, start: int) -> None:
        """First pass over the points: means. `start` is the index of the first of them."""
        outputs = self._measured(raw, torch.arange(start, start + len(raw), device=raw.device))
        self._epsilon = torch.finfo(raw.dtype).eps
        total = outputs.double().sum(0)
        self._mean = total if self._mean is None else self._mean + total

    def start(self) -> None:
        """Between the passes."""
        assert self._mean is not None
        self._mean /= self.points
        device, (groups, _) = self._mean.device, self._mean.shape
        self.variance = torch.zeros_like(self._mean)
        self.deviations = torch.zeros(self.points, groups, dtype=torch.float64, device=device)
        self._node = torch.zeros_like(self._mean)
        shapes = (self.features, groups), (self._group_count, self.features)
        zeros = [torch.zeros(shape, dtype=torch.float64, device=device) for shape in shapes for _ in range(2)]
        self._change, self._square, self._trace, self._trace2 = zeros
        self._change2 = torch.zeros_like(self._change)

    def spread(self, raw: Tensor, start: int) -> None:
        """Second pass over the points: squared deviations."""
        assert self._mean is not None
        outputs = self._measured(raw, torch.arange(start, start + len(raw), device=raw.device))
        squares = (outputs - self._mean) ** 2
        self.variance += squares.sum(0) / self.points
        self.deviations[start : start + len(raw)] = squares.sum(2)

    def alive(self) -> Tensor:
        """Which nodes (G, P) vary by more than rounding."""
        assert self._mean is not None
        return self.variance > (8 * self._epsilon * self._mean) ** 2

    def begin_shuffle(self) -> None:
        """Before the exchanges of a shuffle."""
        self.per_shuffle.append(torch.zeros_like(self.deviations))

    def add(self, swaps: Swaps, part: slice, start: int, changed: Tensor, raw: Tensor) -> None:
        """Outputs after the exchanges `part` of `swaps`, and before them; the chunk begins at point `start`."""
        points, features = swaps.rows[part] + start, swaps.features[part]
        weights = None if swaps.weights is None else swaps.weights[part]
        change = self._measured(changed, points) - self._measured(raw, points)
        squares = change**2 / 2
        if weights is not None:
            squares = squares * weights.to(squares)[:, None, None]
        if squares.shape[2] > 1:
            self._node += squares.sum(0)
        grouped = squares.sum(2).double()
        self.per_shuffle[-1].index_add_(0, points, grouped)
        if self.features:
            linear = change[:, :, 0].double()
            linear = linear if weights is None else linear * weights[:, None]
            self._change.index_add_(0, features, linear)
            self._change2.index_add_(0, features, linear**2)
            self._square.index_add_(0, features, grouped)
            trace = grouped.sum(1)
            key = features if self._groups is None else self._groups[points] * self.features + features
            self._trace.view(-1).index_add_(0, key, trace)
            self._trace2.view(-1).index_add_(0, key, trace**2)

    def result(self, *, shape: tuple[int, ...], evaluations: int, generator: np.random.Generator) -> MeanDimension:
        """The estimate; `shape` is that of one input's coordinates."""
        alive = self.alive()
        some = alive.any(1)
        shuffles = len(self.per_shuffle)
        indices = _numpy(torch.stack(self.per_shuffle).sum(0) / shuffles)
        deviations = _numpy(self.deviations * some)
        both = [np.column_stack([each, each.sum(1)]) for each in (indices, deviations)]
        ratios = estimate_ratios(np.stack(both, axis=2), reach=shuffles, generator=generator)
        pairs = self.points * shuffles
        variance = _numpy(self.variance.sum(1))
        square, change, change2 = _numpy(self._square), _numpy(self._change), _numpy(self._change2)
        # Where coordinates are drawn, the square of an unbiased mean is too large: by change2 - 2 square, else 0.
        form = (square / pairs - (change**2 - change2 + 2 * square) / pairs**2 / 2).sum(0)
        node_mean = indices.mean(0) / np.where(_numpy(some) > 0, variance, np.nan)
        if self._node.shape[1] > 1:
            node_mean = _numpy((self._node / pairs / self.variance)[alive])
        return MeanDimension(
            value=float(ratios.value[-1]),
            low=float(ratios.low[-1]),
            high=float(ratios.high[-1]),
            effective=float(ratios.effective[-1]),
            variance=float(variance.sum()),
            **self._by_feature(shape, shuffles),
            per_shuffle=np.array([_ratio(float(each.sum()), deviations.sum()) for each in self.per_shuffle]),
            variance_form=_ratio(float(form.sum()), float(variance.sum())) if self.features else float("nan"),
            outputs=PerOutput(
                value=ratios.value[:-1],
                low=ratios.low[:-1],
                high=ratios.high[:-1],
                effective=ratios.effective[:-1],
                variance=variance,
                total_indices=square / pairs,
                variance_form=form / np.where(_numpy(some) > 0, variance, np.nan) if self.features else np.empty(0),
            ),
            ratios=ratios,
            node_mean=float(np.nanmean(node_mean)) if np.isfinite(node_mean).any() else float("nan"),
            nodes=alive.numel(),
            dead=int((~alive).sum()),
            n=self.points,
            evaluations=evaluations,
        )

    def _measured(self, raw: Tensor, points: Tensor) -> Tensor:
        """(B, G, P), with P = 1 for outputs that are not maps."""
        outputs = self.transform(raw, points)
        groups = outputs.shape[1] if outputs.ndim > 1 else 1
        return outputs.reshape(len(outputs), groups, -1)

    def _by_feature(self, shape: tuple[int, ...], shuffles: int) -> dict[str, Any]:
        """Total indices and their standard errors, over all points and by group."""
        if not self.features:
            return dict.fromkeys(("total_indices", "errors", "group_indices", "group_errors"), np.empty(0))
        sizes = torch.full((1,), self.points) if self._groups is None else self._groups.bincount()
        pairs = (sizes.to(self._trace.device) * shuffles)[:, None]
        total, errors = _mean_and_error(self._trace.sum(0), self._trace2.sum(0), self.points * shuffles)
        group, group_errors = _mean_and_error(self._trace, self._trace2, pairs)
        empty = self._groups is None
        return {
            "total_indices": total.reshape(shape),
            "errors": errors.reshape(shape),
            "group_indices": np.empty(0) if empty else group.reshape(-1, *shape),
            "group_errors": np.empty(0) if empty else group_errors.reshape(-1, *shape),
        }


def _mean_and_error(total: Tensor, squares: Tensor, pairs: Tensor | int) -> tuple[Array, Array]:
    mean = total / pairs
    return _numpy(mean), _numpy(((squares / pairs - mean**2).clamp(min=0) / pairs).sqrt())


def _numpy(values: Tensor) -> Array:
    return values.double().cpu().numpy()


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else float("nan")
