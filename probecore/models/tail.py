"""What follows a block, arranged so that many of its filters can be changed one at a time in one pass.

Where the next layer of a plain chain is a convolution or a linear one, it is linear in each filter's map: its output
with one filter changed is its output as it was, plus what the change of that one map makes of it. So the next layer,
usually the dearest of those that follow, is never run again. Networks that are no plain chain run whole.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, unfold

from probecore.models.layers import Block
from probecore.models.suffix import Rest, chain_after, rest_after

PASSED = (nn.Dropout, nn.Identity)
"""What changes nothing in evaluation mode."""


class Tail:
    """What follows a block for some inputs.

    Parameters
    ----------
    model : network in evaluation mode
    block : one of its blocks, with F filters
    inputs : shape (N, ...)
    maps : what the block gives for them, shape (N, F, ...)

    Attributes
    ----------
    start
        What the next layer makes of `maps`, shape (N, O, ...); the maps themselves where it is not linear.
    """

    def __init__(self, model: nn.Module, block: Block, inputs: Tensor, maps: Tensor) -> None:
        layers = chain_after(model, block) if block.axis == 0 and not block.reused else None
        self._maps, self._linear = maps, None
        self._rest: Rest = rest_after(model, block, inputs)
        self.start = maps
        if layers is not None and (found := _linear_layer(list(layers), maps)) is not None:
            self._linear, after = found
            self._rest = lambda values, _chosen: layers[after:](values)
            self.start = layers[:after](maps)

    def effect(self, change: Tensor, filters: Tensor) -> Tensor:
        """What changes of single filters' maps add to `start`, shape (B, N, O, ...).

        Parameters
        ----------
        change : what is added to each filter's map, shape (B, N, ...)
        filters : which filters, shape (B,)
        """
        if self._linear is None:
            added = self._maps.new_zeros((len(filters), *self._maps.shape))
            added[torch.arange(len(filters)), :, filters] = change
            return added
        if isinstance(self._linear, nn.Linear):
            weight = self._linear.weight.reshape(self._linear.out_features, self._maps.shape[1], -1)
            return torch.bmm(change.reshape(*change.shape[:2], -1), weight[:, filters].permute(1, 2, 0))
        return _convolved(change, self._linear, filters)

    def logits(self, values: Tensor, images: Tensor) -> Tensor:
        """The network's output (M, K) for values (M, O, ...) in place of `start`, of the images (M,).

        What follows may work in place, in `values`.
        """
        return self._rest(values, images)


def _linear_layer(layers: Sequence[nn.Module], maps: Tensor) -> tuple[nn.Linear | nn.Conv2d, int] | None:
    """The layer right after a block if it is linear in each filter's map, and the place after it."""
    is_flat = maps.ndim == 2
    for place, layer in enumerate(layers):
        if isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) == (1, -1):
            is_flat = True
        elif type(layer) is nn.Linear:
            return (layer, place + 1) if is_flat else None
        elif type(layer) is nn.Conv2d and layer.groups == 1 and layer.padding_mode == "zeros":
            return None if isinstance(layer.padding, str) else (layer, place + 1)
        elif not isinstance(layer, PASSED):
            return None
    return None


def _convolved(change: Tensor, layer: nn.Conv2d, filters: Tensor) -> Tensor:
    """Convolve each change (B, N, H, W) with the kernels of its own filter."""
    number, images = change.shape[:2]
    weight = layer.weight[:, filters].transpose(0, 1)
    stacked = change.reshape(number * images, 1, *change.shape[2:])
    size = conv2d(stacked[:1], weight[:1, :1], None, layer.stride, layer.padding, layer.dilation).shape[2:]
    patches = unfold(stacked, weight.shape[2:], layer.dilation, layer.padding, layer.stride)  # type: ignore[arg-type]
    patches = patches.reshape(number, images, -1, patches.shape[2])
    columns = patches.permute(0, 2, 1, 3).flatten(2)
    products = torch.bmm(weight.flatten(2), columns).reshape(number, weight.shape[1], images, *size)
    return products.transpose(1, 2)
