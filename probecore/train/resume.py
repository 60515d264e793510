"""What lets a stopped training go on: its state by epoch, under a name made from all its inputs.

Neither Snakemake nor DVC tracks this folder. A finished network stays in it too, so that a
neighbour's failure, after which both tools start a step with an empty folder, costs no training.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import xxhash
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from probecore.files import replacing
from probecore.train.checkpoints import State, detached, epoch_name

FOLDER = Path(".probecore/resume")

History = list[dict[str, Any]]

UNUSABLE = (FileNotFoundError, SafetensorError, KeyError, TypeError, ValueError)
"""What reading a missing or damaged file raises."""


class Resume:
    """The saved progress of one training, identified by `inputs` (any JSON content)."""

    def __init__(self, inputs: dict[str, Any], folder: Path = FOLDER) -> None:
        text = json.dumps(inputs, sort_keys=True)
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:32]

    def save_checkpoint(self, epoch: int, state: State) -> None:
        """Keep the network's state at `epoch`."""
        self._write(epoch_name(epoch), state, [])

    def save(self, *, history: History, current: State) -> None:
        """Replace the saved progress; `current` holds the network's and the optimiser's tensors."""
        self._write("current", current, history)

    def load(self, epochs: Iterable[int]) -> tuple[History, State] | None:
        """History and current tensors; None if they, or checkpoints at those of `epochs` gone by, are not whole."""
        try:
            history, current = self._read("current")
            for epoch in epochs:
                if epoch <= history[-1]["epoch"]:
                    self._read(epoch_name(epoch))
        except UNUSABLE:
            return None
        return history, current

    def load_checkpoint(self, epoch: int) -> State:
        """The state kept by `save_checkpoint`."""
        return self._read(epoch_name(epoch))[1]

    def _write(self, name: str, tensors: State, history: History) -> None:
        tensors = detached(tensors)
        note = json.dumps({"history": history, "digest": _digest(tensors, history)})
        with replacing(self.folder / f"{name}.safetensors") as partial:
            save_file(tensors, partial, metadata={"note": note})

    def _read(self, name: str) -> tuple[History, State]:
        with safe_open(self.folder / f"{name}.safetensors", framework="pt") as file:
            note = json.loads(file.metadata()["note"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        if _digest(tensors, note["history"]) != note["digest"]:
            raise ValueError(f"{name}: content differs from its digest")
        return note["history"], tensors


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


def _digest(tensors: State, history: History) -> str:
    """After a power failure a file may have its length and other bytes."""
    digest = xxhash.xxh3_128(json.dumps(history).encode())
    for name in sorted(tensors):
        digest.update(tensors[name].numpy().data)
    return digest.hexdigest()
