"""Mean dimension of a network's outputs, fast and plain: `python benchmarks/mean_dimension.py [images] [rounds]`.

Side by side in one process, one torch thread, interleaved; medians over rounds of the CPU time of the process. Every
way evaluates the same exchanges, one shuffle of all coordinates (of larger networks a part), and must give the same
number.

- plain: N (D + 1) inputs, built by copying and exchanging, in batches of the best of several sizes, which is found on
  the first images. In PCA coordinates each input is transformed back by a dense product with the inverse, as an
  inverse-PCA layer in front of the network does; `plain, rank-one input` adds a multiple of one direction instead.
- one pair at a time: 2 D + 2 inputs per pair as the authors' public code evaluates them, on a few pairs, scaled up.
- probecore: `network_mean_dimension`, with all its set-up, sums and bootstrap.
- floor: multiply-adds at the speed of a large product of this machine, plus bytes at the speed of a large copy; see
  `floor`.

LeNet-5 sees real MNIST images (5,000 are embedded) and has the weights of a few seconds of training; VGG-6 (d = 16)
and ResNet-18, with the stem for ImageNet and that for CIFAR, are untrained and see smooth random images of 32 × 32.
"""

import os

from benchmarks.command import command, show

if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    OPTIONS = parser.parse_args()

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from probecore.dataset.embedded import mnist5k
from probecore.measures.mean_dimension import Basis, network_mean_dimension, pca_basis
from probecore.models import build_model
from probecore.models.params import ModelParams

BATCHES = (49, 98, 196, 784)
LARGER = (
    ("vgg6", {"width": 16}),
    ("resnet18", {"stem": "imagenet"}),
    ("resnet18, CIFAR stem", {"stem": "cifar"}),
)
PART = 100
"""Coordinates of the larger networks: so many tell the ratio, and the plain way on all would take hours."""

Way = Callable[[], float]


def main(options: argparse.Namespace) -> None:
    images, rounds = (20, 1) if options.quick else (options.images, options.rounds)
    torch.set_num_threads(1)
    digits = mnist5k()
    lenet5 = trained_lenet5(digits.train.inputs, digits.train.targets)
    pca = pca_basis(scaled(digits.train.inputs))
    shown = scaled(digits.test.inputs[:images])
    rows = compare("lenet5", lenet5, shown, None, rounds) + compare("lenet5", lenet5, shown, pca, rounds)
    few = smooth_images(max(20, images // 10), (3, 32, 32))
    basis = pca_basis(smooth_images(500, (3, 32, 32)))
    cut = Basis(basis.directions[:PART], basis.origin)
    for name, own in () if options.quick else LARGER:
        torch.manual_seed(0)
        params = ModelParams.read({"name": name.partition(",")[0], **own})
        model = build_model(params, input_shape=(3, 32, 32), outputs=10).eval()
        rows += compare(name, model, few, None, rounds, batches=(98,), features=PART)
        rows += compare(name, model, few, cut, 1, batches=(98,))
    show("mean_dimension", rows, quick=options.quick)


def compare(
    name: str,
    model: nn.Module,
    images: Tensor,
    basis: Basis | None,
    rounds: int,
    *,
    batches: tuple[int, ...] = BATCHES,
    features: int | None = None,
) -> list[dict[str, object]]:
    pairs = 2
    ways: dict[str, Way] = {}
    if features is None:
        batch = best_batch(model, images[:20], basis, batches)
        ways[f"plain, batch {batch}"] = lambda: plain(model, images, basis, batch)
        if basis is not None:
            ways[f"plain, rank-one input, batch {batch}"] = lambda: ours(model, images, basis, fast=False, batch=batch)
        if name == "lenet5":
            ways["one pair at a time"] = lambda: one_pair_at_a_time(model, images[: pairs + 1], basis)
    else:
        ways["plain, the same exchanges, batch 98"] = lambda: ours(model, images, basis, fast=False, features=features)
    ways["probecore"] = lambda: ours(model, images, basis, features=features)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    values: dict[str, float] = {}
    for _ in range(rounds):
        for way, run in ways.items():
            start = time.process_time()
            values[way] = run()
            scale = len(images) / pairs if way == "one pair at a time" else 1
            seconds[way].append((time.process_time() - start) * scale)
    least = floor(model, images, basis) if name == "lenet5" else float("nan")
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    rows = []
    for way, median in medians.items():
        rows.append(
            {
                "network": name,
                "basis": "pixels" if basis is None else "pca",
                "images": len(images),
                "coordinates": images[0].numel() if basis is None else len(basis.directions),
                "way": way,
                "seconds": f"{median:.3f}",
                "times_as_fast": f"{median / medians['probecore']:.2f}",
                "share_of_floor": f"{least / median:.3f}",
                "value": f"{values[way]:.7f}" if way != "one pair at a time" else "",
            }
        )
        print("  ".join(f"{cell!s:>12}" for cell in rows[-1].values()), flush=True)
    same = [value for way, value in values.items() if way != "one pair at a time"]
    assert np.ptp(same) < 1e-4 * same[0], same
    return rows


def best_batch(model: nn.Module, images: Tensor, basis: Basis | None, batches: tuple[int, ...]) -> int:
    seconds = {batch: best_of(lambda batch=batch: plain(model, images, basis, batch), 2) for batch in batches}
    return min(seconds, key=lambda batch: seconds[batch])


def ours(
    model: nn.Module,
    images: Tensor,
    basis: Basis | None,
    *,
    fast: bool = True,
    batch: int | None = None,
    features: int | None = None,
) -> float:
    generator = np.random.default_rng(0)
    found = network_mean_dimension(
        model, images, basis=basis, fast=fast, batch=batch, features=features, generator=generator
    )
    return found.outputs["output"].value


@torch.inference_mode()
def plain(model: nn.Module, images: Tensor, basis: Basis | None, batch: int) -> float:
    """What one would write: a copy of the point for each coordinate, one of them exchanged, and the network."""
    points = images[torch.from_numpy(np.random.default_rng(0).permutation(len(images)))]
    shape = points.shape[1:]
    coordinates = points.flatten(1)
    if basis is not None:
        directions, origin = (torch.from_numpy(part).float() for part in (basis.directions, basis.origin))
        centred = coordinates - origin
        coordinates = centred @ directions.T
        rest = centred - coordinates @ directions
    donors = coordinates.roll(-1, 0)
    before = model(points)
    count = coordinates.shape[1]
    total = 0.0
    for index in range(len(points)):
        for start in range(0, count, batch):
            features = torch.arange(start, min(start + batch, count))
            changed = coordinates[index].repeat(len(features), 1)
            changed[torch.arange(len(features)), features] = donors[index, features]
            if basis is not None:
                changed = changed @ directions + (rest[index] + origin)
            change = model(changed.view(-1, *shape)) - before[index]
            total += float((change**2).sum())
    return total / 2 / len(points) / float(before.double().var(0, correction=0).sum())


@torch.inference_mode()
def one_pair_at_a_time(model: nn.Module, images: Tensor, basis: Basis | None) -> float:
    """2 D + 2 inputs for each pair of neighbours; in PCA coordinates the inverse is computed for each pair."""
    shape = images.shape[1:]
    coordinates = images.flatten(1)
    if basis is not None:
        directions, origin = (torch.from_numpy(part).float() for part in (basis.directions, basis.origin))
        square = torch.linalg.qr(directions.T, mode="complete").Q.T
        coordinates = (coordinates - origin) @ square.T
    total = 0.0
    for one, other in pairwise(coordinates):
        stacked = torch.cat([one[None], other[None], one.repeat(len(one), 1), other.repeat(len(one), 1)])
        every = torch.arange(len(one))
        stacked[2 + every, every] = other
        stacked[2 + len(one) + every, every] = one
        if basis is not None:
            stacked = stacked @ torch.linalg.inv(square.T) + origin
        outputs = model(stacked.view(-1, *shape))
        total += float(((outputs[2 : 2 + len(one)] - outputs[0]) ** 2).sum())
    return total


@torch.inference_mode()
def floor(model: nn.Module, images: Tensor, basis: Basis | None) -> float:
    """Least seconds for LeNet-5: what must be computed and moved once a swap is known to change the first layer.

    Pixels: per exchange that changes anything the second conv layer's increment on a 3 × 3 window (6·9 × 16·49
    multiply-adds), the first linear layer's on 3 × 3 of its 5 × 5 maps, and the rest; maps of the windows are read
    and written once. PCA: four planes of 1,176 updated, one kept (read, write), the second conv layer, the rest.
    """
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    multiply_adds = 1024**3 / best_of(lambda: a @ b)
    source, target = torch.randn(1 << 22), torch.empty(1 << 22)
    bytes_per_second = 8 * (1 << 22) / best_of(lambda: target.copy_(source))
    linear = 120 * 84 + 84 * 10
    if basis is None:
        rows = images.flatten(1)[torch.from_numpy(np.random.default_rng(0).permutation(len(images)))]
        count = int((rows != rows.roll(-1, 0)).sum())
        operations = 6 * 25 + 54 * 784 + 144 * 120 + linear
        moved = 4 * 2 * (216 + 54 + 784 + 144 + 120 + 84 + 10)
    else:
        count = len(images) * len(basis.directions)
        operations = 4 * 1176 + 16 * 150 * 100 + 400 * 120 + linear
        moved = 4 * 2 * (4 * 1176 + 1600 + 400 + 120 + 84 + 10)
    return count * (operations / multiply_adds + moved / bytes_per_second)


def best_of(run: Callable[[], object], times_run: int = 7) -> float:
    times = []
    for _ in range(times_run):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def trained_lenet5(images: np.ndarray, labels: np.ndarray) -> nn.Module:
    torch.manual_seed(0)
    model = build_model(ModelParams(name="lenet5"), input_shape=(1, 28, 28), outputs=10)
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    inputs, targets = scaled(images), torch.from_numpy(labels)
    for _ in range(3):
        for part in torch.randperm(len(inputs)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs[part]), targets[part]).backward()
            optimiser.step()
    return model.eval()


def scaled(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).float().sub_(127.5).div_(255)


def smooth_images(count: int, shape: tuple[int, int, int]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((count, shape[0], 5, 5), generator=generator)
    noise = torch.rand((count, *shape), generator=generator)
    return nn.functional.interpolate(coarse, shape[1:], mode="bicubic") - 0.5 + 0.1 * noise


if __name__ == "__main__":
    main(OPTIONS)
