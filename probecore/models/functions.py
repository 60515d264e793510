"""Functions called in a `forward` as modules: what `F.relu(x)` or `x + y` gives can be listened to by name.

`name_functions` runs a network once and gives each call of an activation, pool, norm or flattening function, and each
sum of maps, a module: `relu#3` is the third `relu` in the `forward` of the network, `layer1.0.add#1` the first sum in
that of its module `layer1.0`. From then on such a call goes through its module, with the same arguments; numbers,
parameters and the state dict stay as they are.
"""

import contextlib
import functools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from probecore.models.activations import Absolute
from probecore.models.kinds import Function, is_known
from probecore.models.tracing import Step, base_name, steps

_ACTIVATIONS: Mapping[str, Callable[..., nn.Module]] = {
    "abs": Absolute,
    "celu": nn.CELU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "hardshrink": nn.Hardshrink,
    "hardsigmoid": nn.Hardsigmoid,
    "hardswish": nn.Hardswish,
    "hardtanh": nn.Hardtanh,
    "leaky_relu": nn.LeakyReLU,
    "logsigmoid": nn.LogSigmoid,
    "mish": nn.Mish,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "softshrink": nn.Softshrink,
    "softsign": nn.Softsign,
    "tanh": nn.Tanh,
    "tanhshrink": nn.Tanhshrink,
}
_POOLS: Mapping[str, Callable[..., nn.Module]] = {
    f"{kind}_pool{size}d": getattr(nn, f"{title}Pool{size}d")
    for kind, title in (
        ("max", "Max"),
        ("avg", "Avg"),
        ("adaptive_avg", "AdaptiveAvg"),
        ("adaptive_max", "AdaptiveMax"),
        ("lp", "LP"),
    )
    for size in (1, 2, 3)
}
_MODULES = {**_ACTIVATIONS, **_POOLS, "flatten": nn.Flatten}
"""Modules that take the function's arguments after the first, in their order or by their names."""

_KINDS = {
    **dict.fromkeys((*_ACTIVATIONS, "clamp", "clamp_min", "rrelu", "threshold", "prelu", "glu"), "activation"),
    **dict.fromkeys(_POOLS, "pool"),
    **dict.fromkeys(("batch_norm", "layer_norm", "group_norm", "instance_norm", "local_response_norm"), "norm"),
    "rms_norm": "norm",
}
"""What functions are that no module stands for, with their arguments."""

_POSITIONAL = {f"max_pool{size}d": 4 for size in (1, 2, 3)}
"""So many arguments after the first have the order of the module's."""


class Called(Function):
    """A function of a kind, called with all the arguments that the network's code gives it."""

    def __init__(self, function: Callable[..., Any], kind: str) -> None:
        super().__init__()
        self.function, self.kind = function, kind

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the function gives."""
        return self.function(*args, **kwargs)

    def extra_repr(self) -> str:
        """The function, for `print(model)`."""
        return base_name(self.function)


def name_functions(model: nn.Module, inputs: Tensor) -> None:
    """Give names to the functions that `model` calls, in place; `inputs` (N, ...) are run once, in evaluation mode.

    Networks whose own code calls no function are left as they are, and a call that differs from that of this pass
    (other arguments, or more calls than here) goes on without a name.
    """
    modules = dict(model.named_modules())
    if all(is_known(module) for module in modules.values()):
        return
    for step in steps(model, inputs):
        owner = modules.get(step.owner)
        if step.function is None or owner is None or "forward" in vars(owner):
            continue
        if (module := _module_of(step)) is not None:
            _give(owner, step, module)


def _give(owner: nn.Module, step: Step, module: nn.Module) -> None:
    """Make `module` stand for a call in the `forward` of `owner`."""
    if not hasattr(type(owner), "named_calls"):
        owner.__class__ = _owner_class(type(owner))  # type: ignore[arg-type]
        vars(owner)["named_calls"] = {}
        vars(owner)["call_counts"] = None
    base = step.name if not hasattr(owner, step.name) else f"{step.name}_function"
    name = f"{base}#{step.number}"
    if (step.name, step.number) not in vars(owner)["named_calls"]:
        vars(owner)["named_calls"][step.name, step.number] = (name, _constants(step.args, step.kwargs))
        owner.add_module(name, module)


def _module_of(step: Step) -> nn.Module | None:
    """A module for a call of a function that is known, with its arguments; None for others."""
    function, (first, *rest), kwargs = step.function, step.args or (None,), dict(step.kwargs)
    if function is None or not isinstance(first, Tensor) or (not step.shape and first.dim() > 2):
        return None
    if step.name == "add":
        same = len(rest) == 1 and isinstance(rest[0], Tensor) and rest[0].shape == first.shape and not kwargs
        return Called(function, "sum") if same else None
    if step.name in ("mean", "amax"):
        return Called(function, "pool") if _is_over_maps(first, *rest, **kwargs) else None
    if kwargs.pop("return_indices", False) or (step.name == "flatten" and not rest and "start_dim" not in kwargs):
        return None
    if function.__name__.endswith("_"):
        kwargs["inplace"] = True
    if step.name in _MODULES and len(rest) <= _POSITIONAL.get(step.name, len(rest)):
        with contextlib.suppress(TypeError):
            return _MODULES[step.name](*rest, **kwargs)
    return Called(function, _KINDS[step.name]) if step.name in _KINDS else None


def _is_over_maps(maps: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> bool:
    """Whether these are maps, and `dim` all their places."""
    dims = dim if isinstance(dim, (tuple, list)) else (dim,)
    whole = all(isinstance(each, int) for each in dims)
    return maps.dim() > 2 and whole and sorted(each % maps.dim() for each in dims) == list(range(2, maps.dim()))


def _constants(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """The arguments of a call behind the first, tensors aside, to be compared."""
    return tuple(
        (key, Tensor if isinstance(value, Tensor) else value)
        for key, value in (*enumerate(args[1:]), *sorted(kwargs.items()))
    )


@functools.cache
def _owner_class(cls: type[nn.Module]) -> type[nn.Module]:
    """A class like `cls` whose functions go through their modules while its `forward` runs."""

    @functools.wraps(cls.forward)
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        counts = vars(self)["call_counts"]
        vars(self)["call_counts"] = Counter()
        try:
            with contextlib.nullcontext() if _Routing.state.active else _Routing():
                return cls.forward(self, *args, **kwargs)
        finally:
            vars(self)["call_counts"] = counts

    body = {"forward": forward, "named_calls": {}, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    return type(cls.__name__, (cls,), body)


class _State(threading.local):
    active = False


class _Routing(TorchFunctionMode):
    """Sends calls of functions to the modules that stand for them.

    Which module's `forward` runs is read off the stack: the innermost call of a module is that of an owner, or of
    a module of another kind, whose functions are its own business.
    """

    state = _State()

    def __enter__(self) -> Any:
        """Begin; see `TorchFunctionMode`."""
        self.state.active = True
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        """End; see `TorchFunctionMode`."""
        self.state.active = False
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """See `TorchFunctionMode`."""
        kwargs = kwargs or {}
        name = base_name(func)
        owner = _running_owner() if name in _NAMED else None
        if owner is None:
            return func(*args, **kwargs)
        counts = vars(owner)["call_counts"]
        counts[name] += 1
        attribute, constants = vars(owner)["named_calls"].get((name, counts[name]), ("", None))
        if constants is None or constants != _constants(args, kwargs):
            return func(*args, **kwargs)
        module = owner._modules[attribute]
        assert module is not None
        return module(*args, **kwargs) if isinstance(module, Function) else module(args[0])


_NAMED = {*_MODULES, *_KINDS, "add", "mean", "amax"}
_CALL = nn.Module._call_impl.__code__
_FORWARD = _owner_class(nn.Identity).forward.__code__


def _running_owner() -> nn.Module | None:
    """The owner whose `forward` calls, if the innermost running module is one."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code is not _CALL:
        if frame.f_code is _FORWARD:
            owner: nn.Module = frame.f_locals["self"]
            return owner
        frame = frame.f_back  # type: ignore[assignment]
    return None
