"""What two layers do that one cannot: small heads, trained together on a frozen network's features."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from probecore.train.evaluation import correct

WIDTHS = (120, 84)
"""The hidden layers of LeNet-5 (LeCun et al. 1998, doi 10.1109/5.726791)."""


def head_layouts(features: int, classes: int) -> dict[str, tuple[Sequence[int], bool]]:
    """The heads to compare: sizes of all layers, and whether a rectifier stands between them.

    `one_hidden` has, as nearly as whole neurons allow, the parameters of `two_layer`.
    """
    two = (features, *WIDTHS, classes)
    parameters = sum((inputs + 1) * outputs for inputs, outputs in pairwise(two))
    hidden = round((parameters - classes) / (features + 1 + classes))
    return {
        "one_layer": ((features, classes), False),
        "wide_linear": ((features, WIDTHS[1], classes), False),
        "two_layer_linear": (two, False),
        "two_layer": (two, True),
        "one_hidden": ((features, hidden, classes), True),
    }


def train_heads(
    features: Tensor,
    labels: Tensor,
    *,
    classes: int,
    generator: torch.Generator,
    epochs: int,
    batch: int = 100,
    learning_rate: float = 3e-3,
) -> dict[str, nn.Sequential]:
    """Train all heads on features (N, D) with labels (N,) in one pass over the batches: Adam, rate falling to 0.

    Returns
    -------
    dict
        Name of `head_layouts` → head, which scales features as in training.
    """
    heads = {
        name: _build(sizes, rectified, generator)
        for name, (sizes, rectified) in head_layouts(features.shape[1], classes).items()
    }
    modules = nn.ModuleDict(heads).to(features.device)
    centre, width = features.mean(0), features.std() + 1e-12
    scaled = (features - centre) / width
    optimiser = torch.optim.Adam(modules.parameters(), lr=learning_rate, foreach=True)
    steps = epochs * -(-len(features) // batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(features), generator=generator).to(features.device).split(batch):
            shown, wanted = scaled[rows], labels[rows]
            loss = torch.stack([nn.functional.cross_entropy(head(shown), wanted) for head in modules.values()]).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return {name: nn.Sequential(_Scale(centre, width), *head).eval() for name, head in heads.items()}


def collapse(layers: Sequence[nn.Linear]) -> tuple[Tensor, Tensor]:
    """Linear layers without rectifiers between them as one: its weight C = B A and bias, float64."""
    weight, bias = torch.eye(layers[0].in_features, dtype=torch.float64), torch.zeros(())
    for layer in layers:
        own = layer.weight.detach().double()
        weight = own @ weight
        bias = own @ bias.expand(own.shape[1]).double() + (0 if layer.bias is None else layer.bias.detach().double())
    return weight, bias


def hits(heads: Mapping[str, nn.Module], features: Tensor, labels: Tensor) -> dict[str, npt.NDArray[np.bool_]]:
    """Which images each head gets right, bool (N,)."""
    with torch.inference_mode():
        return {name: correct(head(features), labels).cpu().numpy() for name, head in heads.items()}


class _Scale(nn.Module):
    def __init__(self, centre: Tensor, width: Tensor) -> None:
        super().__init__()
        self.centre, self.width = centre, width

    def forward(self, features: Tensor) -> Tensor:
        return (features - self.centre) / self.width


def _build(sizes: Sequence[int], rectified: bool, generator: torch.Generator) -> nn.Sequential:
    head = nn.Sequential()
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        if place and rectified:
            head.append(nn.ReLU())
        layer: nn.Linear = torch.nn.utils.skip_init(nn.Linear, inputs, outputs)
        bound = inputs**-0.5
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        head.append(layer)
    return head
