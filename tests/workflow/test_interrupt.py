"""`kill -9` to jobs and to Snakemake, and the same command again."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import h5py
import pytest
from safetensors import safe_open

from tests.conftest import Study, make_study

PARAMS = """
home: {home}
numerics: {{device: cpu, threads: 1, isa: avx2}}
datasets:
  mnist5k: {{train_samples: 200, test_samples: 100}}
experiments:
  quick:
    dataset: mnist5k
    train: &train {{model: {{name: mlp, hidden: [64]}}, epochs: 1, batch: 20}}
  tiny:
    dataset: mnist5k
    train: {{<<: *train, epochs: 800, checkpoints: {checkpoints}}}
    activations: {{layers: ["*"], epochs: all, splits: [train, test], store: [maps, pooled, class_means]}}
""".replace("{checkpoints}", str([*range(10, 800, 10)]))
FINISHED = "results/train/quick/trained-0.safetensors"
SLOW = "results/train/tiny/trained-0.safetensors"
DUMP = "results/activations/tiny/trained-0.h5"


@pytest.mark.slow
def test_killed_and_run_again_gives_the_bytes_of_an_uninterrupted_run(tmp_path: Path) -> None:
    whole, study = make_study(tmp_path / "whole", PARAMS), make_study(tmp_path / "study", PARAMS)
    study.served = False
    whole.snakemake()
    with watching(study) as half_written, ThreadPoolExecutor() as pool:

        def run() -> "Future[CompletedProcess[str]]":
            return pool.submit(study.snakemake, check=False)

        training = run()
        job = process_of(study, "probecore", "network", SLOW)
        wait_until(lambda: (study.folder / FINISHED).exists() and progress(study) >= 100)
        os.kill(job, signal.SIGKILL)
        assert training.result().returncode == 1
        assert not (study.folder / SLOW).exists()
        finished = identity(study.folder / FINISHED)

        resumed = run()
        snakemake = process_of(study, "snakemake")
        wait_until(lambda: "going on after epoch" in log(study) and progress(study) >= 300)
        os.kill(snakemake, signal.SIGKILL)  # its job outlives it

        dumping = run()
        job = process_of(study, "probecore", "network", DUMP)
        wait_until(lambda: partial(study.folder / DUMP).exists())
        os.kill(job, signal.SIGKILL)
        assert dumping.result().returncode == 1
        assert resumed.result().returncode == -signal.SIGKILL
        assert not (study.folder / DUMP).exists()

        last = run().result()
        assert last.returncode == 0, last.stdout
    assert half_written == []
    assert identity(study.folder / FINISHED) == finished
    assert study.hashes() == whole.hashes()
    assert list(study.folder.rglob("*.partial")) == []


def process_of(study: Study, program: str, *words: str) -> int:
    """The process of `program` in the study with these words in its command, as soon as it is there."""
    numbers: list[int] = []

    def there() -> bool:
        processes = [path for path in Path("/proc").glob("[0-9]*") if _works_in(path, study.folder)]
        numbers.extend(int(path.name) for path in processes if _runs(path, program, words))
        return numbers != []

    wait_until(there)
    return numbers[0]


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").resolve(strict=True) == folder.resolve()
    except OSError:
        return False


def _runs(process: Path, program: str, words: tuple[str, ...]) -> bool:
    try:
        arguments = (process / "cmdline").read_text().split("\0")
    except OSError:
        return False
    return [Path(word).name for word in arguments[1:2]] == [program] and set(words) <= set(arguments)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 2000
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def progress(study: Study) -> int:
    """The latest checkpoint of the training that takes its time."""
    kept = (study.folder / ".probecore" / "resume").glob("*/epoch-*.safetensors")
    return max((int(path.stem.removeprefix("epoch-")) for path in kept), default=0)


def log(study: Study) -> str:
    try:
        return (study.folder / "logs/train/tiny/trained-0.log").read_text()
    except FileNotFoundError:  # Snakemake removes the log of a job that it runs again
        return ""


def partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


@contextmanager
def watching(study: Study) -> Iterator[list[str]]:
    """Look at every file below data/ and results/ as soon as it is there; the list names those that are not whole."""
    wrong: list[str] = []
    seen: set[tuple[int, int]] = set()
    over = threading.Event()

    def look(path: Path) -> None:
        try:
            if identity(path) not in seen:
                seen.add(identity(path))
                WHOLE[path.suffix](path)
        except FileNotFoundError:
            pass
        except Exception as error:
            wrong.append(f"{path}: {error!r}")

    def keep_looking() -> None:
        while not over.wait(0.01):
            for top in ("data", "results"):
                for folder, _, names in os.walk(study.folder / top):
                    for name in names:
                        if not name.startswith("."):
                            look(Path(folder, name))

    thread = threading.Thread(target=keep_looking)
    thread.start()
    try:
        yield wrong
    finally:
        over.set()
        thread.join()
    assert len(seen) > 20


def read_safetensors(path: Path) -> None:
    with safe_open(path, framework="numpy") as file:
        for key in file.keys():  # noqa: SIM118
            file.get_tensor(key)


def read_hdf5(path: Path) -> None:
    with h5py.File(path, "r", locking=False) as file:
        file.visititems(lambda name, item: item[()] if isinstance(item, h5py.Dataset) else None)


def ends_with(end: bytes) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        assert path.read_bytes().rstrip().endswith(end)

    return check


def read_table(path: Path) -> None:
    lines = path.read_text().split("\n")
    assert lines.pop() == ""
    assert len({line.count(",") for line in lines}) == 1


WHOLE: dict[str, Callable[[Path], object]] = {
    ".safetensors": read_safetensors,
    ".h5": read_hdf5,
    ".csv": read_table,
    ".json": lambda path: json.loads(path.read_text()),
    ".svg": ends_with(b"</svg>"),
    ".png": ends_with(b"IEND\xaeB`\x82"),
    ".html": ends_with(b"</html>"),
}
