"""How often the mechanism's intervals hold what more images would show: `python benchmarks/mechanism_coverage.py FILE`.

FILE is a data set of MNIST's form with many test images (`probecore dataset mnist --output mnist.h5`); the
network is the demo's (`make demo`). The values of all its test images are the truth. Samples of 100 and of 1,000 images
per label, drawn from them with replacement, give values and 95 % intervals as the measure makes them (200 replicates);
beside them the same percentiles moved by the bootstrap's bias.
"""

from probecore.determinism import Numerics, configure

configure(Numerics())

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from probecore.dataset import load_dataset
from probecore.determinism import numpy_generator
from probecore.measuring import Network
from probecore.mechanism.backbone import block_outputs, choose_blocks
from probecore.mechanism.estimates import estimates, of_fields
from probecore.mechanism.heads import train_heads
from probecore.mechanism.params import MechanismParams
from probecore.mechanism.readout import image_fields
from probecore.statistics import bootstrap_counts

DATA, CHECKPOINTS = Path("data/mnist5k.h5"), Path("results/train/lenet5/trained-0.safetensors")
QUANTITIES = ("snr", "labels_all", "noise_all", "clusters_all", "cluster_size")
SAMPLES = (100, 1000)
REPEATS, REPLICATES, AT_ONCE = 100, 200, 500
RESULTS = Path(__file__).parent / "results" / "mechanism_coverage.csv"

Row = dict[str, Any]


def main() -> None:
    torch.set_num_threads(1)
    rows = [
        row
        for layer, by_label in fields_by_label(Path(sys.argv[1])).items()
        for samples in SAMPLES
        for row in coverage(layer, by_label, samples)
    ]
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


@torch.inference_mode()
def fields_by_label(population: Path) -> dict[str, list[np.ndarray]]:
    """Layer → fields of every filter for single images, (N_label, F K), of each label."""
    network, params = Network(data=DATA, checkpoints=CHECKPOINTS, numerics=Numerics()), MechanismParams()
    train, test = network.dataset.train, load_dataset(population).test
    model = network.at(network.epochs[-1])
    blocks = choose_blocks(model, network.dataset.input_shape, params.layers)
    with torch.inference_mode(False):
        heads = train_heads(
            model,
            blocks,
            train.inputs,
            train.targets,
            classes=network.dataset.outputs,
            key=("coverage",),
            recipe=params.heads,
            normalise=network.info.normalise,
        )
    found: dict[str, list[np.ndarray]] = {block.layer: [] for block in blocks}
    for start in range(0, len(test), AT_ONCE):
        inputs = network.scale(torch.from_numpy(test.inputs[start : start + AT_ONCE]))
        for layer, maps in block_outputs(model, blocks, inputs)[0].items():
            found[layer].append(image_fields(heads[layer], maps).flatten(1).numpy())
    whole = {layer: np.concatenate(parts) for layer, parts in found.items()}
    labels = range(network.dataset.outputs)
    return {layer: [values[test.targets == label] for label in labels] for layer, values in whole.items()}


def coverage(layer: str, by_label: list[np.ndarray], samples: int) -> Iterator[Row]:
    generator = numpy_generator("coverage", layer, samples)
    labels = len(by_label)

    def quantities(means: np.ndarray) -> dict[str, np.ndarray]:
        """Of means by label, (K, ..., F K)."""
        matrices = np.moveaxis(means, 0, -2).reshape(*means.shape[1:-1], labels, -1, labels)
        return of_fields(np.moveaxis(matrices, -2, -3), MechanismParams().threshold)[1]

    truth = quantities(np.stack([values.mean(0) for values in by_label]))
    held: dict[tuple[str, str], list[bool]] = {}
    for _ in range(REPEATS):
        drawn = [values[generator.integers(0, len(values), samples)] for values in by_label]
        weights = [bootstrap_counts(samples, REPLICATES, generator).astype(np.float32) / samples for _ in drawn]
        values = quantities(np.stack([part.mean(0) for part in drawn]))
        replicates = quantities(np.stack([weight @ part for weight, part in zip(weights, drawn, strict=True)]))
        for name in QUANTITIES:
            found = estimates(values[name], replicates[name], replicates[name])
            low, high = np.quantile(replicates[name], [0.025, 0.975]) - replicates[name].mean() + values[name]
            for kind, ends in (("percentiles", (found["low"], found["high"])), ("moved by bias", (low, high))):
                held.setdefault((name, kind), []).append(bool(ends[0] - 1e-9 <= truth[name] <= ends[1] + 1e-9))
    for (name, kind), hits in held.items():
        row = {"layer": layer, "images_per_label": samples, "quantity": name, "interval": kind}
        row["coverage"] = f"{np.mean(hits):.2f}"
        print("  ".join(f"{value!s:>14}" for value in row.values()), flush=True)
        yield row


if __name__ == "__main__":
    main()
