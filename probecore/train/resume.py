"""What lets a stopped training go on: its state by epoch, under a name made from all its inputs.

Neither Snakemake nor DVC tracks this folder. A finished network stays in it too, so that a
neighbour's failure, after which both tools start a step with an empty folder, costs no training.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from probecore.files import replacing
from probecore.train.checkpoints import State, detached, epoch_name

FOLDER = Path(".probecore/resume")


class Resume:
    """The saved progress of one training, identified by `inputs` (any JSON content)."""

    def __init__(self, inputs: dict[str, Any], folder: Path = FOLDER) -> None:
        text = json.dumps(inputs, sort_keys=True)
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:32]

    def save_checkpoint(self, epoch: int, state: State) -> None:
        """Keep the network's state at `epoch`."""
        with replacing(self.folder / f"{epoch_name(epoch)}.safetensors") as partial:
            save_file(detached(state), partial)

    def save(self, *, history: list[dict[str, Any]], current: State) -> None:
        """Replace the saved progress; `current` holds the network's and the optimiser's tensors."""
        with replacing(self.folder / "current.safetensors") as partial:
            save_file(detached(current), partial, metadata={"history": json.dumps(history)})

    def load(self) -> tuple[list[dict[str, Any]], State] | None:
        """History and current tensors, or None if there is nothing to go on from."""
        try:
            with safe_open(self.folder / "current.safetensors", framework="pt") as file:
                history = json.loads(file.metadata()["history"])
                return history, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (FileNotFoundError, SafetensorError):
            return None

    def load_checkpoint(self, epoch: int) -> State:
        """The state kept by `save_checkpoint`."""
        return load_file(self.folder / f"{epoch_name(epoch)}.safetensors")


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> State:
    """The optimiser's state as flat named tensors, ``optimiser.<parameter>.<name>``."""
    return {
        f"optimiser.{index}.{name}": value
        for index, entries in optimiser.state_dict()["state"].items()
        for name, value in entries.items()
        if isinstance(value, torch.Tensor)
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: State) -> None:
    """Inverse of `optimiser_tensors`, onto a new optimiser of the same kind.

    A tensor of a parameter's shape gets its memory layout too, on which fused optimisers rely.
    """
    content = optimiser.state_dict()
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, index, name = key.split(".")
            parameter = parameters[int(index)]
            if value.shape == parameter.shape:
                value = torch.empty_like(parameter).copy_(value)
            content["state"].setdefault(int(index), {})[name] = value
    optimiser.load_state_dict(content)
