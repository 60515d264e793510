import base64
import hashlib
import json
import re
import zlib
from typing import Any

import numpy as np
import pytest

from probecore.measures import MEASURES, declaration
from probecore.report.exciting import _thumbnails
from probecore.report.filters import FIRST_LINE, packed
from probecore.report.kernels import _small

from .support import HOSTILE, FakeStudy, add_atlas, add_mechanism, tiny_dataset


def data_of(html: str) -> list[dict[str, Any]]:
    """What the page knows, with the bytes where their lines are named."""
    start = html.index('id="filters.data">') + len('id="filters.data">')
    first, *later = unpacked(html[start : html.index("</template>", start)])
    studies: list[dict[str, Any]] = json.loads(first)
    for study in studies:
        for column in study["columns"]:
            for read_later in (column["cells"], column["history"]):
                read_later.update({name: later[line - 1].decode() for name, line in read_later.items()})
        for profile in study["profiles"]:
            profile["cells"] = later[profile["cells"] - 1].decode()
        for kernel in study["kernels"].values():
            kernel["bytes"] = later[kernel["bytes"] - 1]
        for name in ("pixels", "of") if study["exciting"] else ():
            study["exciting"][name] = later[study["exciting"][name] - 1]
    return studies


def unpacked(text: str) -> list[bytes]:
    return [zlib.decompress(base64.b64decode(part)) for part in re.findall("<i>(.*?)</i>", text)]


def test_the_page_has_every_filter_of_the_first_and_last_checkpoint(study: FakeStudy) -> None:
    html = study.build()
    (zeta,) = data_of(html)
    assert zeta["experiment"] == "zeta"
    assert zeta["rows"] == {
        "network": ["trained-0"] * 4 + ["shuffled-0"] * 4,
        "epoch": [3, 3, 0, 0] * 2,
        "layer": ["conv1", HOSTILE, *["conv1"] * 6],
        "filter": [0, 1] * 4,
        "condition": ["trained", "trained", "untrained", "untrained", "shuffled", "shuffled", "untrained", "untrained"],
    }
    (column,) = zeta["columns"]
    assert column["cells"]["value"] == "0.375,1.375,0,1,0.375,1.375,0,1"
    assert column["cells"]["p_bh"] == ",,,,,,,"
    assert zeta["removal"] == ["none"] * 8
    assert column["says"] == declaration("recos").quantities["norm"]
    assert HOSTILE not in html


def test_equal_bytes_twice(study: FakeStudy) -> None:
    assert study.build() == study.build()


def test_a_policy_names_the_scripts_of_the_page(study: FakeStudy) -> None:
    policy = study.build().split('Content-Security-Policy" content="', 1)[1].split('"', 1)[0]
    assert policy.count("sha256-") == 3
    assert "script-src" in policy and "'unsafe-inline'; script" in policy


@pytest.mark.parametrize("text", ["</script>", "<!--", "a\u2028b"])
def test_data_cannot_end_its_element(text: str) -> None:
    written = packed([text])
    assert re.fullmatch(r"<i>[\w+/=]+</i>", written)
    assert json.loads(unpacked(written)[0]) == [text]


def test_bytes_are_lines_of_their_own() -> None:
    first, *later = unpacked(packed({"one": b"1,2", "more": [b"3"]}))
    assert (json.loads(first), later) == ({"one": 1, "more": [2]}, [b"1,2", b"3"])


def test_a_number_leads_to_its_line(study: FakeStudy) -> None:
    add_mechanism(study)
    (zeta,) = data_of(study.build())
    source = zeta["sources"]["Mechanism"]
    path = study.root / source["file"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == source["sha256"]
    assert source["parameters"] == '{"threshold": 0.3}'
    assert source["command"] == "snakemake results/mechanism/zeta/filters.csv"
    lines = path.read_text().splitlines()
    (column,) = [column for column in zeta["columns"] if column["measure"] == "Mechanism"]
    for row, line in enumerate(column["cells"]["line"].split(",")):
        cells = dict(zip(lines[0].split(","), lines[int(line) - 1].split(","), strict=True))
        assert int(line) >= FIRST_LINE
        assert [cells[key] for key in ("network", "epoch", "layer", "filter")] == [
            str(zeta["rows"][key][row]) for key in ("network", "epoch", "layer", "filter")
        ]
        assert float(cells["value"]) == float(column["cells"]["value"].split(",")[row])


def test_values_between_stand_with_the_last_checkpoint(study: FakeStudy) -> None:
    (zeta,) = data_of(study.build())
    assert zeta["columns"][0]["history"] == {"1": "0.125,,,,0.125,1.125,,"}


def test_kernels_are_those_of_the_checkpoints(study: FakeStudy) -> None:
    (zeta,) = data_of(study.build())
    assert set(zeta["kernels"]) == {f"{name}/{epoch}/conv1" for name in ("trained-0", "shuffled-0") for epoch in (0, 3)}
    kernel = zeta["kernels"]["trained-0/3/conv1"]
    assert (kernel["shape"], kernel["mean"], kernel["scale"]) == ([1, 3, 3], False, [2, 2])
    steps = np.frombuffer(kernel["bytes"], np.int8).reshape(2, 9)
    np.testing.assert_allclose(2 / 127 * steps, 2 * np.linspace(-1, 1, 18).reshape(2, 9), atol=2 / 127)


def test_large_kernels_are_means_over_channels() -> None:
    weights = np.random.default_rng(0).normal(size=(3, 40, 3, 3)).astype(np.float32)
    kernel = _small(weights)
    assert (kernel["shape"], kernel["mean"]) == ([1, 3, 3], True)
    steps = np.frombuffer(kernel["bytes"], np.int8).reshape(3, 3, 3)
    shown = steps * np.array(kernel["scale"])[:, None, None] / 127
    np.testing.assert_allclose(shown, weights.mean(axis=1), atol=0.01)


def test_a_matrix_of_a_filter_names_the_classes(study: FakeStudy) -> None:
    add_mechanism(study)
    html = study.build()
    (zeta,) = data_of(html)
    (profile,) = zeta["profiles"]
    assert profile["levels"] == [["one", "two", HOSTILE]] * 2
    assert profile["rows"] == [4, 5, 0, 1]
    assert profile["cells"].split("\n") == ["0,-0.5,-1,1,0.5,0,2,1.5,1"] * 4
    assert zeta["removable"] == ["conv1", HOSTILE]
    assert zeta["removal"] == ["not", "shown", "not", "not", "not", "shown", "not", "not"]
    assert HOSTILE not in html and html == study.build()


def test_images_that_excite_a_filter(study: FakeStudy) -> None:
    add_atlas(study)
    html = study.build()
    (zeta,) = data_of(html)
    found = zeta["exciting"]
    pixels = np.frombuffer(found["pixels"], np.uint8).reshape(2, *found["shape"])
    assert (found["shape"], found["step"], found["labels"]) == ([8, 8, 1], 1, ["two", "two"])
    images = tiny_dataset().test.inputs[[1, 4]].transpose(0, 2, 3, 1)
    assert np.abs(pixels.astype(int) - images).max() <= 16 and len(np.unique(pixels)) <= 16
    own = [[1, 4, 2.5, [1, 2, 6, 7]], [0, 1, 0, [0, 0, 0, 0]]]
    assert json.loads(found["of"]) == dict.fromkeys(("0", "1", "4", "5"), own)
    assert HOSTILE not in html and html == study.build()


def test_large_images_are_thinned() -> None:
    assert _thumbnails(np.zeros((2, 3, 100, 60), np.uint8))[1].shape == (2, 25, 15, 3)


@pytest.mark.parametrize("name", MEASURES)
def test_answers_stand_on_declared_tables(name: str) -> None:
    measure = declaration(name)
    assert measure.answer.table in {*measure.keys, *measure.gathered, "filters"}
    assert all(measure.quantities.values())
    assert set(measure.importance) <= set(measure.quantities)
    for profile in measure.profiles:
        assert {*profile.by, "layer", "filter"} == set(measure.keys[profile.table])
