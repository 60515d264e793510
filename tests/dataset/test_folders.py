import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from probecore.dataset import Dataset
from probecore.dataset.folders import read_folder
from probecore.errors import InputError

from .support import images


def paint(path: Path, *, mode: str = "RGB", size: tuple[int, int] = (6, 6), seed: int = 0) -> np.ndarray[Any, Any]:
    """Write a random image; returns its pixels (H, W, 3)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = images(1, 3, max(size), seed=seed)[0, :, : size[1], : size[0]].transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(pixels)).convert(mode).save(path)
    return pixels


def fill(folder: Path, count: int, *, classes: tuple[str, ...] = ("ant", "bee")) -> Path:
    for label, name in enumerate(classes):
        for index in range(count):
            paint(folder / name / f"{index:02}.png", seed=100 * label + index)
    return folder


def read(path: Path, *, size: int | None = None, test_fraction: float = 0.2, seed: int = 0) -> Dataset:
    return read_folder("mine", path, size=size, test_fraction=test_fraction, seed=seed)


@pytest.mark.parametrize("part", ["test", "val"])
def test_given_split(tmp_path: Path, part: str) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / part, 2)
    (tmp_path / "train" / "ant" / "notes.txt").write_text("not an image")
    (tmp_path / "train" / "ant" / "._00.png").write_text("rubbish of a file system")
    dataset = read(tmp_path)
    assert dataset.classes == ("ant", "bee")
    assert dataset.input_shape == (3, 6, 6)
    for split, seeds in ((dataset.train, [0, 1, 2, 100, 101, 102]), (dataset.test, [0, 1, 100, 101])):
        labels = {images(1, 3, 6, seed=seed).tobytes(): seed // 100 for seed in seeds}
        assert [labels.pop(image.tobytes()) for image in split.inputs] == split.targets.tolist()
        assert not labels


def test_the_first_images_are_of_all_classes(tmp_path: Path) -> None:
    dataset = read(fill(tmp_path, 50), test_fraction=0.5)
    for split in (dataset.train, dataset.test):
        assert 4 <= split.targets[:20].sum() <= 16


def test_own_split_is_stratified_disjoint_and_repeats(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    dataset, again, other = read(tmp_path), read(tmp_path), read(tmp_path, seed=1)
    assert np.bincount(dataset.train.targets).tolist() == [8, 8]
    assert np.bincount(dataset.test.targets).tolist() == [2, 2]
    both = np.concatenate([dataset.train.inputs, dataset.test.inputs]).reshape(20, -1)
    assert len(np.unique(both, axis=0)) == 20
    assert dataset.sha256 == again.sha256 != other.sha256


def test_small_classes_keep_one_image_on_either_side(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    for fraction in (0.01, 0.99):
        dataset = read(tmp_path, test_fraction=fraction)
        assert (len(dataset.train), len(dataset.test)) == (2, 2)


def test_adding_a_class_leaves_the_split_of_the_others(tmp_path: Path) -> None:
    before = read(fill(tmp_path, 10))
    after = read(fill(tmp_path, 10, classes=("zebra",)))
    assert {image.tobytes() for image in before.test.inputs} <= {image.tobytes() for image in after.test.inputs}


def test_size_scales_and_cuts_the_centre(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(40, dtype=np.uint8) * 6, (20, 1))
    for part in ("train", "test"):
        (tmp_path / part / "a").mkdir(parents=True)
        Image.fromarray(ramp).save(tmp_path / part / "a" / "wide.png")
        Image.fromarray(np.ascontiguousarray(ramp.T)).save(tmp_path / part / "a" / "tall.png")
    one, other = read(tmp_path, size=10).train.inputs[:, 0].astype(int)
    tall, wide = (one, other) if np.ptp(other, axis=0).max() == 0 else (other, one)
    assert wide.shape == (10, 10)
    np.testing.assert_array_equal(tall, wide.T)
    assert (np.ptp(wide, axis=0) == 0).all()
    np.testing.assert_allclose(wide[0], (np.arange(10) * 2 + 10 + 0.5) * 6, atol=1)


def test_size_of_the_images_themselves_changes_nothing(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    assert read(tmp_path, size=6).sha256 == read(tmp_path).sha256


@pytest.mark.parametrize(("modes", "channels"), [(("L", "1"), 1), (("L", "RGB"), 3), (("RGBA", "P"), 3)])
def test_grey_only_if_all_are(tmp_path: Path, modes: tuple[str, str], channels: int) -> None:
    for index in range(4):
        paint(tmp_path / "a" / f"{index}.png", mode=modes[index % 2], seed=index)
    assert read(tmp_path).input_shape == (channels, 6, 6)


def test_mixed_sizes_need_size(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    paint(tmp_path / "bee" / "odd.png", size=(6, 5))
    with pytest.raises(InputError, match=r"odd\.png: 6 x 5 pixels, but .*6 x 6; set `size`"):
        read(tmp_path)
    assert read(tmp_path, size=4).input_shape == (3, 4, 4)


def break_header(folder: Path) -> None:
    (folder / "ant" / "00.png").write_bytes(b"no image")


def break_end(folder: Path) -> None:
    path = folder / "ant" / "00.png"
    path.write_bytes(path.read_bytes()[:90])


def empty(folder: Path) -> None:
    for place in folder.iterdir():
        shutil.rmtree(place)


def classes_beside_train(folder: Path) -> None:
    fill(folder / "train", 2)
    fill(folder / "test", 2)


def deep_png(mode: str) -> Callable[[Path], None]:
    """16 bits per channel, of which Pillow would keep 8; colour types 2, 4 and 6 of the PNG specification."""

    def spoil(folder: Path) -> None:
        kind, channels = {"RGB": (2, 3), "LA": (4, 2), "RGBA": (6, 4)}[mode]
        rows = b"".join(b"\0" + bytes(range(2 * channels * 6)) for _ in range(6))
        header = struct.pack(">IIBBBBB", 6, 6, 16, kind, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
        parts = [
            struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))
            for tag, body in chunks
        ]
        (folder / "ant" / "00.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))

    return spoil


def deep_ppm(header: bytes, channels: int) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "ant" / "00.ppm").write_bytes(header + bytes(range(2 * channels * 36)))

    return spoil


def ink_in_alpha(mode: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        ink = Image.fromarray(images(1, 1, 6)[0, 0])
        picture = Image.new(mode, (6, 6))
        picture.putalpha(ink)
        picture.save(folder / "ant" / "00.png")

    return spoil


def transparent_index(folder: Path) -> None:
    picture = Image.fromarray(images(1, 3, 6)[0].transpose(1, 2, 0)).quantize(8)
    picture.save(folder / "ant" / "00.png", transparency=0)


def postscript(folder: Path) -> None:
    (folder / "ant" / "00.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 6\n%%EndComments\nshowpage\n"
    )


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "ant" / "99.png")


def dangling(folder: Path) -> None:
    (folder / "ant" / "99.png").symlink_to(folder / "nowhere.png")


def latin_1(folder: Path) -> None:
    place = os.fsencode(folder) + b"/caf\xe9"
    shutil.copytree(os.fsencode(folder / "ant"), place)


def twins(folder: Path) -> None:
    for name in ("caf\u00e9", "cafe\u0301"):
        shutil.copytree(folder / "ant", folder / name)


def film(folder: Path) -> None:
    frames = [Image.fromarray(images(1, 3, 6, seed=seed)[0].transpose(1, 2, 0)) for seed in (0, 1)]
    frames[0].save(folder / "ant" / "00.png", save_all=True, append_images=frames[1:])


def flipped_bit(folder: Path) -> None:
    path = folder / "ant" / "00.png"
    content = bytearray(path.read_bytes())
    content[60] ^= 4
    path.write_bytes(content)


def empty_class(folder: Path) -> None:
    (folder / "cat").mkdir()


def one_image(folder: Path) -> None:
    paint(folder / "cat" / "only.png")


def deep(folder: Path) -> None:
    Image.fromarray(np.zeros((6, 6), np.uint16)).save(folder / "ant" / "00.png")


def train_only(folder: Path) -> None:
    empty(folder)
    fill(folder / "train", 2)


def unlike_classes(folder: Path) -> None:
    empty(folder)
    fill(folder / "train", 2)
    fill(folder / "val", 2, classes=("ant", "bee", "cat"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_header, "not a readable image"),
        (break_end, "not a readable image"),
        (flipped_bit, "not a readable image"),
        (deep_png("RGB"), "more than 8 bits per channel"),
        (deep_png("LA"), "more than 8 bits per channel"),
        (deep_png("RGBA"), "more than 8 bits per channel"),
        (deep_ppm(b"P6 6 6 65535\n", 3), "more than 8 bits per channel"),
        (deep_ppm(b"P5\n# made by hand\n6 6\n256\n", 1), "more than 8 bits per channel"),
        (ink_in_alpha("LA"), "has transparent pixels"),
        (ink_in_alpha("RGBA"), "has transparent pixels"),
        (transparent_index, "has transparent pixels"),
        (postscript, "not a readable image"),
        (fifo, "99.png: no regular file"),
        (dangling, "99.png: no regular file"),
        (latin_1, r"the folder 'caf\\udce9' is not named in UTF-8"),
        (twins, "look alike; rename one"),
        (film, "has several frames"),
        (classes_beside_train, "'ant' stands beside train/"),
        (empty_class, r"cat: no images \("),
        (one_image, "cat: one image cannot be both"),
        (deep, "more than 8 bits per channel"),
        (train_only, "train/ without test/ or val/"),
        (unlike_classes, "the class 'cat' is in only one of train and val"),
    ],
)
def test_folders_that_do_not_fit(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    fill(tmp_path, 3)
    damage(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_is_skipped_is_counted_by_suffix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, 3)
    for index in range(3):
        (tmp_path / "ant" / f"{index}.tif").touch()
    (tmp_path / "bee" / "notes").touch()
    (tmp_path / "bee" / "._00.png").touch()
    paint(tmp_path / "bee" / "2020" / "1.png")
    paint(tmp_path / "beside.png")
    read(tmp_path)
    line = capsys.readouterr().err.splitlines()[0]
    assert line == "mine: 6 images read; files skipped: 2 .png, 3 .tif, 1 hidden, 1 without a suffix"


def test_images_to_be_shown_turned_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exif = Image.Exif()
    exif[274] = 6
    for label in "ab":
        (tmp_path / label).mkdir()
        for index in range(2):
            pixels = np.random.default_rng(index + ord(label)).integers(0, 256, (8, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{index}.png", exif=exif if label == "b" else None)
    dataset = read_folder("mine", tmp_path, size=None, test_fraction=0.5, seed=0)
    assert dataset.input_shape == (3, 8, 16)
    line = "mine: 2 images say (EXIF) that they are to be shown turned; they are read as they lie"
    assert line in capsys.readouterr().err


def test_a_class_called_train(tmp_path: Path) -> None:
    assert read(fill(tmp_path, 3, classes=("bus", "train", "test"))).classes == ("bus", "test", "train")


def test_a_strip_has_no_square_worth_its_name(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    Image.new("RGB", (1, 60_000)).save(tmp_path / "ant" / "00.png")
    with pytest.raises(InputError, match=r"1 x 60000 pixels, too long"):
        read(tmp_path, size=224)


def test_images_must_fit_memory_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: 16)
    with pytest.raises(InputError, match="announces .* of arrays, and this machine has"):
        read(fill(tmp_path, 3))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_the_content_decides_and_not_the_suffix(tmp_path: Path, suffix: str) -> None:
    fill(tmp_path, 3)
    (tmp_path / "ant" / "00.png").rename(tmp_path / "ant" / f"00{suffix}")
    assert len(read(tmp_path).train) + len(read(tmp_path).test) == 6


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent: no such folder; correct the `path` of mine"):
        read(tmp_path / "absent")
    with pytest.raises(InputError, match="no class folders in it"):
        read(tmp_path)
