"""The estimator against slow references; zero independence; what it refuses."""

import numpy as np
import pytest
import torch
from torch import nn

from probecore.determinism import numpy_generator
from probecore.errors import InputError
from probecore.measures.mean_dimension import (
    Basis,
    InverseBasis,
    authors_variant,
    bases,
    mean_dimension,
    network_mean_dimension,
    pca_basis,
    winding_stairs,
)
from probecore.measures.mean_dimension.exchange import exchanges, inclusion_probabilities


def curved(x: np.ndarray) -> np.ndarray:
    return np.stack([x[:, 0] * x[:, 1] + np.exp(x[:, 2]), np.abs(x).sum(axis=1)], axis=1)


def points(n: int = 60, features: int = 4) -> np.ndarray:
    generator = numpy_generator("points")
    return generator.standard_normal((n, features)) @ generator.standard_normal((features, features))


def slow(function: object, x: np.ndarray, donors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Total indices (D, K), variances (K,) and the variance form's indices (D, K), one evaluation at a time."""
    before = [function(row[None])[0] for row in x]  # type: ignore[operator]
    changes = np.empty((len(x), x.shape[1], len(before[0])))
    for j, row in enumerate(x):
        for i in range(x.shape[1]):
            changed = row.copy()
            changed[i] = donors[j, i]
            changes[j, i] = function(changed[None])[0] - before[j]  # type: ignore[operator]
    return (changes**2).mean(0) / 2, np.var(before, axis=0), changes.var(0) / 2


def test_equals_one_evaluation_at_a_time() -> None:
    x = points()
    found = mean_dimension(curved, x, shuffles=3, batch=7)
    circle = x[numpy_generator("mean_dimension").permutation(len(x))]
    slows = [slow(curved, circle, np.roll(circle, -shuffle, axis=0)) for shuffle in (1, 2, 3)]
    indices, variance = np.mean([each[0] for each in slows], axis=0), slows[0][1]
    assert found.outputs.total_indices == pytest.approx(indices, rel=1e-12)
    assert found.outputs.variance == pytest.approx(variance, rel=1e-12)
    assert found.outputs.value == pytest.approx(indices.sum(0) / variance, rel=1e-12)
    assert found.value == pytest.approx(indices.sum() / variance.sum(), rel=1e-12)
    assert found.per_shuffle == pytest.approx([each[0].sum() / variance.sum() for each in slows], rel=1e-12)
    assert found.total_indices == pytest.approx(indices.sum(1), rel=1e-12)


def authors_procedure(function: object, x: np.ndarray) -> np.ndarray:
    """The published procedure, from its formulas: running means and squares of f and of every change."""
    count, mean, square = 0, 0.0, 0.0
    change_mean, change_square = np.zeros((x.shape[1], 2)), np.zeros((x.shape[1], 2))
    for j in range(len(x) - 1):
        rows = np.vstack([x[j], np.tile(x[j], (x.shape[1], 1))])
        rows[1 + np.arange(x.shape[1]), np.arange(x.shape[1])] = x[j + 1]
        values = function(rows)  # type: ignore[operator]
        base, change = values[0], values[1:] - values[0]
        count += 1
        step = base - mean
        mean = mean + step / count
        square = square + step * (base - mean)
        step = change - change_mean
        change_mean += step / count
        change_square += step * (change - change_mean)
    return (change_square / count).sum(axis=0) / (2 * square / count)


def test_the_authors_variant_equals_their_procedure() -> None:
    x = points()
    found = authors_variant(curved, x)
    assert found.outputs.variance_form == pytest.approx(authors_procedure(curved, x), rel=1e-10)
    assert (found.outputs.variance_form < found.outputs.value).all()


def test_the_authors_pca_recipe_mistakes_a_linear_function_and_ours_does_not() -> None:
    """They fit PCA to raw data, and apply it to standardised data: coordinates that are not uncorrelated."""
    generator = numpy_generator("recipe")
    common, own = generator.standard_normal((4_000, 1)), generator.standard_normal((4_000, 30))
    scales = np.logspace(-1, 1.5, 30)
    x = (common + 0.5 * own) * scales
    weights = generator.choice([-1.0, 1.0], 30) / scales

    def linear(x: np.ndarray) -> np.ndarray:
        return x @ weights

    directions, mean, std = pca_basis(x).directions, x.mean(axis=0), x.std(axis=0)
    theirs = mean_dimension(lambda z: linear(z @ directions * std + mean), (x - mean) / std @ directions.T)
    ours = mean_dimension(linear, x, basis=pca_basis(x))
    assert theirs.interval[0] > 2
    assert ours.interval[0] <= 1 <= ours.interval[1]
    assert ours.value == pytest.approx(1, abs=0.05)


def test_zero_independence() -> None:
    generator = numpy_generator("zero")
    x = generator.standard_normal((500, 3))
    x[:, 1] = x[:, 0]
    found = mean_dimension(lambda x: np.sin(x[:, 0]), x)
    assert found.total_indices[0] > 0.1
    assert found.total_indices[1] == 0 and found.total_indices[2] == 0
    conditional = [np.sin(x[x[:, 1] == value, 0]).var() for value in x[:, 1]]
    assert max(conditional) == 0


def test_an_unused_input_of_a_network_has_index_0() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 3))
    with torch.no_grad():
        model[0].weight[:, [3, 11]] = 0
    found = mean_dimension(model, torch.randn(40, 20))
    assert found.total_indices[[3, 11]].tolist() == [0, 0]
    assert (np.delete(found.total_indices, [3, 11]) > 0).all()


def test_a_network_takes_points_of_any_number_type_and_a_tensor_function_may_track_gradients() -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(4, 2), points()
    found = mean_dimension(model, x)
    assert found.value == mean_dimension(model, x.astype(np.float32)).value
    by_call = mean_dimension(lambda x: model(x), torch.from_numpy(x).float())
    assert by_call.value == pytest.approx(found.value, rel=1e-4)


def test_batch_size_does_not_matter_and_the_order_is_reproducible() -> None:
    x = points()
    assert mean_dimension(curved, x, batch=1).value == pytest.approx(mean_dimension(curved, x).value, rel=1e-12)
    again = mean_dimension(np.tanh, x)
    assert again.interval == mean_dimension(np.tanh, x).interval and again.interval[0] < again.value < again.interval[1]


def test_constant_features_cost_nothing() -> None:
    x = np.column_stack([points(), np.ones((60, 5))])
    found = mean_dimension(lambda x: curved(x) * x[:, 4:5], x)
    assert found.evaluations == 60 * 4
    assert found.value == pytest.approx(mean_dimension(curved, points()).value)


def test_sampled_features_are_unbiased() -> None:
    x = points(40, 6)
    whole = mean_dimension(curved, x)
    values, indices, forms = [], [], []
    for repeat in range(300):
        generator = numpy_generator("mean_dimension")
        order = generator.permutation(len(x))
        again = FixedOrder(order, numpy_generator("sampled", repeat))
        found = mean_dimension(curved, x, features=2, generator=again)  # type: ignore[arg-type]
        assert found.evaluations < 40 * 6 * 0.4
        values.append(found.value)
        indices.append(found.total_indices)
        forms.append(found.variance_form)
    assert abs(np.mean(values) - whole.value) < 4 * np.std(values) / np.sqrt(300)
    assert abs(np.mean(forms) - whole.variance_form) < 4 * np.std(forms) / np.sqrt(300)
    error = 4 * np.std(indices, axis=0) / np.sqrt(300)
    assert (np.abs(np.mean(indices, axis=0) - whole.total_indices) < error).all()


class FixedOrder:
    """A generator that gives one permutation, and else draws as another."""

    def __init__(self, order: np.ndarray, generator: np.random.Generator) -> None:
        self._order, self._generator = order, generator

    def permutation(self, _n: int) -> np.ndarray:
        return self._order

    def __getattr__(self, name: str) -> object:
        return getattr(self._generator, name)


def test_probabilities_of_drawing() -> None:
    generator = numpy_generator("probabilities")
    deltas = generator.standard_normal((50, 30)) ** 5
    deltas[:, :10] = 0
    found = inclusion_probabilities(deltas, 8)
    assert found.sum(axis=1) == pytest.approx(8)
    assert (found[:, :10] == 0).all() and (found[:, 10:] > 0).all() and found.max() == 1
    assert inclusion_probabilities(deltas, 25)[:, 10:] == pytest.approx(1)
    drawn = exchanges(torch.zeros(50, 30), torch.from_numpy(deltas), features=8, generator=generator, by_feature=True)
    assert drawn.rows.bincount(minlength=50).tolist() == [8] * 50
    assert (drawn.features.diff() >= 0).all()


def test_precision_stops_early() -> None:
    x = points(400)
    assert len(mean_dimension(np.tanh, x, shuffles=6, precision=0.5).per_shuffle) == 1
    assert len(mean_dimension(np.tanh, x, shuffles=6, precision=1e-6).per_shuffle) == 6
    heavy = mean_dimension(curved, x, shuffles=3, precision=0.5)
    assert np.isnan(heavy.interval).all() and len(heavy.per_shuffle) == 3


def test_precision_is_that_of_the_main_output_alone() -> None:
    torch.manual_seed(0)
    model, x, labels = nn.Linear(4, 3), torch.from_numpy(points(100)).float(), torch.arange(100) % 3
    with torch.no_grad():
        model.weight *= 20  # so that the NLL has heavy tails
    found = network_mean_dimension(model, x, labels=labels, shuffles=6, precision=0.5).outputs
    assert np.isnan(found["nll"].interval).all()
    assert len(found["nll"].per_shuffle) == 1
    with torch.no_grad():
        model.weight.zero_()
    constant = network_mean_dimension(model, x, labels=labels, shuffles=6, precision=0.5).outputs["output"]
    assert np.isnan(constant.value) and len(constant.per_shuffle) == 1


def test_tensors_and_arrays_give_the_same() -> None:
    x = points()
    found = mean_dimension(lambda x: x[:, 0] * x[:, 1], torch.from_numpy(x))
    assert found.value == mean_dimension(lambda x: x[:, 0] * x[:, 1], x).value
    assert mean_dimension(lambda x: x.reshape(-1, 4).prod(1), x.reshape(60, 2, 2)).total_indices.shape == (
        2,
        2,
    )


def test_components_of_few_inputs_equal_those_of_their_covariance() -> None:
    inputs = np.random.default_rng(0).normal(size=(6, 10)) @ np.diag(np.arange(1.0, 11))
    basis = pca_basis(inputs)
    variances, vectors = np.linalg.eigh(np.cov(inputs.T))
    assert basis.directions.shape == (5, 10)
    np.testing.assert_allclose(np.abs(basis.directions @ vectors[:, :4:-1]), np.eye(5), atol=1e-12)
    assert (basis.directions.max(1) == np.abs(basis.directions).max(1)).all()
    assert variances[4] < 1e-12 * variances[5]


def test_components_of_a_few_large_images_need_no_covariance() -> None:
    images = np.random.default_rng(0).normal(size=(3, 3, 224, 224)).astype(np.float32)  # their covariance: 181 GB
    assert pca_basis(images).directions.shape == (2, 150_528)


def test_components_that_do_not_fit_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "MOST_BYTES", 8 * 6 * 10)
    pca_basis(np.eye(6, 10))
    with pytest.raises(InputError, match="of 7 inputs of 10 values would take 0.0 GiB; lower `pca_images`"):
        pca_basis(np.eye(7, 10))


def test_the_inverse_layer_undoes_the_basis() -> None:
    images = torch.rand(50, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    basis = pca_basis(images)
    back = InverseBasis(basis, (2, 3, 4))(basis.coordinates(images))
    assert torch.allclose(back, images, atol=1e-5)
    assert (np.diff((basis.coordinates(images).double() ** 2).sum(0).numpy()) < 1e-6).all()


@pytest.mark.parametrize(
    ("function", "inputs", "message"),
    [
        (lambda x: np.ones(len(x)), points(), "constant over the 60 points"),
        (lambda x: 1.0 * (x[:, 0] != x[:, 1]), np.repeat(points()[:, :1], 2, axis=1), "constant over the 60 points"),
        (lambda x: x[:, 0], points()[:1], "two points or more"),
        (lambda x: np.where(x[:, 0] > 0, np.nan, x[:, 0]), points(), "output is NaN or infinite at"),
        (lambda x: x[:, 0], np.zeros((10, 0)), "no coordinate"),
        (lambda x: x[:, 0], np.full((10, 2), np.nan), "inputs: some are NaN"),
        (lambda x: x.sum(), points(), "one row for each"),
        (
            lambda x: np.where(np.isin(x[:, 0], points()[:, 0]) & np.isin(x[:, 1], x[:1, 1]), 1.0, np.nan),
            points(),
            "NaN",
        ),
    ],
)
def test_bad_input(function: object, inputs: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        mean_dimension(function, inputs)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_function_that_fails_only_at_exchanged_points() -> None:
    x = points()
    known = {row.tobytes() for row in x}

    def fragile(x: np.ndarray) -> np.ndarray:
        return np.array([row[0] if row.tobytes() in known else np.nan for row in x])

    with pytest.raises(InputError, match="NaN or infinite at exchanged points"):
        mean_dimension(fragile, x)


def test_bad_options() -> None:
    with pytest.raises(InputError, match="not orthonormal"):
        Basis(2 * np.eye(3), np.zeros(3))
    with pytest.raises(InputError, match="do not fit"):
        Basis(np.eye(3), np.zeros(4))
    with pytest.raises(InputError, match="basis: is for 3"):
        mean_dimension(curved, points(), basis=Basis(np.eye(3), np.zeros(3)))
    with pytest.raises(InputError, match="60 donors per point"):
        mean_dimension(curved, points(), shuffles=60)
    with pytest.raises(InputError, match="without variance"):
        pca_basis(np.ones((4, 3)))
    with pytest.raises(InputError, match="1 inputs; give two"):
        pca_basis(np.ones((1, 3)))
    with pytest.raises(InputError, match="NaN or infinite"):
        pca_basis(np.array([[1.0, np.nan], [0.0, 1.0]]))
    for option in ("shuffles", "features", "batch", "precision"):
        with pytest.raises(InputError, match=f"{option}: -1; give a number above 0"):
            mean_dimension(curved, points(), **{option: -1})
    with pytest.raises(InputError, match="constant over the 60 points"):
        authors_variant(lambda x: 0 * x[:, 0], points())
    with pytest.raises(InputError, match=r"gives shape \(4, 2\) for 4 points|gives shape \(1, 2\) for 1 points"):
        winding_stairs(lambda x: x[:, :2], points())


def test_functions_that_write_into_their_points() -> None:
    def writing(x: np.ndarray) -> np.ndarray:
        x *= 2
        x[:, 0] += 1
        return x[:, 0] * x[:, 1] / 2

    def reading(x: np.ndarray) -> np.ndarray:
        return (2 * x[:, 0] + 1) * x[:, 1]

    x = points()
    kept = x.copy()
    assert mean_dimension(writing, x).value == mean_dimension(reading, x).value
    assert winding_stairs(writing, x)[0] == pytest.approx(winding_stairs(reading, x)[0])
    np.testing.assert_array_equal(x, kept)
    assert winding_stairs(lambda x: reading(x)[:, None], x)[0] == winding_stairs(reading, x)[0]
