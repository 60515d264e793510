"""The bytes of a saved network read as float64: what the authors' notes say of them, on small files."""

import io

import h5py
import numpy as np
import pytest

from probecore.errors import InputError
from probecore.measures.anova.byte_reading import (
    in_order,
    keras_file,
    large_share,
    parameter_sets,
    read_as_float64,
    reading_facts,
)


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"conv1.weight": (16, 3, 3, 3), "conv1.bias": (16,), "fc.weight": (50, 400), "fc.bias": (50,)}
    return {name: rng.normal(0, 0.05, shape).astype(np.float32) for name, shape in shapes.items()}


def test_two_weights_read_as_one_number_keep_the_sign_of_the_second_and_its_eighth_power() -> None:
    weights = np.random.default_rng(1).normal(0, 0.05, 200_000).astype(np.float32)
    facts = reading_facts(weights)
    assert facts.sign_agreement_second == 1.0
    assert facts.sign_agreement_first == pytest.approx(0.5, abs=0.01)
    assert facts.slope_second == pytest.approx(8.0, abs=0.05)
    assert abs(facts.correlation_first) < 0.01
    assert facts.n == 100_000


def test_numbers_above_a_million_are_in_the_set_of_the_header_alone(weights: dict[str, np.ndarray]) -> None:
    entries = read_as_float64(keras_file(weights))
    header, *others = parameter_sets(entries, 1_000, starts=(0, 100_000, 150_000)).values()
    assert large_share(header) > 0.01
    assert np.abs(header).max() > 1e100
    assert [large_share(values) for values in others] == [0, 0]
    assert np.abs(others[0]).max() < 1e-3


def test_the_file_is_one_that_keras_writes(weights: dict[str, np.ndarray]) -> None:
    with h5py.File(io.BytesIO(keras_file(weights))) as file:
        kernel = file["model_weights/conv1/conv1/kernel:0"]
        assert kernel.shape == (3, 3, 3, 16) and kernel.dtype == "<f4"
        np.testing.assert_array_equal(kernel, weights["conv1.weight"].transpose(2, 3, 1, 0))
        np.testing.assert_array_equal(file["model_weights/fc/fc/kernel:0"], weights["fc.weight"].T)
        assert b"model_config" in keras_file(weights) and "model_config" in file.attrs
    assert keras_file(weights) == keras_file(weights)


def test_zeros_and_what_is_no_number_are_dropped_and_a_rest_of_bytes_is_left() -> None:
    content = np.array([0.0, np.nan, 3.0, np.inf, -0.0, -4.0]).tobytes() + b"abc"
    assert read_as_float64(content).tolist() == [3.0, -4.0]


def test_sets_of_a_short_file_lie_at_the_same_shares_of_it_and_none_comes_twice() -> None:
    theirs = parameter_sets(np.arange(300_000.0), 25_088)
    assert {start: (values[0], len(values)) for start, values in theirs.items()} == {
        start: (start, 25_088) for start in (0, 100_000, 200_000)
    }
    assert list(parameter_sets(np.arange(22_508.8), 100)) == [0, 10_000, 20_000]
    assert list(parameter_sets(np.arange(1_000.0), 900)) == [0, 100]
    with pytest.raises(InputError, match="1000 entries for sets of 1001"):
        parameter_sets(np.arange(1_000.0), 1_001)


def test_true_weights_are_kernels_in_the_order_of_the_network(weights: dict[str, np.ndarray]) -> None:
    layers = in_order(weights)
    assert list(layers) == ["conv1", "fc"]
    np.testing.assert_array_equal(layers["fc"], weights["fc.weight"].reshape(-1))


@pytest.mark.parametrize("given", [[1.0, 2.0], [1.0, 0.0] * 4])
def test_too_few_weights_and_zeros_are_refused(given: list[float]) -> None:
    with pytest.raises(InputError, match="give six or more"):
        reading_facts(given)
