"""What is kept of a network's and of a layer's outputs.

A sink is a function that takes outputs batch by batch: `sink(output, labels)`. What can be written only
after the last batch is left to `Streams.write_last`. To keep something more of each layer, write its sink
and name it in `_SINKS`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import torch

from probecore.activations.layout import write_text
from probecore.activations.params import Compression, Dtype, Store
from probecore.activations.streams import Streams
from probecore.errors import InputError
from probecore.models.kinds import units_first
from probecore.models.tracing import Call, shape_per_image
from probecore.statistics.by_class import ClassMeans
from probecore.train.evaluation import predicted

Array = np.ndarray[Any, Any]
Sink = Callable[[torch.Tensor, torch.Tensor], None]


@dataclass(frozen=True)
class Kept:
    """What is kept of N images, and how; `class_counts` (K,) is None for a regression."""

    images: int
    class_counts: Array | None
    device: torch.device
    store: Collection[Store]
    dtype: Dtype
    compression: Compression
    level: int
    batch: int


def network_sink(streams: Streams, group: h5py.Group, example: Any, kept: Kept) -> Callable[[torch.Tensor], None]:
    """Keeps the logits (N, K) and the predicted class (N,); for a regression the outputs (N, 1) and (N,).

    Raises
    ------
    InputError
        If `example`, the output for a few images, is not of that shape.
    """
    classifies = kept.class_counts is not None
    shape = shape_per_image(example, min(2, kept.images))
    if shape is None or len(shape) != 1 or not (classifies or shape == (1,)):
        wanted = "(N, K)" if classifies else "(N, 1)"
        raise InputError(f"the network's output is no tensor {wanted}; wrap the network so that it is")
    logits = streams.open(group, "logits", shape=(kept.images, *shape), dtype="float32", batch=kept.batch)
    kind = "int64" if classifies else "float32"
    predictions = streams.open(group, "predictions", shape=(kept.images,), dtype=kind, batch=kept.batch)

    def add(output: torch.Tensor) -> None:
        output = output.float()
        logits.append(_array(output))
        predictions.append(_array(predicted(output) if classifies else output[:, 0]))

    return add


def layer_sink(streams: Streams, group: h5py.Group, call: Call, kept: Kept) -> Callable[[Any, torch.Tensor], None]:
    """Keeps what `kept.store` names of one layer; raises `InputError` when its output changes shape."""
    write_text(group.attrs, "module", call.name)
    group.attrs["call"] = np.int64(call.index)
    group.attrs["shape"] = np.array(call.shape, dtype=np.int64)
    group.attrs["units_axis"] = np.int64(call.axis)
    sinks = [sink(streams, group, call, kept) for store, sink in _SINKS.items() if store in kept.store]

    def add(output: Any, labels: torch.Tensor) -> None:
        if shape_per_image(output, len(labels)) != call.shape:
            raise InputError(f"layers: the output of {call.layer!r} varies in shape; choose other layers")
        output = output.contiguous()
        for sink in sinks:
            sink(output, labels)

    return add


def _maps(streams: Streams, group: h5py.Group, call: Call, kept: Kept) -> Sink:
    """Every value, (N, ...)."""
    maps = streams.open(
        group,
        "maps",
        shape=(kept.images, *call.shape),
        dtype=kept.dtype,
        batch=kept.batch,
        compression=kept.compression,
        level=kept.level,
    )

    def add(output: torch.Tensor, labels: torch.Tensor) -> None:
        values = output.to(getattr(torch, kept.dtype))
        if kept.dtype == "float16" and values.isinf().any() and not output.isinf().any():
            raise InputError(f"dtype: {call.layer!r} has values beyond float16's 65504; write `dtype: float32`")
        maps.append(_array(values))

    return add


def _pooled(streams: Streams, group: h5py.Group, call: Call, kept: Kept) -> Sink:
    """Mean and maximum per image and unit, (N, C)."""
    mean, maximum = (
        streams.open(group, name, shape=(kept.images, call.units), dtype="float32", batch=kept.batch)
        for name in ("mean", "max")
    )

    def add(output: torch.Tensor, labels: torch.Tensor) -> None:
        units = units_first(output, call.axis) if call.shape else output
        by_channel = units.float().reshape(len(output), call.units, -1)
        mean.append(_array(by_channel.mean(2)))
        maximum.append(_array(by_channel.amax(2)))

    return add


def _class_means(streams: Streams, group: h5py.Group, call: Call, kept: Kept) -> Sink:
    """Mean output per class, (K, ...); NaN for a class without images."""
    counts = kept.class_counts
    if counts is None:
        raise InputError("store: class_means need classes, and a regression has none; leave class_means out")
    found = ClassMeans(len(counts), call.shape, kept.device)
    streams.write_last(group, "class_means", lambda: _array(found.means()))
    return found.add


_SINKS: dict[Store, Callable[[Streams, h5py.Group, Call, Kept], Sink]] = {
    "maps": _maps,
    "pooled": _pooled,
    "class_means": _class_means,
}


def _array(values: torch.Tensor) -> Array:
    array: Array = values.cpu().numpy()
    return array
