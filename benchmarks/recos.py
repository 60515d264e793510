"""Sphere correlations against the matrix of patches: `python benchmarks/recos.py [images]`.

Side by side in one process, interleaved, one torch thread; medians over rounds of times and of the ratios within a
round. Memory is the peak of resident memory while a variant runs alone in a process of its own, beyond what it starts
with and beyond its result; it counts pages that the kernel really gave (glibc told to give back what is freed).

- ours: `sphere_correlations`, 100 images at a time;
- patches: `unfold` of all images, mean and length taken off, one product with the anchors, in single precision;
- patches, batched: the same, 100 images at a time;
- convolution: the layer itself, nothing normalised: what no form can be faster than by much.

Layers see real MNIST images: conv1 of LeNet-5 the pixels, conv2 what conv1, ReLU and pool give; 5×5 filters.
"""

import os

from benchmarks.command import command, show

if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--memory", nargs=3, metavar=("WAY", "LAYER", "IMAGES"), help="print the memory of one way")
    OPTIONS = parser.parse_args()

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from probecore.dataset.embedded import mnist5k
from probecore.measures.recos import anchor_vectors, sphere_correlations
from probecore.models import build_model
from probecore.models.params import ModelParams

BATCH = 100
ROUNDS = 5

Run = Callable[[nn.Conv2d, Tensor], Tensor]


def main(options: argparse.Namespace) -> None:
    images, rounds = (100, 1) if options.quick else (options.images, ROUNDS)
    rows = []
    for name in ("conv1", "conv2"):
        layer, inputs = layer_and_inputs(name, images)
        seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        for _ in range(rounds):
            for variant, run in VARIANTS.items():
                start = time.perf_counter()
                run(layer, inputs)
                seconds[variant].append(time.perf_counter() - start)
        memory = {variant: megabytes(variant, name, images) for variant in VARIANTS}
        rows += [report(name, images, variant, seconds, memory) for variant in VARIANTS]
        rows[-len(VARIANTS)]["largest_error"] = f"{largest_error(layer, inputs):.1e}"
    show("recos", rows, quick=options.quick)


def report(
    layer: str, images: int, variant: str, seconds: dict[str, list[float]], memory: dict[str, float]
) -> dict[str, object]:
    pairs = zip(seconds["patches"], seconds[variant], strict=True)
    return {
        "layer": layer,
        "images": images,
        "variant": variant,
        "seconds": f"{statistics.median(seconds[variant]):.3f}",
        "megabytes": f"{memory[variant]:.1f}",
        "times_as_fast": f"{statistics.median(patches / own for patches, own in pairs):.1f}",
        "times_less_memory": f"{memory['patches'] / memory[variant]:.1f}" if memory[variant] else "",
        "largest_error": "",
        "torch_threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
    }


def patches(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    rows = nn.functional.unfold(inputs, layer.kernel_size, padding=layer.padding).transpose(1, 2)
    rows -= rows.mean(2, keepdim=True)
    rows /= rows.norm(dim=2, keepdim=True)
    return rows @ anchor_vectors(layer).T


def patches_batched(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    return torch.cat([patches(layer, part) for part in inputs.split(BATCH)])


def ours(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    return sphere_correlations(layer, inputs, batch=BATCH).cosines


def convolution(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    return torch.cat([layer(part) for part in inputs.split(BATCH)])


VARIANTS: dict[str, Run] = {
    "ours": ours,
    "patches": patches,
    "patches, batched": patches_batched,
    "convolution": convolution,
}


def largest_error(layer: nn.Conv2d, inputs: Tensor) -> float:
    """Against patches in double precision, outside of near-flat ones."""
    result = sphere_correlations(layer, inputs)
    exact = patches(layer.double(), inputs.double()).transpose(1, 2).view_as(result.cosines)
    layer.float()
    return float((result.cosines - exact).masked_fill(result.flat, 0).abs().max())


def layer_and_inputs(name: str, images: int) -> tuple[nn.Conv2d, Tensor]:
    torch.manual_seed(0)
    model = build_model(ModelParams(name="lenet5"), input_shape=(1, 28, 28), outputs=10).requires_grad_(False)
    digits = torch.from_numpy(mnist5k().train.inputs[:images]).float().sub_(127.5).div_(255)
    layer = model.get_submodule(name)
    assert isinstance(layer, nn.Conv2d)
    return layer, digits if name == "conv1" else model.pool1(torch.relu(model.conv1(digits)))


def megabytes(variant: str, layer: str, images: int) -> float:
    command = [sys.executable, __file__, "--memory", variant, layer, str(images)]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


def print_memory(variant: str, name: str, images: int) -> None:
    layer, inputs = layer_and_inputs(name, images)
    VARIANTS[variant](layer, inputs[:2])
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    result = VARIANTS[variant](layer, inputs)
    print(max(0.0, (status("VmHWM") - before - result.nbytes) / 1e6))


def status(key: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    torch.set_num_threads(1)
    if OPTIONS.memory:
        variant, name, count = OPTIONS.memory
        print_memory(variant, name, int(count))
    else:
        main(OPTIONS)
