"""What a module is: weighted layer, norm, activation, pool or sum; and which axis of its output its units are."""

from torch import Tensor, nn
from torch.nn.modules import activation, batchnorm, conv, instancenorm, pooling

from probecore.models.activations import Activation

WEIGHTED = ("conv", "linear")
FOLLOWING = ("norm", "activation", "pool", "sum")
"""Kinds of what belongs to the block of the weighted layer before it."""

_CHANNELS_LAST_NORMS = (nn.LayerNorm, nn.RMSNorm)

_KINDS: tuple[tuple[str, tuple[type[nn.Module], ...]], ...] = (
    ("conv", (conv._ConvNd,)),
    ("linear", (nn.Linear,)),
    (
        "norm",
        (
            batchnorm._NormBase,
            instancenorm._InstanceNorm,
            nn.GroupNorm,
            nn.LocalResponseNorm,
            *_CHANNELS_LAST_NORMS,
        ),
    ),
    (
        "pool",
        (
            pooling._MaxPoolNd,
            pooling._AvgPoolNd,
            pooling._AdaptiveMaxPoolNd,
            pooling._AdaptiveAvgPoolNd,
            pooling._LPPoolNd,
        ),
    ),
)

_ACTIVATION_NAMES = {name.lower() for name in activation.__all__} - {
    "multiheadattention",
    "softmax",
    "softmax2d",
    "softmin",
    "logsoftmax",
}


class Function(nn.Module):
    """Stands for the calls of a function at one place of a forward pass; see `probecore.models.functions`."""

    kind: str


def kind_of(module: nn.Module) -> str:
    """conv, linear, norm, activation, pool or sum, else the class name in small letters.

    An activation is known also by its class name, for timm and others define their own.
    """
    if isinstance(module, Function):
        return module.kind
    for kind, types in _KINDS:
        if isinstance(module, types):
            return kind
    classes = type(module).__mro__
    if isinstance(module, Activation) or any(cls.__name__.lower() in _ACTIVATION_NAMES for cls in classes):
        return "activation"
    name = type(module).__name__.lower()
    return f"own {name}" if name in (*WEIGHTED, *FOLLOWING) else name


def is_known(module: nn.Module) -> bool:
    """Whether what `module` computes is known from its kind, so that nothing inside it needs a name."""
    of_torch = type(module).__module__.startswith("torch.nn.")
    return of_torch or kind_of(module) in (*WEIGHTED, *FOLLOWING)


def is_parametrization(name: str) -> bool:
    """Whether a module of this name makes another one's weights, and is no layer."""
    return "parametrizations" in name.split(".")


def fixed_units_axis(module: nn.Module, dimensions: int) -> int | None:
    """Which of the `dimensions` of one image's output are the units, where the module alone tells.

    A conv layer's channels are the first, as are those of norms over maps; a linear layer's neurons and what a
    layer norm scales are the last. Of others (activations, pools, sums) it is what it was of their input.
    """
    if isinstance(module, (nn.Linear, nn.MultiheadAttention)) or type(module) in _CHANNELS_LAST_NORMS:
        return max(dimensions - 1, 0)
    is_inherited = isinstance(module, (Function, *_CHANNELS_LAST_NORMS))  # a subclass may move the axes
    return 0 if kind_of(module) in ("conv", "norm") and not is_inherited else None


def units_first(output: Tensor, axis: int) -> Tensor:
    """An output (N, ...) with its units, which are on `axis` of one image, as the second axis: (N, F, ...)."""
    return output.movedim(axis + 1, 1)
