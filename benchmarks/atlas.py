"""What zero ablation of all filters of a layer costs, against one filter at a time: `python benchmarks/atlas.py`.

One torch thread, ways interleaved in one process, processor time; medians over rounds of times and of ratios within a
round. The network is VGG-6 of width 16 on random 32x32 images, untrained: its last two convolutions have 128 filters.

- one filter at a time: a hook sets the channel to 0, and the whole network runs. Cut to some filters and scaled up.
- only what follows: the block's output is kept, and what follows runs for each filter. Scaled up likewise.
- together: `probecore.models.ablate`.

Writes benchmarks/results/atlas.csv. Exit code 1: results differ, or a layer of 128 filters gains less than 20 times.

  --quick  fewer images and one round, nothing written
"""

from probecore.determinism import Numerics, configure

if __name__ == "__main__":
    configure(Numerics())

import argparse
import csv
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from probecore.fingerprint.machine import processor
from probecore.models import Block, ablate, blocks, build_model
from probecore.models.params import ModelParams
from probecore.models.suffix import block_outputs, rest_after

RESULTS = Path(__file__).parent / "results" / "atlas.csv"
SHAPE = (3, 32, 32)
REFERENCE_FILTERS = 8
GOAL = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args(arguments).quick
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = build_model(ModelParams(name="vgg6", width=16), input_shape=SHAPE, outputs=10).eval()
    images = 20 if quick else 200
    rng = np.random.default_rng(0)
    inputs = torch.from_numpy(rng.normal(size=(images, *SHAPE)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 10, images))
    rows = [compare(model, block, inputs, labels, rounds=1 if quick else 5) for block in blocks(model, SHAPE)[:-1]]
    print(f"on {processor()}")
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items() if name != "processor"))
    if not quick:
        with RESULTS.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    slow = [row["layer"] for row in rows if row["filters"] == 128 and float(row["times_faster"]) < GOAL]
    print(f"less than {GOAL:.0f} times faster: {', '.join(slow) or 'no layer of 128 filters'}")
    return 1 if slow else 0


def compare(model: nn.Module, block: Block, inputs: Tensor, labels: Tensor, *, rounds: int) -> dict[str, Any]:
    """Time the three ways for one block, and check that they agree."""
    filters = block_outputs(model, [block], inputs[:1])[0][block.layer].shape[1]
    some = min(REFERENCE_FILTERS, filters)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "one at a time": lambda: whole_network(model, block, inputs, labels, some),
        "only what follows": lambda: suffix(model, block, inputs, labels, some),
        "together": lambda: ablate(model, block, [(inputs, labels)], "zero")[1].loss,
    }
    results = {name: way() for name, way in ways.items()}
    difference = max(float(np.abs(each - results["together"][: len(each)]).max()) for each in results.values())
    assert difference < 1e-4, f"{block.layer}: results differ by {difference}"
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            way()
            seconds[name].append((time.process_time() - start) * (1 if name == "together" else filters / some))
    ratios = {
        name: statistics.median(a / b for a, b in zip(seconds[name], seconds["together"], strict=True)) for name in ways
    }
    return {
        "layer": block.layer,
        "filters": filters,
        "images": len(inputs),
        "one_at_a_time_seconds": f"{statistics.median(seconds['one at a time']):.3f}",
        "only_what_follows_seconds": f"{statistics.median(seconds['only what follows']):.3f}",
        "together_seconds": f"{statistics.median(seconds['together']):.4f}",
        "times_faster": f"{ratios['one at a time']:.1f}",
        "times_faster_than_what_follows": f"{ratios['only what follows']:.1f}",
        "largest_difference": f"{difference:.1e}",
        "processor": processor(),
    }


@torch.inference_mode()
def whole_network(model: nn.Module, block: Block, inputs: Tensor, labels: Tensor, filters: int) -> np.ndarray:
    """Losses (F, N), of the first filters."""
    found = []
    for filter_ in range(filters):

        def silence(_module: nn.Module, _inputs: Any, output: Tensor, chosen: int = filter_) -> Tensor:
            output[:, chosen] = 0
            return output

        handle = model.get_submodule(block.output).register_forward_hook(silence)
        found.append(cross_entropy(model(inputs), labels, reduction="none"))
        handle.remove()
    return torch.stack(found).numpy()


@torch.inference_mode()
def suffix(model: nn.Module, block: Block, inputs: Tensor, labels: Tensor, filters: int) -> np.ndarray:
    """Losses (F, N), of the first filters."""
    maps, rest, found = block_outputs(model, [block], inputs)[0][block.layer], rest_after(model, block, inputs), []
    for filter_ in range(filters):
        changed = maps.clone()
        changed[:, filter_] = 0
        found.append(cross_entropy(rest(changed, torch.arange(len(inputs))), labels, reduction="none"))
    return torch.stack(found).numpy()


if __name__ == "__main__":
    sys.exit(main())
