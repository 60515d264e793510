"""Every primitive that our steps use, at their shapes, on fixed inputs.

Each family yields a name and outputs: arrays, tensors or bytes. A new kind of operation in a step gets a line here.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from probecore.determinism import numpy_generator, torch_generator

Outputs = object
Family = Callable[[], Iterator[tuple[str, Outputs]]]

CONVOLUTIONS = {
    "lenet_conv1": (64, 1, 28, 6, 5, 0, 1),
    "lenet_conv2": (64, 6, 12, 16, 5, 0, 1),
    "vgg_conv1": (100, 3, 32, 16, 3, 1, 1),
    "vgg_conv2": (100, 16, 16, 32, 3, 1, 1),
    "vgg_conv4": (100, 64, 4, 128, 3, 1, 1),
    "wide": (8, 256, 14, 256, 3, 1, 1),
    "pointwise": (8, 64, 56, 256, 1, 0, 1),
    "stem": (2, 3, 112, 64, 7, 3, 2),
    "strided": (4, 64, 28, 128, 3, 1, 2),
}
"""Name → images, channels, size, filters, kernel, padding, stride."""

LINEARS = {
    "lenet_fc1": (64, 256, 120),
    "lenet_fc2": (64, 120, 84),
    "lenet_fc3": (64, 84, 10),
    "heads": (100, 2304, 10),
    "classes": (32, 2048, 1000),
}
"""Name → images, inputs, outputs."""

PRODUCTS = [(64, 256, 120), (100, 1000, 100), (512, 512, 512), (33, 777, 55), (2000, 784, 784), (1000, 150, 6)]
"""Rows, inner size and columns of matrix products; the largest are those of components and of excitations."""


def _random(name: str) -> Callable[..., Tensor]:
    generator = torch_generator("fingerprint", name)
    return lambda *shape: torch.randn(*shape, generator=generator)


def convolution() -> Iterator[tuple[str, Outputs]]:
    """Forward and backward, with channels first and last in memory."""
    for name, (images, channels, size, filters, kernel, padding, stride) in CONVOLUTIONS.items():
        for memory in (torch.contiguous_format, torch.channels_last):
            random = _random(name)
            inputs = random(images, channels, size, size).contiguous(memory_format=memory).requires_grad_()
            weight = (random(filters, channels, kernel, kernel) / kernel).contiguous(memory_format=memory)
            weight.requires_grad_()
            bias = random(filters).requires_grad_()
            outputs = F.conv2d(inputs, weight, bias, padding=padding, stride=stride)
            outputs.backward(random(*outputs.shape).contiguous(memory_format=memory))
            last = "" if memory is torch.contiguous_format else ".channels_last"
            yield f"{name}{last}.forward", outputs
            yield f"{name}{last}.backward", (inputs.grad, weight.grad, bias.grad)


def linear() -> Iterator[tuple[str, Outputs]]:
    """Forward and backward."""
    for name, (images, inner, outer) in LINEARS.items():
        random = _random(name)
        inputs, bias = random(images, inner).requires_grad_(), random(outer).requires_grad_()
        weight = (random(outer, inner) / inner**0.5).requires_grad_()
        outputs = F.linear(inputs, weight, bias)
        outputs.backward(random(images, outer))
        yield f"{name}.forward", outputs
        yield f"{name}.backward", (inputs.grad, weight.grad, bias.grad)


def product() -> Iterator[tuple[str, Outputs]]:
    """Matrix products of torch and numpy in both precisions, and what is built on them."""
    random = _random("product")
    for rows, inner, columns in PRODUCTS:
        left, right = random(rows, inner), random(inner, columns)
        size = f"{rows}x{inner}x{columns}"
        yield f"torch.float32.{size}", left @ right
        yield f"torch.float64.{size}", left.double() @ right.double()
        yield f"numpy.float32.{size}", left.numpy() @ right.numpy()
        yield f"numpy.float64.{size}", left.double().numpy() @ right.double().numpy()
    yield "bmm", torch.bmm(random(5, 30, 40), random(5, 40, 50))
    yield "mv", (random(300, 500) @ random(500), torch.dot(random(5000), random(5000)))
    yield "einsum", torch.einsum("nf,fko->nko", random(200, 16), random(16, 10, 9))
    yield "numpy.einsum", np.einsum("nf,fko->nko", random(200, 16).numpy(), random(16, 10, 9).numpy())
    yield "cdist", torch.cdist(random(100, 30), random(90, 30))


def elementwise() -> Iterator[tuple[str, Outputs]]:
    """Functions of single numbers, reductions, normalisations and pools of torch."""
    x = _random("elementwise")(333, 777)
    for name in ("exp", "log1p", "tanh", "sigmoid", "erf", "sqrt", "rsqrt", "sin"):
        yield name, (getattr(torch, name)(x.abs()), getattr(torch, name)(x.abs().double()))
    yield "log", (x.abs().log(), x.abs().double().log())
    yield "softmax", (x.softmax(1), x.log_softmax(1), x.logsumexp(1))
    yield "activations", (F.relu(x), F.gelu(x), F.silu(x), F.elu(x), F.leaky_relu(x))
    yield "sums", (x.sum(), x.sum(0), x.sum(1), x.cumsum(1), x.mean(), x.var(), x.var(0), x.norm())
    yield "layer_norm", F.layer_norm(x, (777,))
    yield "index_add", torch.zeros(10, 777).index_add_(0, torch.arange(333) % 10, x)
    yield "order", (x.sort(1).values, x.topk(5).values, x.quantile(0.3, 0))
    maps = _random("maps")(32, 16, 24, 24)
    yield "batch_norm", F.batch_norm(maps, torch.zeros(16), torch.ones(16), training=True)
    yield "pools", (F.max_pool2d(maps, 2), F.avg_pool2d(maps, 3, 1, 1), F.adaptive_avg_pool2d(maps, 5))
    yield "unfold", F.unfold(maps[:4], 5)
    yield "interpolate", F.interpolate(maps[:4], size=17, mode="bilinear", align_corners=False)
    query, key, value = (_random(name)(2, 4, 50, 32) for name in "qkv")
    yield "attention", F.scaled_dot_product_attention(query, key, value)


def training() -> Iterator[tuple[str, Outputs]]:
    """A few steps of each optimiser on a small network with dropout and normalisation."""
    optimisers: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
        "adam": lambda p: torch.optim.Adam(p, 3e-3),
    }
    for name, make in optimisers.items():
        random = _random("training")
        model = nn.Sequential(nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        model.append(nn.Linear(864, 10))
        for parameter in model.parameters():
            parameter.data = random(*parameter.shape) / 10
        optimiser, labels = make(model.parameters()), torch.arange(64) % 10
        for _ in range(4):
            optimiser.zero_grad()
            F.cross_entropy(model(random(64, 1, 28, 28)), labels).backward()
            optimiser.step()
        yield name, tuple(model.state_dict().values())


def linear_algebra() -> Iterator[tuple[str, Outputs]]:
    """Decompositions, of torch and numpy; the size of the components of MNIST among them."""
    tall = _random("linear_algebra")(300, 200).double()
    square = tall.T @ tall
    yield "torch.svd", torch.linalg.svd(tall, full_matrices=False)
    yield "torch.svd.float32", torch.linalg.svd(tall.float(), full_matrices=False)
    yield "torch.eigh", torch.linalg.eigh(square)
    yield "torch.qr", torch.linalg.qr(tall)
    yield "torch.lstsq", torch.linalg.lstsq(tall, tall[:, :1] + 1).solution
    array, gram = tall.numpy(), square.numpy()
    yield "numpy.svd", np.linalg.svd(array, full_matrices=False)
    yield "numpy.eigh", np.linalg.eigh(gram)
    yield "numpy.qr", np.linalg.qr(array)
    yield "numpy.solve", np.linalg.solve(gram, array[0])
    yield "numpy.lstsq", np.linalg.lstsq(array, array[:, 0] + 1, rcond=None)[0]
    components = numpy_generator("fingerprint", "components").standard_normal((900, 784))
    yield "numpy.eigh.784", np.linalg.eigh(components.T @ components)


def numpy_functions() -> Iterator[tuple[str, Outputs]]:
    """Functions of numpy and its random numbers."""
    generator = numpy_generator("fingerprint", "numpy")
    x = generator.standard_normal((300, 200))
    for name in ("exp", "tanh", "sin", "sqrt", "arctan"):
        yield name, (getattr(np, name)(np.abs(x)), getattr(np, name)(np.abs(x).astype(np.float32)))
    yield "log", (np.log(np.abs(x)), np.log2(np.abs(x).astype(np.float32)), np.log1p(np.abs(x)))
    yield "power", (np.abs(x) ** 0.3, np.abs(x) ** 3)
    yield "sums", (x.sum(), x.sum(0), np.cumsum(x, 1), x.var(0), np.quantile(x, [0.025, 0.975], axis=0))
    yield "order", (np.argsort(x, axis=1), np.partition(x, 9, axis=1))
    yield "fft", np.fft.fft2(x).view(np.float64)
    yield (
        "random",
        (
            generator.standard_t(3, 100),
            generator.multinomial(50, np.full(50, 1 / 50), size=20),
            generator.permutation(500),
            generator.beta(2, 3, 100),
        ),
    )


def scipy_functions() -> Iterator[tuple[str, Outputs]]:
    """Special functions, distances, trees, clusters, ranks and optimisation."""
    from scipy import special
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.optimize import minimize
    from scipy.spatial import cKDTree
    from scipy.spatial.distance import cdist, pdist
    from scipy.stats import rankdata

    x = numpy_generator("fingerprint", "scipy").standard_normal((200, 8))
    positive, unit = np.abs(x) + 0.5, special.ndtr(x)
    yield "gamma", (special.digamma(positive), special.gammaln(positive), special.logsumexp(x, axis=1))
    yield "beta", (special.betainc(positive, 2.0, unit), special.betaincc(positive, 2.0, unit))
    yield "distributions", (
        special.chdtrc(5, positive), special.ndtri(unit), special.fdtrc(4, 30, positive), special.stdtr(7, x),
        special.bdtr(3, 20, unit), special.fdtri(4, 30, unit), special.ncfdtr(4, 30, 2.0, positive),
    )  # fmt: skip
    yield "distances", (cdist(x, x[:50]), pdist(x, "correlation"))
    yield "tree", cKDTree(x).query(x, k=4, p=np.inf)[0]
    yield "clusters", leaves_list(linkage(pdist(x), "average"))
    yield "ranks", rankdata(np.round(x, 1), axis=0)
    yield "minimum", minimize(lambda at: ((at - x[0]) ** 4).sum() + (at**2).sum(), np.zeros(8), method="L-BFGS-B").x


def learning() -> Iterator[tuple[str, Outputs]]:
    """k-means and principal components of scikit-learn."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    x = numpy_generator("fingerprint", "sklearn").standard_normal((500, 25))
    yield "kmeans", KMeans(6, n_init=3, random_state=0).fit(x).cluster_centers_
    yield "pca", PCA(10, svd_solver="full").fit_transform(x)


def compiled() -> Iterator[tuple[str, Outputs]]:
    """Our own compiled loops: neighbour searches and histograms of mutual information."""
    from probecore.measures.mutual_information import label_information, mixed_ksg

    generator = numpy_generator("fingerprint", "compiled")
    labels = generator.integers(0, 10, 600)
    values = generator.standard_normal((600, 4)) + labels[:, None] / 3
    yield "mixed_ksg", np.array([mixed_ksg(column, labels).value for column in values.T])
    found = label_information(values, labels)
    yield "label_information", np.asarray(found.value)


def images() -> Iterator[tuple[str, Outputs]]:
    """Decoding and resizing of pictures."""
    from PIL import Image

    rows, columns = np.mgrid[:97, :131]
    colours = np.stack([rows * 2 % 256, columns * 3 % 256, (rows * columns) % 256], axis=-1).astype(np.uint8)
    picture = Image.fromarray(colours)
    for kind in ("PNG", "JPEG", "BMP"):
        file = io.BytesIO()
        picture.save(file, kind)
        file.seek(0)
        yield f"decode.{kind.lower()}", (file.getvalue(), np.asarray(Image.open(file).convert("RGB")))
    yield "resize.bilinear", np.asarray(picture.resize((32, 32), Image.Resampling.BILINEAR))
    yield "resize.bicubic", np.asarray(picture.resize((224, 224), Image.Resampling.BICUBIC))
    yield "grey", np.asarray(picture.convert("L"))


def files() -> Iterator[tuple[str, Outputs]]:
    """The bytes of each kind of file that steps write."""
    import pandas as pd
    import zstandard
    from safetensors.torch import save

    from probecore.figures import new_figure, save_figure
    from probecore.files import create_hdf5, write_table

    numbers = numpy_generator("fingerprint", "files").standard_normal((60, 70)).astype(np.float32)
    yield "safetensors", save({"a": torch.from_numpy(numbers)})
    yield "zstd", zstandard.compress(numbers.tobytes(), level=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with create_hdf5(folder / "file.h5") as file:
            file.create_dataset("numbers", data=numbers, chunks=(30, 70), compression="gzip")
        yield "hdf5", (folder / "file.h5").read_bytes()
        write_table(folder / "table.csv", pd.DataFrame(numbers[:, :3], columns=["a", "b", "c"]), sort_by=["a"])
        yield "csv", (folder / "table.csv").read_bytes()
        figure = new_figure()
        axes = figure.subplots(1, 2)
        axes[0].plot(np.sort(numbers[0]), marker="o", label="a line")
        axes[0].legend(title="legend")
        axes[1].imshow(numbers)
        axes[1].set_title("a map")
        save_figure(figure, folder / "figure")
        for kind in ("svg", "png"):
            yield f"figure.{kind}", (folder / f"figure.{kind}").read_bytes()


FAMILIES: tuple[Family, ...] = (
    convolution, linear, product, elementwise, training, linear_algebra, numpy_functions, scipy_functions, learning,
    compiled, images, files,
)  # fmt: skip
