"""Gaussian information, the probe's bound and matrix Rényi against closed forms and peers."""

import math

import numpy as np
import pytest
from scipy.special import digamma
from sklearn.linear_model import LogisticRegression

from probecore.errors import InputError
from probecore.measures.mutual_information import gaussian, matrix_renyi, probe_bound


@pytest.mark.parametrize(("width", "truth"), [(1, 0.143841), (2, 0.293893), (3, 0.413339), (5, 0.592812)])
def test_normal_vectors_without_bias(width: int, truth: float) -> None:
    root = np.linalg.cholesky(np.full((2 * width, 2 * width), 0.5) + 0.5 * np.eye(2 * width))
    values = []
    for seed in range(60):
        sample = np.random.default_rng(seed).normal(size=(100, 2 * width)) @ root.T
        values.append(gaussian(sample[:, :width], sample[:, width:]).value)
    assert abs(np.mean(values) - truth) <= 4 * np.std(values, ddof=1) / math.sqrt(60)


def test_a_handful_of_samples_has_no_bias() -> None:
    rng = np.random.default_rng(6)
    root = np.linalg.cholesky(np.full((4, 4), 0.5) + 0.5 * np.eye(4))
    samples = rng.normal(size=(2000, 9, 4)) @ root.T
    values = [gaussian(sample[:, :2], sample[:, 2:]).value for sample in samples]
    assert abs(np.mean(values) - 0.293893) <= 4 * np.std(values) / math.sqrt(2000)


def test_canonical_correlations_agree() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 3))
    y = x @ rng.normal(size=(3, 2)) + rng.normal(size=(5000, 2))
    q_x, q_y = (np.linalg.qr(part - part.mean(0))[0] for part in (x, y))
    rho = np.linalg.svd(q_x.T @ q_y, compute_uv=False)

    def bias(width: int) -> float:  # of log det of a covariance matrix: Misra, Singh and Demchuk 2005
        return sum(digamma((5000 - i) / 2) + math.log(2 / 5000) for i in range(1, width + 1))

    expected = -np.log(1 - rho**2).sum() / 2 - (bias(3) + bias(2) - bias(5)) / 2
    assert gaussian(x, y).value == pytest.approx(expected, abs=1e-10)


def test_rotation_and_scale_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    x, turn = rng.normal(size=(300, 3)), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    y = x[:, :2] + rng.normal(size=(300, 2))
    assert gaussian(7 * x @ turn + 3, y).value == pytest.approx(gaussian(x, y).value, abs=1e-9)


def test_noise_makes_a_linear_map_finite() -> None:
    x = np.random.default_rng(2).normal(size=(4000, 1))
    with pytest.raises(InputError, match="add noise"):
        gaussian(x, 2 * x)
    expected = -math.log(1 - 1 / 1.1**2) / 2
    assert gaussian(x, x, noise_variance=0.1).value == pytest.approx(expected, abs=0.05)


def test_noise_that_drowns_coordinates_leaves_no_bias() -> None:
    """The correction of whole dimensions took .07 from independent layers of 200 images."""
    rng, scales = np.random.default_rng(8), np.sqrt(0.4 ** np.arange(6))
    pairs = [rng.normal(size=(2, 200, 6)) * scales for _ in range(40)]
    values = [gaussian(first, second, noise_variance=0.1).value for first, second in pairs]
    assert abs(np.mean(values)) <= 4 * np.std(values) / math.sqrt(40) + 0.004


def test_null_interval_and_constants() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 2))
    found = gaussian(x, x[:, :1] + rng.normal(size=(400, 1)), repeats=99, generator=rng)
    assert found.p == 0.01
    assert found.interval[0] < found.value < found.interval[1]
    assert abs(found.null) < 0.005
    nothing = gaussian(x, np.ones(400), repeats=9)
    assert (nothing.value, nothing.null, nothing.p, nothing.interval) == (0, 0, 1, (0, 0))
    with pytest.raises(InputError, match="too few"):
        gaussian(rng.normal(size=(5, 3)), rng.normal(size=(5, 3)))


def test_probe_is_a_lower_bound() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 3000)
    for mu, truth in ((0.5, 0.111421), (1.0, 0.336831), (2.0, 0.632720)):
        found = probe_bound(rng.normal(size=3000) + mu * (2 * labels - 1), labels, repeats=0)
        assert truth - 0.04 < found.value < truth + 0.025  # the label log odds are linear: the bound is tight


def test_probe_is_scikit_learns_regression() -> None:
    rng = np.random.default_rng(5)
    labels = np.sort(rng.integers(0, 3, 200))
    features = rng.normal(size=(200, 4)) + labels[:, None]
    fold = np.arange(200) % 2
    likelihood = np.empty(200)
    for part in (0, 1):
        seen, unseen = fold != part, fold == part
        scaled = (features - features[seen].mean(0)) / features[seen].std(0)
        model = LogisticRegression(C=1 / 10.0, tol=1e-8, max_iter=1000).fit(scaled[seen], labels[seen])
        likelihood[unseen] = model.predict_log_proba(scaled[unseen])[np.arange(100), labels[unseen]]
    shares = np.bincount(labels) / 200
    expected = -(shares * np.log(shares)).sum() + likelihood.mean()
    assert probe_bound(features, labels).value == pytest.approx(expected, abs=1e-4)


def test_probe_of_nothing_and_bad_input() -> None:
    labels = np.arange(100) % 2
    assert probe_bound(np.ones(100), labels).value == pytest.approx(0, abs=1e-3)
    with pytest.raises(InputError, match="2 classes"):
        probe_bound(np.ones(10), np.zeros(10, int))
    with pytest.raises(InputError, match="rarest has 1"):
        probe_bound(np.ones(5), [0, 0, 0, 0, 1])


def test_renyi_of_labels_is_that_of_their_shares() -> None:
    labels = np.repeat([0, 1, 2, 3], [40, 30, 20, 10])
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    for alpha in (1.01, 2.0, 5.0):
        expected = math.log((shares**alpha).sum()) / (1 - alpha)
        assert matrix_renyi(labels, labels, width_x=0, width_y=0, alpha=alpha) == pytest.approx(expected, abs=1e-9)
    distinct = matrix_renyi(np.arange(20), np.arange(20), width_x=0, width_y=0, alpha=2)
    assert distinct == pytest.approx(math.log(20))


def test_renyi_follows_its_width() -> None:
    wide, narrow = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=500)
        y = 0.9 * x + math.sqrt(1 - 0.81) * rng.normal(size=500)
        width = 1.06 * 500**-0.2
        narrow.append(matrix_renyi(x, y, width_x=width, width_y=width) / math.log(2))
        wide.append(matrix_renyi(x, y, width_x=1, width_y=1) / math.log(2))
    assert np.mean(narrow) == pytest.approx(1.177, abs=0.06)
    assert np.mean(wide) == pytest.approx(0.674, abs=0.06)
    with pytest.raises(InputError, match="alpha"):
        matrix_renyi(x, y, width_x=1, width_y=1, alpha=0)


@pytest.mark.parametrize("alpha", [1, 1.5, 2, 3])
def test_slow_transcription_of_renyi(alpha: float) -> None:
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 1))

    def kernel(values: np.ndarray, width: float) -> np.ndarray:
        pairs = [[math.exp(-sum((a - b) ** 2) / (2 * width**2)) for b in values] for a in values]
        return np.array(pairs) / sum(pairs[i][i] for i in range(12))

    def entropy(matrix: np.ndarray) -> float:
        spectrum = np.linalg.svd(matrix, compute_uv=False)
        if alpha == 1:
            return -sum(value * math.log(value) for value in spectrum)
        power = {1.5: (spectrum**1.5).sum(), 2: (matrix**2).sum(), 3: np.trace(matrix @ matrix @ matrix)}[alpha]
        return math.log(power) / (1 - alpha)

    of_x, of_y = kernel(x, 0.8), kernel(y, 0.3)
    both = np.array([[of_x[i, j] * of_y[i, j] for j in range(12)] for i in range(12)])
    expected = entropy(of_x) + entropy(of_y) - entropy(both / np.trace(both))
    assert matrix_renyi(x, y, width_x=0.8, width_y=0.3, alpha=alpha) == pytest.approx(expected, abs=1e-9)
