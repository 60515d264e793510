"""Chooses in which form each figure enters the page, so that the page stays small enough to mail."""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from probecore.figures import DPI
from probecore.report.content import Figure, File

MAX_SVG = 300_000
"""Bytes; a larger SVG enters as PNG."""

MAX_TAG = 300
"""Characters of an ``<img>`` beside its content."""

_ENCODED = str.maketrans({character: f"%{ord(character):02X}" for character in '%#"&\t\n\r'})
"""What would end an attribute or an address, or be lost from it."""


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
    return len(_address(file)) + MAX_TAG


def _picture(file: File, png: File) -> Picture:
    width, height = (round(pixels * 96 / DPI) for pixels in _png_size(png))
    return Picture(_address(file), width, height)


def _address(file: File) -> str:
    """An SVG as text, a fourth shorter than in base64; safe in an attribute, for quotes and ampersands are encoded."""
    content = file.place.read_bytes()
    if not file.path.endswith(".svg"):
        return data_uri(content, "image/png")
    return Markup(f"data:image/svg+xml,{content.decode().translate(_ENCODED)}")


def _png_size(png: File) -> tuple[int, int]:
    """Width and height from the header, which starts each PNG (10.17487/RFC2083, section 4.1.1)."""
    with png.place.open("rb") as stream:
        width, height = struct.unpack(">II", stream.read(24)[16:])
    return width, height
