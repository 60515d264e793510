"""Rows of tables: where the anchors of each layer lie on the sphere, and where its patches."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from probecore.recos.density import BINS, PatchSums, kmeans_directions, random_directions
from probecore.recos.geometry import anchor_vectors, embed, position_vectors, sample_patches, sphere_correlations
from probecore.recos.listening import inputs_of
from probecore.recos.probe import Probe, Rows
from probecore.statistics import bootstrap_counts, percentile_interval, permutation_p

COMPARED = ("anchors", "random", "kmeans")
"""Sets of equally many directions."""


class Spheres:
    """Patch statistics of all chosen layers, from one pass over training images and one over test images."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        images = probe.images[: probe.params.images]
        self.counts = torch.from_numpy(
            bootstrap_counts(len(images), probe.params.resamples, probe.numpy_generator("images"))
        ).double()
        self.directions = _directions(probe)
        parts: dict[str, dict[str, list[PatchSums]]] = {
            name: {kind: [] for kind in kinds} for name, kinds in self.directions.items()
        }
        for inputs in inputs_of(probe.model, parts, images, scale=probe.network.scale):
            for name, kinds in self.directions.items():
                for kind, vectors in kinds.items():
                    correlations = sphere_correlations(probe.layers[name], inputs[name], vectors=vectors)
                    parts[name][kind].append(PatchSums.of(correlations))
        self.sums = {
            name: {kind: PatchSums.joined(batches) for kind, batches in kinds.items()} for name, kinds in parts.items()
        }

    def layer_rows(self) -> Rows:
        """Near-flat patches; densities and nearest angles of anchors and what they are compared with; their spread."""
        for name, kinds in self.sums.items():
            anchors = kinds["anchors"]
            n = {"n": int(anchors.patches[:, 0].sum())}
            yield {
                "layer": name,
                "quantity": "near_flat",
                **self._ratio(anchors.flat, anchors.flat + anchors.patches),
                **n,
            }
            for kind in (kind for kind in COMPARED if kind in kinds):
                sums, ending = kinds[kind], "" if kind == "anchors" else f"_{kind}"
                density = self._ratio(sums.near, sums.patches)
                yield {"layer": name, "quantity": f"density{ending}", **density, **n}
                angle = self._ratio(sums.angles, sums.histogram)
                yield {"layer": name, "quantity": f"nearest_angle{ending}", **angle, **n}
            used = anchors.nearest.sum(0)
            shares = used / used.sum()
            entropy = -(shares * shares.clamp(min=1e-300).log()).sum()
            effective = float(entropy.exp()) / len(shares)
            yield {"layer": name, "quantity": "effective_occupancy", "value": effective, "null": 1.0, **n}
            yield from _spread_rows(name, self.directions[name])

    def filter_rows(self) -> Rows:
        """How many patches are near each anchor, and how many nearest to it."""
        for name, kinds in self.sums.items():
            anchors, chance = kinds["anchors"], kinds["chance"]
            draws = (chance.near.sum(0) / chance.patches.sum(0)).numpy()
            density, occupancy = (self._ratios(hits, anchors.patches) for hits in (anchors.near, anchors.nearest))
            filters = len(density["value"])
            density |= {"null": np.full(filters, draws.mean())}
            density |= {"p": permutation_p(density["value"], np.tile(draws[:, None], filters))}
            occupancy |= {"null": np.full(filters, groups_of(self.probe.layers[name]) / filters)}
            for quantity, columns in (("density", density), ("occupancy", occupancy)):
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

    def _ratio(self, above: Tensor, below: Tensor) -> dict[str, float]:
        """One ratio of sums over images and directions, with its bootstrap interval."""
        columns = self._ratios(above.sum(1, keepdim=True), below.sum(1, keepdim=True))
        return {column: float(values[0]) for column, values in columns.items()}

    def _ratios(self, above: Tensor, below: Tensor) -> dict[str, np.ndarray]:
        """Ratios of sums over images, (V,), with percentile intervals of a bootstrap over images."""
        low, high = percentile_interval((self.counts @ above / (self.counts @ below)).numpy())
        return {"value": (above.sum(0) / below.sum(0)).numpy(), "low": low, "high": high}


def embedding_rows(probe: Probe) -> Rows:
    """Anchor vectors of each layer, or its anchor-position vectors, in two dimensions."""
    positions = probe.params.sphere.embedding == "positions"
    for name, layer in probe.layers.items():
        vectors = position_vectors(layer) if positions else anchor_vectors(layer)
        for index, (x, y) in enumerate(embed(vectors).tolist()):
            yield {"layer": name, "vector": index, "x": x, "y": y}


def groups_of(layer: nn.Module) -> int:
    """Groups of input channels; 1 for a linear layer."""
    return layer.groups if isinstance(layer, nn.Conv2d) else 1


def _directions(probe: Probe) -> dict[str, dict[str, Tensor]]:
    """For each layer: its anchors, as many random directions and k-means centres, and random ones for chance."""
    patches = _patches(probe)
    directions = {}
    for name, layer in probe.layers.items():
        generator = probe.torch_generator("directions", name)
        anchors, groups = anchor_vectors(layer), groups_of(layer)
        directions[name] = {
            "anchors": anchors,
            "random": random_directions(layer, len(anchors), generator),
            "chance": random_directions(layer, probe.params.sphere.directions, generator),
        }
        centres = kmeans_directions(patches[name], len(anchors) // groups, generator)
        if centres is not None:
            directions[name]["kmeans"] = centres.repeat(groups, 1)
    return directions


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


def _spread_rows(name: str, directions: Mapping[str, Tensor]) -> Rows:
    """How anchors lie to each other, beside as many random directions of the same dimension."""
    for quantity, measure in (("anchor_angle", _nearest_other), ("anchor_dimension", _dimension)):
        value, null = (measure(directions[kind]) for kind in ("anchors", "random"))
        yield {"layer": name, "quantity": quantity, "value": value, "null": null, "n": len(directions["anchors"])}


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
