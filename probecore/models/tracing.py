"""One forward pass through any ``nn.Module``, call by call, and which call reads what of which.

Not here: what a module is, what is kept of its output. Hooks are removed and modes restored whatever happens.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from probecore.errors import InputError
from probecore.models.kinds import fixed_units_axis, is_known, is_parametrization, kind_of
from probecore.schema import did_you_mean


@dataclass(frozen=True)
class Call:
    """One call of a module in a forward pass."""

    name: str
    """Dotted name of the module; the network itself is ''."""
    module: nn.Module
    index: int
    """1 for its first call."""
    times: int
    """How often the forward pass calls the module."""
    input_shape: tuple[int, ...]
    """For one image, without the batch axis; of the first tensor where there are several."""
    shape: tuple[int, ...]
    """Of the output, e.g. (C, H, W); else like `input_shape`."""
    is_tensor: bool
    """Whether the output is one tensor of floats over the images."""
    axis: int = 0
    """Which axis of `shape` are the units: channels or neurons."""
    input_changes: bool = False
    """Whether something later in the pass writes into the input."""

    @property
    def layer(self) -> str:
        """Name of the call: the module's, with `#1`, `#2`, … where the module is called more than once."""
        return self.name if self.times == 1 else f"{self.name}#{self.index}"

    @property
    def units(self) -> int:
        """How many units the output has."""
        return self.shape[self.axis] if self.shape else 1


@dataclass
class Step:
    """A module that returned, or a function that was called in a `forward`."""

    name: str
    """The module's, or the function's."""
    sources: tuple[int, ...]
    """Which steps gave what it reads, by their places."""
    axis: int
    """Which axis of one image's output are its units."""
    shape: tuple[int, ...]
    call: Call | None = None
    """None for a function."""
    passes_on: bool = False
    """Whether its output is that of a step inside of it, or what it was given."""
    owner: str = ""
    """Name of the module whose `forward` calls the function."""
    number: int = 0
    """Which call of a function of this name in that `forward` it is, from 1."""
    function: Callable[..., Any] | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


def trace(model: nn.Module, inputs: Tensor) -> list[Call]:
    """All calls of one forward pass of `inputs` (N, ...) in evaluation mode, in the order in which they end."""
    return [step.call for step in steps(model, inputs) if step.call is not None]


def steps(model: nn.Module, inputs: Tensor) -> list[Step]:
    """All modules and functions of one forward pass of `inputs` (N, ...) in evaluation mode, as they end.

    Functions that modules of known kinds call are not among them, nor is what gives back what it is given.
    """
    modules = {name: module for name, module in model.named_modules() if not is_parametrization(name)}
    with contextlib.ExitStack() as stack:
        stack.enter_context(evaluating(model))
        stack.enter_context(torch.inference_mode(False))
        inputs = inputs.clone()  # of inference mode, where torch does not count what is written into a tensor
        watch = _Watch(inputs)
        for name, module in modules.items():
            for handle in (
                module.register_forward_pre_hook(watch.begin(name)),
                module.register_forward_hook(watch.end(name), with_kwargs=True),
            ):
                stack.callback(handle.remove)
        with watch:
            model(inputs)
    return watch.finish()


def find_call(model: nn.Module, layer: str) -> tuple[str, int | None]:
    """The module of a layer's name and which of its calls is meant, from 1; None for all.

    Raises
    ------
    InputError
        If there is no such module.
    """
    modules = dict(model.named_modules())
    name, mark, index = layer.rpartition("#")
    if layer in modules:
        return layer, None
    if mark and name in modules and index.isdecimal():
        return name, int(index)
    raise InputError(f"layers: no module {layer!r}{did_you_mean(layer, filter(None, modules))}")


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; every module's own mode is restored in the end.

    Not torch's inference mode, for a network may keep a tensor and need it for training later.
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        with torch.no_grad():
            model.eval()
            yield
    finally:
        for module, training in modes:
            module.training = training


@contextlib.contextmanager
def listening(
    model: nn.Module, names: Iterable[str], receive: Callable[[str, int, tuple[Any, ...], Any], Any]
) -> Iterator[Counter[str]]:
    """Call `receive(name, index, inputs, output)` at each call of the named modules, as long as the block lasts.

    What it returns, but None, takes the place of the output. Yields the number of calls so far; clear it before each
    forward pass.
    """
    times: Counter[str] = Counter()

    def hook_of(name: str) -> Callable[[nn.Module, Any, Any, Any], Any]:
        def hook(_module: nn.Module, args: Any, keywords: Any, output: Any) -> Any:
            times[name] += 1
            return receive(name, times[name], (*args, *keywords.values()), output)

        return hook

    with contextlib.ExitStack() as hooks:
        for name in names:
            handle = model.get_submodule(name).register_forward_hook(hook_of(name), with_kwargs=True)
            hooks.callback(handle.remove)
        yield times


def base_name(function: Callable[..., Any]) -> str:
    """A function's name without the underscores that tell of operators and of writing in place."""
    return str(getattr(function, "__name__", function)).strip("_")


def shape_per_image(output: Any, images: int) -> tuple[int, ...] | None:
    """Shape of `output` for one of so many images; None if it is not one tensor of floats over them."""
    if not isinstance(output, Tensor) or not output.is_floating_point() or output.shape[:1] != (images,):
        return None
    return tuple(output.shape[1:])


class _Watch(TorchFunctionMode):
    """Notes the steps of a forward pass; a tensor is known by its identity, so all are kept until the end."""

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self._images = len(inputs)
        self._steps: list[Step] = []
        self._running: list[tuple[nn.Module, str, int, dict[int, int]]] = []
        self._times: Counter[str] = Counter()
        self._counts: list[Counter[str]] = []
        self._kept: list[Tensor] = [inputs]
        self._made: dict[int, tuple[int, int]] = {id(inputs): (-1, 0)}
        self._read: list[tuple[int, Tensor, int]] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """See `TorchFunctionMode`."""
        kwargs = kwargs or {}
        if not self._running or is_known(self._running[-1][0]):
            return func(*args, **kwargs)
        name = base_name(func)
        self._counts[-1][name] += 1
        given = self._sources((args, kwargs))
        before = {id(tensor): tensor._version for tensor in given}
        output = func(*args, **kwargs)
        made = list(_tensors(output))
        if given and made and not _is_passed_on(before, made):
            axis = _axis_of_function(func, args, kwargs, self._axes(given), given[0], made[0])
            owner, number = self._running[-1][1], self._counts[-1][name]
            call = {"owner": owner, "number": number, "function": func, "args": args, "kwargs": kwargs}
            self._add(Step(name, self._positions(given), axis, _shape(output), **call), made)
        return output

    def begin(self, name: str) -> Callable[[nn.Module, Any], None]:
        """A hook for the moment when a module is called."""

        def hook(module: nn.Module, args: Any) -> None:
            before = {id(tensor): tensor._version for tensor in _tensors(args)}
            self._running.append((module, name, len(self._steps), before))
            self._counts.append(Counter())

        return hook

    def end(self, name: str) -> Callable[[nn.Module, Any, Any, Any], None]:
        """A hook for the moment when it returns."""

        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            *_, started, before = self._running.pop()
            self._counts.pop()
            self._times[name] += 1
            given, made = self._sources((args, kwargs)), list(_tensors(output))
            shape = _shape(output)
            known = fixed_units_axis(module, len(shape))
            axes = [self._made[id(tensor)][1] for tensor in made if id(tensor) in self._made]
            is_container = len(self._steps) > started and bool(axes)
            if known is None:
                known = axes[0] if is_container else _kept_axis(self._axes(given), _shape(args or kwargs), shape)
            is_tensor = shape_per_image(output, self._images) is not None
            call = Call(
                name, module, self._times[name], 0, _shape((*args, *kwargs.values())), shape, is_tensor, axis=known
            )
            is_activation = kind_of(module) == "activation"  # also one that gives back what it reads
            passes_on = is_container or (not is_activation and _is_passed_on(before, made))
            step = Step(name, self._positions(given), known, shape, call, passes_on)
            self._read += [(len(self._steps), tensor, tensor._version) for tensor in given[:1]]
            self._add(step, [] if passes_on else made)

        return hook

    def finish(self) -> list[Step]:
        """The steps, with what only the whole pass tells of their calls."""
        changed = {place for place, tensor, version in self._read if tensor._version != version}
        for place, step in enumerate(self._steps):
            if step.call is not None:
                step.call = replace(step.call, times=self._times[step.call.name], input_changes=place in changed)
        return self._steps

    def _add(self, step: Step, made: list[Tensor]) -> None:
        for tensor in made:
            self._kept.append(tensor)
            self._made[id(tensor)] = (len(self._steps), step.axis)
        self._steps.append(step)

    def _sources(self, values: Any) -> list[Tensor]:
        return [tensor for tensor in _tensors(values) if id(tensor) in self._made]

    def _positions(self, given: list[Tensor]) -> tuple[int, ...]:
        return tuple(place for place, _ in (self._made[id(tensor)] for tensor in given) if place >= 0)

    def _axes(self, given: list[Tensor]) -> int | None:
        return self._made[id(given[0])][1] if given else None


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(tuple(values.values()))
    elif isinstance(values, (tuple, list)):
        for value in values:
            yield from _tensors(value)


def _is_passed_on(before: Mapping[int, int], made: list[Tensor]) -> bool:
    """Whether all that was made was there before, and nothing was written into it; versions `before` by identity."""
    return bool(made) and all(before.get(id(tensor)) == tensor._version for tensor in made)


def _axis_of_function(
    func: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    axis: int | None,
    given: Tensor,
    made: Tensor,
) -> int:
    """Where the units are in what a function made of `given`, whose units were on `axis`."""
    name, dimensions = base_name(func), made.dim() - 1
    if name == "linear":
        return max(dimensions - 1, 0)
    if name.startswith("conv"):
        return 0
    order = list(range(given.dim()))
    if name == "permute":
        dims = args[1:] or tuple(kwargs.values())
        order = [dim % given.dim() for dim in (dims[0] if isinstance(dims[0], (tuple, list)) else dims)]
    elif name in ("transpose", "swapaxes") and len(args) == 3:
        first, second = args[1] % given.dim(), args[2] % given.dim()
        order[first], order[second] = order[second], order[first]
    else:
        return _kept_axis(axis, tuple(given.shape[1:]), tuple(made.shape[1:]))
    return max(order.index((axis or 0) + 1) - 1, 0)


def _kept_axis(axis: int | None, before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """Units stay on their axis, or the last one, where shapes allow; else they are the first."""
    if axis is None or not before or not after:
        return 0
    if len(before) == len(after):
        return axis
    return len(after) - 1 if axis == len(before) - 1 and before[-1] == after[-1] else 0


def _shape(values: Any) -> tuple[int, ...]:
    """The shape of a tensor without the batch axis; of the first one in a tuple, list or dict."""
    if isinstance(values, Tensor):
        return tuple(values.shape[1:])
    if isinstance(values, dict):
        values = tuple(values.values())
    return next((_shape(item) for item in values), ()) if isinstance(values, (tuple, list)) else ()
