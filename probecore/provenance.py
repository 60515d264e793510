"""Which code a step runs, by content.

The modules of a step are found by following the `import` statements from its entry module, inside
functions too, without importing anything. A module outside the step's own package stands for its
whole package (or for itself, at the top level and beside the packages of the measures), which is also
how ``dvc.yaml`` names code; so both tools rerun the same steps after an edit. Who asks for the list of
the measures depends on all of them; no measure asks.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent

MEASURES = "probecore.measures"
"""The package that lists the measures and holds their packages."""


def package_of(step: str) -> str:
    """Name the package of a step: ``"probecore.train"``, ``"probecore.measures.anova"``."""
    measure = f"{MEASURES}.{step}"
    return measure if _folder_of(measure).is_dir() else f"{PACKAGE.name}.{step}"


def code_of(entry: str) -> list[Path]:
    """Files of the package that the module `entry` runs, sorted, relative to the package's parent.

    Parameters
    ----------
    entry : str
        A module of a step, e.g. ``"probecore.train.run"``.
    """
    home, modules = _unit(entry), imported_modules(entry)
    units = {_unit(module) for module in modules} - {home}
    own = {path for module in modules if _unit(module) == home and (path := _path_of(module))}
    templates = {file for file in _files_of(home) if file.suffix != ".py"}
    package = {path for path in [home / "__init__.py"] if path.is_file()}
    files = {file for unit in units for file in _files_of(unit)} | own
    return sorted(file.relative_to(PACKAGE.parent) for file in files | templates | package)


def code_units(step: str) -> list[str]:
    """What the whole step depends on, as ``dvc.yaml`` writes it: packages and top-level modules."""
    entries = [_module_name(path) for path in sorted(_folder_of(package_of(step)).rglob("*.py"))]
    units = {_unit(module) for entry in entries for module in imported_modules(entry)}
    outermost = {unit for unit in units if units.isdisjoint(unit.parents)}
    return sorted(unit.relative_to(PACKAGE.parent).as_posix() for unit in outermost)


def code_hash(entry: str) -> str:
    """SHA-256 over the names and contents of `code_of`."""
    digest = hashlib.sha256()
    for path in code_of(entry):
        digest.update(path.as_posix().encode() + b"\0" + (PACKAGE.parent / path).read_bytes() + b"\0")
    return digest.hexdigest()


@functools.cache
def imported_modules(entry: str) -> frozenset[str]:
    """`entry` and all modules of this package that it imports, directly or not."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        if module not in found and _path_of(module) is not None:
            found.add(module)
            waiting.extend(_imports(module))
    return frozenset(found)


@functools.cache
def _imports(module: str) -> list[str]:
    path = _path_of(module)
    assert path is not None
    names: list[str] = []
    for node in _statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path}: relative imports are not followed; name the package"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            lists = node.module != MEASURES or any(_path_of(name) is None for name in inner)
            names += [*([node.module] if lists else []), *inner]
    if any(name == f"{PACKAGE.name}.__version__" for name in names):
        names.append(f"{PACKAGE.name}.version")
    if module == MEASURES:  # it imports each measure's declaration when it is asked
        names += [f"{MEASURES}.{declared.parent.name}.measure" for declared in sorted(path.parent.glob("*/measure.py"))]
    return [name for name in names if name.split(".")[0] == PACKAGE.name and name != PACKAGE.name]


def _statements(block: ast.AST) -> Iterator[ast.AST]:
    """Those inside others too; `ast.walk` would also visit their expressions, ten times as many."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for statement in getattr(block, name, ()):
            yield statement
            yield from _statements(statement)


@functools.cache
def _unit(module: str) -> Path:
    """The package that the module stands in for, or its own file."""
    package, *inner = module.split(".")[1:]
    if f"{PACKAGE.name}.{package}" == MEASURES and inner:
        package = f"{package}.{inner[0]}"
    folder, path = _folder_of(f"{PACKAGE.name}.{package}"), _path_of(module)
    assert path is not None
    return folder if folder.is_dir() else path


def _files_of(unit: Path) -> list[Path]:
    if unit.is_file():
        return [unit]
    return [path for path in unit.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


@functools.cache
def _path_of(module: str) -> Path | None:
    path = _folder_of(module)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _folder_of(module: str) -> Path:
    return PACKAGE.parent.joinpath(*module.split("."))


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
