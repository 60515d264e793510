"""The first stages of a network, as far as they can be updated instead of computed anew, and running the rest.

A stage is a conv or linear layer with what follows it: batch normalisation, an activation, a max-pool. It is read
off one forward pass; of an ``nn.Sequential`` all stages up to the first linear layer are found, of any other network
the first. What is found is believed only after `check` has compared the fast way with the plain one.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import prod

from torch import Tensor, nn
from torch.nn import functional

from probecore.measures.mean_dimension.kernels import is_plain, max_pool
from probecore.models.activations import Identity, TReLU
from probecore.models.tracing import trace

MONOTONE = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.Tanh,
    nn.Sigmoid,
    nn.Softplus,
    Identity,
    TReLU,
)
"""Activations that never fall, so that the maximum of a pool may be taken before them."""

Forward = Callable[[Tensor], Tensor]

_SKIPPED = (nn.Flatten, nn.Identity, nn.modules.dropout._DropoutNd)


@dataclass
class Stage:
    """One weighted layer and what follows it."""

    layer: nn.Conv2d | nn.Linear
    norm: nn.BatchNorm2d | None = None
    activation: nn.Module | None = None
    pool: nn.MaxPool2d | None = None
    modules: list[nn.Module] = field(default_factory=list)
    """All of them, with flattenings before, in the order they run."""

    @property
    def weight(self) -> Tensor:
        """The layer's weight, times the scale of the normalisation."""
        weight = self.layer.weight.detach()
        if self.norm is None or self.norm.running_var is None:
            return weight
        scale = (self.norm.running_var.double() + self.norm.eps).rsqrt()
        scale = scale if self.norm.weight is None else scale * self.norm.weight.detach()
        return (weight * scale.view(-1, *[1] * (weight.ndim - 1))).to(weight.dtype)

    def move(self, directions: Tensor) -> Tensor:
        """How the output of `affine` moves with the input, (B, ...) to (B, ...)."""
        if isinstance(self.layer, nn.Linear):
            return functional.linear(directions.flatten(1), self.weight)
        layer = self.layer
        return functional.conv2d(
            directions,
            self.weight,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=layer.groups,
        )

    def affine(self, inputs: Tensor) -> Tensor:
        """Layer and normalisation."""
        outputs: Tensor = self.layer(inputs.flatten(1) if isinstance(self.layer, nn.Linear) else inputs)
        return outputs if self.norm is None else self.norm(outputs)

    def finish(self, values: Tensor, *, padded: bool = False) -> Tensor:
        """Pool and activation; the pool first, which is the same and less work where the activation is monotone.

        `padded`: `values` are already padded with minus infinity where the pool pads.
        """
        if self.pool is None:
            return values if self.activation is None else self.activation(values)
        values = max_pool(values, self.pool, padded=padded)
        return values if self.activation is None else self.activation(values)


def stages_of(model: nn.Module, points: Tensor) -> list[Stage]:
    """The stages at the start of `model`, which reads `points` (N, ...); none where it starts otherwise."""
    stages: list[Stage] = []
    before: list[nn.Module] = []
    shape = tuple(points.shape[1:])
    for call in trace(model, points[:1]):
        module = call.module
        if any(module.children()):
            continue
        if call.times > 1:
            break
        if isinstance(module, _SKIPPED):
            before.append(module)
        elif isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.padding_mode == "zeros"):
            if stages and (not isinstance(model, nn.Sequential) or isinstance(stages[-1].layer, nn.Linear)):
                break
            if not stages and call.input_shape != ((prod(shape),) if isinstance(module, nn.Linear) else shape):
                break
            stages.append(Stage(module, modules=[*before, module]))
            before = []
        elif not stages or before or isinstance(stages[-1].layer, nn.Linear) or not _takes(stages[-1], module):
            break
        else:
            stages[-1].modules.append(module)
    return stages


def _takes(stage: Stage, module: nn.Module) -> bool:
    """Make `module` part of the stage, if it can be."""
    if (
        isinstance(module, nn.BatchNorm2d)
        and module.running_var is not None
        and not (stage.norm or stage.activation or stage.pool)
    ):
        stage.norm = module
    elif isinstance(module, MONOTONE) and not (stage.activation or stage.pool):
        stage.activation = module
    elif isinstance(module, nn.MaxPool2d) and stage.pool is None and is_plain(module):
        stage.pool = module
    else:
        return False
    return True


class Rest:
    """A network behind its first stages: give what they would have given, get the network's output."""

    def __init__(self, model: nn.Module, stages: list[Stage], shape: tuple[int, ...], *, last: nn.Module) -> None:
        self._model, self._shape = model, shape
        self._patches = _quick_pools(model)
        self._given: Tensor | None = None
        for module in (module for stage in stages for module in stage.modules):
            self._patches[module] = _identity
            if module is last:
                self._patches[module] = self._give
                break

    def __call__(self, given: Tensor) -> Tensor:
        """(B, ...) from the last of the replaced modules, to the network's output."""
        self._given = given
        dummy = given.new_zeros(1).expand(len(given), *self._shape)
        with patched(self._patches):
            output: Tensor = self._model(dummy)
        return output

    def _give(self, _dummy: Tensor) -> Tensor:
        assert self._given is not None
        return self._given


def _identity(values: Tensor) -> Tensor:
    return values


def _quick_pools(model: nn.Module) -> dict[nn.Module, Forward]:
    """Quick forwards for the max-pools of `model`; of a sequence, pools come before monotone activations."""
    quick: dict[nn.Module, Forward] = {
        module: partial(max_pool, pool=module)
        for module in model.modules()
        if isinstance(module, nn.MaxPool2d) and is_plain(module)
    }
    if isinstance(model, nn.Sequential):
        for first, second in pairwise(model):
            if isinstance(first, MONOTONE) and second in quick:
                quick[second] = partial(_after, first.forward, quick[second])
                quick[first] = _identity
    return quick


def _after(outer: Forward, inner: Forward, values: Tensor) -> Tensor:
    return outer(inner(values))


@contextlib.contextmanager
def patched(forwards: dict[nn.Module, Forward]) -> Iterator[None]:
    """Replace the forward functions of modules inside this block."""
    try:
        for module, forward in forwards.items():
            module.forward = forward
        yield
    finally:
        for module in forwards:
            module.__dict__.pop("forward", None)
