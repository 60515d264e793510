"""Rows of tables: where the anchors of each layer lie on the sphere, and where its patches."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from probecore.measures.recos.density import (
    BINS,
    PatchSums,
    RandomSets,
    groups_of,
    kmeans_directions,
    random_directions,
)
from probecore.measures.recos.geometry import (
    anchor_vectors,
    embed,
    position_vectors,
    sample_patches,
    sphere_correlations,
)
from probecore.measures.recos.listening import inputs_of
from probecore.measures.recos.probe import Probe, Rows
from probecore.measures.recos.ratios import effective_occupancy, entropy, ratio_over_images
from probecore.statistics import permutation_p

COMPARED = ("anchors", "random", "kmeans")
"""Sets of equally many directions."""


class Spheres:
    """Patch statistics of all chosen layers, from one pass over training images and one over test images."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        images = probe.images[: probe.params.images]
        self.directions = _directions(probe)
        self.random = {name: _random_sets(probe, name) for name in probe.layers}
        parts: dict[str, dict[str, list[PatchSums]]] = {
            name: {kind: [] for kind in kinds} for name, kinds in self.directions.items()
        }
        for inputs in inputs_of(probe.model, parts, images, scale=probe.network.scale):
            for name, kinds in self.directions.items():
                self.random[name].add(inputs[name])
                for kind, vectors in kinds.items():
                    correlations = sphere_correlations(probe.layers[name], inputs[name], vectors=vectors)
                    parts[name][kind].append(PatchSums.of(correlations))
        self.sums = {
            name: {kind: PatchSums.joined(batches) for kind, batches in kinds.items()} for name, kinds in parts.items()
        }

    def layer_rows(self) -> Rows:
        """Near-flat patches; densities and nearest angles of anchors and what they are compared with; their spread."""
        for name, kinds in self.sums.items():
            anchors, random = kinds["anchors"], self.random[name]
            n = {"n": int(anchors.patches[:, 0].sum())}
            near_flat = _ratio(anchors.flat, anchors.flat + anchors.patches)
            yield {"layer": name, "quantity": "near_flat", **near_flat, **n}
            same = random.same_images(anchors)
            nulls = {
                "density": against_random(_summed(same.near, same.patches), random.layer_densities),
                "nearest_angle": against_random(_summed(same.angles, same.histogram), random.angles),
            }
            for kind in (kind for kind in COMPARED if kind in kinds):
                sums, ending = kinds[kind], "" if kind == "anchors" else f"_{kind}"
                ratios = {
                    "density": _ratio(sums.near, sums.patches),
                    "nearest_angle": _ratio(sums.angles, sums.histogram, proportion=False),
                }
                for quantity, columns in ratios.items():
                    null = nulls[quantity] if kind == "anchors" else {}
                    yield {"layer": name, "quantity": f"{quantity}{ending}", **columns, **null, **n}
            used = np.exp(entropy(same.nearest.sum(0).numpy())) / same.nearest.shape[1]
            occupied = effective_occupancy(anchors.nearest) | against_random(used, random.effective)
            yield {"layer": name, "quantity": "effective_occupancy", **occupied, **n}
            yield from _spread_rows(name, self.directions[name]["anchors"], random.vectors)

    def filter_rows(self) -> Rows:
        """How many patches are near each anchor, and how many nearest to it."""
        for name, kinds in self.sums.items():
            anchors, random = kinds["anchors"], self.random[name]
            same = random.same_images(anchors)
            for quantity, counts, own, null in (
                ("density", anchors.near, same.near, random.densities),
                ("occupancy", anchors.nearest, same.nearest, random.occupancies),
            ):
                columns = ratio_over_images(counts, anchors.patches)
                shares = own.sum(0) / same.patches.sum(0)
                columns |= against_random(shares.numpy(), np.tile(null[:, None], len(shares)))
                for index, patches in enumerate(anchors.patches.sum(0).tolist()):
                    row = {column: values[index] for column, values in columns.items()}
                    keys = {"layer": name, "filter": index, "site": "conv", "quantity": quantity}
                    yield {**keys, **row, "n": int(patches)}

    def angle_rows(self) -> Rows:
        """Histograms of angles: between pairs of anchors, and of patches to the nearest direction of each kind."""
        for name, kinds in self.sums.items():
            histograms = {kind: kinds[kind].histogram.sum(0) for kind in COMPARED if kind in kinds}
            histograms["anchor_pairs"] = _pair_histogram(self.directions[name]["anchors"])
            for kind, histogram in histograms.items():
                for place, count in enumerate(histogram.long().tolist()):
                    if count:
                        yield {"layer": name, "quantity": kind, "degrees": place * 180 // BINS, "count": count}


def embedding_rows(probe: Probe) -> Rows:
    """Anchor vectors of each layer, or its anchor-position vectors, in two dimensions."""
    positions = probe.params.sphere.embedding == "positions"
    for name, layer in probe.layers.items():
        vectors = position_vectors(layer) if positions else anchor_vectors(layer)
        for index, (x, y) in enumerate(embed(vectors).tolist()):
            yield {"layer": name, "vector": index, "x": x, "y": y}


def _directions(probe: Probe) -> dict[str, dict[str, Tensor]]:
    """For each layer: its anchors, and as many random directions and k-means centres."""
    patches = _patches(probe)
    directions = {}
    for name, layer in probe.layers.items():
        generator = probe.torch_generator("directions", name)
        anchors, groups = anchor_vectors(layer), groups_of(layer)
        directions[name] = {"anchors": anchors, "random": random_directions(layer, len(anchors), generator)}
        centres = kmeans_directions(patches[name], len(anchors) // groups, generator)
        if centres is not None:
            directions[name]["kmeans"] = centres.repeat(groups, 1)
    return directions


def _random_sets(probe: Probe, name: str) -> RandomSets:
    generator = probe.torch_generator("random sets", name)
    count = probe.params.sphere.directions
    return RandomSets(probe.layers[name], count, generator, layers=len(probe.layers))


def _patches(probe: Probe) -> dict[str, Tensor]:
    """Patches of training images that each layer reads."""
    network, wanted = probe.network, probe.params.sphere.patches
    images = torch.from_numpy(network.dataset.train.inputs[: probe.params.images]).to(network.device)
    generator = probe.torch_generator("patches")
    parts: dict[str, list[Tensor]] = {name: [] for name in probe.layers}
    for inputs in inputs_of(probe.model, parts, images, scale=network.scale):
        for name, layer in probe.layers.items():
            share = -(-wanted * len(inputs[name]) // len(images))
            parts[name].append(sample_patches(layer, inputs[name], share, generator))
    return {name: torch.cat(batches) for name, batches in parts.items()}


def _ratio(above: Tensor, below: Tensor, *, proportion: bool = True) -> dict[str, float]:
    """One ratio of sums over images and directions, with its interval."""
    sums = (part.sum(1, keepdim=True) for part in (above, below))
    return {column: float(values[0]) for column, values in ratio_over_images(*sums, proportion=proportion).items()}


def _summed(above: Tensor, below: Tensor) -> float:
    return float(above.sum() / below.sum())


def against_random(observed: npt.ArrayLike, null: npt.ArrayLike) -> dict[str, Any]:
    """Columns null and p, by the values of random directions (S, ...)."""
    values = np.asarray(null)
    return {"null": values.mean(0) + np.zeros_like(observed), "p": permutation_p(observed, values, tail="two-sided")}


def _spread_rows(name: str, anchors: Tensor, random: Tensor) -> Rows:
    """How anchors lie to each other, beside sets (S, F, D) of as many random directions of the same dimension."""
    for quantity, measure in (("anchor_angle", _nearest_other), ("anchor_dimension", _dimension)):
        value = measure(anchors)
        against = against_random(value, [measure(vectors) for vectors in random])
        yield {"layer": name, "quantity": quantity, "value": value, **against, "n": len(anchors)}


def _nearest_other(vectors: Tensor) -> float:
    """Mean angle, in degrees, of each vector to the nearest other one; NaN for a single one."""
    cosines = (vectors @ vectors.T).fill_diagonal_(-2)
    best = cosines.max(dim=1).values.clamp(-1, 1).double()
    return float(torch.rad2deg(torch.acos(best)).mean()) if len(vectors) > 1 else float("nan")


def _dimension(vectors: Tensor) -> float:
    """Participation ratio of the vectors' second moments: (Σ λ)² / Σ λ², between 1 and min(V, D - 1)."""
    gram = (vectors @ vectors.T).double()
    return float(gram.trace() ** 2 / gram.square().sum())


def _pair_histogram(vectors: Tensor) -> Tensor:
    """Pairs of vectors by the angle between them, bins of 5 degrees."""
    above = torch.triu_indices(len(vectors), len(vectors), 1)
    cosines = (vectors @ vectors.T)[above[0], above[1]].clamp(-1, 1)
    bins = (torch.rad2deg(torch.acos(cosines)) * (BINS / 180)).long().clamp(max=BINS - 1)
    return torch.bincount(bins.cpu(), minlength=BINS)
