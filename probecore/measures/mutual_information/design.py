"""Does information matter? Networks like a given one, at other widths."""

import copy
from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import nn

from probecore.errors import InputError


def narrowed(model: nn.Module, widths: Mapping[str, int], *, seed: int) -> nn.Module:
    """A plain network like `model` with other numbers of filters, its weights drawn anew.

    Parameters
    ----------
    model : an `nn.Sequential` of conv, norm, activation, pool, flatten and linear layers
    widths : filters by the name of the conv layer; others keep theirs
    seed : of the initial weights, which are torch's own

    Raises
    ------
    InputError
        If the network is no plain chain, so that widths cannot be changed one by one.
    """
    if not isinstance(model, nn.Sequential):
        raise InputError("mutual_information.design: needs a plain chain of layers; write `design: null`")
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    before, after = 1, 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, layer in model.named_children():
            if isinstance(layer, nn.Conv2d) and layer.groups == 1:
                entering = layer.in_channels * after // before
                before, after = layer.out_channels, widths.get(name, layer.out_channels)
                layers[name] = nn.Conv2d(
                    entering,
                    after,
                    layer.kernel_size,  # type: ignore[arg-type]
                    stride=layer.stride,  # type: ignore[arg-type]
                    padding=layer.padding,  # type: ignore[arg-type]
                    dilation=layer.dilation,  # type: ignore[arg-type]
                    bias=layer.bias is not None,
                )
            elif isinstance(layer, nn.Linear):
                entering = layer.in_features * after // before
                before = after = layer.out_features
                layers[name] = nn.Linear(entering, after, bias=layer.bias is not None)
            elif isinstance(layer, nn.BatchNorm2d):
                layers[name] = nn.BatchNorm2d(after)
            elif next(layer.parameters(), None) is None:
                layers[name] = copy.deepcopy(layer)
            else:
                kind = type(layer).__name__ + " in groups" * (getattr(layer, "groups", 1) > 1)
                raise InputError(f"mutual_information.design: cannot narrow {kind}; write `design: null`")
    device = next(model.parameters()).device
    return nn.Sequential(layers).to(device)


def uniform_widths(model: nn.Module, widths: Mapping[str, int]) -> dict[str, int]:
    """Widths of the same layers, all narrowed by one factor, whose network is nearest in size to that of `widths`."""
    full = {name: layer.out_channels for name, layer in model.named_children() if isinstance(layer, nn.Conv2d)}
    outline = copy.deepcopy(model).to("meta")
    aim = _parameters(outline, widths)
    options = [{name: max(1, round(width * step / 200)) for name, width in full.items()} for step in range(1, 201)]
    return min(options, key=lambda option: abs(_parameters(outline, option) - aim))


def _parameters(outline: nn.Module, widths: Mapping[str, int]) -> int:
    with torch.device("meta"):
        changed = narrowed(outline, widths, seed=0)
    return sum(parameter.numel() for parameter in changed.parameters())
