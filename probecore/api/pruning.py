"""Where a study has what a plan of pruning needs: the network, its blocks, and images that gave no truth."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from probecore.errors import InputError
from probecore.measures.atlas.keys import TRUTHS
from probecore.measures.atlas.pruning import Images, Plan, plan_pruning
from probecore.measures.atlas.ranking import is_of_training_images, rank_filters
from probecore.measures.network import Network
from probecore.models import blocks
from probecore.models.selection import choose_layers
from probecore.params import load_study
from probecore.train.inference import chunks, learned_targets

STEP = "atlas"
"""The step whose results rank filters."""

FEWEST = 20
"""Images that judge, at least."""


def plan_of_study(
    folder: Path,
    experiment: str,
    name: str,
    table: pd.DataFrame,
    *,
    by: str,
    loss: float,
    layers: Sequence[str],
    seed: int,
) -> Plan:
    """Plan the pruning of a study's network by a ranking of its filters, from the experiment's table.

    The loss is measured on training images that gave no truth, the last before those, and on the test images, which
    the network has not seen. Raises `InputError` if files are missing or there are too few training images.
    """
    with contextlib.chdir(folder):  # where a network of one's own is found
        return _plan(experiment, name, table, by=by, loss=loss, layers=layers, seed=seed)


def _plan(
    experiment: str, name: str, table: pd.DataFrame, *, by: str, loss: float, layers: Sequence[str], seed: int
) -> Plan:
    ranking = rank_filters(table, name, by)
    study, _ = load_study(Path("params.yaml"))
    section = study.experiments.get(experiment)
    params = getattr(section, STEP, None)
    if section is None or params is None:
        raise InputError(f"experiments.{experiment}.{STEP}: not in params.yaml, of which its results are left")
    network = Network.read(
        data=Path("data") / f"{section.dataset}.h5",
        checkpoints=Path("results/train") / experiment / f"{name}.safetensors",
        numerics=study.numerics,
    )
    model = network.at(network.epochs[-1])
    chosen = choose_layers(list(dict.fromkeys(ranking["layer"])), list(layers), where="layers")
    plan = plan_pruning(
        model,
        [block for block in blocks(model, network.dataset.input_shape) if block.layer in chosen],
        ranking,
        {
            "training": _training_images(network, params.images, used=images_of_truths(table)),
            "test": _test_images(network, params.images),
        },
        most_loss=loss,
        generator=np.random.default_rng(seed),
    )
    seen = [f"{by} is of training images too: those that judge the plan may be among them"]
    return replace(plan, notes=[*plan.notes, *(seen if is_of_training_images(table, by) else [])])


def images_of_truths(table: pd.DataFrame) -> int:
    """How many training images gave the truths of an experiment, whatever params.yaml says by now."""
    truths = table[(table["measure"] == STEP) & table["quantity"].isin(TRUTHS)]
    return int(truths["n"].max()) if len(truths) else 0


def _training_images(network: Network, count: int, *, used: int) -> Images:
    """Those before the images that gave the truths, with the labels that the network has learnt."""
    dataset, info = network.dataset, network.info
    end = max(0, len(dataset.train) - used)
    judging = slice(max(0, end - count), end)
    labels = learned_targets(dataset, experiment=info.experiment, network=info.network)[judging]
    if len(labels) < FEWEST:
        raise InputError(
            f"{info.experiment}: {len(labels)} training images are left that gave no truth; lower atlas.images"
        )
    return list(chunks(dataset.train.inputs[judging], labels, scale=network.scale, device=network.device))


def _test_images(network: Network, count: int) -> Images:
    test = network.dataset.test
    return list(chunks(test.inputs[:count], test.targets[:count], scale=network.scale, device=network.device))
