"""What `dvc.lock` records of a study's stages, and which of them DVC vouches for."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

from probecore.errors import InputError
from probecore.inputs import HASHES, own_file
from probecore.verify import is_as_recorded, recorded_stages


class Lock:
    """The present stages in `dvc.lock`: `deps` by stage, and `outs` as pairs of stage and entry."""

    def __init__(self, names: Collection[str]) -> None:
        try:
            recorded = recorded_stages()
        except InputError as error:
            stop(str(error))
        present = [stage for stage in recorded if stage.partition("@")[2] in {"", *names}]
        self.deps: dict[str, list[dict[str, Any]]] = {stage: recorded[stage].get("deps", []) for stage in present}
        self.outs = [(stage, out) for stage in present for out in recorded[stage].get("outs", [])]

    def stage_of(self, file: str) -> str | None:
        """The stage that `file` is an output of."""
        return next((stage for stage, out in self.outs if _is_within(file, out["path"])), None)

    def sources_of(self, stage: str) -> Iterator[str]:
        """Files that the stage reads; in place of those that are not here, what their stages read."""
        yield from files_at(str(HASHES / stage.partition("@")[0]))
        for dep in self.deps[stage]:
            yield from (*files_at(dep["path"]), *(files_at(str(own_file())) if dep["path"] == "own" else ()))
            for writer, out in self._outs_at(dep["path"]):
                if not any(files_at(out["path"])):
                    yield from self.sources_of(writer)

    def vouched(self) -> set[str]:
        """The stages whose parameters, code, inputs and outputs are as recorded, as far as they are here.

        An input may be missing if the stage that writes it is vouched for too, and is recorded to have written
        just what was read.
        """
        status = _dvc("status", "--json", "dvc.yaml")
        granular = functools.cache(_granular_status)
        recorded = {out["path"]: out["md5"] for _, out in self.outs}

        @functools.cache
        def is_vouched(stage: str) -> bool:
            return all(is_only_missing(stage, *change) for change in _changes(status.get(stage, [])))

        def is_only_missing(stage: str, kind: str, path: str) -> bool:
            if kind == "changed outs":  # or good ones, whose objects DVC's cache has lost
                return not any(files_at(path)) or is_as_recorded(Path(path), recorded[path]) or lacks_files_only(path)
            if kind == "changed deps" and self._read_what_was_written(stage, path):
                return all(is_vouched(writer) for writer, _ in self._outs_at(path))
            return False

        def lacks_files_only(path: str) -> bool:
            changed, missing = granular()
            return any(_is_within(file, path) for file in missing) and not any(
                _is_within(file, path) for file in changed
            )

        return {stage for stage in self.deps if is_vouched(stage)}

    def changed_files(self, stages: Collection[str]) -> list[str]:
        """Files of the stages that are not as recorded."""
        changed, _ = _granular_status()
        return sorted(file for file in changed if self.stage_of(file) in stages)

    def _outs_at(self, path: str) -> list[tuple[str, dict[str, Any]]]:
        return [(stage, out) for stage, out in self.outs if _is_within(out["path"], path)]

    def _read_what_was_written(self, stage: str, path: str) -> bool:
        """Whether the records of the stage's input and of its writers agree; if several wrote, in sum."""
        read = next((dep for dep in self.deps[stage] if dep["path"] == path), {})
        written = [out for _, out in self._outs_at(path)]
        if [out["path"] for out in written] == [path]:
            return bool(written[0]["md5"] == read.get("md5"))
        return all(sum(out.get(key, 1) for out in written) == read.get(key) for key in ("size", "nfiles"))


def files_at(path: str) -> Iterator[str]:
    """The file, or the files below the folder; none if there is neither. Without bytecode and hidden files."""
    if os.path.isfile(path):
        yield path
    for folder, _, names in os.walk(path):
        if not folder.endswith("__pycache__"):
            files = (f"{folder}/{name}" for name in names if not name.startswith("."))
            yield from filter(os.path.exists, files)


def stop(message: str) -> NoReturn:
    """End with one line and the exit code of bad input."""
    print(f"probecore: {message}", file=sys.stderr)
    raise SystemExit(2)


def _is_within(file: str, path: str) -> bool:
    return file == path or (file.startswith(f"{path}/") and file != f"{path}/")


def _changes(entries: list[Any]) -> Iterator[tuple[str, str]]:
    """What `dvc status` says of one stage, as pairs of kind and path."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry, ""
        else:
            yield from ((kind, path) for kind, paths in entry.items() for path in paths)


def _granular_status() -> tuple[set[str], set[str]]:
    """The single files that are not as recorded, and those that are missing."""
    status = _dvc("data", "status", "--granular", "--json").get("uncommitted", {})
    missing = set(status.pop("deleted", []))
    changed = {file["new"] if isinstance(file, dict) else file for files in status.values() for file in files}
    return changed, missing


def _dvc(*command: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-P", "-m", "dvc", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        stop(f"DVC cannot say whether files here are good: {reason}; to go on without DVC, move dvc.lock away")
    content: dict[str, Any] = json.loads(done.stdout)
    return content
