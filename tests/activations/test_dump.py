import time
import tracemalloc
import weakref
from collections.abc import Callable
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
import torch
from torch import nn

from probecore.activations import Activations, create_activations, create_epoch, dump_activations, streams
from probecore.errors import InputError
from probecore.statistics import by_class

LAYERS = ["conv1", "relu#1", "pool#1", "conv2", "relu#2", "pool#2", "head.2"]


@pytest.fixture
def reference(network: nn.Module, images: np.ndarray) -> dict[str, np.ndarray]:
    """Every layer's values, image by image, computed without hooks and without in-place operations."""
    values: dict[str, list[torch.Tensor]] = {layer: [] for layer in LAYERS}
    with torch.no_grad():
        for x in (torch.from_numpy(images).float() - 127.5) / 255:
            for number in "12":
                conv = getattr(network, f"conv{number}")
                x = nn.functional.conv2d(x, conv.weight, conv.bias, padding=conv.padding)
                values[f"conv{number}"].append(x)
                x = x.clamp(min=0)
                values[f"relu#{number}"].append(x)
                x = nn.functional.max_pool2d(x, 2)
                values[f"pool#{number}"].append(x)
            values["head.2"].append(x.flatten() @ network.head[2].weight.T + network.head[2].bias)
    return {layer: torch.stack(rows).numpy() for layer, rows in values.items()}


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_maps_are_what_each_call_computed(
    dump: Callable[..., Path], reference: dict[str, np.ndarray], compression: str
) -> None:
    with Activations(dump(compression=compression)) as activations:
        assert activations.layers(20, "test") == LAYERS
        for layer, values in reference.items():
            maps = activations.maps(20, "test", layer)
            assert maps.dtype == np.float32
            np.testing.assert_allclose(maps[:], values, rtol=0, atol=2e-6)


def test_conv_before_in_place_relu_keeps_its_negative_values(dump: Callable[..., Path]) -> None:
    with Activations(dump()) as activations:
        before, after = (activations.maps(20, "test", layer)[:] for layer in ("conv1", "relu#1"))
    assert before.min() < -0.01
    np.testing.assert_array_equal(after, before.clip(min=0))


def test_functional_in_place_operation_does_not_reach_the_layer_before(dump: Callable[..., Path]) -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(64, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x.flatten(1)).fill_(7)

    for compression in ("none", "zstd"):
        with Activations(dump(Functional(), compression=compression)) as activations:
            assert (activations.maps(20, "test", "fc")[:] != 7).all()
            assert (activations.logits(20, "test") == 7).all()


def test_pooled_and_class_means(
    dump: Callable[..., Path], reference: dict[str, np.ndarray], labels: np.ndarray
) -> None:
    with Activations(dump(store=["pooled", "class_means"])) as activations:
        for layer, values in reference.items():
            pooled = activations.pooled(20, "test", layer)
            by_channel = values.reshape(len(values), values.shape[1], -1)
            np.testing.assert_allclose(pooled.mean, by_channel.mean(2), rtol=0, atol=2e-6)
            np.testing.assert_allclose(pooled.max, by_channel.max(2), rtol=0, atol=2e-6)
            means, counts = activations.class_means(20, "test", layer)
            assert means.dtype == np.float64
            for label in range(5):
                of_class = values[labels == label].astype(np.float64)
                assert counts[label] == len(of_class)
                np.testing.assert_allclose(means[label], of_class.mean(0), rtol=0, atol=2e-6)


@pytest.mark.parametrize("values_at_once", [1, 50, 1 << 20])
def test_class_means_are_exact_means_of_the_maps(
    dump: Callable[..., Path], labels: np.ndarray, monkeypatch: pytest.MonkeyPatch, values_at_once: int
) -> None:
    monkeypatch.setattr(by_class, "VALUES_AT_ONCE", values_at_once)
    with Activations(dump()) as activations:
        maps = activations.maps(20, "test", "conv2")[:].astype(np.float64)
        expected = [maps[labels == label].mean(0) for label in range(5)]
        np.testing.assert_allclose(activations.class_means(20, "test", "conv2").means, expected, rtol=1e-13)


def test_class_without_images_has_no_mean(dump: Callable[..., Path]) -> None:
    with Activations(dump(classes=6)) as activations:
        means, counts = activations.class_means(20, "test", "conv1")
    assert counts[5] == 0
    assert np.isnan(means[5]).all()
    assert np.isfinite(means[:5]).all()


def test_network_outputs_and_targets(
    dump: Callable[..., Path], reference: dict[str, np.ndarray], labels: np.ndarray
) -> None:
    with Activations(dump(layers=["conv1"])) as activations:
        logits = activations.logits(20, "test")
        np.testing.assert_allclose(logits, reference["head.2"], rtol=0, atol=2e-6)
        np.testing.assert_array_equal(activations.predictions(20, "test"), logits.argmax(1))
        np.testing.assert_array_equal(activations.labels(20, "test"), labels)
        np.testing.assert_array_equal(activations.indices(20, "test"), np.arange(50))


def test_regression(dump: Callable[..., Path]) -> None:
    torch.manual_seed(0)
    inputs = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    options = {
        "inputs": inputs,
        "targets": inputs.sum(1),
        "classes": None,
        "normalise": torch.from_numpy,
        "store": ["maps", "pooled"],
    }
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1))
    with Activations(dump(model, **options)) as activations:
        expected = model(torch.from_numpy(inputs)).detach().numpy()
        np.testing.assert_allclose(activations.logits(20, "test"), expected, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(activations.predictions(20, "test"), activations.logits(20, "test")[:, 0])
        np.testing.assert_array_equal(activations.labels(20, "test"), inputs.sum(1))
    with pytest.raises(InputError, match="class_means need classes"):
        dump(model, **options | {"store": ["class_means"]})


def test_float16(dump: Callable[..., Path], network: nn.Module) -> None:
    with Activations(dump(name="full.h5")) as full, Activations(dump(dtype="float16", name="half.h5")) as half:
        values = half.maps(20, "test", "conv2")
        assert values.dtype == np.float16
        np.testing.assert_array_equal(values[:], full.maps(20, "test", "conv2")[:].astype(np.float16))
        np.testing.assert_array_equal(half.pooled(20, "test", "conv2").mean, full.pooled(20, "test", "conv2").mean)
    with torch.no_grad():
        network.conv2.weight.mul_(1e7)
    with pytest.raises(InputError, match="'conv2' has values beyond float16's 65504; write `dtype: float32`"):
        dump(dtype="float16", layers=["conv2"])


@pytest.mark.parametrize(("images_given", "batch"), [(1, 16), (16, 16), (17, 16), (50, 7), (50, 64)])
def test_any_number_of_images(
    dump: Callable[..., Path],
    images: np.ndarray,
    labels: np.ndarray,
    reference: dict[str, np.ndarray],
    images_given: int,
    batch: int,
) -> None:
    for compression in ("none", "zstd"):
        path = dump(inputs=images[:images_given], targets=labels[:images_given], batch=batch, compression=compression)
        with Activations(path) as activations:
            activations.verify()
            np.testing.assert_allclose(
                activations.maps(20, "test", "conv1")[:], reference["conv1"][:images_given], rtol=0, atol=2e-6
            )


def test_memory_format_does_not_matter(
    dump: Callable[..., Path], network: nn.Module, reference: dict[str, np.ndarray]
) -> None:
    with Activations(dump(network.to(memory_format=torch.channels_last))) as activations:
        for layer in ("conv1", "relu#2"):
            np.testing.assert_allclose(activations.maps(20, "test", layer)[:], reference[layer], rtol=0, atol=2e-6)
            expected = reference[layer].mean((2, 3))
            np.testing.assert_allclose(activations.pooled(20, "test", layer).mean, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("flat", [lambda x: x.view(-1, 192), lambda x: x.as_strided((len(x), 192), (192, 1))])
def test_networks_that_view_maps_as_they_lie_in_memory_are_dumped(
    dump: Callable[..., Path],
    network: nn.Module,
    reference: dict[str, np.ndarray],
    flat: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    class Viewing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = network.conv1
            self.fc = nn.Linear(192, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(flat(self.conv(x)))

    model = Viewing()
    with Activations(dump(model)) as activations:
        np.testing.assert_allclose(activations.maps(20, "test", "conv")[:], reference["conv1"], rtol=0, atol=2e-6)
        expected = (
            reference["conv1"].reshape(50, -1) @ model.fc.weight.detach().numpy().T + model.fc.bias.detach().numpy()
        )
        np.testing.assert_allclose(activations.logits(20, "test"), expected, rtol=0, atol=2e-6)


def test_small_blocks_equal_large_ones(dump: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with Activations(dump(name="large.h5")) as activations:
        expected = activations.maps(20, "test", "conv1")[:]
    monkeypatch.setattr(streams, "BLOCK_BYTES", 2000)
    for compression in ("none", "zstd"):
        with Activations(dump(compression=compression)) as activations:
            activations.verify()
            np.testing.assert_array_equal(activations.maps(20, "test", "conv1")[:], expected)


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_opens_with_plain_h5py(dump: Callable[..., Path], compression: str) -> None:
    assert hdf5plugin.Zstd.filter_id == 32015
    path = dump(compression=compression)
    with Activations(path) as activations, h5py.File(path, locking=False) as file:
        for layer in LAYERS:
            plain = file[f"epoch-020/test/layers/{layer}/maps"]
            np.testing.assert_array_equal(plain[:], activations.maps(20, "test", layer)[:])
            assert plain.parent.attrs["call"] == int(layer.rpartition("#")[2] if "#" in layer else 1)


def test_same_bytes_twice(dump: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BLOCK_BYTES", 2000)
    options = [{"compression": "none"}, {"compression": "gzip"}, {"compression": "zstd", "level": 7}]
    first = [dump(**option).read_bytes() for option in options]
    time.sleep(1.1)  # HDF5 could store times of one second's resolution
    monkeypatch.setattr(streams, "HELPING_THREADS", 5)
    monkeypatch.setattr(streams, "PENDING_RUNS", 3)
    assert first == [dump(**option).read_bytes() for option in options]


def test_several_epochs_and_splits(
    tmp_path: Path, network: nn.Module, images: np.ndarray, labels: np.ndarray, dump: Callable[..., Path]
) -> None:
    path = tmp_path / "several.h5"
    with create_activations(path, model="small", data_sha256="d") as file:
        for epoch in (0, 20):
            group = create_epoch(file, epoch, checkpoint_sha256=f"c{epoch}")
            for split, part in (("train", slice(20)), ("test", slice(20, 50))):
                dump_activations(
                    network,
                    images[part],
                    labels[part],
                    group=group.create_group(split),
                    classes=5,
                    normalise=lambda inputs: (torch.from_numpy(inputs).float() - 127.5) / 255,
                )
    with Activations(path) as several, Activations(dump()) as single:
        assert (several.model, several.data_sha256, several.epochs) == ("small", "d", [0, 20])
        assert [several.checkpoint_sha256(epoch) for epoch in several.epochs] == ["c0", "c20"]
        assert several.splits(0) == ["test", "train"]
        np.testing.assert_allclose(
            several.maps(0, "test", "conv2")[:], single.maps(20, "test", "conv2")[20:], rtol=0, atol=2e-6
        )
        several.verify()


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_memory_does_not_grow_with_the_images(
    dump: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    alive: list[weakref.ref[torch.Tensor]] = []
    most_alive = 0

    class Wide(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            nonlocal most_alive
            most_alive = max(most_alive, sum(output() is not None for output in alive))
            output = super().forward(x)
            alive.append(weakref.ref(output))
            return output

    monkeypatch.setattr(streams, "PENDING_RUNS", 4)
    model = nn.Sequential(Wide(1, 64, 1), nn.Flatten(), nn.Linear(64 * 64, 5))
    inputs, targets = np.zeros((1000, 1, 8, 8), np.uint8), np.zeros(1000, np.int64)
    tracemalloc.start()
    path = dump(model, inputs=inputs, targets=targets, compression=compression, layers=["0"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with Activations(path) as activations:
        maps = activations.maps(20, "test", "0")
        assert peak < maps.dtype.itemsize * np.prod(maps.shape) / 4
    assert most_alive <= 1
