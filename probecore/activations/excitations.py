"""Sums over images from which the excitations of a conv or linear layer follow, streamed batch by batch.

An excitation is the patch of the layer's input that its filter answers to; what is made of the sums is no business of
this module (`probecore.measures.anova.excitations`). The layer's weights are not needed: the sum of patches weighted by
responses is what backpropagation computes as the gradient of the weights.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, unfold
from torch.nn.grad import conv2d_weight

from probecore.errors import InputError

Array = np.ndarray[Any, Any]

COVARIANCE_TAPS = 1024
"""Layers with more taps per patch than this have no patch covariance: it would take taps² numbers."""

LEAST_PHASE = 4
"""Where taps are spread, maps are cut into phases of at least so many rows and columns."""

LEAST_IMAGES = 16
VALUES_AT_ONCE = 1 << 19
"""Values of inputs and responses that are added up at a time; more leave the cache, fewer cost calls."""

RESPONSES = ("sum", "absolute", "square", "active", "maximum")
"""What is kept of each filter's responses φ: Σφ, Σ|φ|, Σφ², how many are above 0, and the largest."""


class ExcitationSums(NamedTuple):
    """Sums of one layer over a split, all float64; the split is cut into two halves.

    Filters F, taps T = channels x kernel of one filter, classes K (1 if not told apart), positions P per image.
    """

    by_class: Array
    """Σ φ x at dilation 1, (2, K, F, T)."""
    by_dilation: Array
    """Σ φ x, (dilations, 2, F, T)."""
    patches: Array
    """Σ x over positions, (dilations, 2, T times the layer's groups)."""
    responses: Array
    """By `RESPONSES`, (2, K, 5, F)."""
    maps: Array
    """Σ φ over images, (2, F, H, W), or (2, F, P)."""
    images: Array
    """Images, (2, K)."""
    covariance_images: Array
    """Images behind `covariance`, (2,)."""
    dilations: Array
    """Probe dilations, (dilations,)."""
    covariance: Array = np.zeros((2, 0, 0))
    """Σ x xᵀ at dilation 1 over positions of the first images, (2, D, D); (2, 0, 0) if left out."""


class ExcitationStream:
    """Adds up the sums of one layer.

    Parameters
    ----------
    layer
        An `nn.Conv2d` or `nn.Linear`; a linear layer is a convolution with one tap per input, of any leading axes.
    classes
        K; every image's group is in 0..K-1.
    dilations
        By how much the taps of a patch are spread when it is read, beside 1, the layer's own; the patch stays
        centred. What lies outside of the map is 0, as the layer pads it.
    covariance_images
        So many first images count for the covariance of patches.

    Raises
    ------
    InputError
        If the layer is of another kind.
    """

    def __init__(
        self, layer: nn.Module, *, classes: int = 1, dilations: Sequence[int] = (1,), covariance_images: int = 0
    ) -> None:
        if not isinstance(layer, (nn.Conv2d, nn.Linear)):
            raise InputError(f"excitations: {type(layer).__name__} is no Conv2d or Linear; choose other layers")
        self._layer = layer
        self._classes = classes
        has_kernel = isinstance(layer, nn.Conv2d) and max(layer.kernel_size) > 1
        self._dilations = sorted({1, *dilations}) if has_kernel else [1]
        self._weights = tuple(layer.weight.shape)
        self._patch = int(np.prod(self._weights[1:])) * (layer.groups if isinstance(layer, nn.Conv2d) else 1)
        self._budget = covariance_images if self._patch <= COVARIANCE_TAPS else 0
        self.names = [name for name in ExcitationSums._fields if name != "covariance" or self._budget]
        """The sums that this layer has: the covariance may be left out."""
        self._sums: dict[str, Tensor] = {}

    def add(self, inputs: Tensor, responses: Tensor, classes: Tensor, halves: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        inputs : what the layer was given, (N, C, H, W), or (N, ..., D) for a linear layer
        responses : φ of what it returned, (N, F, H', W'), or (N, ..., F)
        classes, halves : int64 (N,), classes in 0..K-1, halves 0 or 1
        """
        groups = halves * self._classes + classes
        order = torch.argsort(groups, stable=True)
        counts = torch.bincount(groups, minlength=2 * self._classes).tolist()
        x, phi = self._padded(self._channels_last(inputs)), self._channels_last(responses)
        if not self._sums:
            self._begin(x, phi)
        for group, images in enumerate(order.split(counts)):
            half, label = divmod(group, self._classes)
            self._sums["images"][half, label] += len(images)
            for part in images.split(self._images_at_once):
                if len(part):
                    self._add_part(half, label, x.index_select(0, part), phi.index_select(0, part))
        if self._budget:
            first = min(self._budget, len(inputs))
            self._add_covariance(x[:first], halves[:first])
            self._budget -= first

    def result(self) -> ExcitationSums:
        """The sums so far."""
        sums = {name: _array(values) for name, values in self._sums.items()}
        sums["dilations"] = np.array(self._dilations)
        sums["patches"] = np.stack([self._patches_of(dilation) for dilation in self._dilations])
        sums["by_dilation"][self._dilations.index(1)] = sums["by_class"].sum(1)
        return ExcitationSums(**{name: sums[name] for name in self.names})

    def _channels_last(self, values: Tensor) -> Tensor:
        """Channels last, as oneDNN is quickest with: (N, H, W, C), or (N, P, D) for a linear layer."""
        if isinstance(self._layer, nn.Conv2d):
            values = values.movedim(1, -1)
        else:
            values = values.reshape(len(values), -1, values.shape[-1])
        return values.float().contiguous()

    def _padded(self, x: Tensor) -> Tensor:
        """As the layer pads maps (N, H, W, C), unless it pads with zeros: `_margins` sees to these."""
        layer = self._layer
        if not isinstance(layer, nn.Conv2d) or layer.padding_mode == "zeros":
            return x
        return self._channels_last(
            pad(_channels_first(x), layer._reversed_padding_repeated_twice, mode=layer.padding_mode)
        )

    def _begin(self, x: Tensor, phi: Tensor) -> None:
        filters, taps = self._weights[0], int(np.prod(self._weights[1:]))
        self._images_at_once = max(LEAST_IMAGES, VALUES_AT_ONCE // (x[0].numel() + phi[0].numel()))
        zeros = {
            "by_class": (2, self._classes, filters, taps),
            "by_dilation": (len(self._dilations), 2, filters, taps),
            "responses": (2, self._classes, len(RESPONSES), filters),
            "maps": (2, *_channels_first(phi).shape[1:]),
            "inputs": (2, *_channels_first(x).shape[1:]),
            "images": (2, self._classes),
            "covariance_images": (2,),
        }
        if self._budget:
            zeros["covariance"] = (2, self._patch, self._patch)
        self._sums = {name: torch.zeros(shape, dtype=torch.float64, device=x.device) for name, shape in zeros.items()}
        self._sums["responses"][:, :, RESPONSES.index("maximum")] = -torch.inf

    def _add_part(self, half: int, label: int, x: Tensor, phi: Tensor) -> None:
        self._sums["inputs"][half] += _channels_first(x.sum(0, keepdim=True))[0]
        self._sums["by_class"][half, label] += self._weighted(x, phi, 1).flatten(1)
        for index, dilation in enumerate(self._dilations[1:], start=1):
            self._sums["by_dilation"][index, half] += self._weighted(x, phi, dilation).flatten(1)
        summed, flat = phi.sum(0, keepdim=True), phi.flatten(1)
        self._sums["maps"][half] += _channels_first(summed)[0]

        def by_filter(values: Tensor) -> Tensor:
            return values.view(-1, self._weights[0])

        responses = self._sums["responses"][half, label]
        responses[0] += by_filter(summed).sum(0)
        responses[1] += by_filter(flat.abs().sum(0)).sum(0)
        responses[2] += by_filter(flat.square().sum(0)).sum(0)
        responses[3] += by_filter(torch.gt(flat, 0, out=torch.empty_like(flat)).sum(0)).sum(0)
        torch.maximum(responses[4], by_filter(flat.amax(0)).amax(0), out=responses[4])

    def _add_covariance(self, x: Tensor, halves: Tensor) -> None:
        for half in (0, 1):
            patches = self._unfolded(x[halves == half])
            self._sums["covariance"][half] += patches @ patches.T
            self._sums["covariance_images"][half] += int((halves == half).sum())

    def _weighted(self, x: Tensor, phi: Tensor, dilation: int) -> Tensor:
        """Σ φ x over images and positions, of the weights' shape."""
        if isinstance(self._layer, nn.Linear):
            return phi.flatten(0, -2).T @ x.flatten(0, -2)
        return self._correlated(_channels_first(x), _channels_first(phi), self._weights, dilation, self._layer.groups)

    def _patches_of(self, dilation: int) -> Array:
        """Σ x over images and positions, flat: by linearity that of the sum of the images."""
        summed, positions = self._sums["inputs"], self._sums["maps"].shape[2:]
        if isinstance(self._layer, nn.Linear):
            return _array(summed.sum(2))
        ones = torch.ones(1, 1, *positions, dtype=summed.dtype, device=summed.device)
        shape = (1, self._layer.in_channels, *self._weights[2:])
        halves = [self._correlated(part[None], ones, shape, dilation, 1) for part in summed]
        return _array(torch.cat(halves).flatten(1))

    def _correlated(self, x: Tensor, phi: Tensor, shape: tuple[int, ...], dilation: int, groups: int) -> Tensor:
        layer = self._layer
        assert isinstance(layer, nn.Conv2d)
        before, after = zip(*(_margins(layer, axis, dilation) for axis in (0, 1)), strict=True)
        spread = tuple(own * dilation for own in layer.dilation)
        in_phases = max(spread) > 1 == max(layer.stride) and all(
            size >= LEAST_PHASE * step for size, step in zip(phi.shape[2:], spread, strict=True)
        )
        if before != after or in_phases:
            x, before = pad(x, (before[1], after[1], before[0], after[0])), (0, 0)
        if in_phases:
            x, phi, spread = _phases(x, spread), _phases(phi, spread), (1, 1)
        elif max(spread) > 1:
            x, phi = x.contiguous(), phi.contiguous()
        gradient: Tensor = conv2d_weight(x, shape, phi, layer.stride, before, spread, groups)
        return gradient

    def _unfolded(self, x: Tensor) -> Tensor:
        """Patches at dilation 1 as columns, (D, N P)."""
        layer = self._layer
        if isinstance(layer, nn.Linear):
            return x.flatten(0, -2).T
        before, after = zip(*(_margins(layer, axis, 1) for axis in (0, 1)), strict=True)
        padded = pad(_channels_first(x), (before[1], after[1], before[0], after[0]))
        patches = unfold(padded, layer.kernel_size, layer.dilation, stride=layer.stride)
        return patches.transpose(0, 1).flatten(1)


def _channels_first(values: Tensor) -> Tensor:
    """Channels first: a view (N, C, H, W) or (N, D, P)."""
    return values.movedim(-1, 1)


def _phases(maps: Tensor, spread: tuple[int, ...]) -> Tensor:
    """Every d-th row and column of maps (N, C, H, W), zeros at their ends, as (N d², C, ⌈H / d⌉, ⌈W / d⌉).

    In each of them taps that are spread by d are neighbours, for which oneDNN is twice as fast.
    """
    rows, columns = spread
    maps = pad(maps, (0, -maps.shape[3] % columns, 0, -maps.shape[2] % rows))
    images, channels, height, width = maps.shape
    cut = maps.movedim(1, -1).reshape(images, height // rows, rows, width // columns, columns, channels)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, height // rows, width // columns, channels).movedim(-1, 1)


def halves_of(classes: Array) -> Array:
    """0 or 1 for each image: every other image of its class, so that both halves have the same classes."""
    order = np.argsort(classes, kind="stable")
    _, starts, counts = np.unique(classes[order], return_index=True, return_counts=True)
    halves = np.empty(len(classes), dtype=np.int64)
    halves[order] = (np.arange(len(classes)) - np.repeat(starts, counts)) % 2
    return halves


def _margins(layer: nn.Conv2d, axis: int, dilation: int) -> tuple[int, int]:
    """Zeros before and after the map so that spread patches are centred where the layer's own are."""
    reach = (layer.kernel_size[axis] - 1) * layer.dilation[axis]
    if layer.padding_mode != "zeros":
        own = (0, 0)
    elif layer.padding == "same":
        own = (reach // 2, reach - reach // 2)
    else:
        padding = (0, 0) if layer.padding == "valid" else layer.padding
        own = (int(padding[axis]), int(padding[axis]))
    extra = reach * (dilation - 1)
    return own[0] + extra // 2, own[1] + extra - extra // 2


def _array(values: Tensor) -> Array:
    array: Array = values.cpu().numpy()
    return array
