import re
import struct
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from probecore.figures import DPI
from probecore.report.content import Figure, File
from probecore.report.embed import MAX_SVG, embed


def figure(folder: Path, name: str, *, svg: int, png: int) -> Figure:
    """A figure whose files have so many bytes; its PNG claims 400 by 200 dots."""
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 400, 200)
    contents = {"svg": b"<svg/>".ljust(svg), "png": header.ljust(png)}
    files = {}
    for kind, content in contents.items():
        place = folder / f"{name}.{kind}"
        place.write_bytes(content)
        files[kind] = File(place.name, place, "", len(content))
    return Figure(
        title="",
        caption="",
        svg=files["svg"],
        png=files["png"],
        table=files["svg"],
        inputs=[],
        section="",
        command="",
    )


def kinds(figures: list[Figure], budget: int) -> dict[str, str]:
    pictures = embed(figures, budget=budget)
    assert sum(len(picture.address) for picture in pictures.values()) <= budget
    return {path: re.split("[;,]", picture.address)[0] for path, picture in pictures.items()}


SVG, PNG = "data:image/svg+xml", "data:image/png"


def test_svg_is_preferred_up_to_its_limit(tmp_path: Path) -> None:
    figures = [
        figure(tmp_path, "fits", svg=MAX_SVG, png=100),
        figure(tmp_path, "large", svg=MAX_SVG + 1, png=100),
    ]
    assert kinds(figures, 10**7) == {"fits.svg": SVG, "large.svg": PNG}


@pytest.mark.parametrize(
    ("budget", "wanted"),
    [
        (6000, {"a.svg": SVG, "b.svg": SVG, "c.svg": SVG}),
        (4000, {"a.svg": SVG, "b.svg": PNG, "c.svg": SVG}),
        (3000, {"a.svg": PNG, "b.svg": PNG, "c.svg": SVG}),
        (2000, {"a.svg": PNG, "b.svg": PNG}),
        (200, {}),
    ],
)
def test_what_gains_most_shrinks_first_then_the_largest_goes(
    tmp_path: Path, budget: int, wanted: dict[str, str]
) -> None:
    figures = [
        figure(tmp_path, "a", svg=1500, png=300),
        figure(tmp_path, "b", svg=2000, png=200),
        figure(tmp_path, "c", svg=700, png=5000),
    ]
    assert kinds(figures, budget) == wanted


def test_pictures_hold_the_file_at_its_size_on_paper(tmp_path: Path) -> None:
    picture = embed([figure(tmp_path, "a", svg=50, png=50)], budget=10**6)["a.svg"]
    assert unquote_to_bytes(picture.address.partition(",")[2]) == (tmp_path / "a.svg").read_bytes()
    assert (picture.width, picture.height) == (400 * 96 // DPI, 200 * 96 // DPI)


def test_an_svg_cannot_end_its_attribute(tmp_path: Path) -> None:
    one = figure(tmp_path, "a", svg=50, png=50)
    one.svg.place.write_text('<svg id="a">&amp;#%\n\u201d</svg>', encoding="utf-8")
    address = embed([one], budget=10**6)["a.svg"].address.partition(",")[2]
    assert not set(address) & set('"&#\n')
    assert unquote_to_bytes(address) == one.svg.place.read_bytes()
