"""Reading the activations of a network; what is read is checked. Not here: how they are written."""

from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import h5py
import numpy as np

from probecore.activations.excitations import ExcitationSums
from probecore.activations.layout import FORMAT, FORMAT_VERSION, epoch_name, read_text
from probecore.activations.params import Store
from probecore.activations.rows import Rows, readable
from probecore.errors import InputError
from probecore.files import open_hdf5, sha256_of
from probecore.schema import did_you_mean

Array = np.ndarray[Any, Any]


class Pooled(NamedTuple):
    """Mean and maximum over each channel, float32 (N, C) both."""

    mean: Array
    max: Array


class ClassMeans(NamedTuple):
    """Mean output per class, float64 (K, ...), and the images of each class, int64 (K,)."""

    means: Array
    counts: Array


class Activations:
    """The activations file of one network, open for reading.

    Opening checks that the file is complete and of this format, and reads next to nothing more. Each block of
    an array is checked when it is read; `verify` checks all. Every method raises `InputError`, one line that
    names the file and the part of it, when what it reads is missing, foreign or damaged.

    Attributes
    ----------
    model, data_sha256, library_version
        What was run, on which data, and what wrote the file.
    epochs
        Epochs of the checkpoints, ascending.

    Examples
    --------
    >>> with Activations(Path("results/activations/lenet5/trained-0.h5")) as activations:  # doctest: +SKIP
    ...     first = activations.maps(20, "test", "conv1")[:100]
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_hdf5(path)
        try:
            self._check()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def checkpoint_sha256(self, epoch: int) -> str:
        """Hash of the checkpoint that was run."""
        group = self._group(epoch_name(epoch))
        with readable(self.path, group.name):
            return read_text(group.attrs, "checkpoint_sha256")

    def unseen(self, epoch: int) -> list[str]:
        """What could not be seen of the network, in sentences; see `probecore.models.layers.unseen_parts`."""
        group = self._group(epoch_name(epoch))
        with readable(self.path, group.name):
            return read_text(group.attrs, "unseen").split("\n") if "unseen" in group.attrs else []

    def check_made_of(self, checkpoints: Path) -> None:
        """Raise `InputError` if another checkpoint file was run."""
        if self.checkpoint_sha256(self.epochs[0]) != sha256_of(checkpoints):
            raise InputError(f"{self.path}: made of other checkpoints than {checkpoints}; run `activations` again")

    def splits(self, epoch: int) -> list[str]:
        """The splits that were run."""
        group = self._group(epoch_name(epoch))
        with readable(self.path, group.name):
            return list(group)

    def layers(self, epoch: int, split: str) -> list[str]:
        """The layers, in the order of the forward pass."""
        group = self._group(epoch_name(epoch), split)
        with readable(self.path, group.name):
            return [bytes(name).decode() for name in group.attrs["layers"]]

    def labels(self, epoch: int, split: str) -> Array:
        """Labels, int64 (N,), or real targets, float32 (N,)."""
        return self._split_rows(epoch, split, "labels")[:]

    def indices(self, epoch: int, split: str) -> Array:
        """Position of each image in its split, int64 (N,)."""
        return self._split_rows(epoch, split, "indices")[:]

    def logits(self, epoch: int, split: str) -> Array:
        """Outputs of the network, float32 (N, K)."""
        return self._split_rows(epoch, split, "logits")[:]

    def predictions(self, epoch: int, split: str) -> Array:
        """Predicted classes, int64 (N,), or values, float32 (N,)."""
        return self._split_rows(epoch, split, "predictions")[:]

    def maps(self, epoch: int, split: str, layer: str) -> Rows:
        """Every value of a layer, (N, ...), read when indexed."""
        return self._layer_rows(epoch, split, layer, "maps")

    def pooled(self, epoch: int, split: str, layer: str) -> Pooled:
        """Mean and maximum per image and unit."""
        return Pooled(*(self._layer_rows(epoch, split, layer, name)[:] for name in Pooled._fields))

    def units_axis(self, epoch: int, split: str, layer: str) -> int:
        """Which axis of one image's map are the layer's units: channels or neurons."""
        group = self._group(epoch_name(epoch), split, "layers", layer)
        with readable(self.path, group.name):
            return int(group.attrs["units_axis"])

    def class_means(self, epoch: int, split: str, layer: str) -> ClassMeans:
        """Mean output per class, NaN for a class without images."""
        means = self._layer_rows(epoch, split, layer, "class_means")[:]
        return ClassMeans(means, self._split_rows(epoch, split, "class_counts")[:])

    def excitation_layers(self, epoch: int, split: str) -> list[str]:
        """The layers with excitation sums, in the order of the forward pass; none where they were not wanted."""
        group = self._group(epoch_name(epoch), split)
        with readable(self.path, group.name):
            return [bytes(name).decode() for name in group.attrs.get("excitations", ())]

    def excitation_sums(self, epoch: int, split: str, layer: str) -> ExcitationSums:
        """The sums that the excitations of a conv or linear layer are made of."""
        group = self._group(epoch_name(epoch), split)
        if not self.excitation_layers(epoch, split):
            raise InputError(f"{self.path}: {group.name} holds no excitations; add `activations.excitations`")
        of_layer = self._group(epoch_name(epoch), split, "excitations", layer)
        optional = set(ExcitationSums._field_defaults) - set(of_layer)
        names = [name for name in ExcitationSums._fields if name not in optional]
        return ExcitationSums(**{name: self._rows(of_layer, name, ())[:] for name in names})

    def stores(self, epoch: int, split: str, layer: str, what: Store) -> bool:
        """Whether `what` was kept of a layer."""
        group = self._group(epoch_name(epoch), split, "layers", layer)
        return ("mean" if what == "pooled" else what) in group

    def verify(self) -> None:
        """Read and check every block of the file."""
        for epoch in self.epochs:
            self.checkpoint_sha256(epoch)
            for split in self.splits(epoch):
                for name in self._arrays(epoch_name(epoch), split):
                    self._split_rows(epoch, split, name).verify()
                for layer in self.layers(epoch, split):
                    for name in self._arrays(epoch_name(epoch), split, "layers", layer):
                        self._layer_rows(epoch, split, layer, name).verify()
                for layer in self.excitation_layers(epoch, split):
                    self.excitation_sums(epoch, split, layer)

    def _check(self) -> None:
        with readable(self.path, "/"):
            attributes = self._file.attrs
            if attributes.get("format") != FORMAT.encode():
                raise InputError(f"{self.path}: not an activations file; name one that `activations` has written")
            if attributes["format_version"] != FORMAT_VERSION:
                raise InputError(
                    f"{self.path}: format version {attributes['format_version']} where {FORMAT_VERSION} is read; "
                    "delete it and run `activations` again"
                )
            if "complete" not in attributes:
                raise InputError(f"{self.path}: was never completed; delete it and run `activations` again")
            self.model = read_text(attributes, "model")
            self.data_sha256 = read_text(attributes, "data_sha256")
            self.library_version = read_text(attributes, "library_version")
            self.epochs = sorted(int(name.removeprefix("epoch-")) for name in self._file)

    def _split_rows(self, epoch: int, split: str, name: str) -> Rows:
        group = self._group(epoch_name(epoch), split)
        with readable(self.path, group.name):
            expected = () if name == "class_counts" else (int(group.attrs["images"]),)
        return self._rows(group, name, expected)

    def _layer_rows(self, epoch: int, split: str, layer: str, name: str) -> Rows:
        group = self._group(epoch_name(epoch), split, "layers", layer)
        part = group.parent.parent
        with readable(self.path, group.name):
            images, shape = int(part.attrs["images"]), tuple(map(int, group.attrs["shape"]))
            channels = shape[int(group.attrs["units_axis"])] if shape else 1
            if name == "class_means" and name in group:
                expected: tuple[int, ...] = (*part["class_counts"].shape, *shape)
            else:
                expected = (images, *shape) if name == "maps" else (images, channels)
        return self._rows(group, name, expected)

    def _rows(self, group: h5py.Group, name: str, expected: tuple[int, ...]) -> Rows:
        with readable(self.path, f"{group.name}/{name}"):
            if name not in group:
                stored = "pooled" if name in Pooled._fields else name
                raise InputError(f"{self.path}: {group.name} holds no {name}; add {stored!r} to `activations.store`")
            rows = Rows(group[name], self.path)
            if rows.shape[: len(expected)] != expected:
                raise ValueError(f"has shape {rows.shape} where {expected} is due")
            return rows

    def _arrays(self, *names: str) -> list[str]:
        group = self._group(*names)
        with readable(self.path, group.name):
            return [name for name in group if isinstance(group[name], h5py.Dataset)]

    def _group(self, *names: str) -> h5py.Group:
        group = self._file
        for name in names:
            with readable(self.path, group.name):
                if name not in group:
                    raise InputError(f"{self.path}: {group.name} has no {name!r}{did_you_mean(name, group)}")
                group = group[name]
        return group
