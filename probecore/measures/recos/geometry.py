"""Layers on the sphere: anchor vectors, and correlations of patches with them, without a matrix of patches.

A patch is what one output of a layer sees: a window of a convolution's padded input, the whole input of a linear
layer. As in Kuo 2016 (arXiv 1609.04112) patches and anchors lose their mean and get unit length; the cosine of the
angle between them is their correlation. A convolution with mean-free unit anchors over the norms of mean-free
patches gives it, because a mean-free anchor does not see a patch's mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from probecore.errors import InputError

FLAT = 0.01
"""A patch is near-flat if its standard deviation is at most this share of that of the whole input."""


@dataclass(frozen=True, eq=False)
class SphereCorrelations:
    """Correlations of one layer's patches.

    Attributes
    ----------
    cosines
        (N, F, H', W') for a convolution, (N, F) for a linear layer (with axes in between: behind F); 0 where flat.
    flat
        bool (N, G, H', W') or (N, 1): near-flat patches, which have no direction; G groups of input channels.
    """

    cosines: Tensor
    flat: Tensor


def anchor_vectors(layer: nn.Module) -> Tensor:
    """Anchor vectors: a layer's filters as rows (F, D), without their mean, of unit length.

    A filter without any pattern, all weights equal, gives a row of zeros.

    Raises
    ------
    InputError
        If the layer is no 2-d convolution or linear layer, or has filters of a single weight.
    """
    check_layer(layer)
    weight = layer.get_parameter("weight").detach()
    return _unit(weight.double().flatten(1)).to(torch.promote_types(weight.dtype, torch.float32))


def position_vectors(layer: nn.Module) -> Tensor:
    """Anchor-position vectors (D, F): what all filters have at one position; not the anchors themselves.

    Raises
    ------
    InputError
        As `anchor_vectors`.
    """
    check_layer(layer)
    return layer.get_parameter("weight").detach().flatten(1).T.contiguous()


def sphere_correlations(
    layer: nn.Module, inputs: Tensor, *, vectors: Tensor | None = None, batch: int = 100
) -> SphereCorrelations:
    """Correlations of all patches of `inputs` with a layer's anchors, or with other directions.

    Parameters
    ----------
    layer : 2-d convolution (any stride, padding, dilation and groups) or linear layer
    inputs : what the layer reads, (N, C, H, W), or (N, ..., D)
    vectors : mean-free unit directions (V, D) instead of the anchors; of a grouped convolution those of the first
        group first, equally many for each
    batch : inputs at a time; memory beside the result grows with it

    Raises
    ------
    InputError
        If the layer cannot be handled, or the inputs are not finite or not what it reads.
    """
    vectors = anchor_vectors(layer) if vectors is None else vectors
    _check_inputs(layer, inputs, batch)
    if len(inputs) <= batch:
        return SphereCorrelations(*_correlate(layer, inputs, vectors))
    result: list[Tensor] = []
    for start in range(0, len(inputs), batch):
        parts = _correlate(layer, inputs[start : start + batch], vectors)
        result = result or [part.new_empty(len(inputs), *part.shape[1:]) for part in parts]
        for whole, part in zip(result, parts, strict=True):
            whole[start : start + batch] = part
    return SphereCorrelations(*result)


def sample_patches(layer: nn.Module, inputs: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Up to `count` patches of `inputs`, drawn at random with replacement, mean-free and of unit length, (S, D).

    Near-flat ones are left out. Of a grouped convolution, each is drawn from one of the groups.
    """
    check_layer(layer)
    if isinstance(layer, nn.Linear):
        rows = inputs.flatten(0, -2)
        if count < len(rows):
            rows = rows[torch.randperm(len(rows), generator=generator)[:count].to(rows.device)]
        flat = _deviation(rows) == 0
        return _unit(rows[~flat].double()).float()
    assert isinstance(layer, nn.Conv2d)
    limit = FLAT * _deviation(inputs.flatten(1))
    windows = _windows(layer, pad(layer, inputs))
    n, groups, height, width = (windows.shape[axis] for axis in (0, 1, 3, 4))
    drawn = torch.randint(n * groups * height * width, (count,), generator=generator).to(inputs.device)
    image, group, row, column = torch.unravel_index(drawn, (n, groups, height, width))
    patches = windows[image, group, :, row, column].flatten(1)
    return _unit(patches[_deviation(patches) > limit[image]].double()).float()


def check_layer(layer: nn.Module) -> None:
    """Raise `InputError` if a layer has no anchors on a sphere."""
    name = type(layer).__name__
    if not isinstance(layer, (nn.Conv2d, nn.Linear)):
        raise InputError(f"{name}: has no anchors that recos knows; choose 2-d convolutions and linear layers")
    if layer.weight[0].numel() < 2:
        raise InputError(f"{name}: one weight per filter spans no sphere; choose layers with more")


def _check_inputs(layer: nn.Module, inputs: Tensor, batch: int) -> None:
    check_layer(layer)
    if batch < 1:
        raise InputError(f"batch: {batch}; give 1 or more")
    wanted = f"(N, {layer.in_channels}, H, W)" if isinstance(layer, nn.Conv2d) else f"(N, ..., {layer.in_features})"
    fits = (
        inputs.ndim == 4 and inputs.shape[1] == layer.in_channels
        if isinstance(layer, nn.Conv2d)
        else inputs.ndim >= 2 and inputs.shape[-1] == layer.in_features
    )
    if not fits or not len(inputs):
        raise InputError(f"inputs: shape {tuple(inputs.shape)}; this layer reads {wanted}, one input at least")
    if not inputs.isfinite().all():
        raise InputError("inputs: some are NaN or infinite; remove them")


def embed(vectors: Tensor) -> Tensor:
    """The first two principal coordinates (R, 2) of vectors (R, M) taken to unit length; signs fixed by the largest."""
    rows = nn.functional.normalize(vectors.double().cpu())
    rows = rows - rows.mean(0)
    left, values, _ = torch.linalg.svd(rows, full_matrices=False)
    coordinates = nn.functional.pad(left * values, (0, 2))[:, :2]
    largest = coordinates.gather(0, coordinates.abs().argmax(0, keepdim=True))
    return coordinates * torch.where(largest < 0, -1.0, 1.0)


def _correlate(layer: nn.Module, inputs: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
    if isinstance(layer, nn.Linear):
        rows = inputs.double() - inputs.double().mean(-1, keepdim=True)
        norms = rows.norm(dim=-1, keepdim=True)
        flat = norms <= 1e-6 * inputs.double().norm(dim=-1, keepdim=True)
        cosines = (rows / norms).to(vectors.dtype) @ vectors.T
        return cosines.masked_fill(flat, 0).movedim(-1, 1), flat.movedim(-1, 1)
    assert isinstance(layer, nn.Conv2d)
    inputs = inputs.to(vectors.dtype)
    middle = inputs.flatten(1)[:, ::16].median(dim=1).values[:, None, None, None]
    shifted = pad(layer, inputs) - middle  # near 0 where an input is flat, and there exact
    grouped = shifted.unflatten(1, (layer.groups, -1))
    sums = grouped.sum(2, dtype=torch.float64)
    squares = grouped.double().square_().sum(2)
    limit = FLAT**2 * _variance(layer, sums, squares, inputs)
    taps_per_window = prod(layer.weight.shape[1:])
    energy = _box_sums(layer, squares)
    energy -= _box_sums(layer, sums).square_().div_(taps_per_window)
    flat = energy <= taps_per_window * limit[:, None, None, None]
    directions = vectors.view(-1, *layer.weight.shape[1:])
    cosines = nn.functional.conv2d(
        shifted, directions, stride=layer.stride, dilation=layer.dilation, groups=layer.groups
    )
    scales = energy.rsqrt().to(cosines.dtype).masked_fill_(flat, 0)
    cosines.unflatten(1, (layer.groups, -1)).mul_(scales[:, :, None])
    return cosines, flat


def _variance(layer: nn.Conv2d, sums: Tensor, squares: Tensor, inputs: Tensor) -> Tensor:
    """Variance of each input (N,), from sums over channels (N, G, H, W) with padding around them."""
    left, _, top, _ = layer._reversed_padding_repeated_twice
    inside = (..., slice(top, top + inputs.shape[2]), slice(left, left + inputs.shape[3]))
    n = prod(inputs.shape[1:])
    return squares[inside].sum((1, 2, 3)) / n - (sums[inside].sum((1, 2, 3)) / n) ** 2


def pad(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    """A convolution's input with its padding around it."""
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    return nn.functional.pad(inputs, layer._reversed_padding_repeated_twice, mode=mode)


def _box_sums(layer: nn.Conv2d, maps: Tensor) -> Tensor:
    """Sums over the windows of a convolution, for maps (N, G, H, W), by shifted slices along one axis at a time."""
    for axis in (2, 3):
        parts = taps(layer, maps, axis)
        sums = next(parts).clone()
        for part in parts:
            sums += part
        maps = sums
    return maps


def taps(layer: nn.Conv2d, maps: Tensor, axis: int) -> Iterator[Tensor]:
    """For each tap of the kernel along `axis`: what all windows have there."""
    kernel, stride, dilation = (sizes[axis - 2] for sizes in (layer.kernel_size, layer.stride, layer.dilation))
    windows = (maps.shape[axis] - dilation * (kernel - 1) - 1) // stride + 1
    for tap in range(kernel):
        start = tap * dilation
        yield maps[(slice(None),) * axis + (slice(start, start + stride * (windows - 1) + 1, stride),)]


def _windows(layer: nn.Conv2d, padded: Tensor) -> Tensor:
    """A view of all patches: (N, G, C/G, H', W', kh, kw)."""
    for axis in (2, 3):
        kernel, stride, dilation = (sizes[axis - 2] for sizes in (layer.kernel_size, layer.stride, layer.dilation))
        padded = padded.unfold(axis, dilation * (kernel - 1) + 1, stride)[..., ::dilation]
    grouped = padded.shape[0], layer.groups, padded.shape[1] // layer.groups
    return padded.view(*grouped, *padded.shape[2:])


def _deviation(rows: Tensor) -> Tensor:
    return rows.double().std(dim=-1, correction=0)


def _unit(rows: Tensor) -> Tensor:
    """Rows without mean, of unit length; rows that are constant up to rounding become zeros."""
    centred = rows - rows.mean(-1, keepdim=True)
    norms = centred.norm(dim=-1, keepdim=True)
    constant = norms <= 1e-6 * rows.norm(dim=-1, keepdim=True)
    units: Tensor = centred / norms
    return units.masked_fill(constant, 0)
