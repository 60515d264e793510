"""Training: our loop against the usual torchvision data set and DataLoader, and against the bare network.

Usage: python benchmarks/train.py [--images N] [--repeats R]

Same network, recipe, batch, augmentation and memory layout (channels-last), one thread, interleaved in
one process. The ceiling is forward and backward passes on one batch that stays in memory: no data, no optimiser. Writes
``benchmarks/results/train.csv``.
"""

from benchmarks.command import command, show
from probecore.determinism import Numerics, configure

NUMERICS = Numerics()
if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--images", type=int, default=10_000, help="images per timed epoch")
    parser.add_argument("--repeats", type=int, default=5)
    OPTIONS = parser.parse_args()
    configure(NUMERICS)

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from probecore.dataset import DatasetParams, load_dataset, make_dataset
from probecore.determinism import torch_device
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.torchvision_import import import_torchvision
from probecore.train.batches import Batches
from probecore.train.loop import make_optimiser, train_epoch
from probecore.train.params import Augmentation, Normalise, Recipe

CASES = {
    "lenet5 on mnist": ("mnist", ModelParams(name="lenet5"), 64, Augmentation(shift=2)),
    "vgg6 (d=16) on cifar10": ("cifar10", ModelParams(name="vgg6", width=16), 100, Augmentation(shift=4, flip=True)),
}
WORKERS = (0, 1, 2)


def main(options: argparse.Namespace) -> None:
    if options.quick:
        options.images, options.repeats = 200, 1
    torch_device(NUMERICS)
    rows = []
    for case, (name, model, batch, augmentation) in CASES.items():
        path = Path("data") / f"{name}.h5"
        if not path.exists():
            make_dataset(name, DatasetParams(), output=path)
        data = load_dataset(path)
        images, labels = data.train.inputs[: options.images], data.train.targets[: options.images]
        runs = contenders(images, labels, model, batch, augmentation)
        seconds: dict[str, list[float]] = {way: [] for way in runs}
        for _ in range(options.repeats):
            for way, run in runs.items():
                start = time.perf_counter()
                count = run()
                seconds[way].append((time.perf_counter() - start) / count)
        rates = {way: 1 / statistics.median(times) for way, times in seconds.items()}
        for way, rate in rates.items():
            ratio = rates["probecore"] / rate
            measured = {"images_per_second": round(rate), "probecore_against_it": f"{ratio:.2f}"}
            rows.append({"case": case, "way": way} | measured)
            print(f"{case:24} {way:22} {rate:9.0f} images/s   probecore is {ratio:.2f} x", flush=True)
    write(rows, options)


def contenders(
    images: np.ndarray, labels: np.ndarray, model: ModelParams, batch: int, augmentation: Augmentation
) -> dict[str, Callable[[], int]]:
    """Ways to train for one epoch; each returns how many images it has trained on."""
    recipe = Recipe(epochs=1, batch=batch, augmentation=augmentation)

    def network() -> torch.nn.Module:
        torch.manual_seed(0)
        built = build_model(model, input_shape=images.shape[1:], outputs=10).train()
        return built.to(memory_format=torch.channels_last)

    ours, usual, bare = network(), network(), network()
    our_optimiser = make_optimiser(ours.parameters(), recipe)
    batches = Batches(
        images, labels, normalise=Normalise(), augmentation=augmentation, batch=batch, device=torch.device("cpu")
    )

    def run_ours() -> int:
        train_epoch(ours, our_optimiser, batches, recipe=recipe, epoch=1, generator=torch.Generator().manual_seed(0))
        return len(batches) * batch

    inputs = torch.randn(batch, *images.shape[1:]).to(memory_format=torch.channels_last)
    fixed = (inputs, torch.from_numpy(labels[:batch]))

    def run_bare() -> int:
        for _ in range(len(batches)):
            bare.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(bare(fixed[0]), fixed[1]).backward()
        return len(batches) * batch

    ways = {"probecore": run_ours, "bare forward-backward": run_bare}
    for workers in WORKERS:
        ways[f"DataLoader, {workers} workers"] = usual_way(usual, images, labels, recipe, workers)
    return ways


def usual_way(
    model: torch.nn.Module, images: np.ndarray, labels: np.ndarray, recipe: Recipe, workers: int
) -> Callable[[], int]:
    """The loop of the tutorials: PIL images, torchvision transforms, a DataLoader, SGD."""
    transforms = import_torchvision().transforms
    size, shift = images.shape[-1], recipe.augmentation.shift
    steps = [transforms.RandomCrop(size, padding=shift)]
    if recipe.augmentation.flip:
        steps.append(transforms.RandomHorizontalFlip())
    channels = images.shape[1]
    steps += [transforms.ToTensor(), transforms.Normalize((0.5,) * channels, (1.0,) * channels)]
    loader = torch.utils.data.DataLoader(
        PilImages(images, labels, transforms.Compose(steps)),
        batch_size=recipe.batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)

    def run() -> int:
        for inputs, targets in loader:
            optimiser.zero_grad()
            inputs = inputs.to(memory_format=torch.channels_last)
            torch.nn.functional.cross_entropy(model(inputs), targets).backward()
            optimiser.step()
        return len(loader) * recipe.batch

    return run


class PilImages(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """As torchvision's MNIST and CIFAR10 classes give them: a PIL image, transformed, and its label."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, transform: Callable[..., torch.Tensor]) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        from PIL import Image

        image = self.images[index]
        picture = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
        return self.transform(picture), int(self.labels[index])


def write(rows: list[dict[str, object]], options: argparse.Namespace) -> None:
    setting = {
        "images": options.images,
        "repeats": options.repeats,
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
    }
    show("train", [row | setting for row in rows], quick=options.quick)


if __name__ == "__main__":
    main(OPTIONS)
