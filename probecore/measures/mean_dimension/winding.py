"""Winding stairs (Hoyt and Owen 2021, arXiv 2007.01281): mean dimension over independent inputs.

The state changes one coordinate at a time and each evaluation serves two differences. Columns are shuffled first, so
that inputs are independent and keep their margins: over data whose inputs depend on each other this is another
quantity than `mean_dimension`'s.
"""

from collections.abc import Callable

import numpy as np

from probecore.determinism import numpy_generator
from probecore.errors import InputError


def winding_stairs(
    function: Callable[[np.ndarray], np.ndarray],
    inputs: np.ndarray,
    *,
    generator: np.random.Generator | None = None,
) -> tuple[float, np.ndarray]:
    """Mean dimension under independent margins, and its total indices (D,).

    Parameters
    ----------
    function : arrays (B, D) to values (B,)
    inputs : points (N, D); each coordinate's margin is its column's
    generator : shuffles the columns; by default always the same

    Raises
    ------
    InputError
        If there are fewer than two points, or the function is constant or not finite.
    """
    points, features = inputs.shape
    if points < 2:
        raise InputError(f"inputs: {points} points; give two or more")
    inputs = (generator or numpy_generator("winding_stairs")).permuted(inputs, axis=0)
    total, values, state = np.zeros(features), [], inputs[-1].copy()

    def evaluated(points: np.ndarray) -> np.ndarray:
        found = np.asarray(function(points.copy()), dtype=np.float64)
        if found.size != len(points):
            raise InputError(f"function: gives shape {found.shape} for {len(points)} points; give one value for each")
        return found.reshape(-1)

    last = float(evaluated(state[None])[0])
    for point in inputs:
        stairs = np.where(np.tri(features, dtype=bool), point, state)
        found = evaluated(stairs)
        total += np.diff(found, prepend=last) ** 2
        state, last = stairs[-1], float(found[-1])
        values.append(found)
    variance = float(np.var(values))
    if not variance > 0:
        raise InputError("function: constant, NaN or infinite, so it has no mean dimension; check it")
    indices = total / (2 * points)
    return float(indices.sum() / variance), indices
