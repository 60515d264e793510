"""The dump against its floor, and against HDF5's own filters: `python benchmarks/dump.py`.

Side by side in one process, interleaved, one torch thread, fsync nowhere; medians over rounds of times and of the
ratios within a round:

- forward: the network in evaluation mode over the same batches of uint8 images, nothing kept;
- raw write: the bytes of all layers, ready in memory, written to one file by `os.write`;
- none: `dump_activations`, uncompressed maps of all layers; against forward + raw write;
- pooled and means: `dump_activations` with its default store, no maps;
- zstd, gzip: `dump_activations` with compressed maps; against plain h5py with HDF5's filter at the same level, with the
  same chunks: hooks that assign each batch to its data set.

Networks are untrained; LeNet-5 sees real MNIST images, VGG-6 (d = 16) smooth random ones. Compression uses two threads:
run this on a machine with two idle cores. gzip, slow, runs once.
"""

import os

from benchmarks.command import command, show

if __name__ == "__main__":
    OPTIONS = command(__doc__).parse_args()

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import torch
from torch import nn

from probecore.activations import create_activations, create_epoch, dump_activations
from probecore.activations.layers import select_layers
from probecore.activations.params import Compression, Store
from probecore.activations.streams import rows_per_block
from probecore.dataset.embedded import mnist5k
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.models.tracing import Call, evaluating, listening, trace

BATCH = 256
ROUNDS = 5
LEVELS: tuple[tuple[Compression, int], ...] = (("zstd", 1), ("zstd", 3), ("gzip", 1))

Run = Callable[[Path], None]
Row = dict[str, Any]


def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    digits = mnist5k()
    digits_twice = np.concatenate([digits.train.inputs, digits.test.inputs] * 2)
    rounds, few = (1, 512) if options.quick else (ROUNDS, None)
    rows = benchmark(ModelParams(name="lenet5"), digits_twice[:few], rounds)
    if not options.quick:
        rows += benchmark(ModelParams(name="vgg6", width=16), smooth_images(1_000, (3, 32, 32)), rounds)
    show("dump", rows, quick=options.quick)


def benchmark(params: ModelParams, images: np.ndarray, rounds: int) -> list[Row]:
    torch.manual_seed(0)
    model = build_model(params, input_shape=images.shape[1:], outputs=10)
    runs = variants(model, images)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".dump-") as directory:
        for round_ in range(rounds + 1):
            for name, run in runs.items():
                if "gzip" in name and round_ > 0:
                    continue
                path = Path(directory) / "file"
                start = time.perf_counter()
                run(path)
                if round_ > 0 or "gzip" in name:
                    seconds[name].append(time.perf_counter() - start)
                sizes[name] = path.stat().st_size if path.exists() else 0
                path.unlink(missing_ok=True)
    return report(params.name, len(images), seconds, sizes)


def variants(model: nn.Module, images: np.ndarray) -> dict[str, Run]:
    calls = select_layers(["*"], trace(model, normalise(images[:2])))
    runs: dict[str, Run] = {
        "forward": lambda _: forward(model, images),
        "raw write": partial(raw_write, layer_outputs(model, images, calls)),
        "none": partial(ours, model, images, compression="none"),
        "pooled and means": partial(ours, model, images, compression="none", store=("pooled", "class_means")),
    }
    for compression, level in LEVELS:
        options = {"compression": compression, "level": level}
        runs[f"HDF5 {compression}-{level}"] = partial(plain_h5py, model, images, calls, **options)
        runs[f"{compression}-{level}"] = partial(ours, model, images, **options)
    return runs


def ours(
    model: nn.Module,
    images: np.ndarray,
    path: Path,
    *,
    compression: Compression,
    level: int = 1,
    store: tuple[Store, ...] = ("maps",),
) -> None:
    with create_activations(path, model="benchmark", data_sha256="") as file:
        dump_activations(
            model,
            images,
            np.arange(len(images)) % 10,
            group=create_epoch(file, 0, checkpoint_sha256="").create_group("test"),
            classes=10,
            normalise=normalise,
            store=store,
            compression=compression,
            level=level,
            batch=BATCH,
        )


def plain_h5py(
    model: nn.Module,
    images: np.ndarray,
    calls: list[Call],
    path: Path,
    *,
    compression: Compression,
    level: int,
) -> None:
    filters = {
        "gzip": {"compression": "gzip", "compression_opts": level},
        "zstd": hdf5plugin.Zstd(clevel=level),
    }
    with h5py.File(path, "w", libver="latest") as file:
        datasets = {}
        for call in calls:
            rows = rows_per_block(len(images), BATCH, row_bytes=4 * int(np.prod(call.shape)))
            datasets[call.name, call.index] = file.create_dataset(
                call.layer,
                shape=(len(images), *call.shape),
                dtype="float32",
                chunks=(rows, *call.shape),
                **filters[compression],
            )

        def keep(start: int, module: str, index: int, output: torch.Tensor) -> None:
            datasets[module, index][start : start + len(output)] = output.numpy()

        each_output(model, images, calls, keep)


def layer_outputs(model: nn.Module, images: np.ndarray, calls: list[Call]) -> list[np.ndarray]:
    kept: list[np.ndarray] = []
    each_output(model, images, calls, lambda _start, _module, _index, output: kept.append(output.numpy().copy()))
    return kept


def each_output(model: nn.Module, images: np.ndarray, calls: list[Call], keep: Callable[..., None]) -> None:
    start = 0
    modules = {call.name for call in calls}

    def receive(module: str, index: int, _inputs: Any, output: Any) -> None:
        keep(start, module, index, output)

    with evaluating(model), listening(model, modules, receive) as counts:
        for start in range(0, len(images), BATCH):
            counts.clear()
            model(normalise(images[start : start + BATCH]))


def forward(model: nn.Module, images: np.ndarray) -> None:
    with evaluating(model):
        for start in range(0, len(images), BATCH):
            model(normalise(images[start : start + BATCH]))


def raw_write(arrays: list[np.ndarray], path: Path) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    for array in arrays:
        os.write(descriptor, array.data)
    os.close(descriptor)


def normalise(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).float().sub_(127.5).div_(255)


def smooth_images(count: int, shape: tuple[int, int, int]) -> np.ndarray:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((count, shape[0], 5, 5), generator=generator)
    return nn.functional.interpolate(coarse, shape[1:], mode="bicubic").clamp(0, 1).mul(255).byte().numpy()


def report(network: str, images: int, seconds: dict[str, list[float]], sizes: dict[str, int]) -> list[Row]:
    floor = [sum(pair) for pair in zip(seconds["forward"], seconds["raw write"], strict=True)]
    rows = [
        {
            "network": network,
            "images": images,
            "variant": name,
            "seconds": f"{statistics.median(times):.3f}",
            "megabytes": f"{sizes[name] / 1e6:.1f}",
            "over_forward_plus_write": ratio(times, floor),
            "times_as_fast_as_hdf5": ratio(seconds[f"HDF5 {name}"], times) if f"HDF5 {name}" in seconds else "",
            "torch_threads": torch.get_num_threads(),
            "instruction_set": torch.backends.cpu.get_cpu_capability(),
        }
        for name, times in seconds.items()
    ]
    for row in rows:
        print("  ".join(f"{value!s:>16}" for value in row.values()))
    return rows


def ratio(above: list[float], below: list[float]) -> str:
    return f"{statistics.median(a / b for a, b in zip(above, below, strict=False)):.2f}"


if __name__ == "__main__":
    main(OPTIONS)
