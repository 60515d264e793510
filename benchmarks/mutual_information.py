"""Mutual information against peers, side by side: `python benchmarks/mutual_information.py [--quick]`.

One thread, interleaved in one process; best of rounds for ours and the peers alike. Peers get the same arrays.

- units: I(T;Y) of 512 units, N = 10,000, 10 classes, with 100 shuffles, against scikit-learn's
  `mutual_info_classif` measured on some units once and scaled to 512 x 101 (said so in the table);
- pairwise bounds: N = 10,000, d = 512, noise a tenth of the total variance (the default of the step), both
  Kolchinsky-Tracey bounds, against one full distance matrix by GEMM with
  logsumexp for each bound, and SciPy's `cdist` with exp; time and peak memory beyond the input;
- joint KSG: N = 10,000, one dimension each, against SciPy's trees for neighbours and counts, and `ennemi` where
  it is installed.
"""

import os

from benchmarks.command import command, show

if __name__ == "__main__":
    OPTIONS = command(__doc__).parse_args()

os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")})

import argparse
import importlib.util
import re
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from scipy.special import digamma, logsumexp
from sklearn.feature_selection import mutual_info_classif

from probecore.measures.mutual_information import kolchinsky_tracey, ksg, label_information

Row = dict[str, Any]
Run = Callable[[], np.ndarray]


def main(options: argparse.Namespace) -> None:
    small = options.quick
    n = 1_000 if small else 10_000
    rows = [*units(n, units_=64 if small else 512), *pairwise(n, width=512), *joint(n)]
    show("mutual_information", rows, quick=options.quick)


def units(n: int, *, units_: int, shuffles: int = 100, measured: int = 24) -> list[Row]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, n)
    values = rng.normal(size=(n, units_)) + labels[:, None] * rng.random(units_)
    label_information(values[:100, :1], labels[:100])  # compiles
    ours, found = seconds(lambda: label_information(values, labels, repeats=shuffles, generator=rng).value, rounds=2)
    part, expected = seconds(lambda: mutual_info_classif(values[:, :measured], labels, random_state=0), rounds=2)
    peer = part / measured * units_ * (1 + shuffles)
    error = float(np.abs(np.maximum(found[:measured], 0) - expected).max())
    task = f"units N={n} U={units_} B={shuffles}"
    return [
        row(task, "probecore", ours, error=error),
        row(task, f"scikit-learn, {measured} units scaled", peer, times=peer / ours),
    ]


def pairwise(n: int, *, width: int) -> list[Row]:
    points, variance = gaussian_points(n, width)
    task = f"pairwise bounds N={n} d={width}"
    times, megabytes, values = {}, {}, {}
    for name, run in PAIRWISE.items():
        times[name], values[name] = seconds(lambda run=run: run(points, variance), rounds=3 if run is ours else 1)
        megabytes[name] = peak(name, n, width)
    error = float(np.abs(values["probecore"] - values["cdist and exp"]).max())
    return [
        row(task, name, times[name], times=times[name] / times["probecore"], megabytes=megabytes[name], error=error)
        for name in times
    ]


def gaussian_points(n: int, width: int, share: float = 0.1) -> tuple[np.ndarray, float]:
    points = np.random.default_rng(0).normal(size=(n, width))
    return points, share * float(points.var(axis=0).sum())


def ours(points: np.ndarray, variance: float) -> np.ndarray:
    return np.array([bound.value for bound in kolchinsky_tracey(points, noise_variance=variance, interval=False)])


def by_gemm(points: np.ndarray, variance: float) -> np.ndarray:
    squares = (points**2).sum(1)
    apart = squares[:, None] + squares - 2 * points @ points.T
    return np.array([-(logsumexp(-apart / (c * variance), axis=1) - np.log(len(points))).mean() for c in (8, 2)])


def by_cdist(points: np.ndarray, variance: float) -> np.ndarray:
    apart = cdist(points, points, "sqeuclidean")
    return np.array([-np.log(np.exp(-apart / (c * variance)).mean(1)).mean() for c in (8, 2)])


PAIRWISE = {"probecore": ours, "GEMM and logsumexp": by_gemm, "cdist and exp": by_cdist}


def peak(name: str, n: int, width: int) -> float:
    """Megabytes that a method needs beyond its input, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak, name, n, width).result()


def _peak(name: str, n: int, width: int) -> float:
    points, variance = gaussian_points(n, width)
    PAIRWISE[name](points[:10], variance)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _most_resident()
    PAIRWISE[name](points, variance)
    return (_most_resident() - before) / 1e3


def _most_resident() -> int:
    """Kilobytes; unlike `getrusage`, not those of the process that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def joint(n: int, *, k: int = 3) -> list[Row]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    y = 0.6 * x + 0.8 * rng.normal(size=n)

    def trees() -> np.ndarray:
        both = np.column_stack([x, y])
        radius = np.nextafter(cKDTree(both).query(both, k=[k + 1], p=np.inf)[0][:, 0], 0)
        counts = [cKDTree(v[:, None]).query_ball_point(v[:, None], radius, return_length=True) for v in (x, y)]
        return np.array([digamma(k) + digamma(n) - np.mean([digamma(count).mean() for count in counts]) * 2])

    runs: dict[str, Run] = {"probecore": lambda: np.array([ksg(x, y, k=k).value]), "SciPy's trees": trees}
    if importlib.util.find_spec("ennemi"):
        import ennemi

        runs["ennemi"] = lambda: np.array([ennemi.estimate_mi(y, x, k=k, preprocess=False)]).ravel()
    times, values = {}, {}
    for name, run in runs.items():
        times[name], values[name] = seconds(run)
    rows = [
        row(
            f"joint KSG N={n}",
            name,
            times[name],
            times=times[name] / times["probecore"],
            error=float(np.abs(values[name] - values["probecore"]).max()),
        )
        for name in times
    ]
    if "ennemi" not in runs:
        rows.append(row(f"joint KSG N={n}", "ennemi: not installed", float("nan")))
    return rows


def seconds(run: Run, rounds: int = 3) -> tuple[float, np.ndarray]:
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        value = run()
        best = min(best, time.process_time() - start)
    return best, value


def row(task: str, who: str, time_: float, *, times: float = 1.0, megabytes: float = 0.0, error: float = 0.0) -> Row:
    return {
        "task": task,
        "who": who,
        "seconds": f"{time_:.3f}",
        "times_ours": f"{times:.1f}",
        "megabytes": f"{megabytes:.0f}" if megabytes else "",
        "largest_difference": f"{error:.1e}",
        "threads": 1,
    }


if __name__ == "__main__":
    main(OPTIONS)
