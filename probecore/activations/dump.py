"""The dump: runs a network over a split and streams what its layers compute into HDF5, in O(batch) memory.

Not here: reading checkpoints and data sets.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import nn

from probecore.activations.excitation_sinks import excitation_listeners
from probecore.activations.layers import select_layers
from probecore.activations.layout import FORMAT, FORMAT_VERSION, epoch_name, write_text
from probecore.activations.params import Compression, Dtype, ExcitationParams, Store
from probecore.activations.sinks import Kept, layer_sink, network_sink
from probecore.activations.streams import Streams
from probecore.errors import InputError
from probecore.files import create_hdf5
from probecore.models.tracing import Call, evaluating, listening, trace
from probecore.train.evaluation import at_once
from probecore.version import __version__

Array = np.ndarray[Any, Any]


@contextlib.contextmanager
def create_activations(path: Path, *, model: str, data_sha256: str) -> Iterator[h5py.File]:
    """Create the activations file of one network; it gets its name when the block has succeeded.

    Parameters
    ----------
    path
        Its final name.
    model
        Name of the model.
    data_sha256
        Hash of the data set.
    """
    with create_hdf5(path) as file:
        write_text(file.attrs, "format", FORMAT)
        file.attrs["format_version"] = np.int64(FORMAT_VERSION)
        write_text(file.attrs, "library_version", __version__)
        write_text(file.attrs, "model", model)
        write_text(file.attrs, "data_sha256", data_sha256)
        yield file
        file.attrs["complete"] = np.int64(1)


def create_epoch(file: h5py.File, epoch: int, *, checkpoint_sha256: str, unseen: Sequence[str] = ()) -> h5py.Group:
    """Create the group of an epoch, in which each split gets a group of its own; see `unseen_parts`."""
    group = file.create_group(epoch_name(epoch))
    write_text(group.attrs, "checkpoint_sha256", checkpoint_sha256)
    if unseen:
        write_text(group.attrs, "unseen", "\n".join(unseen))
    return group


def dump_activations(
    model: nn.Module,
    inputs: Array,
    targets: Array,
    *,
    group: h5py.Group,
    classes: int | None,
    normalise: Callable[[Array], torch.Tensor],
    layers: Sequence[str] = ("*",),
    store: Collection[Store] = ("maps", "pooled", "class_means"),
    excitations: ExcitationParams | None = None,
    dtype: Dtype = "float32",
    compression: Compression = "zstd",
    level: int = 1,
    batch: int = 256,
) -> None:
    """Run `model` over `inputs` on the model's device and write what the chosen layers compute into `group`.

    A layer's values are taken when its module returns, so a later operation in place does not change them.
    The model is left as it was: no hook stays, every module keeps its mode.

    Parameters
    ----------
    model
        Maps (N, ...) to (N, K), or to (N, 1) for a regression.
    inputs
        What `normalise` takes, e.g. uint8 images (N, C, H, W).
    targets
        Labels, int64 (N,) in 0..K-1, or real targets, float32 (N,).
    group
        An empty group for this split, in a file on disk.
    classes
        K, or None for real targets.
    normalise
        Makes the network's input, float32 on the CPU, of a batch of `inputs`.
    layers
        Names or globs, see `select_layers`.
    store
        `maps`: every value (N, ...). `pooled`: mean and maximum per image and unit (N, C), float32;
        a conv layer's units are its channels, a linear layer's the last axis. `class_means`: mean output per class
        (K, ...), float64; NaN for a class without images. With an empty `store` no layer is kept.
    excitations
        Which sums are kept for excitations, see `probecore.activations.excitations`.
    dtype
        Of the maps.
    compression, level
        Of the maps.
    batch
        Images per forward pass, at most; of larger images fewer, see `at_once`.

    Raises
    ------
    InputError
        If a layer is unknown or its output is no tensor, if class means are asked for without classes, if the
        layers or shapes of a batch are not those of the first images, or if values do not fit in float16.
    """
    _check(inputs, targets, classes, where=group.name)
    batch = at_once(inputs.shape[1:], batch)
    class_counts = None if classes is None else np.bincount(targets, minlength=classes)
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    kept = Kept(len(inputs), class_counts, device, store, dtype, compression, level, batch)
    first = normalise(inputs[:2]).to(device)
    calls = trace(model, first)
    selected = select_layers(layers, calls) if store else []
    labels = torch.from_numpy(targets).to(device)
    rows = slice(0)

    def receive(module: str, index: int, given: tuple[Any, ...], output: Any) -> None:
        if (module, index) in sinks:
            sinks[module, index](output, labels[rows])
        for listener in listeners.get((module, index), ()):
            listener(given, output, rows)

    with Streams() as streams, evaluating(model):
        _write_targets(streams, group, targets, kept)
        example = model(first)
        memory_format = _quickest_format(model, first, example)
        take_output = network_sink(streams, group, example, kept)
        sinks = _layer_sinks(streams, group, selected, kept)
        listeners = (
            excitation_listeners(streams, group, calls, targets, classes=classes, params=excitations)
            if excitations
            else {}
        )
        heard = {module for module, _ in (*sinks, *listeners)}
        expected = {call.name: call.times for call in calls if call.name in heard}
        with listening(model, expected, receive) as counts:
            for start in range(0, len(inputs), batch):
                rows = slice(start, start + batch)
                counts.clear()
                take_output(model(normalise(inputs[rows]).to(device, memory_format=memory_format)))
                _check_calls(counts, expected, start)


def _quickest_format(model: nn.Module, first: torch.Tensor, example: Any) -> torch.memory_format:
    """Channels last, with which a CPU is up to twice as fast, unless the network's code relies on the usual order.

    `example` is the output for `first`: code that views maps as they lie in memory may fail or give another one.
    """
    if first.dim() == 4 and first.device.type == "cpu":
        with contextlib.suppress(Exception):
            output = model(first.to(memory_format=torch.channels_last))
            if torch.allclose(output, example, rtol=1e-3, atol=1e-4 * float(example.abs().max())):
                return torch.channels_last
    return torch.preserve_format


def _check(inputs: Array, targets: Array, classes: int | None, *, where: str) -> None:
    if len(inputs) != len(targets) or not len(inputs):
        raise InputError(f"{where}: {len(inputs)} inputs and {len(targets)} targets; supply pairs, at least one")
    if classes is not None and not 0 <= targets.min() <= targets.max() < classes:
        raise InputError(f"{where}: labels are {targets.min()} to {targets.max()}; wanted: 0 to {classes - 1}")


def _write_targets(streams: Streams, group: h5py.Group, targets: Array, kept: Kept) -> None:
    group.attrs["images"] = np.int64(kept.images)
    streams.write(group, "labels", targets)
    streams.write(group, "indices", np.arange(kept.images))
    if kept.class_counts is not None:
        streams.write(group, "class_counts", kept.class_counts)


def _layer_sinks(
    streams: Streams, group: h5py.Group, selected: Sequence[Call], kept: Kept
) -> dict[tuple[str, int], Callable[[Any, torch.Tensor], None]]:
    group.attrs["layers"] = np.array([call.layer.encode() for call in selected])
    parent = group.create_group("layers")
    return {
        (call.name, call.index): layer_sink(streams, parent.create_group(call.layer), call, kept) for call in selected
    }


def _check_calls(counts: Counter[str], expected: dict[str, int], start: int) -> None:
    if counts != expected:
        module = next(module for module in expected if counts[module] != expected[module])
        raise InputError(
            f"layers: {module!r} is called {counts[module]} times for the images from {start} on, but "
            f"{expected[module]} times for the first; choose other layers"
        )
