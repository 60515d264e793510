"""The job of one network: a data set and checkpoints in, its activations file out."""

from pathlib import Path

import numpy as np
import torch

from probecore.activations.dump import create_activations, create_epoch, dump_activations
from probecore.activations.params import ActivationsParams
from probecore.determinism import Numerics
from probecore.files import sha256_of
from probecore.measures.network import Network
from probecore.models.layers import unseen_parts
from probecore.progress import track
from probecore.train import describe
from probecore.train.batches import Scaling


def run_network(*, data: Path, checkpoints: Path, params: ActivationsParams, numerics: Numerics, output: Path) -> None:
    """Dump one network's activations at the chosen checkpoints into the HDF5 file `output`.

    Raises
    ------
    InputError
        If a layer or epoch is unknown, or the data belong to another training.
    """
    network = Network.read(data=data, checkpoints=checkpoints, numerics=numerics)
    model = describe(checkpoints).model.name
    dump_network(network, params, output=output, model=model, checkpoint_sha256=sha256_of(checkpoints))


def dump_network(
    network: Network, params: ActivationsParams, *, output: Path, model: str, checkpoint_sha256: str
) -> None:
    """Dump the activations of `network` at the chosen checkpoints; `model` and the hash say in the file what was run.

    Raises
    ------
    InputError
        If a layer or epoch is unknown.
    """
    dataset, info = network.dataset, network.info
    scale = Scaling(info.normalise, dataset.input_shape, torch.device("cpu"))

    def normalise(inputs: np.ndarray) -> torch.Tensor:
        return scale(torch.from_numpy(inputs))

    with create_activations(output, model=model, data_sha256=dataset.sha256) as file:
        for epoch in track(params.epochs_of(network.epochs), f"activations of {info.network}, checkpoints"):
            module = network.at(epoch)
            unseen = unseen_parts(module, dataset.input_shape)
            group = create_epoch(file, epoch, checkpoint_sha256=checkpoint_sha256, unseen=unseen)
            for split in params.splits_run:
                examples = getattr(dataset, split)
                wanted = slice(None if split in params.splits else params.excitation_images)
                dump_activations(
                    module,
                    examples.inputs[wanted],
                    examples.targets[wanted],
                    group=group.create_group(split),
                    classes=None if dataset.classes is None else dataset.outputs,
                    normalise=normalise,
                    layers=params.layers,
                    store=params.store if split in params.splits else (),
                    excitations=params.excitations,
                    dtype=params.dtype,
                    compression=params.compression,
                    level=params.level,
                    batch=params.batch,
                )
