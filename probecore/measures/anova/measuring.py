"""One layer of one network, checkpoint after checkpoint: every regression of its weights, as rows of tables."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from probecore.activations.excitations import ExcitationSums
from probecore.errors import InputError
from probecore.measures.anova.ansatz import ansatz_row
from probecore.measures.anova.diagnostics import assumptions, binned
from probecore.measures.anova.excitations import (
    RELATIONS,
    Predictor,
    covariance_of,
    map_predictors,
    mean_maps,
    patch_predictors,
)
from probecore.measures.anova.expanded import expanded_match
from probecore.measures.anova.intervals import difference_interval
from probecore.measures.anova.keys import ALPHA, MAIN
from probecore.measures.anova.layers import Association, LayerModel
from probecore.measures.anova.matrices import gradient_outer_product, matrix_association
from probecore.measures.anova.params import AnovaParams

Array = npt.NDArray[np.float64]
Row = dict[str, Any]

QUANTITIES = {
    "R1": "weight_excitation_r_train",
    "R2": "weight_excitation_r_test",
    "R3": "weight_excitation_r_difference",
}

MATRIX_PERMUTATIONS = 199
"""Permutations of Mantel's test, each of which moves a whole matrix."""


class LayerMeasures:
    """Keeps the draws of a layer, and what the first checkpoint gave, for all checkpoints."""

    def __init__(self, layer: str, params: AnovaParams, *, generator: np.random.Generator) -> None:
        self.layer, self._params, self._generator = layer, params, generator
        self._matrix_seed = int(generator.integers(2**63))
        self._models: dict[tuple[int, int], LayerModel] = {}
        self._untrained: dict[tuple[Any, ...], tuple[float, Array]] = {}

    def load(self, epoch: int, module: nn.Module, train: ExcitationSums, test: ExcitationSums) -> None:
        """Take the weights and sums of a checkpoint; checkpoints come in ascending order."""
        self._epoch, self._train, self._test = epoch, train, test
        self.kernels = module.get_parameter("weight").detach().double().cpu().numpy()
        self.weights = self.kernels.reshape(len(self.kernels), -1)
        self.main = patch_predictors(train, test, absolute=self._params.difference == "absolute")
        self.main_fits: dict[str, Association] = {}

    def relations(self) -> Iterator[Row]:
        """R1, R2 and R3 for each excitation, probe dilation and class."""
        wanted, absolute = self._params.excitations, self._params.difference == "absolute"
        for name, weighted in ((MAIN, True), ("mean_patch", False)):
            if name in wanted:
                for dilation in self._train.dilations.astype(int).tolist():
                    options = {"weighted": weighted, "dilation": dilation, "absolute": absolute}
                    predictors = patch_predictors(self._train, self._test, **options)
                    yield from self._fits(name, predictors, self.weights, dilation=dilation)
        if MAIN in wanted and self._train.images.shape[1] > 1:
            for label in range(self._train.images.shape[1]):
                predictors = patch_predictors(self._train, self._test, label=label, absolute=absolute)
                yield from self._fits(MAIN, predictors, self.weights, label=str(label))
        if "feature_map" in wanted:
            for response, values in _summaries(self.weights).items():
                predictors = map_predictors(self._train, self._test, absolute=absolute)
                yield from self._fits("feature_map", predictors, values[:, None], response=response)
        if "patch_covariance" in wanted and len(self._train.covariance[0]) == self.weights.shape[1]:
            train, test = covariance_of(self._train, [0, 1]), [covariance_of(self._test, [half]) for half in (0, 1)]
            matrices = {"R1": train, "R2": test[0], "R3": train - test[1]}
            yield from self._matrix_fits("patch_covariance", matrices)

    def gradients(self, products: Mapping[str, Array]) -> Iterator[Row]:
        """R1 to R3 for the average outer products of gradients, see `gradient_products`."""
        matrices = {"R1": products["train"], "R2": products["first"], "R3": products["train"] - products["second"]}
        return self._matrix_fits("gradient_outer_product", matrices)

    def ansatz(self, products: Mapping[str, Array], depth: int) -> Iterator[Row]:
        """How well powers of the outer products of gradients follow WᵀW; `depth` layers to the output."""
        if self.weights.shape[1] > 1:
            yield {
                "layer": self.layer,
                **ansatz_row(self.weights, products["first"], products["second"], depth=depth),
            }

    def filters(self) -> Iterator[Row]:
        """Correlation over the taps of each filter with its excitation."""
        taps = self.weights.shape[1]
        if taps < 3:
            return
        model = self._model(self.weights.shape)
        for relation, predictor in self.main.items():
            found = model.tap_correlations(self.weights, predictor.values)
            for index, row in enumerate(zip(found.r, found.low, found.high, found.p, strict=True)):
                numbers = dict(zip(("value", "low", "high", "p"), map(float, row), strict=True))
                yield {
                    "layer": self.layer,
                    "filter": index,
                    "site": "conv",
                    "quantity": QUANTITIES[relation],
                    **numbers,
                    "null": 0.0,
                    "n": taps,
                }

    def expanded(self) -> Iterator[Row]:
        """Feature maps against kernels expanded to their grid: how often either test finds a relation."""
        if "raw_map" not in self._params.excitations or self.kernels.ndim != 4 or min(self.kernels.shape[2:]) < 2:
            return
        kernels = self.kernels.mean(axis=1)
        maps = {"R1": mean_maps(self._train, [0, 1]), "R2": mean_maps(self._test, [0])}
        maps["R3"] = maps["R1"] - mean_maps(self._test, [1])
        for relation, fields in maps.items():
            match = expanded_match(fields, kernels)
            known = np.isfinite(match.r)
            if known.any():
                yield {
                    "layer": self.layer,
                    "relation": relation,
                    "r2": float((match.r[known] ** 2).mean()),
                    "null": float((match.null_r2[known]).mean()),
                    "significant": float((match.p[known] <= ALPHA).mean()),
                    "significant_naively": float((match.naive_p[known] <= ALPHA).mean()),
                    "n": int(known.sum()),
                }

    def one_way(self) -> Iterator[Row]:
        """Weights over quantile bins of the excitation, robust alternatives, and the assumptions of the line."""
        for relation, weights, excitations in self.known_pairs():
            if weights.size > self._params.bins:
                yield {
                    "layer": self.layer,
                    "relation": relation,
                    **binned(weights, excitations, bins=self._params.bins),
                    **assumptions(weights, excitations, bins=self._params.bins),
                }

    def known_pairs(self) -> Iterator[tuple[str, Array, Array]]:
        """Weights and excitations (F, T) behind each relation, without silent filters."""
        for relation, predictor in self.main.items():
            known = np.isfinite(predictor.values).all(axis=1)
            if known.any():
                yield relation, self.weights[known], predictor.values[known]

    def _fits(
        self,
        excitation: str,
        predictors: Mapping[str, Predictor],
        weights: Array,
        *,
        dilation: int = 1,
        label: str = "all",
        response: str = "weights",
    ) -> Iterator[Row]:
        model = self._model(weights.shape)
        for relation in RELATIONS:
            values, reliability = predictors[relation]
            key = (excitation, relation, dilation, label, response)
            try:
                fit = model.associate(weights, values)
            except InputError:
                continue
            if key == (MAIN, relation, 1, "all", "weights"):
                self.main_fits[relation] = fit
            numbers = {name: value for name, value in asdict(fit).items() if np.ndim(value) == 0}
            change = self._change(key, fit.r2, fit.replicates)
            yield {**self._keys(key), **numbers, **change, "reliability": reliability}

    def _matrix_fits(self, excitation: str, matrices: Mapping[str, Array]) -> Iterator[Row]:
        if self.weights.shape[1] < 2:
            return
        for relation, matrix in matrices.items():
            generator = np.random.Generator(np.random.PCG64(self._matrix_seed))
            fit = matrix_association(
                self.weights, matrix, generator=generator, grid=self._grid, permutations=MATRIX_PERMUTATIONS
            )
            key = (excitation, relation, 1, "all", "gram")
            yield {
                **self._keys(key),
                **{name: getattr(fit, name) for name in ("r", "r2", "low", "high", "n")},
                "taps_null": fit.null,
                "taps_p": fit.p,
                **self._change(key, fit.r2, fit.replicates),
            }

    def _keys(self, key: tuple[Any, ...]) -> Row:
        names = ("excitation", "relation", "dilation", "class", "response")
        return {"layer": self.layer, **dict(zip(names, key, strict=True))}

    def _change(self, key: tuple[Any, ...], r2: float, replicates: Array) -> Row:
        """R² minus that of the same network before training; none for a network that has no such checkpoint."""
        if self._epoch == 0:
            self._untrained[key] = (r2, replicates)
            return {}
        if key not in self._untrained:
            return {}
        before, before_replicates = self._untrained[key]
        low, high = difference_interval(r2 - before, _filled(replicates, r2) - _filled(before_replicates, before))
        return {"change": r2 - before, "change_low": low, "change_high": high}

    @property
    def _grid(self) -> tuple[int, int]:
        return tuple(self.kernels.shape[2:]) if self.kernels.ndim == 4 else (1, 1)

    def _model(self, shape: tuple[int, ...]) -> LayerModel:
        key = (shape[0], shape[1])
        if key not in self._models:
            self._models[key] = LayerModel(
                *key,
                generator=self._generator,
                grid=self._grid if shape == self.weights.shape else (1, 1),
                permutations=self._params.permutations,
                degree=self._params.degree,
                per_filter=self._params.intercepts == "per_filter",
            )
        return self._models[key]


def gradient_products(model: nn.Module, module: nn.Module, images: Mapping[str, torch.Tensor]) -> dict[str, Array]:
    """Average outer products of gradients over training images and both halves of test images."""
    parts = {"train": images["train"], "first": images["test"][::2], "second": images["test"][1::2]}
    return {name: gradient_outer_product(model, module, part) for name, part in parts.items()}


def _summaries(weights: Array) -> dict[str, Array]:
    return {"norm": np.sqrt((weights**2).sum(axis=1)), "mean": weights.mean(axis=1), "sd": weights.std(axis=1)}


def _filled(replicates: Array, value: float) -> Array:
    """A filter that had no part in a value leaves it as it is when it is left out."""
    return np.where(np.isnan(replicates), value, replicates)
