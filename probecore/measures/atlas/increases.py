"""By how much worse a network does with each filter ablated: loss, accuracy, calibration error."""

import numpy as np
import numpy.typing as npt

from probecore.models.ablation import Array, Outcomes

BINS = 15
"""Of confidence, in the calibration error (Guo et al. 2017, arXiv 1706.04599)."""


def increases(intact: Outcomes, ablated: Outcomes, images: npt.NDArray[np.int64]) -> dict[str, Array]:
    """By how much each filter's ablation makes the network worse: loss and calibration error rise, accuracy falls."""
    before, after = _over(intact, images), _over(ablated, images)
    return {name: (before[name] - after[name]) * (1 if name == "accuracy" else -1) for name in before}


def _over(outcomes: Outcomes, images: npt.NDArray[np.int64]) -> dict[str, Array]:
    """Mean loss, accuracy and calibration error over some of the images, of shape (1,) or (F,)."""
    loss, confidence = outcomes.loss[..., images], outcomes.confidence[..., images]
    correct = outcomes.correct[..., images].astype(np.float64)
    return {
        "loss": np.atleast_1d(loss.mean(axis=-1)),
        "accuracy": np.atleast_1d(correct.mean(axis=-1)),
        "calibration": calibration_error(confidence, correct),
    }


def calibration_error(confidence: Array, correct: Array) -> Array:
    """Compute the expected calibration error over `BINS` equally wide bins of confidence, of each row.

    Examples
    --------
    >>> calibration_error(np.array([[0.9, 0.9]]), np.array([[1.0, 0.0]])).round(6)
    array([0.4])
    """
    confidence, correct = np.atleast_2d(confidence, correct)
    rows, images = confidence.shape
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1) + BINS * np.arange(rows)[:, None]
    gaps = np.bincount(bins.ravel(), weights=(correct - confidence).ravel(), minlength=BINS * rows)
    return np.asarray(np.abs(gaps).reshape(rows, BINS).sum(axis=1) / images)
