"""Starts of Snakemake and DVC without their imports, which cost tests more than what they ask.

A server imports them once and nothing of this package; for each command it forks a process that ends as any other. A
command gets its folder, its environment and its place of modules (``PYTHONPATH``) after the fork, as after a start.
Tests that kill processes, or that change what is read at a start, begin a process of their own.
"""

import atexit
import functools
import importlib
import json
import os
import runpy
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PROGRAMS = ("snakemake", "dvc")
MODULES = (
    "snakemake.cli",
    "dvc.cli",
    "dvc.commands.repro",
    "dvc.commands.status",
    "dvc.commands.data_sync",
    "dvc.repo",
)


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one of `PROGRAMS`, found beside this interpreter; what it prints is captured."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(3000)
        connection.connect(_server())
        request = json.dumps({"command": command, "folder": str(folder), "environment": dict(environment)})
        connection.sendall(request.encode() + b"\n")
        said = b"".join(iter(functools.partial(connection.recv, 1 << 16), b""))
    printed, _, code = said.rpartition(b"\0")
    return subprocess.CompletedProcess(command, int(code), printed.decode())


@functools.cache
def _server() -> str:
    """The address of this process's server, which ends with it."""
    folder = tempfile.TemporaryDirectory(prefix="preloaded-")
    address = f"{folder.name}/socket"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    server = subprocess.Popen(
        [sys.executable, __file__, address], env=clean, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None and server.stdout is not None
    assert server.stdout.readline() == b"ready\n"

    def end() -> None:
        server.stdin.close()  # type: ignore[union-attr]
        server.stdout.close()  # type: ignore[union-attr]
        server.wait()
        folder.cleanup()

    atexit.register(end)
    return address


def _serve(address: str) -> socket.socket:
    """Answer requests until the standard input ends; returns in the process of each request, with its connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
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


def _keep(connection: socket.socket) -> dict[str, object]:
    """Fork once more: the child returns with its request, and its end is told by the process that waits for it."""
    with connection.makefile("rb") as lines:
        request: dict[str, object] = json.loads(lines.readline())
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        connection.sendall(b"\0%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (connection.fileno(), 1), (connection.fileno(), 2)):
        os.dup2(source, target)
    os.close(nothing)
    connection.close()
    return request


def _begin(command: list[str], folder: str, environment: dict[str, str]) -> None:
    """Become the command, as a start would."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    script = Path(sys.executable).with_name(command[0])
    places = environment.get("PYTHONPATH", "")
    sys.path[:1] = [str(script.parent), *filter(None, places.split(os.pathsep))]
    sys.argv[:] = [str(script), *command[1:]]
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    for name in MODULES:
        importlib.import_module(name)
    _begin(**_keep(_serve(sys.argv[1])))  # type: ignore[arg-type]
