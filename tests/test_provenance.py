"""Which files count as the code of a step."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from probecore import inputs, provenance
from tests.conftest import ROOT

MODULES = {
    "__init__.py": "from probecore.version import __version__\\nfrom probecore import unused\\n",
    "version.py": '__version__ = "1"\n',
    "top.py": "",
    "unused.py": "",
    "measure/__init__.py": "",
    "measure/run.py": """
from typing import TYPE_CHECKING

import numpy
from probecore.measure.near import number

if TYPE_CHECKING:
    from probecore.measure import only_for_types

def run():
    import probecore.measure.late
    from probecore.other.part import thing
""",
    "measure/near.py": "from probecore import top\n",
    "measure/only_for_types.py": "",
    "measure/late.py": "",
    "measure/figures.py": "from probecore import __version__\n",
    "measure/page.html.j2": "<p>",
    "measure/__pycache__/run.cpython-311.pyc": "",
    "other/__init__.py": "",
    "other/part.py": "from probecore.measure.near import number\n",
    "other/neighbour.py": "",
    "measures/__init__.py": "MEASURES = ('one', 'two')\n",
    "measures/tables.py": "",
    "measures/network.py": "from probecore.measures.tables import NAMES\n",
    "measures/one/measure.py": "from probecore import top\n",
    "measures/one/run.py": "from probecore.measures.network import Network\n",
    "measures/one/summary.py": "from probecore.measures.tables import gather\n",
    "measures/two/measure.py": "",
    "measures/two/run.py": "from probecore.measures import tables\n",
    "report/page.py": "from probecore.measures import MEASURES\n",
    "home/Snakefile": "",
    "home/workflow/rules/measure.smk": "",
    "home/measure.py": "",
}
OF_MEASURE_RUN = """
    measure/__init__.py measure/late.py measure/near.py measure/only_for_types.py measure/page.html.j2 measure/run.py
    other/__init__.py other/neighbour.py other/part.py top.py
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package as installed, with a step `measure` that imports in every way."""
    folder = tmp_path / "probecore"
    for name, text in MODULES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(provenance, "PACKAGE", folder)
    forget()
    yield folder
    forget()


def forget() -> None:
    for cached in (provenance.imported_modules, provenance._imports, provenance._unit, provenance._path_of):
        cached.cache_clear()


def test_follows_imports_wherever_they_stand() -> None:
    found = [path.as_posix() for path in provenance.code_of("probecore.measure.run")]
    assert found == [f"probecore/{name}" for name in OF_MEASURE_RUN.split()]


def test_the_version_counts_where_it_is_imported() -> None:
    assert Path("probecore/version.py") in provenance.code_of("probecore.measure.figures")
    assert Path("probecore/version.py") not in provenance.code_of("probecore.measure.run")


def test_units_of_a_step_are_packages_and_top_level_modules() -> None:
    assert provenance.code_units("measure") == [
        f"probecore{name}" for name in ("/measure", "/other", "/top.py", "/version.py")
    ]


def test_an_edit_in_a_measure_or_its_texts_is_none_in_another() -> None:
    found = [path.as_posix() for path in provenance.code_of("probecore.measures.one.run")]
    assert found == [f"probecore/measures/{name}" for name in ("network.py", "one/run.py", "tables.py")]
    assert provenance.code_units("one") == [
        f"probecore/{name}" for name in ("measures/network.py", "measures/one", "measures/tables.py", "top.py")
    ]
    assert "probecore/measures/network.py" not in map(str, provenance.code_of("probecore.measures.one.summary"))


def test_who_asks_for_the_list_of_measures_depends_on_all() -> None:
    assert provenance.code_units("report") == ["probecore/measures", "probecore/report", "probecore/top.py"]
    found = {path.as_posix() for path in provenance.code_of("probecore.report.page")}
    assert {"probecore/measures/one/run.py", "probecore/measures/two/measure.py", "probecore/top.py"} <= found


@pytest.mark.parametrize("name", OF_MEASURE_RUN.split())
def test_hash_changes_with_one_byte_of_the_code(name: str, package: Path) -> None:
    before = provenance.code_hash("probecore.measure.run")
    with (package / name).open("a") as file:
        file.write("#")
    assert provenance.code_hash("probecore.measure.run") != before


@pytest.mark.parametrize(
    "name",
    ["unused.py", "measure/figures.py", "measure/__pycache__/run.cpython-311.pyc", "home/Snakefile", "home/new.py"],
)
def test_hash_does_not_change_with_anything_else(name: str, package: Path) -> None:
    before = provenance.code_hash("probecore.measure.run")
    with (package / name).open("a") as file:
        file.write("#")
    assert provenance.code_hash("probecore.measure.run") == before


def test_hash_depends_on_names_too(package: Path) -> None:
    before = provenance.code_hash("probecore.measure.run")
    (package / "measure/page.html.j2").rename(package / "measure/other.html.j2")
    assert provenance.code_hash("probecore.measure.run") != before


def test_the_hash_is_written_when_it_changes(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = inputs.code_file("probecore.measure.run")
    inputs.write_code_hash("probecore.measure.run")
    assert file.read_text().splitlines()[0] == provenance.code_hash("probecore.measure.run")
    os.utime(file, (1, 1))
    inputs.write_code_hash("probecore.measure.run")
    assert file.stat().st_mtime == 1
    (package / "measure/late.py").write_text("#")
    inputs.write_code_hash("probecore.measure.run")
    assert file.stat().st_mtime > 1
    assert file.read_text().splitlines()[0] == provenance.code_hash("probecore.measure.run")
    os.utime(file, (1, 1))
    monkeypatch.setattr(inputs, "versions", lambda: {"torch": "0"})
    inputs.write_code_hash("probecore.measure.run")
    assert file.stat().st_mtime > 1
    assert "torch 0" in file.read_text().splitlines()


def test_statements_are_all_that_can_import() -> None:
    for path in sorted((ROOT / "probecore").rglob("*.py")):
        tree = ast.parse(path.read_text())
        found = [node for node in provenance._statements(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert set(found) == {node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}


def test_imports_are_found_in_every_kind_of_block() -> None:
    source = (
        "try:\n import a\nexcept E:\n import b\nelse:\n import c\nfinally:\n import d\n"
        "match x:\n case 1:\n  import e\nwith f:\n async def g():\n  if h:\n   pass\n  else:\n   import i\n"
    )
    nodes = [node for node in provenance._statements(ast.parse(source)) if isinstance(node, ast.Import)]
    assert sorted(node.names[0].name for node in nodes) == list("abcdei")
