"""Parameter sets of a network, also as Alsaghir et al. read them: the bytes of a Keras file taken for float64.

From the authors' public code (Entropy 24, 2022, 132); nothing of it is copied. Not here: what the sets are compared
with, see `comparisons`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import h5py
import numpy as np
import numpy.typing as npt

from probecore.errors import InputError

Array = npt.NDArray[np.float64]
Weights = Mapping[str, npt.NDArray[np.float32]]
"""Tensors of a network by name, as in a state dict: ``conv1.weight``."""

STARTS = (0, 100_000, 200_000)
"""Where the authors' three parameter sets begin."""

SPAN = 225_088
"""Where the last of them ends."""

LARGE = 1e6
"""Larger than any weight: what is above was no weight."""


@dataclass(frozen=True, kw_only=True)
class ReadingFacts:
    """What is left of float32 weights whose bytes are read as float64, two at a time."""

    sign_agreement_first: float
    """Share of entries with the sign of the first weight of their pair."""
    sign_agreement_second: float
    slope_second: float
    """Of log |entry| on log |second weight|."""
    correlation_first: float
    """Of the sizes, on the log scale, with those of the first weights."""
    r2_entries: float
    """What entries say of the weights that they are read from: R², mean over first and second ones."""
    r2_entries_moved: float
    """The same for weights half the array away."""
    r2_weights: float
    """What the weights say, read as the float32 that they are."""
    r2_weights_moved: float
    n: int


def keras_file(weights: Weights) -> bytes:
    """Return the HDF5 file in which Keras saves a network of these weights; equal weights give equal bytes.

    A group per layer below ``model_weights``, kernels with their output axis last, float32 in one piece; the
    architecture as JSON in an attribute of the root. The optimiser's state, which Keras writes behind the weights, is
    left out: the authors' three sets end before it.

    Examples
    --------
    >>> keras_file({"fc.weight": np.ones((2, 3), np.float32)})[1:4]
    b'HDF'
    """
    layers: dict[str, dict[str, npt.NDArray[np.float32]]] = {}
    for name, tensor in weights.items():
        layer, _, kind = name.rpartition(".")
        layers.setdefault(layer or "layer", {})[_KERAS_NAMES.get(kind, kind)] = _output_last(np.asarray(tensor))
    with h5py.File("weights.h5", "w", driver="core", backing_store=False) as file:
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": list(layers)}})
        file.create_group("model_weights")
        for layer, tensors in layers.items():
            group = file.create_group(f"model_weights/{layer}")
            group.attrs["weight_names"] = np.array([f"{layer}/{name}:0" for name in tensors], dtype="S")
            group.create_group(layer)
            for name, tensor in tensors.items():
                group[layer].create_dataset(f"{name}:0", data=tensor, dtype="<f4")
        file.flush()
        return bytes(file.id.get_file_image())


def read_as_float64(content: bytes) -> Array:
    """Read all bytes of a file as little-endian float64; NaN, infinity and zeros are dropped.

    Examples
    --------
    >>> read_as_float64(np.array([1.5, 0.0, -2.0]).tobytes() + b"rest")
    array([ 1.5, -2. ])
    """
    entries = np.frombuffer(content, dtype="<f8", count=len(content) // 8)
    return np.asarray(entries[np.isfinite(entries) & (entries != 0)])


def parameter_sets(entries: Array, length: int, starts: Sequence[int] = STARTS) -> dict[int, Array]:
    """Cut the authors' parameter sets out of a reading: `length` entries from each start on.

    In a file shorter than `SPAN` starts are scaled down: sets lie at the same shares of it, and none passes the end.

    Raises
    ------
    InputError
        If the reading has fewer entries than one set.
    """
    n = len(entries)
    if length > n:
        raise InputError(f"parameter_sets: {n} entries for sets of {length}; choose a smaller map")
    begins = sorted({min(int(start * min(1.0, n / SPAN)), n - length) for start in starts})
    return {start: entries[start : start + length] for start in begins}


def large_share(entries: Array) -> float:
    """Share of entries above `LARGE` in size."""
    return float((np.abs(entries) > LARGE).mean())


def reading_facts(weights: npt.ArrayLike) -> ReadingFacts:
    """Compare weights with what they become when each two neighbours are read as one float64.

    Parameters
    ----------
    weights : float32 values, none of them 0, in the order of the file

    Raises
    ------
    InputError
        If there are fewer than six, or a 0 among them.
    """
    values = np.asarray(weights, dtype="<f4").reshape(-1)
    values = values[: len(values) // 2 * 2]
    if len(values) < 6 or not values.all():
        raise InputError(f"reading_facts: {len(values)} weights; give six or more, none of them 0")
    entries, (first, second) = values.view("<f8"), values.reshape(-1, 2).astype(np.float64).T
    known = np.isfinite(entries) & (entries != 0)
    entries, first, second = entries[known], first[known], second[known]
    size = np.log(np.abs(entries))
    return ReadingFacts(
        sign_agreement_first=float((np.sign(entries) == np.sign(first)).mean()),
        sign_agreement_second=float((np.sign(entries) == np.sign(second)).mean()),
        slope_second=float(np.polyfit(np.log(np.abs(second)), size, 1)[0]),
        correlation_first=float(np.corrcoef(size, np.log(np.abs(first)))[0, 1]),
        **_explained(entries, np.stack([first, second])),
        n=len(entries),
    )


def _explained(entries: Array, pairs: Array) -> dict[str, float]:
    """R² of weights (2, n) on what either reading makes of them, and of those half the array away."""
    moved = np.roll(pairs, pairs.shape[1] // 2, axis=1)

    def r2(read: Array, weights: Array) -> float:
        return float(np.mean([np.corrcoef(one, other)[0, 1] ** 2 for one, other in zip(read, weights, strict=True)]))

    both = np.stack([entries, entries])
    return {
        "r2_entries": r2(both, pairs),
        "r2_entries_moved": r2(both, moved),
        "r2_weights": r2(pairs, pairs),
        "r2_weights_moved": r2(pairs, moved),
    }


def in_order(weights: Weights) -> dict[str, Array]:
    """Return the kernels of conv and linear layers by layer, flattened, in the order of the network."""
    return {
        name.removesuffix(".weight"): np.asarray(tensor, dtype=np.float64).reshape(-1)
        for name, tensor in weights.items()
        if name.endswith(".weight") and np.ndim(tensor) > 1
    }


_KERAS_NAMES = {"weight": "kernel"}


def _output_last(tensor: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.moveaxis(tensor, [0, 1], [-1, -2]) if tensor.ndim > 1 else tensor
