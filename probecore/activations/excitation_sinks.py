"""Which calls of a forward pass excitation sums are made of, and writing the sums. Not here: the sums."""

import functools
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import h5py
import numpy as np
import torch
from torch import nn

from probecore.activations.excitations import ExcitationStream, ExcitationSums, halves_of
from probecore.activations.layers import select_layers
from probecore.activations.params import ExcitationParams
from probecore.activations.streams import Streams
from probecore.models import blocks
from probecore.models.tracing import Call

Array = np.ndarray[Any, Any]
Listener = Callable[[tuple[Any, ...], torch.Tensor, slice], None]


def excitation_listeners(
    streams: Streams,
    group: h5py.Group,
    calls: Sequence[Call],
    targets: Array,
    *,
    classes: int | None,
    params: ExcitationParams,
) -> dict[tuple[str, int], list[Listener]]:
    """Who listens to which call (module, index), to be given its inputs, its output and the rows of the batch.

    The responses φ of a layer are those of the activation of its block, where they have the layer's shape, else
    its own outputs.

    Raises
    ------
    InputError
        If a layer is unknown.
    """
    network = next(call for call in calls if not call.name)
    after = {block.layer: block for block in blocks(network.module, network.input_shape)}
    weighted = [call for call in calls if isinstance(call.module, (nn.Conv2d, nn.Linear)) and call.index == 1]
    selected = select_layers(params.layers, weighted)
    shapes = {(call.name, call.index): call.shape for call in calls}
    told_apart = params.by_class and classes is not None
    labels = (targets if told_apart else np.zeros(len(targets), dtype=np.int64))[: params.images]
    listeners: dict[tuple[str, int], list[Listener]] = defaultdict(list)
    group.attrs["excitations"] = np.array([call.name.encode() for call in selected])
    parent = group.create_group("excitations")
    for call in selected:
        stream = ExcitationStream(
            call.module,
            classes=classes if told_apart and classes else 1,
            dilations=params.dilations,
            covariance_images=params.covariance_images,
        )
        halves = torch.from_numpy(halves_of(labels))
        layer = _Layer(stream, torch.from_numpy(labels), halves, input_changes=call.input_changes)
        block = after[call.name]
        active = (block.activation or "", block.activation_call + 1)
        listeners[call.name, 1].append(layer.see_inputs)
        listeners[active if shapes.get(active) == call.shape else (call.name, 1)].append(layer.see_responses)
        _write_last(streams, parent.create_group(call.name), stream)
    return listeners


class _Layer:
    """Brings together the inputs of a layer and its responses, which another module may give later."""

    def __init__(
        self, stream: ExcitationStream, labels: torch.Tensor, halves: torch.Tensor, *, input_changes: bool
    ) -> None:
        self._stream, self._labels, self._halves = stream, labels, halves
        self._input_changes = input_changes
        self._inputs = torch.empty(0)

    def see_inputs(self, given: tuple[Any, ...], _output: torch.Tensor, _rows: slice) -> None:
        self._inputs = given[0].clone() if self._input_changes else given[0]

    def see_responses(self, _given: tuple[Any, ...], output: torch.Tensor, rows: slice) -> None:
        labels, halves = (values[rows].to(output.device) for values in (self._labels, self._halves))
        if count := len(labels):
            self._stream.add(self._inputs[:count], output[:count], labels, halves)
        self._inputs = torch.empty(0)


def _write_last(streams: Streams, group: h5py.Group, stream: ExcitationStream) -> None:
    result = functools.cache(stream.result)
    for name in stream.names:
        streams.write_last(group, name, functools.partial(_field, result, name))


def _field(result: Callable[[], ExcitationSums], name: str) -> Array:
    array: Array = getattr(result(), name)
    return array
