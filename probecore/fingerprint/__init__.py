"""What this machine computes: hashes of every primitive that our steps use, on fixed inputs.

Between two machines with equal fingerprints, other bytes are a bug; where fingerprints differ, the names of the
primitives say why. Numbers are fixed by `probecore.determinism`, which must have been configured before.
"""

import contextlib
import csv
import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path

from probecore.determinism import Numerics, environment, torch_device
from probecore.errors import InputError
from probecore.files import write_text
from probecore.fingerprint.machine import caches, processor
from probecore.inputs import versions
from probecore.provenance import code_hash

MACHINE, LIBRARY, PRIMITIVE = "machine", "version", "primitive"
Fingerprint = dict[tuple[str, str], str]
"""(kind, name) → value; kind is `MACHINE`, `LIBRARY` or `PRIMITIVE`."""


def fingerprint(numerics: Numerics) -> Fingerprint:
    """Describe this machine and hash what each primitive gives on it; seconds on one core.

    Returns
    -------
    dict
        ``("machine", "processor")`` and the like, ``("version", "torch")`` …, and ``("primitive", name)`` with the
        first 16 hexadecimal digits of a SHA-256 of the primitive's outputs.
    """
    torch_device(numerics)
    from probecore.fingerprint.primitives import FAMILIES

    found: Fingerprint = {(MACHINE, name): value for name, value in machine().items()}
    found |= {(LIBRARY, name): number for name, number in versions().items()}
    for family in FAMILIES:
        for name, outputs in family():
            found[PRIMITIVE, f"{family.__name__}.{name}"] = _digest(outputs)
    return found


def kept_fingerprint(numerics: Numerics) -> Fingerprint:
    """Take this machine's fingerprint, or the one taken before, if processor, versions and the question are the same.

    Kept in the user's cache folder (``XDG_CACHE_HOME``), for it costs seconds.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "probecore"
    question = repr((machine(), versions(), numerics, environment(numerics), code_hash(f"{__name__}.primitives")))
    path = folder / f"fingerprint-{hashlib.sha256(question.encode()).hexdigest()[:16]}.csv"
    if path.exists():
        return read_fingerprint(path)
    found = fingerprint(numerics)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        write_fingerprint(path, found)
    return found


def machine() -> dict[str, str]:
    """Processor and caches of this machine, in words."""
    return {"processor": processor(), "caches": caches()}


def write_fingerprint(path: Path, found: Mapping[tuple[str, str], str]) -> None:
    """Write a fingerprint as CSV with the columns kind, name, value."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["kind", "name", "value"])
    table.writerows([*key, value] for key, value in found.items())
    write_text(path, text.getvalue())


def read_fingerprint(path: Path) -> Fingerprint:
    """Read what `write_fingerprint` wrote.

    Raises
    ------
    InputError
        If the file is missing or is no fingerprint.
    """
    try:
        return parse_fingerprint(path.read_text(encoding="utf-8"))
    except (OSError, KeyError, UnicodeDecodeError, csv.Error):
        raise InputError(f"{path}: no fingerprint; `probecore fingerprint --output {path}` writes one") from None


def parse_fingerprint(text: str) -> Fingerprint:
    """Read the text of a fingerprint; raises KeyError or csv.Error if it is none."""
    return {(row["kind"], row["name"]): row["value"] for row in csv.DictReader(io.StringIO(text))}


def differing(first: Mapping[tuple[str, str], str], second: Mapping[tuple[str, str], str]) -> list[str]:
    """Names of primitives and libraries that differ, or that one side lacks; the machine itself may differ."""
    keys = [key for key in {**first, **second} if key[0] != MACHINE]
    return [name for kind, name in keys if first.get((kind, name)) != second.get((kind, name))]


def _digest(outputs: object) -> str:
    digest = hashlib.sha256()
    for output in outputs if isinstance(outputs, (tuple, list)) else (outputs,):
        digest.update(_bytes_of(output))
    return digest.hexdigest()[:16]


def _bytes_of(output: object) -> bytes:
    import numpy as np
    import torch

    if isinstance(output, bytes):
        return output
    array = output.detach().contiguous().numpy() if isinstance(output, torch.Tensor) else np.ascontiguousarray(output)
    return str(array.shape).encode() + array.tobytes()
