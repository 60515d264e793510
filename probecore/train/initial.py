"""Networks before training: as built, with given weights, or given ones with new random weights."""

from pathlib import Path

import torch
from torch import nn

from probecore.dataset import Dataset
from probecore.determinism import seed_of
from probecore.errors import InputError
from probecore.models import build_model, load_weights
from probecore.networks import condition_of, seed_number
from probecore.train.params import TrainParams


def initial_model(dataset: Dataset, params: TrainParams, *, experiment: str, network: str) -> nn.Module:
    """Build a network as it is before training; conditions of one seed start from the same weights.

    A user's factory may load weights of its own, so that what it builds is re-initialised for the control of a given
    network; other networks are random as they are built.

    Raises
    ------
    InputError
        If weights do not fit, or a module cannot be re-initialised.
    """
    condition = condition_of(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(experiment, seed_number(network), "train", "initial"))
        model = build_model(params.model, input_shape=dataset.input_shape, outputs=dataset.outputs)
        if condition == "reinitialised" and params.model.is_factory:
            reinitialise(model)
    if condition == "given" and params.given is not None and params.given.weights is not None:
        load_weights(model, Path(params.given.weights))
    return model


@torch.no_grad()
def reinitialise(model: nn.Module) -> None:
    """Draw all weights anew, in place, as their modules' classes do; statistics of normalisation are reset.

    Raises
    ------
    InputError
        For a module with parameters of its own whose class has no ``reset_parameters``.
    """
    for name, module in model.named_modules():
        reset = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
        if reset is not None:
            reset()
        elif next(module.parameters(recurse=False), None) is not None:
            raise InputError(
                f"train.given.control: {name or 'the network'} ({type(module).__name__}) has parameters and no "
                "reset_parameters(); give its class one"
            )
