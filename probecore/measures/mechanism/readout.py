"""What images tell of the filters: matrices, hits, winners, and their replicates.

The matrices come from class-mean maps. Winners need the fields of single images; and as every matrix is a mean over
images, its bootstrap and permutation replicates are products of weights with what single images give.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from probecore.errors import InputError
from probecore.measures.mechanism.backbone import block_shapes
from probecore.measures.mechanism.fields import images_per_label
from probecore.measures.mechanism.head import Head
from probecore.models import Block
from probecore.models.suffix import block_outputs
from probecore.statistics import bootstrap_counts
from probecore.statistics.by_class import ClassMeans
from probecore.train.evaluation import correct

Floats = npt.NDArray[np.float32]
Images = Callable[[], Iterable[tuple[Tensor, Tensor]]]
"""Gives scaled images and labels, chunk by chunk, anew at each call."""
Reading = Callable[[Head, Tensor], Tensor]
"""From a head and maps (N, F, ...) to something of single images, (N, F, K)."""

BYTES_AT_ONCE = 512 << 20
"""Replicates of matrices held at once; where there are more, the images are passed several times."""


def read_out(
    model: nn.Module, blocks: Sequence[Block], heads: Mapping[str, Head], images: Images
) -> dict[str, tuple[Floats, npt.NDArray[np.bool_]]]:
    """Matrices of the filters of every layer (F, K, K), and for which images its head is right (N,).

    Parameters
    ----------
    model : network in evaluation mode
    blocks : those that have a head
    heads : by the name of the block's layer
    images : labelled images

    Raises
    ------
    InputError
        If a label has no image.
    """
    classes = next(iter(heads.values())).classes
    images_per_label(np.concatenate([labels.cpu().numpy() for _, labels in images()]), classes=classes)
    sums: dict[str, ClassMeans] = {}
    hits: dict[str, list[Tensor]] = {block.layer: [] for block in blocks}
    for inputs, labels in images():
        for layer, maps in block_outputs(model, blocks, inputs)[0].items():
            hits[layer].append(correct(heads[layer](maps), labels))
            if layer not in sums:
                sums[layer] = ClassMeans(classes, tuple(maps.shape[1:]), maps.device)
            sums[layer].add(maps, labels)
    means = {layer: found.means().cpu().numpy() for layer, found in sums.items()}
    return {
        layer: (
            heads[layer].matrices(maps),
            torch.cat(hits[layer]).cpu().numpy(),
        )
        for layer, maps in means.items()
    }


def image_winners(head: Head, maps: Tensor) -> Tensor:
    """1 where an output is the largest of a filter's field for an image, (N, F, K); 0 where the field is."""
    fields = head.image_fields(maps)
    largest = nn.functional.one_hot(fields.argmax(2), head.classes)
    return (largest * (fields != 0).any(2, keepdim=True)).to(maps.dtype)


@dataclass(frozen=True, kw_only=True)
class Replicates:
    """How class means are taken anew, R times."""

    labels: npt.NDArray[np.int64]
    """Label of every image in every replicate, (R, N)."""
    weights: Floats
    """Weight of every image in the mean of its label, (R, N)."""

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, replicates: slice, images: slice, *, classes: int) -> Floats:
        """Weights of some images in some class means, (R' K, N')."""
        one_hot = self.labels[replicates, None, images] == np.arange(classes)[:, None]
        rows: Floats = one_hot * self.weights[replicates, None, images]
        return rows.reshape(-1, one_hot.shape[-1])


def as_they_are(
    labels: npt.NDArray[np.int64], *, classes: int, chosen: npt.NDArray[np.bool_] | None = None
) -> Replicates:
    """The class means themselves, over all images or those chosen in each replicate, (R, N)."""
    chosen = np.ones((1, len(labels)), dtype=bool) if chosen is None else chosen
    counts = np.stack([images_per_label(labels[each], classes=classes) for each in chosen])
    weights = np.where(chosen, (1 / counts).astype(np.float32)[:, labels], np.float32(0))
    return Replicates(labels=np.broadcast_to(labels, chosen.shape), weights=weights)


def ranking_half(labels: npt.NDArray[np.int64], *, classes: int) -> npt.NDArray[np.bool_]:
    """Every second image of each label, (N,): what is chosen on these is judged on the others, of which each is first.

    Raises
    ------
    InputError
        If a label has fewer than two images.
    """
    counts = images_per_label(labels, classes=classes)
    if counts.min() < 2:
        raise InputError(
            f"labels: one test image of label {counts.argmin()}; mechanism needs two of each, to choose and to judge"
        )
    chosen = np.zeros(len(labels), dtype=bool)
    for label in range(classes):
        chosen[np.flatnonzero(labels == label)[1::2]] = True
    return chosen


def bootstrap(
    labels: npt.NDArray[np.int64],
    *,
    classes: int,
    repeats: int,
    generator: np.random.Generator,
    chosen: npt.NDArray[np.bool_] | None = None,
) -> Replicates:
    """Images drawn anew within each label, so that no label is ever without; of all images or of those chosen (N,).

    One fewer than there are is drawn, for as many vary too little by a share of 1 / images of a label (Rao and Wu 1988,
    doi 10.1080/01621459.1988.10478591).
    """
    chosen = np.ones(len(labels), dtype=bool) if chosen is None else chosen
    weights = np.zeros((repeats, len(labels)), dtype=np.float32)
    for label, count in enumerate(images_per_label(labels[chosen], classes=classes)):
        drawn = max(count - 1, 1)
        weights[:, chosen & (labels == label)] = bootstrap_counts(count, repeats, generator, drawn=drawn) / drawn
    return Replicates(labels=np.broadcast_to(labels, weights.shape), weights=weights)


def permutation(
    labels: npt.NDArray[np.int64], *, classes: int, repeats: int, generator: np.random.Generator
) -> Replicates:
    """Labels dealt anew to the images."""
    shuffled = generator.permuted(np.tile(labels, (repeats, 1)), axis=1)
    counts = images_per_label(labels, classes=classes)
    return Replicates(labels=shuffled, weights=(1 / counts).astype(np.float32)[shuffled])


def replicate_means(
    model: nn.Module,
    blocks: Sequence[Block],
    heads: Mapping[str, Head],
    images: Images,
    replicates: Replicates,
    *,
    read: Reading,
) -> Iterator[tuple[str, Floats]]:
    """Mean over the images of each label of what `read` gives for single images, under other means.

    Yields
    ------
    (str, array of shape (R', F, K, K))
        Name of a block's layer and some of its replicates, in order; a layer comes again until all R have come.
    """
    inputs, _ = next(iter(images()))
    shapes = block_shapes(model, blocks, tuple(inputs.shape[1:]))
    classes = next(iter(heads.values())).classes
    sizes = {layer: 4 * classes**2 * shape[0] for layer, shape in shapes.items()}
    for group in _passes(sizes, len(replicates)):
        needed = [block for block in blocks if block.layer in {layer for layer, _, _ in group}]
        sums = [torch.zeros(())] * len(group)
        end = 0
        for inputs, labels in images():
            start, end = end, end + len(labels)
            outputs, _ = block_outputs(model, needed, inputs)
            fields = {layer: read(heads[layer], maps).flatten(1) for layer, maps in outputs.items()}
            rows = {
                part: torch.from_numpy(replicates.rows(slice(*part), slice(start, end), classes=classes)).to(
                    inputs.device
                )
                for part in {(first, last) for _, first, last in group}
            }
            sums = [
                total.to(inputs.device) + rows[first, last] @ fields[layer]
                for total, (layer, first, last) in zip(sums, group, strict=True)
            ]
        for total, (layer, _, _) in zip(sums, group, strict=True):
            by_label = total.reshape(-1, classes, total.shape[1] // classes, classes)
            yield layer, by_label.transpose(1, 2).cpu().numpy()


def _passes(sizes: Mapping[str, int], repeats: int) -> list[list[tuple[str, int, int]]]:
    """Which replicates (layer, first, last) are made in which pass, so that each pass fits into memory."""
    passes: list[list[tuple[str, int, int]]] = [[]]
    free = BYTES_AT_ONCE
    for layer, size in sizes.items():
        first = 0
        while first < repeats:
            if passes[-1] and free < size:
                passes.append([])
                free = BYTES_AT_ONCE
            last = min(repeats, first + max(1, free // size))
            passes[-1].append((layer, first, last))
            free -= size * (last - first)
            first = last
    return passes
