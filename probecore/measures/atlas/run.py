"""The job of one network: checkpoints and data in; baselines, truths, their reliability and exciting images out.

Baselines come from test images, as the measures' quantities do; truths from training images, on the labels that the
network has learnt.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from probecore.determinism import Numerics, numpy_generator, torch_generator
from probecore.errors import InputError
from probecore.measures.atlas import baselines as base
from probecore.measures.atlas.exciting import Peaks, dependence, peaks, strongest
from probecore.measures.atlas.increases import increases
from probecore.measures.atlas.keys import CHANCE, KEYS, OUTCOMES
from probecore.measures.atlas.params import AtlasParams
from probecore.measures.atlas.reliability import split_half
from probecore.measures.atlas.retraining import retrained_increases
from probecore.measures.atlas.shapley import shapley_values
from probecore.measures.network import Network, Tables
from probecore.models import Block, ablate, blocks
from probecore.models.ablation import Array, Outcomes
from probecore.models.selection import choose_layers
from probecore.statistics import Estimate, bootstrap_counts, mean_estimates, paired_difference
from probecore.train.batches import Batches
from probecore.train.inference import chunks, learned_targets
from probecore.train.params import Augmentation

REPLICATES = 999
"""Bootstrap replicates over images of a loss increase."""

BATCH = 250
"""Images that run forward and back at once."""

Row = dict[str, Any]
Images = list[tuple[Tensor, Tensor]]


def run_network(*, data: Path, checkpoints: Path, params: AtlasParams, numerics: Numerics, output: Path) -> None:
    """Write ``filters.csv``, ``reliability.csv`` and ``exciting.csv`` of one network into `output`.

    Raises
    ------
    InputError
        If the data are no labelled images or belong to another training, or a layer is unknown.
    """
    network = Network.read(data=data, checkpoints=checkpoints, numerics=numerics)
    network.need_labelled_images("atlas")
    measure_network(network, params).write(output)


def measure_network(network: Network, params: AtlasParams) -> Tables:
    """Fill the tables of one network at its last checkpoint.

    Raises
    ------
    InputError
        If a layer is unknown.
    """
    tables, epoch = Tables(network, KEYS), network.epochs[-1]
    model = network.at(epoch)
    inner = blocks(model, network.dataset.input_shape)[:-1]
    names = [block.layer for block in inner]
    chosen = choose_layers(names, params.layers, where="atlas.layers")
    played = choose_layers(names, params.shapley.layers, where="atlas.shapley.layers") if params.shapley else []
    again = choose_layers(names, params.retraining.layers, where="atlas.retraining.layers") if params.retraining else []
    of_epoch = _Epoch(network, model, [block for block in inner if block.layer in chosen], epoch, params)
    for block in of_epoch.blocks:
        found = [*of_epoch.baselines(block), *of_epoch.ablations(block)]
        found += of_epoch.shapley(block) if block.layer in played else []
        found += of_epoch.retraining(block) if block.layer in again else []
        for quantity in found:
            tables.add("filters", epoch, quantity.rows(block.layer))
            reliability = {"layer": block.layer, "quantity": quantity.name, "value": quantity.reliability}
            tables.add("reliability", epoch, [{**reliability, "n": quantity.images}])
        tables.add("exciting", epoch, of_epoch.exciting(block))
    return tables


class _Quantity:
    """A quantity of a layer's filters with its reliability over images, of which it is 1 where they have no part."""

    def __init__(
        self,
        name: str,
        site: str,
        estimates: list[Estimate],
        reliability: float = 1.0,
        filters: Sequence[int] | None = None,
    ) -> None:
        self.name, self.site, self.estimates, self.reliability = name, site, estimates, reliability
        self.filters = filters
        self.images = estimates[0].n

    def rows(self, layer: str) -> Iterator[Row]:
        names = {"layer": layer, "site": self.site, "quantity": self.name}
        filters = range(len(self.estimates)) if self.filters is None else self.filters
        return ({**names, "filter": index, **vars(each)} for index, each in zip(filters, self.estimates, strict=True))


class _Epoch:
    """One network at one epoch."""

    def __init__(
        self, network: Network, model: nn.Module, chosen: list[Block], epoch: int, params: AtlasParams
    ) -> None:
        self.network, self.model, self.blocks, self.epoch, self.params = network, model, chosen, epoch, params
        self._seen, self._ranks, self._means, self._peaks = self._look()
        self._counts: dict[int, Any] = {}

    def baselines(self, block: Block) -> Iterator[_Quantity]:
        """What weights, maps and gradients say of each filter, and one number at random."""
        layer = self.model.get_submodule(block.layer)
        norm = self.model.get_submodule(block.norm) if block.norm else None
        weight = layer.get_parameter("weight")
        gamma = getattr(norm, "weight", None)
        gamma = gamma if gamma is not None and gamma.shape == weight.shape[:1] else None
        if not getattr(layer, "transposed", False):
            for name, values in base.weight_baselines(weight, gamma).items():
                yield _Quantity(name, "conv", _plain(values, weight[0].numel()))
        yield from self._seen_quantities(block)
        if (ranks := self._ranks.get(block.layer)) is not None:
            key = self._key("hrank", block.layer)
            yield from self._measured(
                ["hrank"], "block", lambda images: ranks[images].mean(axis=0)[None], len(ranks), key
            )
        filters = self._means[block.layer].shape[0]
        chance = numpy_generator(*self._key(CHANCE, block.layer)).random(filters)
        yield _Quantity(CHANCE, "block", _plain(chance, len(self._seen[block.layer].means)), np.nan)

    def ablations(self, block: Block) -> Iterator[_Quantity]:
        """How much worse the network does with each filter replaced."""
        images = self._training_images(self.params.images)
        for kind in self.params.ablations:
            key = self._key(kind, block.layer)
            donors, mean = torch_generator(*key, "donors"), self._means[block.layer]
            intact, ablated = ablate(self.model, block, images, kind, mean=mean, generator=donors)
            n = len(intact.loss)

            def over(chosen: Any, pair: tuple[Outcomes, Outcomes] = (intact, ablated)) -> Array:
                return np.stack(list(increases(*pair, chosen).values()))

            reliability = split_half(over, over, n=n, generator=numpy_generator(*key))
            estimates = {
                "loss": mean_estimates((ablated.loss - intact.loss).T, self._replicates(n)),
                "accuracy": [paired_difference(row, intact.correct) for row in ablated.correct],
                "calibration": _plain(over(np.arange(n))[OUTCOMES.index("calibration")], n),
            }
            for outcome, own in zip(OUTCOMES, reliability, strict=True):
                yield _Quantity(f"{kind}_{outcome}", "block", estimates[outcome], float(own))

    def shapley(self, block: Block) -> Iterator[_Quantity]:
        """What each filter adds to others; the interval is over images."""
        params, key = self.params.shapley, self._key("shapley", block.layer)
        assert params is not None
        first, second = shapley_values(
            self.model,
            block,
            self._training_images(params.images),
            generator=numpy_generator(*key),
            most_pairs=params.pairs,
            tolerance=params.tolerance,
        ).halves
        yield self._of_halves("shapley", first, second, key=key)

    def retraining(self, block: Block) -> Iterator[_Quantity]:
        """How much worse it does without some of the filters after learning on; twice, with other batches."""
        params, key = self.params.retraining, self._key("retraining", block.layer)
        assert params is not None
        count = self._means[block.layer].shape[0]
        chosen = numpy_generator(*key).permutation(count)[: params.filters]
        filters = sorted(chosen.tolist())
        judging = self._training_images(self.params.images)
        first, second = retrained_increases(
            self.model, block, filters, self._other_batches(params.batch), judging, params=params, key=key
        )
        yield self._of_halves("retrained_loss", first, second, key=key, filters=filters)

    def _of_halves(
        self,
        name: str,
        first: Array,
        second: Array,
        *,
        key: tuple[str | int, ...],
        filters: Sequence[int] | None = None,
    ) -> _Quantity:
        """A truth that is the mean over images of two independent measurements (F, N)."""
        n = first.shape[1]
        reliability = split_half(
            lambda images: first[:, images].mean(axis=1)[None],
            lambda images: second[:, images].mean(axis=1)[None],
            n=n,
            generator=numpy_generator(*key, "halves"),
        )
        estimates = mean_estimates((first + second).T / 2, self._replicates(n))
        return _Quantity(name, "block", estimates, float(reliability[0]), filters)

    def _other_batches(self, batch: int) -> Batches:
        """Batches of the training images that give no truth, on the labels that the network has learnt."""
        info, dataset = self.network.info, self.network.dataset
        labels = learned_targets(dataset, experiment=info.experiment, network=info.network)
        inputs = dataset.train.inputs[: -self.params.images]
        if len(inputs) < batch:
            raise InputError(
                f"atlas.retraining: {len(dataset.train.inputs)} training images less the {self.params.images} of "
                f"atlas.images leave no batch of {batch}; lower one of them, or write `retraining: null`"
            )
        return Batches(
            inputs,
            labels[: -self.params.images],
            normalise=info.normalise,
            augmentation=Augmentation(),
            batch=batch,
            device=self.network.device,
        )

    def exciting(self, block: Block) -> Iterator[Row]:
        """The test images on which each filter is largest, and the pixels there that move it."""
        found, inputs = self._peaks[block.layer], self.network.dataset.test.inputs
        images = strongest(found.values)
        filters = np.broadcast_to(np.arange(images.shape[1]), images.shape).ravel()
        images = images.ravel()
        places = found.places[images, filters]
        boxes: list[Any] = []
        for inputs_, _ in self._chunks(inputs[images], images, BATCH):
            part = slice(len(boxes), len(boxes) + len(inputs_))
            boxes += dependence(self.model, block, inputs_, filters[part], places[part]).tolist()
        values = found.values[images, filters]
        for index, (image, one, value, box) in enumerate(zip(images, filters, values, boxes, strict=True)):
            names = {"layer": block.layer, "filter": int(one), "rank": index // len(found.values[0]) + 1}
            sides = zip(("top", "left", "bottom", "right"), box, strict=True)
            yield {**names, "image": int(image), "value": float(value), **dict(sides)}

    def _look(self) -> tuple[dict[str, base.PerImage], dict[str, Array], dict[str, Tensor], dict[str, Peaks]]:
        """What filters do on single test images, ranks of their maps, their mean maps, and where maps are largest."""
        test, count = self.network.dataset.test, self.params.images
        parts: dict[str, list[base.PerImage]] = {block.layer: [] for block in self.blocks}
        highest: dict[str, list[Peaks]] = {block.layer: [] for block in self.blocks}
        ranks: dict[str, list[Array]] = {}
        sums: dict[str, Tensor] = {}
        looked_at = 0
        images = self._chunks(test.inputs[:count], test.targets[:count], BATCH)
        for inputs, labels in images:
            for layer, found in base.block_gradients(self.model, self.blocks, inputs, labels).items():
                maps = found[0]
                parts[layer].append(base.per_image(*found))
                highest[layer].append(peaks(maps))
                sums[layer] = sums.get(layer, 0) + maps.sum(0)
                if looked_at < base.RANKED_IMAGES and maps.ndim == 4 and min(maps.shape[2:]) > 1:
                    ranks.setdefault(layer, []).append(base.map_ranks(maps[: base.RANKED_IMAGES - looked_at]))
            looked_at += len(labels)
        seen = {layer: base.PerImage(*_joined(found)) for layer, found in parts.items()}
        ranked = {layer: np.concatenate(found) for layer, found in ranks.items()}
        means = {layer: total / looked_at for layer, total in sums.items()}
        return seen, ranked, means, {layer: Peaks(*_joined(found)) for layer, found in highest.items()}

    def _seen_quantities(self, block: Block) -> Iterator[_Quantity]:
        seen, key = self._seen[block.layer], self._key("activations", block.layer)
        names = list(base.activation_baselines(seen, np.arange(len(seen.means))))

        def over(images: Any) -> Array:
            return np.stack(list(base.activation_baselines(seen, images).values()))

        for quantity in self._measured(names, "block", over, len(seen.means), key):
            if quantity.name == "apoz" and block.activation:
                quantity.site = "act"
            yield quantity

    def _measured(
        self, names: list[str], site: str, over: Callable[[Any], Array], n: int, key: tuple[str | int, ...]
    ) -> Iterator[_Quantity]:
        """Quantities of n images, with their reliability."""
        reliability = split_half(over, over, n=n, generator=numpy_generator(*key))
        for name, values, own in zip(names, over(np.arange(n)), reliability, strict=True):
            yield _Quantity(name, site, _plain(values, n), float(own))

    def _replicates(self, n: int) -> Any:
        """How often each of n images is drawn in each bootstrap replicate; the same for all truths."""
        if n not in self._counts:
            self._counts[n] = bootstrap_counts(n, REPLICATES, numpy_generator(*self._key("bootstrap", n)))
        return self._counts[n]

    def _training_images(self, count: int) -> Images:
        info, dataset = self.network.info, self.network.dataset
        labels = learned_targets(dataset, experiment=info.experiment, network=info.network)
        return self._chunks(dataset.train.inputs[-count:], labels[-count:], None)

    def _chunks(self, inputs: Any, labels: Any, size: int | None) -> Images:
        options: Mapping[str, Any] = {} if size is None else {"size": size}
        return list(chunks(inputs, labels, scale=self.network.scale, device=self.network.device, **options))

    def _key(self, *parts: str | int) -> tuple[str | int, ...]:
        return (self.network.info.experiment, self.network.info.network, "atlas", self.epoch, *parts)


def _joined(parts: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    """Tuples of arrays, which are of some images each, as the arrays of all."""
    return (np.concatenate(each) for each in zip(*parts, strict=True))


def _plain(values: Array, n: int) -> list[Estimate]:
    return [Estimate(value=float(value), n=n) for value in values]
