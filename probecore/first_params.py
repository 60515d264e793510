"""The ``params.yaml`` that a new study begins with."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from probecore.dataset.params import KINDS
from probecore.errors import InputError
from probecore.measures import MEASURES, declaration
from probecore.params import STEPS, YAML_BOOLEANS

IMAGENET = "{mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}"

PARAMS = """\
# yaml-language-server: $schema={schema}
# Check this file with `probecore check`. A new experiment is a new block below; nothing else needs an edit.
home: {home}                              # where the workflow is, seen from this study
numerics: {{device: cpu, threads: 1, isa: avx2}}   # device: cuda computes on a GPU

datasets:
  {dataset}: {source}

experiments:
  {experiment}:
    dataset: {dataset}
    train:
      model: {model}
{networks}\
{steps}"""

TRAINED = """\
      seeds: [0]                          # one network for each; three or more show what chance does
      epochs: 3
      batch: 16                           # images per step
      checkpoints: []                     # the first and the last; null keeps 1, 2, 5, … too
      optimiser: adam
      learning_rate: 1.0e-3
      # shuffled: {}                        # the same networks on permuted labels, as a control
"""

GIVEN = """\
      normalise: {normalise}   # of ImageNet; write your network's own
      seeds: []                           # none is trained here
      given: {{weights: {weights}, control: reinitialised}}   # the control: the same network with random weights
"""

MEASURED = {
    "mechanism": """
      heads: {epochs: 5, batch: 16, augmentation: null}
      bootstrap: 20
      pruning: null""",
    "mean_dimension": """
      images: 30
      features: 30
      layers: {images: 10, features: 10}
      companions: {features: 10}
      deletion: null""",
}
"""Steps that a new study has: two measures, with so few samples that the first figure comes in a minute."""

LONG_FOR_DEEP_NETWORKS = "mechanism"
"""What is left out of a new study of a network from torchvision or timm: it ablates each of thousands of filters."""

DUMP = 'two measures read it: {layers: ["*"], store: [pooled], excitations: {}}'
"""What to write for the step `activations`."""


@dataclass(frozen=True)
class Beginning:
    """What a study begins with.

    Parameters
    ----------
    model
        A name of `probecore models`, ``torchvision:NAME``, ``timm:NAME`` or ``path/to/file.py:function``.
    data
        A folder of images, a file of arrays, or the name of a data set.
    weights
        A file of weights; without it the network is trained.
    """

    model: str = "lenet5"
    data: str = "mnist5k"
    weights: Path | None = None

    @property
    def file(self) -> Path | None:
        """The file of a network that is the user's own."""
        path, _, _ = self.model.rpartition(":")
        return Path(path) if path.endswith(".py") else None

    @property
    def own_files(self) -> list[Path]:
        """What is copied into the study's ``own/``."""
        return [file for file in (self.file, self.weights) if file is not None]


def first_params(beginning: Beginning, *, folder: Path, home: str) -> str:
    """Write the ``params.yaml`` of a new study in `folder`.

    Raises
    ------
    InputError
        If the network, its weights or the data are not there.
    """
    for file in beginning.own_files:
        if not file.is_file():
            raise InputError(f"{file}: no such file; correct the path, which is seen from here")
    dataset, source = _dataset(beginning, folder)
    return PARAMS.format(
        schema=f"{home}/params.schema.json",
        home=_quoted(home),
        dataset=dataset,
        source=source,
        experiment=_name_from(beginning.model.rpartition(":")[2]),
        model=_model(beginning),
        networks=_networks(beginning),
        steps="".join(_step(name, beginning) for name in STEPS[1:]),
    )


def _dataset(beginning: Beginning, folder: Path) -> tuple[str, str]:
    """Name and section of the data set."""
    path = Path(beginning.data)
    if beginning.data in KINDS and not path.exists():
        return beginning.data, "{}"
    seen = _quoted(os.path.relpath(path.resolve(), folder))
    if path.is_dir():
        size = 224 if beginning.weights is not None else 64
        return _name_from(path.resolve().name), f"{{kind: folder, path: {seen}, size: {size}}}   # size in pixels"
    if path.suffix in (".npz", ".h5") and path.is_file():
        return _name_from(path.stem), f"{{kind: arrays, path: {seen}}}"
    raise InputError(
        f"--data {beginning.data}: no folder of images, no .npz or .h5 file and no data set; correct it, or name one of"
        f" {', '.join(kind for kind in KINDS if kind not in ('folder', 'arrays'))}"
    )


def _model(beginning: Beginning) -> str:
    if beginning.file is None:
        return _quoted(beginning.model)
    return _quoted(f"own/{beginning.file.name}:{beginning.model.rpartition(':')[2]}")


def _networks(beginning: Beginning) -> str:
    if beginning.weights is not None:
        return GIVEN.format(normalise=IMAGENET, weights=_quoted(f"own/{beginning.weights.name}"))
    return TRAINED


def _step(name: str, beginning: Beginning) -> str:
    is_long = name == LONG_FOR_DEEP_NETWORKS and beginning.model.startswith(("torchvision:", "timm:"))
    if name in MEASURED and not is_long:
        return f"    {name}:   # few samples, for a first look; {{}} has the defaults{MEASURED[name]}\n"
    about = f"{declaration(name).about}; {{}} measures it" if name in MEASURES else DUMP
    about += ", in many minutes where there are many filters" if is_long else ""
    return f"    {name}: null".ljust(32) + f"# {about}\n"


def _name_from(text: str) -> str:
    """A name for ``params.yaml`` that is like the text."""
    name = re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-") or "images"
    return name if name[0].isalpha() and name not in YAML_BOOLEANS else f"my_{name}"


def _quoted(text: str) -> str:
    """The text as YAML reads it back."""
    return text if re.fullmatch(r"[A-Za-z./][\w./:-]*", text) else json.dumps(text, ensure_ascii=False)
