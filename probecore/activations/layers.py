"""Choosing among the layers of a network.

A layer is one call of a module. A module called once is the layer `relu`; one called three times is the
layers `relu#1`, `relu#2` and `relu#3`.
"""

from collections.abc import Sequence

from torch import nn

from probecore.errors import InputError
from probecore.models.kinds import FOLLOWING, WEIGHTED, kind_of
from probecore.models.selection import matching
from probecore.models.tracing import Call
from probecore.schema import did_you_mean

_PASSES_ON = (nn.Flatten, nn.Unflatten, nn.Identity, nn.modules.dropout._DropoutNd)


def select_layers(patterns: Sequence[str], calls: Sequence[Call]) -> list[Call]:
    """The calls that any of `patterns` chooses, in order of calling; never that of the network itself.

    A glob matches layers that compute: no containers, and no modules that pass values on, as Flatten,
    Identity and Dropout do. An exact name matches any layer, and the name of a module called more than once
    stands for all its calls.

    Raises
    ------
    InputError
        If a pattern matches nothing, or a chosen layer's output is not one tensor.
    """
    if not patterns:
        raise InputError("layers: nothing is chosen; name a layer, or write '*' for all")
    calls = [call for call in calls if call.name]
    chosen = {call.layer for pattern in patterns for call in _matching(pattern, calls)}
    selected = [call for call in calls if call.layer in chosen]
    for call in selected:
        if not call.is_tensor:
            raise InputError(f"layers: the output of {call.layer!r} is not one tensor over images; choose other layers")
    return selected


def _matching(pattern: str, calls: Sequence[Call]) -> list[Call]:
    exact = [call for call in calls if pattern in (call.layer, call.name)]
    meant = set(matching({call.layer for call in calls if _computes(call.module)}, pattern))
    found = exact or [call for call in calls if call.layer in meant and _computes(call.module)]
    if not found:
        names = {name for call in calls for name in (call.layer, call.name)}
        raise InputError(f"layers: no layer {pattern!r}{did_you_mean(pattern, names)}")
    return found


def _computes(module: nn.Module) -> bool:
    is_layer = kind_of(module) in (*WEIGHTED, *FOLLOWING)  # with children, where a parametrization makes its weights
    return is_layer or (not isinstance(module, _PASSES_ON) and not any(module.children()))
