"""In which universes a claim is judged, and which tables it reads there. Not here: its verdicts."""

import hashlib
from pathlib import Path

from probecore.claims.params import Declarations, Test
from probecore.files import sha256_of
from probecore.multiverse import DECLARED, Fans, Universe, place


def universes_of(test: Test, fans: Fans) -> list[Universe]:
    """List the universes of a claim, as declared first.

    They are those of all experiments whose tables it reads, without those in which it would choose the same rows of the
    same tables.
    """
    of_experiments = [fans.get((test.step, experiment), [DECLARED]) for experiment in test.experiments_read]
    shared = (each for each in of_experiments[0] if all(each in others for others in of_experiments))
    return [each for each in shared if not each.columns - test.where.keys()]


def test_in(universe: Universe, test: Test) -> Test:
    """The test as it is read in a universe."""
    where = {
        column: universe.changed.get(column, value) if column in universe.columns else value
        for column, value in test.where.items()
    }
    return test.model_copy(update={"where": where})


def tables_of(test: Test, fans: Fans) -> list[str]:
    """The tables that a claim reads in all its universes, below ``results/``."""
    folders = dict.fromkeys(universe.folder for universe in universes_of(test, fans))
    return [place(table, folder) for folder in folders for table in test.tables]


def tables_read(declarations: Declarations, fans: Fans) -> list[Path]:
    """The tables that the claims read, sorted."""
    tests = [claim.test for claim in declarations.claims if claim.test is not None]
    return [Path("results", name) for name in sorted({name for test in tests for name in tables_of(test, fans)})]


def digest_of_tables(test: Test, fans: Fans, folder: Path = Path()) -> str:
    """SHA-256 over names and contents of `tables_of` in a study's folder."""
    paths = {name: folder / "results" / name for name in tables_of(test, fans)}
    lines = [f"{name} {sha256_of(path) if path.exists() else 'missing'}" for name, path in paths.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
