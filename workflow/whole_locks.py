"""Run DVC with `dvc.lock` written whole or not at all, and so the list of its commands at work, `.dvc/tmp/rwlock`.

DVC opens both in place. Killed while it writes, it leaves a part, at which every later command of DVC ends. Here they
are written beside their place and renamed. Run as a command, with the arguments of `dvc`, by `probecore repro` and
wherever probecore starts a DVC that may write them.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from dvc.cli import main
from dvc_objects.fs import local

from probecore.files import replacing

WHOLE = ("dvc.lock", "rwlock")


class WholeLocks(local.FsspecLocalFileSystem):
    """The local file system, in which files of these names are replaced when they have been written."""

    def open(self, path: str, mode: str = "r", encoding: str | None = None, **kwargs: Any) -> Any:
        """Open a file; one that is to be replaced only for a `with` block, at whose end it is."""
        if mode.startswith("w") and Path(path).name in WHOLE:
            return _open_beside(Path(path), mode, encoding)
        return super().open(path, mode, encoding, **kwargs)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _open_beside(path: Path, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
    with replacing(path) as partial, partial.open(mode, encoding=encoding) as file:
        yield file


if __name__ == "__main__":
    local.FsspecLocalFileSystem = WholeLocks  # type: ignore[misc]  # from here on, DVC makes its own of this class
    sys.exit(main())
