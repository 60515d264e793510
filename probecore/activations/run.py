"""The job of one network: a data set and checkpoints in, its activations file out."""

from pathlib import Path

import numpy as np
import torch

from probecore.activations.dump import create_activations, create_epoch, dump_activations
from probecore.activations.params import ActivationsParams
from probecore.dataset import load_dataset
from probecore.determinism import Numerics, torch_device
from probecore.files import sha256_of
from probecore.models.layers import unseen_parts
from probecore.progress import track
from probecore.train import describe, epochs_in, load_network
from probecore.train.batches import Scaling
from probecore.train.inference import check_data


def run_network(*, data: Path, checkpoints: Path, params: ActivationsParams, numerics: Numerics, output: Path) -> None:
    """Dump one network's activations at the chosen checkpoints into the HDF5 file `output`.

    Raises
    ------
    InputError
        If a layer or epoch is unknown, or the data belong to another training.
    """
    device = torch_device(numerics)
    dataset, info = load_dataset(data), describe(checkpoints)
    check_data(checkpoints, info, dataset)
    scale = Scaling(info.normalise, dataset.input_shape, torch.device("cpu"))

    def normalise(inputs: np.ndarray) -> torch.Tensor:
        return scale(torch.from_numpy(inputs))

    checkpoint_hash = sha256_of(checkpoints)
    with create_activations(output, model=info.model.name, data_sha256=info.data) as file:
        for epoch in track(params.epochs_of(epochs_in(checkpoints)), f"activations of {info.network}, checkpoints"):
            model = load_network(checkpoints, epoch, device=device)
            unseen = unseen_parts(model, dataset.input_shape)
            group = create_epoch(file, epoch, checkpoint_sha256=checkpoint_hash, unseen=unseen)
            for split in params.splits_run:
                examples = getattr(dataset, split)
                wanted = slice(None if split in params.splits else params.excitation_images)
                dump_activations(
                    model,
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
