"""The filters of one layer of one network side by side: the unit within which ranks are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from probecore.measures.atlas.keys import INTERVENTIONS, OF_TRAINING_IMAGES, QUANTITY, TRUTHS
from probecore.measures.atlas.reliability import centred_ranks
from probecore.measures.tables import is_last

Array: TypeAlias = npt.NDArray[np.float64]
Name = tuple[str, str, str]
"""Measure, site and quantity."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A layer of a network with F filters."""

    network: str
    layer: str
    quantities: Array
    """Q quantities that may tell what a filter is worth, (Q, F); NaN where one is missing."""
    truths: Array
    """T truths, (T, F)."""
    reliability: Array
    """Of the truths, (T,)."""


@dataclass(frozen=True, kw_only=True)
class Groups:
    """All layers of all networks of one condition, with what their rows are."""

    groups: Sequence[Group]
    quantities: Sequence[Name]
    truths: Sequence[str]

    @property
    def networks(self) -> list[str]:
        """Their names, each once."""
        return list(dict.fromkeys(group.network for group in self.groups))

    @property
    def layers(self) -> list[str]:
        """Their names, each once."""
        return list(dict.fromkeys(group.layer for group in self.groups))

    def rows_of(self, measure: str, quantities: Sequence[str]) -> list[int]:
        """Where the quantities of a measure stand."""
        return [place for place, name in enumerate(self.quantities) if name[0] == measure and name[2] in quantities]


def label(name: Name) -> str:
    """Name a quantity in one word, e.g. ``mechanism:strength@block``."""
    measure, site, quantity = name
    return f"{measure}:{quantity}@{site}"


def is_intervention(name: Name) -> bool:
    """Whether a measure has changed the filter to get the quantity."""
    return name[2] in INTERVENTIONS.get(name[0], ())


def reads_training_images(name: Name) -> bool:
    """Whether a measure takes the quantity from training images, at least in part."""
    return name[2].endswith(OF_TRAINING_IMAGES.get(name[0], ()))


def groups_of(table: pd.DataFrame) -> Groups:
    """Arrange rows of the long table, of networks of one condition, by network and layer; last checkpoints alone.

    Layers without truths are left out.
    """
    rows = table[is_last(table)]
    keys = pd.Series(list(zip(*(rows[column] for column in QUANTITY), strict=True)), index=rows.index, dtype=object)
    is_truth = (rows["measure"] == "atlas") & rows["quantity"].isin(TRUTHS)
    truths = [truth for truth in TRUTHS if truth in set(rows.loc[is_truth, "quantity"])]
    quantities = sorted(set(keys[~is_truth]))
    groups = []
    for (network, layer), part in rows.groupby(["network", "layer"], sort=False):
        own = part[is_truth[part.index]]
        if own.empty:
            continue
        filters = sorted(set(own["filter"]))
        values = own.pivot(index="quantity", columns="filter", values="value")
        others = part[~is_truth[part.index]]
        wide = others.assign(key=keys[others.index]).pivot(index="key", columns="filter", values="value")
        groups.append(
            Group(
                network=str(network),
                layer=str(layer),
                quantities=wide.reindex(index=pd.Index(quantities, tupleize_cols=False), columns=filters).to_numpy(
                    float
                ),
                truths=values.reindex(index=truths, columns=filters).to_numpy(float),
                reliability=own.groupby("quantity")["reliability"].first().reindex(truths).to_numpy(float),
            )
        )
    return Groups(groups=groups, quantities=quantities, truths=truths)


def basis_of(values: Array) -> Array:
    """An orthonormal basis (F, D) of what the ranks of the rows of (C, F) span."""
    basis, scales, _ = np.linalg.svd(centred_ranks(values).T, full_matrices=False)
    return np.asarray(basis[:, scales > 1e-9 * max(scales.max(initial=0.0), 1.0)])


def directions(rows: Array, without: Array) -> Array:
    """Rows (..., F) less their projection on the basis `without` (F, D), of length 1; NaN where nothing is left."""
    left = rows - rows @ without @ without.T
    before, length = (np.linalg.norm(each, axis=-1, keepdims=True) for each in (rows, left))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(length > 1e-6 * before, left / length, np.nan))
