"""Groups of equally many values, for estimators that need classes."""

import numpy as np
import numpy.typing as npt

from probecore.errors import InputError
from probecore.statistics.ranks import average_ranks


def quantile_bins(values: npt.ArrayLike, bins: int, *, axis: int = 0) -> npt.NDArray[np.int64]:
    """Find the bin of each value among `bins` equally filled ones along `axis`.

    Equal values share a bin (that of their middle rank), so that atoms, like a ReLU's zeros, stay whole.

    Raises
    ------
    InputError
        If a value is NaN or infinite.

    Examples
    --------
    >>> quantile_bins([0.0, 0.0, 0.0, 1.0, 2.0, 3.0], 3)
    array([0, 0, 0, 1, 2, 2])
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError("values: NaN or infinity cannot be binned; remove them")
    middle = average_ranks(array, axis=axis) - 0.5
    return np.asarray(np.minimum((middle * bins / array.shape[axis]).astype(np.int64), bins - 1))
