"""A file of which nothing is known, from servers that lie about its length, never end, or lead elsewhere."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from probecore.dataset import download as module
from probecore.dataset.download import UnreachableError, download, fetch
from probecore.errors import InputError

OK = b"HTTP/1.1 200 OK\r\n"
FINE = OK + b"Content-Length: 4\r\n\r\nfine"


@contextlib.contextmanager
def answering(*answers: Iterable[bytes]) -> Iterator[str]:
    """A server that answers each connection with the next of these, block by block; the last one again and again."""
    waiting = iter(answers)
    last: Iterable[bytes] = b""

    def answer(connection: socket.socket, blocks: Iterable[bytes]) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(10_000)
            for block in blocks:
                connection.sendall(block)

    def serve() -> None:
        nonlocal last
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                last = next(waiting, last)
                threading.Thread(target=answer, args=(connection, last), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/file"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.5)
    monkeypatch.setattr(module, "MOST_BYTES", 100_000)


def slowly(*blocks: bytes) -> Iterator[bytes]:
    """These blocks, and then nothing for long."""
    yield from blocks
    time.sleep(30)


def test_a_file_comes(path: Path) -> None:
    with answering([FINE]) as url:
        fetch(url, path)
    assert path.read_bytes() == b"fine"


TOO_FEW = {
    "more than it sends": b"Content-Length: 9\r\n\r\nfine",
    "more than is taken": b"Content-Length: 999999999999\r\n\r\nfine",
}


@pytest.mark.parametrize("answer", TOO_FEW.values(), ids=TOO_FEW)
def test_a_length_that_is_not_reached(path: Path, answer: bytes) -> None:
    with answering([OK + answer], [b""]) as url, pytest.raises(UnreachableError, match=r"; try again, or fetch it"):
        fetch(url, path)


@pytest.mark.parametrize("length", [b"-1", b"many", b"1e3", b"4, 4"])
def test_a_length_that_is_none(path: Path, length: bytes) -> None:
    """What comes until the connection is closed is the file, as without a length."""
    with answering([OK + b"Content-Length: " + length + b"\r\n\r\nfine"]) as url:
        fetch(url, path)
        assert path.read_bytes() == b"fine"
        with pytest.raises(InputError, match="its MD5 is not the published"):
            download("file", md5="0" * 32, mirrors=[url.removesuffix("file")], folder=path.parent / "more")


def test_a_length_that_is_too_small(path: Path) -> None:
    """The rest is none of the file."""
    with answering([OK + b"Content-Length: 4\r\n\r\nfine and more"]) as url:
        fetch(url, path)
    assert path.read_bytes() == b"fine"


ENDLESS = {"without a length": b"\r\n", "with a length": b"Content-Length: 999999999999\r\n\r\n"}


@pytest.mark.parametrize("head", ENDLESS.values(), ids=ENDLESS)
def test_a_file_without_end(path: Path, head: bytes) -> None:
    with (
        answering(itertools.chain([OK + head], itertools.repeat(b"x" * 1000))) as url,
        pytest.raises(InputError, match="larger than .* fetch it with another program and name the file"),
    ):
        fetch(url, path)
    assert path.stat().st_size < 2 * 1024 * 1024


def test_chunks_without_end(path: Path) -> None:
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    with (
        answering(itertools.chain([head], itertools.repeat(chunk))) as url,
        pytest.raises(InputError, match="larger than"),
    ):
        fetch(url, path)


SILENT = {"no answer": b"", "half a head": OK, "half a file": OK + b"Content-Length: 9\r\n\r\nfine"}


@pytest.mark.parametrize("said", SILENT.values(), ids=SILENT)
def test_a_server_that_falls_silent(path: Path, said: bytes) -> None:
    begin = time.monotonic()
    with answering(slowly(said), slowly(), slowly()) as url, pytest.raises(UnreachableError, match="timed out"):
        fetch(url, path)
    assert time.monotonic() - begin < 10


def test_a_file_that_drips(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.5)

    def drops() -> Iterator[bytes]:
        yield OK + b"\r\n"
        for _ in range(300):
            yield b"x"
            time.sleep(0.1)

    begin = time.monotonic()
    with answering(drops()) as url, pytest.raises(UnreachableError, match="not done after"):
        fetch(url, path)
    assert time.monotonic() - begin < 10


def moved(address: str) -> list[bytes]:
    return [f"HTTP/1.1 302 Found\r\nLocation: {address}\r\nContent-Length: 0\r\n\r\n".encode()]


def test_an_address_that_leads_to_another(path: Path) -> None:
    with answering([FINE]) as there, answering(moved(there)) as url:
        fetch(url, path)
    assert path.read_bytes() == b"fine"


def test_an_address_that_leads_in_a_circle(path: Path) -> None:
    with answering(moved("/file")) as url, pytest.raises(UnreachableError, match="try again, or fetch it with another"):
        fetch(url, path)
    assert not path.exists()


@pytest.mark.parametrize("address", ["file:///etc/hostname", "data:,x"])
def test_an_address_that_leads_to_no_server(path: Path, address: str) -> None:
    with answering(moved(address)) as url, pytest.raises(UnreachableError, match="not allowed"):
        fetch(url, path)
    assert not path.exists()
