"""Mean dimension of a network: its outputs, fast where the network allows, and all its layers in one pass."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from probecore.determinism import numpy_generator
from probecore.errors import InputError
from probecore.measures.mean_dimension.bases import Basis
from probecore.measures.mean_dimension.estimate import around, as_points, check_options, run
from probecore.measures.mean_dimension.evaluate import BATCH, Evaluator, Named, Plain
from probecore.measures.mean_dimension.exchange import exchanges
from probecore.measures.mean_dimension.graph import Graph, Rewritten
from probecore.measures.mean_dimension.local import Local
from probecore.measures.mean_dimension.rank_one import RankOne
from probecore.measures.mean_dimension.result import MeanDimension
from probecore.measures.mean_dimension.stages import Stage, stages_of
from probecore.measures.mean_dimension.sums import Sums, Transform, unchanged
from probecore.measures.mean_dimension.windows import Windows
from probecore.models import list_layers
from probecore.models.kinds import units_first
from probecore.models.tracing import evaluating, find_call, listening, trace
from probecore.train.evaluation import at_once

TOLERANCE = 1e-4
"""Largest difference from the plain way, as a share of the largest output, with which a fast way is believed."""

ROWS_PER_PIXEL = 30
"""With fewer exchanges per pixel the local way spends its time on the windows' matrices."""

LOCAL_CONVS = 2
"""With more conv layers before the first linear one the local way's matrices take longer than convolving patches."""

ROWS_PER_DIRECTION = 1
"""With fewer exchanges per coordinate the rank-one way spends more on its table than it saves."""

LEAST_SHARE = 0.08
"""Share of the network's multiply-adds that a way must save or update, or it costs more than it gains."""

ROUNDING = 16
"""Differences of so many units in the last place of the largest output are no disagreement."""

PATHS = {Local: "local", Windows: "windows", RankOne: "rank_one", Rewritten: "rewritten", Plain: "plain"}


@dataclass(frozen=True, kw_only=True)
class NetworkMeanDimension:
    """Mean dimension of a network."""

    outputs: dict[str, MeanDimension]
    """``output``, what the network gives; with labels also ``softmax`` and ``nll``, and total indices by class."""
    layers: dict[str, MeanDimension]
    """By name; per filter for maps, per neuron else."""
    path: str
    """How it was evaluated: local, windows, rank_one, rewritten or plain."""


def network_mean_dimension(
    model: nn.Module,
    inputs: Tensor,
    *,
    basis: Basis | None = None,
    labels: Tensor | None = None,
    layers: Sequence[str] = (),
    shuffles: int = 1,
    features: int | None = None,
    precision: float | None = None,
    batch: int | None = None,
    fast: bool = True,
    generator: np.random.Generator | None = None,
) -> NetworkMeanDimension:
    """Mean dimension of a network's outputs over `inputs`, and of the outputs of its modules `layers`.

    Parameters
    ----------
    model : network
    inputs : scaled inputs, shape (N, ...)
    basis : directions in which to exchange; None for pixels
    labels : classes (N,); adds the softmax, the NLL with the base point's label, and total indices by class
    layers : modules, by name, with `#1`, `#2`, … where they are called more than once; they rule the fast ways out
    shuffles, features, precision, generator : as for `mean_dimension`
    batch : changed inputs per forward pass, where no fast way is taken
    fast : compute only what an exchange changes, where the network allows and a check agrees

    Raises
    ------
    InputError
        As `mean_dimension`, but constant outputs give NaN; or if labels are not one whole number for each input, or a
        layer is unknown.
    """
    check_options(shuffles=shuffles, features=features, precision=precision, batch=batch)
    _check_names(model, layers)
    generator = generator or numpy_generator("mean_dimension")
    points = as_points(inputs)
    if (weight := next(model.parameters(), None)) is not None:
        points = points.to(weight)
    if labels is not None and (labels.shape != (len(points),) or labels.is_floating_point()):
        raise InputError(f"labels: {tuple(labels.shape)} {labels.dtype}; give {len(points)} whole numbers")
    order = torch.from_numpy(generator.permutation(len(points)))
    points = points[order]
    with evaluating(model), torch.inference_mode():
        coordinates = points.flatten(1) if basis is None else basis.coordinates(points)
        sums, sources = _outputs(
            len(points), coordinates.shape[1], None if labels is None else labels[order].to(points.device)
        )
        for name in layers:
            sums[name] = Sums(len(points), 0)
        batch = batch or at_once(points.shape[1:], BATCH)
        plain = Plain(_recorder(model, layers, points[:1]), basis=basis, batch=batch)
        evaluator: Evaluator = plain
        if fast and not layers:
            rows = len(points) * min(1.0, (features or coordinates.shape[1]) / coordinates.shape[1])
            evaluator = _fastest(model, points, coordinates, basis, plain, rows=rows)
        results = run(
            evaluator,
            points,
            sums,
            sources=sources | {name: name for name in layers},
            shape=tuple(points.shape[1:]) if basis is None else tuple(coordinates.shape[1:]),
            coordinates=coordinates,
            donors=around(coordinates, shuffles),
            features=features,
            precision=precision,
            generator=generator,
        )
    return NetworkMeanDimension(
        outputs={name: results[name] for name in sources},
        layers={name: results[name] for name in layers},
        path=PATHS[type(evaluator)],
    )


def _check_names(model: nn.Module, layers: Sequence[str]) -> None:
    for layer in layers:
        find_call(model, layer)


def _outputs(points: int, features: int, labels: Tensor | None) -> tuple[dict[str, Sums], dict[str, str]]:
    """What is measured of the network's output, and that it is made of that."""
    transforms: dict[str, Transform] = {"output": unchanged}
    if labels is not None:
        transforms["softmax"] = lambda raw, _points: raw.softmax(1)
        transforms["nll"] = lambda raw, points: functional.cross_entropy(raw, labels[points], reduction="none")
    sums = {name: Sums(points, features, transform=transform, groups=labels) for name, transform in transforms.items()}
    return sums, dict.fromkeys(sums, "output")


def _recorder(model: nn.Module, layers: Sequence[str], example: Tensor) -> Callable[[Tensor], Named]:
    """A forward pass that gives the network's output and those of its layers, (B, F, ...) with their units first."""
    modules = {find_call(model, layer)[0] for layer in layers}
    axes = {(call.name, call.index): call.axis for call in trace(model, example)} if layers else {}

    def call(points: Tensor) -> Named:
        outputs: Named = {}

        def keep(name: str, index: int, _inputs: object, output: Tensor) -> None:
            for layer in (name, f"{name}#{index}"):
                if layer in layers:
                    outputs[layer] = units_first(output, axes[name, index]).clone()

        with listening(model, modules, keep):
            outputs["output"] = model(points.clone())  # its first modules may work in place
        return outputs

    return call


def _fastest(
    model: nn.Module, points: Tensor, coordinates: Tensor, basis: Basis | None, plain: Plain, *, rows: float
) -> Evaluator:
    """The fastest evaluator that agrees with the plain one on a few exchanges."""
    if _writes_into_inputs(model, points[:2]):
        return plain
    for build in _candidates(model, points, coordinates.shape[1], basis, rows):
        evaluator = build()
        if _agrees(evaluator, plain, points[:4], coordinates[:4]):
            return evaluator
    return plain


def _writes_into_inputs(model: nn.Module, points: Tensor) -> bool:
    given = points.clone()
    model(given)
    return not torch.equal(given, points)


def _candidates(
    model: nn.Module, points: Tensor, directions: int, basis: Basis | None, rows: float
) -> Iterator[Callable[[], Evaluator]]:
    stages = stages_of(model, points)
    shares = _shares(model, stages, points) if stages else []
    fits_local = bool(stages) and isinstance(stages[0].layer, nn.Conv2d) and sum(shares) >= LEAST_SHARE
    is_local = basis is None and fits_local and rows >= ROWS_PER_PIXEL
    if is_local and _is_short(stages):
        yield lambda: Local(model, stages, points)
    graph = _graph(model, points)
    if basis is None and graph is not None and graph.saved() >= LEAST_SHARE:
        yield lambda: Windows(graph, points)
    if is_local and not _is_short(stages):
        yield lambda: Local(model, stages, points)
    if (
        stages
        and rows >= ROWS_PER_DIRECTION
        and shares[0] >= LEAST_SHARE
        and RankOne.fits(stages[0], points, directions)
    ):
        yield lambda: RankOne(model, stages[0], points, basis)
    if graph is not None:
        yield lambda: Rewritten(graph, basis)


def _is_short(stages: list[Stage]) -> bool:
    """Whether there are few conv layers, and then a linear one."""
    return len(stages) <= LOCAL_CONVS + 1 and isinstance(stages[-1].layer, nn.Linear)


def _graph(model: nn.Module, points: Tensor) -> Graph | None:
    """None where the network has no maps or cannot be traced; it may be anyone's code and fail in any way."""
    if not any(isinstance(module, nn.Conv2d) for module in model.modules()):
        return None
    try:
        return Graph(model, points)
    except Exception:
        return None


def _shares(model: nn.Module, stages: list[Stage], points: Tensor) -> list[float]:
    """Share of each stage in the network's multiply-adds."""
    macs = {model.get_submodule(layer.name): layer.macs for layer in list_layers(model, tuple(points.shape[1:]))}
    return [macs[stage.layer] / sum(macs.values()) for stage in stages]


def _agrees(evaluator: Evaluator, plain: Evaluator, points: Tensor, coordinates: Tensor) -> bool:
    """Compare both on the same exchanges, about 64, evenly over the coordinates and the points."""
    count, features = coordinates.shape
    turn, rest = np.divmod(np.arange(features), max(1, features // 64))
    kept = torch.from_numpy((rest == 0) & (turn % count == np.arange(count)[:, None]))
    donors = torch.where(kept.to(coordinates.device), coordinates.roll(-1, 0), coordinates)
    found, largest = [], 0.0
    for each in (evaluator, plain):
        swaps = exchanges(coordinates, donors, generator=np.random.default_rng(0), by_feature=each.by_feature)
        changes = torch.zeros_like(coordinates).double()
        try:
            for part, after, before in each.changed(points, swaps):
                change = (after["output"] - before["output"]).flatten(1).double()
                changes[swaps.rows[part], swaps.features[part]] = change.norm(dim=1)
                largest = max(largest, float(before["output"].abs().max()))
        except Exception:
            return False
        found.append(changes)
    bound = TOLERANCE * found[1].max() + ROUNDING * torch.finfo(points.dtype).eps * largest
    return bool((found[0] - found[1]).abs().max() <= bound)
