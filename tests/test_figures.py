import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

from probecore.figures import (
    CONDITION_COLOURS,
    MANY_MARKS,
    add_legend,
    colour_of,
    error_lengths,
    new_figure,
    rasterise,
    save_figure,
    style,
)
from probecore.networks import CONDITIONS

DRAW = """
import sys
from pathlib import Path
from tests.test_figures import draw
draw(Path(sys.argv[1]))
assert "matplotlib.pyplot" not in sys.modules
"""


@style()
def draw(path_stem: Path, marks: int = 20) -> None:
    figure = new_figure(3, 2)
    axes = figure.subplots()
    places = np.linspace(0, 1, marks)
    axes.plot([0, 1], [0, 1], color=colour_of("trained-0"), label="trained")
    axes.fill_between([0, 1], [0, 1], [1, 1], hatch="/", clip_on=True)
    axes.scatter(places, places**2, rasterized=rasterise(marks))
    axes.legend(title="condition")
    save_figure(figure, path_stem)


def hashes(path_stem: Path) -> list[str]:
    return [hashlib.sha256(path_stem.with_suffix(kind).read_bytes()).hexdigest() for kind in (".svg", ".png")]


def test_equal_figures_give_equal_bytes_in_another_process_and_place(tmp_path):
    draw(tmp_path / "here")
    environment = os.environ | {
        "PYTHONHASHSEED": "7",
        "LC_ALL": "C",
        "SOURCE_DATE_EPOCH": "1",
        "TZ": "Asia/Tokyo",
    }
    stem = tmp_path / "elsewhere" / "there"
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", DRAW, stem], check=True, cwd=root, env=environment)
    assert hashes(stem) == hashes(tmp_path / "here")


def test_settings_of_the_user_neither_enter_nor_change(tmp_path):
    draw(tmp_path / "plain")
    with matplotlib.rc_context({"lines.linewidth": 9, "hatch.color": "red", "savefig.bbox": "tight"}):
        before = dict(matplotlib.rcParams)
        draw(tmp_path / "disturbed")
        assert dict(matplotlib.rcParams) == before
    assert hashes(tmp_path / "disturbed") == hashes(tmp_path / "plain")


def test_settings_return_when_drawing_fails():
    before = dict(matplotlib.rcParams)
    with pytest.raises(ZeroDivisionError), style():
        _ = 1 / 0
    assert dict(matplotlib.rcParams) == before


def test_files_tell_neither_time_nor_software(tmp_path):
    draw(tmp_path / "figure")
    svg = (tmp_path / "figure.svg").read_text()
    assert not re.search(r"dc:date|dc:creator|Matplotlib", svg)
    assert b"Software" not in (tmp_path / "figure.png").read_bytes()


def test_a_name_with_dots_keeps_them(tmp_path):
    draw(tmp_path / "epoch.020")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch.020.png", "epoch.020.svg"]


@pytest.mark.parametrize(("marks", "pixels"), [(MANY_MARKS, False), (MANY_MARKS + 1, True)])
def test_many_marks_become_pixels(tmp_path, marks, pixels):
    draw(tmp_path / "figure", marks)
    assert ("<image" in (tmp_path / "figure.svg").read_text()) == pixels


def test_a_network_has_the_colour_of_its_condition():
    assert colour_of("shuffled-12") == colour_of("shuffled") == CONDITION_COLOURS["shuffled"]
    assert colour_of("given") == CONDITION_COLOURS["given"]


@pytest.mark.parametrize("condition", CONDITION_COLOURS)
def test_colours_stand_out_on_white(condition):
    """Contrast of at least 3 to 1, as WCAG 2.2 asks of graphics (success criterion 1.4.11)."""
    red, green, blue = (_linear(int(CONDITION_COLOURS[condition][place : place + 2], 16) / 255) for place in (1, 3, 5))
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 3


def _linear(level: float) -> float:
    return level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4


def test_every_condition_has_a_colour_and_figures_follow_one_order():
    assert tuple(CONDITION_COLOURS) == CONDITIONS


def test_a_legend_names_each_label_once_and_conditions_first_in_their_order():
    figure = new_figure()
    panels = figure.subplots(1, 2)
    for axes, names in zip(panels, [("other", "shuffled", "trained"), ("trained", "untrained")], strict=True):
        for name in names:
            axes.plot([0, 1], label=name)
    add_legend(figure)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["untrained", "trained", "shuffled", "other"]
    add_legend(panels[0])
    assert [text.get_text() for text in panels[0].get_legend().get_texts()] == ["trained", "shuffled", "other"]


def test_error_bars_reach_to_both_ends_and_have_none_where_an_end_is_unknown():
    rows = pd.DataFrame({"r2": [0.5, 0.5, np.inf, 0.5], "low": [0.3, np.nan, 1, 0.6], "high": [0.9, np.inf, 2, 0.7]})
    assert error_lengths(rows, "r2") == pytest.approx(np.array([[0.2, 0, 0, 0], [0.4, 0, 0, 0.2]]))
