"""Networks by file, name or module."""

from pathlib import Path

import torch
from torch import nn

from probecore.errors import InputError
from probecore.models import build_model, load_weights
from probecore.models.params import ModelParams
from probecore.train import describe, epochs_in, load_network


def open_network(
    source: str | Path | nn.Module,
    weights: str | Path | None = None,
    *,
    input_shape: tuple[int, ...] = (3, 224, 224),
    n_outputs: int = 1000,
    epoch: int | None = None,
) -> nn.Module:
    """Open a network, in evaluation mode.

    Parameters
    ----------
    source
        A checkpoint file of a study (``.safetensors``), which knows everything itself; a name as of
        ``probecore models``, ``torchvision:NAME`` or ``timm:NAME``; or any module.
    weights
        A ``.safetensors`` file, or a state dict that ``torch.load(weights_only=True)`` reads, for a name or a module,
        which is then changed. Without it a named network has random weights, the same at each call.
    input_shape, n_outputs
        Of a named network: (C, H, W) of an image, and how many classes.
    epoch
        Of a checkpoint file; by default the last.

    Returns
    -------
    nn.Module
        That of a checkpoint file has its study's scaling of uint8 images as ``normalise``.

    Raises
    ------
    InputError
        If a file is missing or does not fit, or there is no such network or epoch.

    Examples
    --------
    >>> import probecore as pc
    >>> network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=10)
    >>> [layer.name for layer in pc.models.list_layers(network, (1, 28, 28)) if layer.kind == "conv"]
    ['conv1', 'conv2']
    """
    if isinstance(source, nn.Module):
        network = source
    elif Path(source).suffix == ".safetensors":
        return _of_checkpoint(Path(source), weights, epoch)
    else:
        params = ModelParams.read({"name": str(source)}, where="open_network")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = build_model(params, input_shape=input_shape, outputs=n_outputs)
    if epoch is not None:
        raise InputError("open_network: epoch is of checkpoint files; leave it out")
    if weights is not None:
        load_weights(network, Path(weights))
    return network.eval()


def _of_checkpoint(path: Path, weights: str | Path | None, epoch: int | None) -> nn.Module:
    if weights is not None:
        raise InputError(f"{path}: holds weights itself; leave `weights` out, or give the network's name first")
    network = load_network(path, epochs_in(path)[-1] if epoch is None else epoch)
    network.normalise = describe(path).normalise  # type: ignore[assignment]
    return network
