"""Chooses in which form each figure enters the page, so that the page stays small enough to mail."""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from probecore.figures import DPI
from probecore.report.content import Figure, File

MAX_SVG = 300_000
"""Bytes; a larger SVG enters as PNG."""

MAX_TAG = 300
"""Characters of an ``<img>`` beside its content."""


@dataclass(frozen=True)
class Picture:
    """An image for ``<img>``: its address and its natural size in CSS pixels."""

    address: str
    width: int
    height: int


def embed(figures: Sequence[Figure], *, budget: int) -> dict[str, Picture]:
    """Pictures by the path of the figure's SVG, `budget` characters in all.

    SVG is preferred up to `MAX_SVG`. While the sum is too large, the figure that gains most becomes
    a PNG; when none gains, the largest is left out.
    """
    chosen = {figure.svg.path: figure.svg if figure.svg.size <= MAX_SVG else figure.png for figure in figures}
    pngs = {figure.svg.path: figure.png for figure in figures}
    total = sum(map(_length, chosen.values()))
    for path in sorted(chosen, key=lambda path: (pngs[path].size - chosen[path].size, path)):
        if total <= budget or pngs[path].size >= chosen[path].size:
            break
        total -= _length(chosen[path]) - _length(pngs[path])
        chosen[path] = pngs[path]
    for path in sorted(chosen, key=lambda path: (-chosen[path].size, path)):
        if total <= budget:
            break
        total -= _length(chosen.pop(path))
    return {path: _picture(file, pngs[path]) for path, file in chosen.items()}


def data_uri(content: bytes, kind: str) -> str:
    """Bytes as an address that needs no file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _length(file: File) -> int:
    return -(-file.size // 3) * 4 + MAX_TAG


def _picture(file: File, png: File) -> Picture:
    kind = "image/svg+xml" if file.path.endswith(".svg") else "image/png"
    width, height = (round(pixels * 96 / DPI) for pixels in _png_size(png))
    return Picture(data_uri(file.place.read_bytes(), kind), width, height)


def _png_size(png: File) -> tuple[int, int]:
    """Width and height from the header, which starts each PNG (10.17487/RFC2083, section 4.1.1)."""
    with png.place.open("rb") as stream:
        width, height = struct.unpack(">II", stream.read(24)[16:])
    return width, height
