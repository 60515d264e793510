"""Does the Boolean mean dimension peak where a network just interpolates? `python benchmarks/twin_peaks.py`

Random-feature networks of growing width learn a linear teacher whose labels are partly wrong, by least squares of
minimum norm (the setting of Demyanenko, Feinauer, Malatesta and Saglietti 2024, arXiv 2401.12610, at a size of ours).
By width: test error and Boolean mean dimension, by the product's estimator, with Student's 95 % interval over seeds,
and how far both lie below those at the interpolation threshold, where features are as many as examples.

  --quick    few seeds and widths; nothing is written
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.command import command, show

if TYPE_CHECKING:
    import numpy as np

INPUTS = 30
EXAMPLES = 100
"""For training: the interpolation threshold lies at as many features."""

WRONG = 0.1
"""Share of training labels that are flipped."""

WIDTHS = (20, 50, 80, EXAMPLES, 125, 200, 400, 800)
POINTS = 200
"""Corners of the cube per estimate."""

Measured = dict[str, float]


def measure(width: int, seed: int) -> Measured:
    """Test error and Boolean mean dimension of one network."""
    import numpy as np
    import torch
    from torch import nn

    from probecore.measures.mean_dimension.companions import boolean_mean_dimension

    rng = np.random.default_rng([seed, width])
    teacher, examples = _examples(np.random.default_rng(seed))
    features = rng.normal(size=(width, INPUTS)) / np.sqrt(INPUTS)
    inputs, labels = examples
    readout = np.linalg.lstsq(np.tanh(inputs @ features.T), labels, rcond=None)[0]
    model = nn.Sequential(nn.Linear(INPUTS, width, bias=False), nn.Tanh(), nn.Linear(width, 1, bias=False)).double()
    with torch.no_grad():
        for layer, weight in ((model[0], features), (model[2], readout[None])):
            layer.get_parameter("weight").copy_(torch.from_numpy(weight))
        unseen = rng.choice([-1.0, 1.0], (5000, INPUTS))
        wrong = np.sign(model(torch.from_numpy(unseen)).numpy()[:, 0]) != np.sign(unseen @ teacher)
    ends = torch.tensor([[-1.0], [1.0]], dtype=torch.float64).repeat(1, INPUTS)
    found = boolean_mean_dimension(model, ends, points=POINTS, features=None, generator=rng)
    return {"test_error": float(wrong.mean()), "mean_dimension": float(found.value[0])}


def curve(measured: Mapping[int, Sequence[Measured]]) -> list[dict[str, Any]]:
    """A row per width: means over seeds, and how far the threshold lies above, seed by seed."""
    from probecore.statistics import difference_over_seeds, over_seeds

    rows = []
    for width, found in sorted(measured.items()):
        row: dict[str, Any] = {"width": width, "seeds": len(found)}
        for name in ("test_error", "mean_dimension"):
            values, peak = ([one[name] for one in each] for each in (found, measured[EXAMPLES]))
            mean = over_seeds(values)
            row |= {name: round(mean.value, 4), f"{name}_low": round(mean.low, 4), f"{name}_high": round(mean.high, 4)}
            if width != EXAMPLES:
                above = difference_over_seeds(peak, values)
                row |= {f"{name}_below_threshold": round(above.value, 4), f"{name}_p": float(f"{above.p:.2g}")}
        rows.append(row)
    return rows


def verdict(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say whether both curves have their peak at the threshold: above both ends, each by a test at 5 %."""
    ends = (rows[0], rows[-1])
    names = {"test_error": "test error", "mean_dimension": "Boolean mean dimension"}
    peaks = {
        said: all(end[f"{name}_below_threshold"] > 0 and end[f"{name}_p"] <= 0.05 for end in ends)
        for name, said in names.items()
    }
    said = [f"{name} {'peaks' if found else 'has no peak that these seeds show'}" for name, found in peaks.items()]
    return f"at {EXAMPLES} features: {'; '.join(said)}"


def _examples(rng: "np.random.Generator") -> tuple[Any, tuple[Any, Any]]:
    """The teacher, and examples whose labels are its own but for a share of `WRONG`."""
    import numpy as np

    teacher = rng.normal(size=INPUTS)
    inputs = rng.choice([-1.0, 1.0], (EXAMPLES, INPUTS))
    labels = np.sign(inputs @ teacher) * np.where(rng.random(EXAMPLES) < WRONG, -1, 1)
    return teacher, (inputs, labels)


if __name__ == "__main__":
    quick = command(__doc__).parse_args().quick
    widths = (WIDTHS[0], EXAMPLES, WIDTHS[-1]) if quick else WIDTHS
    table = curve({width: [measure(width, seed) for seed in range(5 if quick else 10)] for width in widths})
    show("twin_peaks", table, quick=quick)
    print(verdict(table))
