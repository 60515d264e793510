"""Excitations that are matrices over taps, compared with WᵀW: do filters span what patches vary in?

E[x xᵀ] of the patches, or the average outer product of the gradients, after the ansatz that filter covariances
follow the latter (Radhakrishnan et al. 2023, arXiv 2309.00570).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from probecore.errors import InputError
from probecore.measures.anova.intervals import r2_interval
from probecore.statistics import permutation_p
from probecore.statistics.moved_grid import moved_taps

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MatrixAssociation:
    """Correlation of the entries of WᵀW with those of another matrix.

    `p` and `null` are of Mantel's test with turned and reflected kernels, whose channels exchange places, in rows and
    columns alike: shifts would break what is stationary in a smooth matrix.
    """

    r: float
    r2: float
    low: float
    high: float
    """95 % interval of R², jackknife over filters."""
    null: float
    p: float
    n: int
    """Different entries, D (D + 1) / 2; they are not independent, so there is no F test."""
    replicates: Array
    """R² without each filter in turn (F,)."""


def matrix_association(
    weights: Array,
    matrix: Array,
    *,
    generator: np.random.Generator,
    grid: tuple[int, int] = (1, 1),
    permutations: int = 1999,
) -> MatrixAssociation:
    """Compare WᵀW of weights (F, D) with a symmetric matrix (D, D) (Mantel 1967, PubMed 6018555).

    Parameters
    ----------
    grid : height and width of the kernels, D being channels * height * width; with (1, 1) taps exchange places freely

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    filters, taps = weights.shape
    if matrix.shape != (taps, taps):
        raise InputError(f"matrix_association: a matrix {matrix.shape} for {taps} taps; give ({taps}, {taps})")
    orders = moved_taps(taps, grid, count=permutations, generator=generator, shifts=False)
    counts = np.vstack([np.ones(filters), 1 - np.eye(filters)])
    centred = matrix - matrix.mean()
    size = np.sqrt((centred**2).sum())
    products = ((weights @ centred) * weights).sum(axis=1)
    inner = (weights @ weights.T) ** 2
    totals = counts @ weights.sum(axis=1) ** 2
    spread = np.einsum("bf,fg,bg->b", counts, inner, counts, optimize=True) - totals**2 / taps**2
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(spread > 1e-12 * inner.sum(), counts @ products / (size * np.sqrt(spread)), np.nan)
        gram = weights.T @ weights
        null = np.array([(gram[order][:, order] * centred).sum() for order in orders]) / (size * np.sqrt(spread[0]))
    low, high = r2_interval(float(r[0] ** 2), r[1:] ** 2, corrected=False)
    return MatrixAssociation(
        r=float(r[0]),
        r2=float(r[0] ** 2),
        low=low,
        high=high,
        null=float((null**2).mean()),
        p=float(permutation_p(r[0] ** 2, null**2)),
        n=taps * (taps + 1) // 2,
        replicates=r[1:] ** 2,
    )


def gradient_outer_product(model: nn.Module, layer: nn.Module, inputs: torch.Tensor) -> Array:
    """Mean of ∇f ∇fᵀ over images, outputs f and patches of a Conv2d or Linear layer, shape (D, D).

    The gradient with respect to a patch is Wᵀδ with δ the gradient of the filters' outputs there, so the result is
    Wᵀ E[δ δᵀ] W: it shares W with WᵀW by construction, and must be compared with an untrained network.

    Parameters
    ----------
    model : network in evaluation mode that maps (N, ...) to (N, K)
    layer : one of its modules, called once, without groups
    inputs : images as the network takes them

    Raises
    ------
    InputError
        If the layer is of another kind, or the network does not run it.
    """
    if not isinstance(layer, (nn.Conv2d, nn.Linear)) or getattr(layer, "groups", 1) != 1:
        raise InputError("gradient_outer_product: needs a Conv2d without groups, or a Linear; choose another layer")
    kept: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        kept.append(output if output.requires_grad else output.detach().requires_grad_())
        return kept[-1].clone()

    handle = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            outputs = model(inputs)
            if not kept:
                raise InputError("gradient_outer_product: the network does not run this layer; choose one of its own")
            signals = [
                torch.autograd.grad(outputs[:, index].sum(), kept[0], retain_graph=True)[0]
                for index in range(outputs.shape[1])
            ]
    finally:
        handle.remove()
    axis = 1 if isinstance(layer, nn.Conv2d) else -1
    delta = torch.stack(signals).movedim(axis + 1 if axis == 1 else -1, -1).flatten(0, -2).double()
    weights = layer.weight.detach().flatten(1).double()
    product = weights.T @ (delta.T @ delta / len(delta)) @ weights
    return np.asarray(product.cpu().numpy())
