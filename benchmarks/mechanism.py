"""The mechanism against what one would write first: `python benchmarks/mechanism.py [data [checkpoints]]`.

One torch thread, variants interleaved in one process; medians over rounds of times and of ratios within a round.

- fields: all single-filter matrices of a layer of 512 filters with 4×4 maps, 10,000 images, K = 10; against setting all
  other weights of the head to 0 and running it, filter by filter, and against the product of each filter's own columns
  with its own maps. Runs of explicit silencing are cut to a share of the filters and scaled up.
- heads: one epoch of heads on all blocks of VGG-6 (d = 16) in one pass, with augmentation; against augmentation and
  backbone alone, and against backbones cut after each block, one after another, each with its head and its own passes.
- latency: one batch of 100 through a trained network, whole and pruned by clusters, by magnitude and at random, filters
  without connections really removed; only where checkpoints are given, of a plain chain trained on these data.

Without a data file, images are smooth random ones; times do not depend on it, accuracies say nothing then.
"""

from benchmarks.command import command, show
from probecore.determinism import Numerics, configure

NUMERICS = Numerics(isa="native")
if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("files", nargs="*", help="a data set, and checkpoints whose latency is measured")
    OPTIONS = parser.parse_args()
    configure(NUMERICS)

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from probecore.dataset import load_dataset
from probecore.measures.mechanism import class_mean_maps, shrink, single_filter_fields
from probecore.measures.mechanism.backbone import choose_blocks
from probecore.measures.mechanism.head import Head
from probecore.measures.mechanism.heads import train_heads
from probecore.measures.mechanism.params import Heads
from probecore.measures.mechanism.readout import read_out
from probecore.measures.mechanism.retraining import prune, size_of
from probecore.measures.network import Network
from probecore.models import Block, build_model
from probecore.models.params import ModelParams
from probecore.models.suffix import block_outputs
from probecore.train.batches import Batches
from probecore.train.inference import chunks
from probecore.train.params import Normalise

ROUNDS = 9
IMAGES = 10_000
FILTERS, SIDE, CLASSES = 512, 4, 10
SILENCED = 16
SEEDS = (0, 1, 2)
RECIPE = Heads(epochs=1)
THRESHOLDS = (0.3, 0.6)

Row = dict[str, Any]
Runs = dict[str, Callable[[], Any]]


def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    images, labels = examples(options.files[0] if options.files else None)
    count = IMAGES // 20 if options.quick else IMAGES
    rows = [*benchmark_fields(count), *benchmark_heads(images[:count], labels[:count])]
    if len(options.files) > 1:
        rows += benchmark_latency(*map(Path, options.files))
    show("mechanism", rows, quick=options.quick)


def benchmark_fields(images: int) -> Iterator[Row]:
    generator = np.random.default_rng(0)
    maps = np.maximum(generator.standard_normal((images, FILTERS, SIDE, SIDE), dtype=np.float32), 0)
    weight = generator.standard_normal((CLASSES, FILTERS * SIDE * SIDE), dtype=np.float32)
    labels = generator.permutation(images) % CLASSES
    runs: Runs = {
        "class means, one product": lambda: single_filter_fields(
            weight, class_mean_maps(maps, labels, classes=CLASSES)
        ),
        "own columns": lambda: own_columns(weight, maps, labels),
        "explicit silencing": lambda: silencing(weight, maps, labels),
    }
    results = {name: run() for name, run in runs.items()}
    ours = results["class means, one product"]
    for name, result in results.items():
        difference = np.abs(result - ours[: len(result)]).max() / np.abs(ours).max()
        print(f"{name}: largest difference {difference:.1e} of the largest element")
        assert difference < 1e-5
    scale = {"explicit silencing": FILTERS / SILENCED}
    yield from report("fields", times(runs, scale), base="class means, one product")


def own_columns(weight: np.ndarray, maps: np.ndarray, labels: np.ndarray) -> np.ndarray:
    weights, inputs = (torch.from_numpy(values) for values in (weight, maps))
    taps = weights.reshape(CLASSES, FILTERS, -1)
    fields = [mean_by_label(inputs[:, index].flatten(1) @ taps[:, index].T, labels) for index in range(FILTERS)]
    return torch.stack(fields).numpy()


def silencing(weight: np.ndarray, maps: np.ndarray, labels: np.ndarray) -> np.ndarray:
    head = nn.Linear(weight.shape[1], CLASSES, bias=False)
    inputs = torch.from_numpy(maps).flatten(1)
    whole = torch.from_numpy(weight).reshape(CLASSES, FILTERS, -1)
    fields = []
    with torch.inference_mode():
        for index in range(SILENCED):
            alone = torch.zeros_like(whole)
            alone[:, index] = whole[:, index]
            head.weight.copy_(alone.flatten(1))
            fields.append(mean_by_label(head(inputs), labels))
    return torch.stack(fields).numpy()


def mean_by_label(outputs: torch.Tensor, labels: np.ndarray) -> torch.Tensor:
    sums = torch.zeros(CLASSES, CLASSES).index_add_(0, torch.from_numpy(labels), outputs)
    return sums / torch.from_numpy(np.bincount(labels))[:, None]


def benchmark_heads(images: np.ndarray, labels: np.ndarray) -> Iterator[Row]:
    model = vgg6()
    blocks = choose_blocks(model, images.shape[1:], ["*"])
    runs: Runs = {
        "augmentation and backbone": lambda: passes(model, images, labels),
        "all heads": lambda: heads(model, blocks, images, labels, 0),
        "cut backbones, one after another": lambda: cut(model, blocks, images, labels, 0),
    }
    seconds = times(runs)
    yield from report("heads", seconds, base="all heads")
    for variant, train in (("all heads", heads), ("cut backbones, one after another", cut)):
        for seed in SEEDS:
            found = accuracies(model, train(model, blocks, images, labels, seed), images, labels)
            for block, accuracy in zip(blocks, found, strict=True):
                print(f"{variant}, {block.layer}, seed {seed}: accuracy {accuracy:.4f}")
                names = {"benchmark": "accuracy of heads", "variant": variant}
                yield {**names, "layer": block.layer, "seed": seed, "accuracy": f"{accuracy:.4f}"}


def passes(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> None:
    assert RECIPE.augmentation is not None
    batches = Batches(
        images,
        labels,
        normalise=Normalise(),
        augmentation=RECIPE.augmentation,
        batch=RECIPE.batch,
        device=torch.device("cpu"),
    )
    with torch.no_grad():
        for inputs, _ in batches.epoch(torch.Generator().manual_seed(0)):
            model(inputs)


def heads(
    model: nn.Module, blocks: Sequence[Block], images: np.ndarray, labels: np.ndarray, seed: int
) -> dict[str, Head]:
    return train_heads(model, blocks, images, labels, classes=CLASSES, key=(seed,), recipe=RECIPE)


def cut(
    model: nn.Sequential, blocks: Sequence[Block], images: np.ndarray, labels: np.ndarray, seed: int
) -> dict[str, Head]:
    names = list(dict(model.named_children()))
    weights: dict[str, Head] = {}
    for block in blocks:
        backbone = model[: names.index(block.output) + 1]
        weights |= heads(backbone, [block], images, labels, seed)
    return weights


def accuracies(model: nn.Module, weights: dict[str, Head], images: np.ndarray, labels: np.ndarray) -> list[float]:
    inputs = torch.from_numpy(images[:2000]).float().sub_(127.5).div_(255)
    outputs, _ = block_outputs(model, choose_blocks(model, images.shape[1:], ["*"]), inputs)
    targets = torch.from_numpy(labels[:2000])
    return [float((head(outputs[k]).argmax(1) == targets).float().mean()) for k, head in weights.items()]


def benchmark_latency(data: Path, checkpoints: Path) -> Iterator[Row]:
    """A trained chain, whole and pruned by each method at two thresholds, by fields of heads trained for one epoch."""
    network = Network.read(data=data, checkpoints=checkpoints, numerics=NUMERICS)
    model, train = network.at(network.epochs[-1]), network.dataset.train
    images, labels = train.inputs[:IMAGES], train.targets[:IMAGES]
    blocks = choose_blocks(model, network.dataset.input_shape, ["*"])
    heads = train_heads(
        model,
        blocks,
        images,
        labels,
        classes=network.dataset.outputs,
        key=("latency",),
        recipe=RECIPE,
        normalise=network.info.normalise,
    )
    parts = list(chunks(images, labels, scale=network.scale, device=network.device))
    fields = {layer: matrices for layer, (matrices, _) in read_out(model, blocks, heads, lambda: parts).items()}
    inputs = network.scale(torch.from_numpy(images[:100]))
    runs: Runs = {"whole": lambda: model(inputs)}
    assert isinstance(model, nn.Sequential)
    for pruned in prune(model, fields, thresholds=THRESHOLDS, keep_clusterless=False, key=("latency",)):
        size = size_of(model, pruned.masks, network.dataset.input_shape)
        name = (
            f"{pruned.method}, {pruned.threshold}: {size.parameters:,} parameters, {size.multiply_adds:,} multiply-adds"
        )
        runs[name] = partial(shrink(model, pruned.masks), inputs)
    with torch.inference_mode():
        yield from report("latency of 100 images", times(runs), base="whole")


def vgg6() -> nn.Sequential:
    torch.manual_seed(0)
    model = build_model(ModelParams(name="vgg6", width=16), input_shape=(3, 32, 32), outputs=CLASSES).eval()
    assert isinstance(model, nn.Sequential)
    return model


def examples(path: str | None) -> tuple[np.ndarray, np.ndarray]:
    if path is not None:
        train = load_dataset(Path(path)).train
        return train.inputs, train.targets
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((IMAGES, 3, 5, 5), generator=generator)
    images = nn.functional.interpolate(coarse, (32, 32), mode="bicubic").clamp(0, 1).mul(255).byte().numpy()
    return images, np.arange(IMAGES) % CLASSES


def times(runs: Runs, scale: dict[str, float] | None = None) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for round_ in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if round_ > 0:
                seconds[name].append((time.perf_counter() - start) * (scale or {}).get(name, 1))
    return seconds


def report(what: str, seconds: dict[str, list[float]], *, base: str) -> Iterator[Row]:
    for name, each in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(each, seconds[base], strict=True))
        row = {
            "benchmark": what,
            "variant": name,
            "seconds": f"{statistics.median(each):.4f}",
            "over_ours": f"{ratio:.2f}",
            "torch_threads": torch.get_num_threads(),
            "instruction_set": torch.backends.cpu.get_cpu_capability(),
        }
        print("  ".join(f"{value!s:>32}" for value in row.values()))
        yield row


if __name__ == "__main__":
    main(OPTIONS)
