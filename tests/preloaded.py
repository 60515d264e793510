"""Starts of Snakemake, DVC and probecore without their imports, which cost tests more than what they ask.

Two servers import what these commands import of others, and nothing of this package: one for Snakemake and DVC, one
for the jobs of the workflow. For each command a server forks a process that ends as any other. A command gets its
folder, its environment, its streams and its place of modules (``PYTHONPATH``) after the fork, as after a start, and in
front of its ``PATH`` a folder with programs of the same names, which ask the servers for what it starts in turn.
Tests that kill processes, or that change what is read at a start, begin processes of their own.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import re
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

PROGRAMS = ("snakemake", "dvc", "probecore")
MODULES = {
    "tools": (
        "snakemake.cli",
        "dvc.cli",
        "dvc.commands.repro",
        "dvc.commands.status",
        "dvc.commands.data_sync",
        "dvc.repo",
    ),
    "jobs": (
        "torch",
        "pandas",
        "h5py",
        "safetensors.torch",
        "scipy.sparse.csgraph",
        "scipy.spatial",
        "scipy.special",
        "matplotlib.backends.backend_agg",
        "matplotlib.backends.backend_svg",
    ),
}
"""What each server imports."""

SEEN = ("typer", "pydantic", "rich", "yaml")
"""What jobs import before they fix threads and instruction set."""

SERVED = re.compile(r"-P -m (dvc|snakemake) |-P \S+/workflow/whole_locks\.py ")
"""What of the arguments of Python the first server runs; all else starts as ever."""

OTHER_NUMERICS = re.compile(r"native|cuda|threads\"?:(?! *1\b)")
"""Of a study or a job: a server has read the environment that goes with the defaults."""


def served(command: Sequence[str], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """What to start, and with which environment, to have a server run one of `PROGRAMS`."""
    programs = _servers() / "bin"
    path = os.pathsep.join([str(programs), environment["PATH"]])
    return [str(programs / command[0]), *command[1:]], {**environment, "PATH": path}


@functools.cache
def _servers() -> Path:
    """The folder of this process's servers and of the programs that ask them, which end with it."""
    from probecore.determinism import Numerics, environment

    temporary = tempfile.TemporaryDirectory(prefix="preloaded-")
    folder = Path(temporary.name)
    (folder / "bin").mkdir()
    for name in (*PROGRAMS, "python"):
        (folder / "bin" / name).write_text(f"#!{sys.executable} -IS\n{Path(__file__).read_text()}")
        (folder / "bin" / name).chmod(0o755)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment(Numerics())
    servers = [
        subprocess.Popen([sys.executable, __file__, str(folder / name)], env=clean, stdin=subprocess.PIPE)
        for name in MODULES
    ]

    def end() -> None:
        for server in servers:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()
        temporary.cleanup()

    atexit.register(end)
    return folder


def ask() -> int:
    """Have the command that this process was started as run by a server, or become it; its exit status."""
    folder, name = Path(__file__).parents[1], Path(__file__).name
    real = str(Path(sys.executable).with_name(name))
    said = " ".join(sys.argv[1:])
    command = [real, *sys.argv[1:]]
    unlike = {"python": not SERVED.match(f"{said} "), "probecore": OTHER_NUMERICS.search(said + _params())}
    if unlike.get(name):
        os.execv(real, command)
    request = json.dumps({"command": command, "folder": os.getcwd(), "environment": dict(os.environ)})
    with socket.socket(socket.AF_UNIX) as connection:
        _connect(connection, str(folder / ("jobs" if name == "probecore" else "tools")))
        socket.send_fds(connection, [b"%20d" % len(request.encode())], [0, 1, 2])
        connection.sendall(request.encode())
        status = int(connection.recv(20))
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def _params() -> str:
    return Path("params.yaml").read_text() if Path("params.yaml").is_file() else ""


def _connect(connection: socket.socket, address: str) -> None:
    """Wait for a server that is still importing, which takes seconds."""
    for _ in range(6000):
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return connection.connect(address)
        time.sleep(0.05)
    raise TimeoutError(f"no server at {address}")


def _serve(address: str) -> socket.socket:
    """Answer requests until the standard input ends; returns in the process of each request, with its connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        keepers: set[int] = set()
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            keepers -= {keeper for keeper in keepers if os.waitpid(keeper, os.WNOHANG)[0]}
            if sys.stdin in ready:
                for keeper in keepers:
                    os.waitpid(keeper, 0)
                os._exit(0)
            connection, _ = listener.accept()
            keeper = os.fork()
            if keeper == 0:
                return connection
            keepers.add(keeper)
            connection.close()


def _keep(connection: socket.socket) -> dict[str, Any]:
    """Fork once more: the child returns with its request, and its end is told by the process that waits for it."""
    length, streams, _, _ = socket.recv_fds(connection, 20, 3)
    with connection.makefile("rb") as rest:
        request: dict[str, Any] = json.loads(rest.read(int(length)))
    child = os.fork()
    if child:
        for stream in streams:
            os.close(stream)
        ended = os.pidfd_open(child)
        ready, _, _ = select.select([ended, connection], [], [])
        if ended not in ready:  # who asked was killed
            os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        if ended in ready:
            connection.sendall(b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return request


def _begin(command: list[str], folder: str, environment: dict[str, str], programs: Path) -> None:
    """Become the command, as a start would."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    place = [] if command[1:2] == ["-P"] else [str(Path(command[0]).parent)]
    sys.path[:1] = [*place, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.executable = str(programs / "python")
    if command[1:3] == ["-P", "-m"]:
        sys.argv[:] = command[3:]
        runpy.run_module(command[3], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = command[2:] if command[1:2] == ["-P"] else command
        runpy.run_path(sys.argv[0], run_name="__main__")


def _end(status: int) -> None:
    """End as the interpreter does, but without taking apart, and so copying, what a fork shares."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Unseen(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules that are imported but not seen in ``sys.modules`` before one of their package is asked for."""

    def __init__(self, before: set[str]) -> None:
        self.packages: dict[str, dict[str, ModuleType]] = {}
        for name in sys.modules.keys() - before:
            if name.partition(".")[0] not in sys.stdlib_module_names:
                self.packages.setdefault(name.partition(".")[0], {})[name] = sys.modules.pop(name)
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        """Find a package, once."""
        return importlib.machinery.ModuleSpec(name, self) if name in self.packages else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The one that is there; all of its package come with it."""
        found = self.packages.pop(spec.name)
        self.spec = found[spec.name].__spec__
        sys.modules.update(found)
        return found[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do; it gets back what the import has just set."""
        module.__spec__ = self.spec


def _preload(address: Path) -> None:
    for name in SEEN:
        importlib.import_module(name)
    before = set(sys.modules)
    for name in MODULES[address.name]:
        importlib.import_module(name)
    if address.name == "jobs":
        Unseen(before)
    gc.freeze()  # a collection would touch, and so copy, all that a fork shares
    try:
        _begin(**_keep(_serve(str(address))), programs=address.parent / "bin")
    except SystemExit as end:
        if isinstance(end.code, str):
            raise
        _end(end.code or 0)


if __name__ == "__main__":
    if sys.flags.isolated:
        sys.exit(ask())
    _preload(Path(sys.argv[1]))
