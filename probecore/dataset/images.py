"""One image file: what its header says, and its pixels. What would lose something without a word is refused."""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from probecore.errors import InputError, reading

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".webp")
FORMATS = ("BMP", "JPEG", "PNG", "PPM", "WEBP")
"""The only decoders that run, whatever a file is called; some of Pillow's others start programs."""

LONGEST_SHAPE = 64
"""How many times as long as wide an image may be, if a square is cut out of it."""

_GREY = ("1", "L", "LA")
_PNG_DEPTH = slice(24, 25)
_PPM = re.compile(rb"P[2356]\s+\d+\s+\d+\s+(\d+)\s")
_PPM_COMMENT = re.compile(rb"#[^\n]*\n")


@dataclass(frozen=True)
class Form:
    """What every image becomes: PIL mode, width, height, and whether it is scaled and cut to that."""

    mode: str
    width: int
    height: int
    scale: bool


@dataclass(frozen=True)
class Header:
    """What is known of an image before it is decoded."""

    grey: bool
    width: int
    height: int
    turned: bool
    """Whether it says (EXIF) that it is to be shown turned or mirrored; what is read are the pixels as they lie."""


def read_header(path: Path) -> Header:
    """Grey or not, and the size; the checksums of a PNG are compared too.

    Raises
    ------
    InputError
        If it is no regular file, none of `FORMATS`, damaged, or of more than 8 bits per channel.
    """
    if not path.is_file():
        raise InputError(f"{path}: no regular file; replace or remove it")
    with reading(path, "not a readable image", "replace or remove it"):
        if _depth(path) > 8:
            raise InputError(f"{path}: more than 8 bits per channel; convert it to 8 bits")
        with _open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise InputError(f"{path}: more than 8 bits per channel; convert it to 8 bits")
            if image.format != "JPEG" and getattr(image, "is_animated", False):
                raise InputError(f"{path}: has several frames; save one image")
            header = Header(image.mode in _GREY, image.width, image.height, _is_turned(image.info.get("exif", b"")))
            image.verify()
        return header


def read_pixels(path: Path, form: Form) -> NDArray[Any]:
    """One image, uint8 (C, H, W).

    Raises
    ------
    InputError
        If it cannot be decoded, or is not opaque: what a transparent pixel looks like is not in the file.
    """
    with reading(path, "image cannot be decoded", "replace or remove it"):
        with _open(path) as source:
            if source.has_transparency_data and source.convert("RGBA").getchannel("A").getextrema() != (255, 255):
                raise InputError(f"{path}: has transparent pixels, whose colour is undefined; lay it on a background")
            image = source.convert(form.mode)
        if form.scale:
            image = _central_square(image, form.width)
        pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _is_turned(content: bytes) -> bool:
    """What the EXIF block of a header says; one that cannot be read says nothing."""
    exif = Image.Exif()
    with contextlib.suppress(Exception):
        exif.load(content)
    return bool(exif.get(ExifTags.Base.Orientation, 1) != 1)


def _open(path: Path) -> Image.Image:
    return Image.open(path, formats=FORMATS)


def _depth(path: Path) -> int:
    """Bits per channel, as PNG and PPM write them; Pillow may drop the lower ones. The other formats have 8."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) > _PNG_DEPTH.start:
        return head[_PNG_DEPTH][0]
    if found := _PPM.match(_PPM_COMMENT.sub(b" ", head)):
        return int(found[1]).bit_length() if len(found[1]) < 10 else 64
    return 8


def _central_square(image: Image.Image, size: int) -> Image.Image:
    shorter = min(image.size)
    width, height = (round(side * size / shorter) for side in image.size)
    scaled = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size) // 2, (height - size) // 2
    return scaled.crop((left, top, left + size, top + size))
