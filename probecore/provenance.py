"""Which code a step runs, by content.

The modules of a step are found by following the `import` statements from its entry module, inside
functions too, without importing anything. A module outside the step's own package stands for its
whole package (or, at the top level, for itself), which is also how ``dvc.yaml`` names code; so both
tools rerun the same steps after an edit.
"""

import ast
import functools
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent


def code_of(entry: str) -> list[Path]:
    """Files of the package that the module `entry` runs, sorted, relative to the package's parent.

    Parameters
    ----------
    entry : str
        A module of a step, e.g. ``"probecore.train.run"``.
    """
    home = entry.split(".")[1]
    units = {_unit(module, home) for module in imported_modules(entry)}
    files = {file for unit in units for file in _files_of(unit)}
    templates = {file for file in _files_of(PACKAGE / home) if file.suffix != ".py"}
    package = {path for path in [PACKAGE / home / "__init__.py"] if path.is_file()}
    return sorted(file.relative_to(PACKAGE.parent) for file in files | templates | package)


def code_units(step: str) -> list[str]:
    """What the whole step depends on, as ``dvc.yaml`` writes it: packages and top-level modules."""
    entries = [_module_name(path) for path in sorted((PACKAGE / step).rglob("*.py"))]
    modules = {module for entry in entries for module in imported_modules(entry)}
    return sorted({_unit(module, "").relative_to(PACKAGE.parent).as_posix() for module in modules})


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
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path}: relative imports are not followed; name the package"
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    if any(name == f"{PACKAGE.name}.__version__" for name in names):
        names.append(f"{PACKAGE.name}.version")
    return [name for name in names if name.split(".")[0] == PACKAGE.name and name != PACKAGE.name]


def _unit(module: str, home: str) -> Path:
    """The step's own modules stand for themselves, others for their package."""
    path = _path_of(module)
    assert path is not None
    part = module.split(".")[1]
    return path if part == home or not (PACKAGE / part).is_dir() else PACKAGE / part


def _files_of(unit: Path) -> list[Path]:
    if unit.is_file():
        return [unit]
    return [path for path in unit.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def _path_of(module: str) -> Path | None:
    path = PACKAGE.parent.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
