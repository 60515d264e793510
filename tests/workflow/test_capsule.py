"""`probecore pack`, `pull` of a capsule and `unpack`, on a study that was really built."""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator

import pytest

from probecore.params import MEASURES
from tests.workflow.repository import Repository, damage

CITATION = """\
cff-version: 1.2.0
title: A tiny study
authors:
  - {given-names: Ada, family-names: Lovelace, orcid: "https://orcid.org/0000-0002-1825-0097"}
  - name: A team
license: CC-BY-4.0
"""


@pytest.fixture
def citable(repository: Repository) -> Repository:
    """A recorded study that says whose it is, and has no remote."""
    (repository.folder / "CITATION.cff").write_text(CITATION)
    repository.dvc("remote", "remove", "store")
    repository.commit("whose it is")
    shutil.rmtree(repository.folder.parent / "store")
    return repository


def refusal(repository: Repository, *command: str) -> str:
    """What a command says last that ends with 2, of no more than progress and that line."""
    done = repository.probecore(*command, check=False)
    assert done.returncode == 2, done.stdout
    lines = [line for line in done.stdout.splitlines() if not line.startswith("reading ")]
    assert len(lines) == 1 and lines[0].startswith("probecore: ")
    return lines[0]


def test_packed_pulled_and_nothing_is_left_to_do(citable: Repository) -> None:
    """Elsewhere, by someone with another umask and home; and packed there again, the bytes are the same."""
    made = citable.hashes()
    assert "revision" in citable.probecore("pack", "../a.zip").stdout
    clone = citable.clone("elsewhere/deeper")
    capsule = clone.folder.parent / "their.zip"
    shutil.copy(citable.folder.parent / "a.zip", capsule)
    mask = os.umask(0o077)
    try:
        home = clone.folder.parent / "home"
        home.mkdir()
        clone.run("probecore", "pull", "../their.zip", HOME=str(home))
        assert clone.hashes() == made
        assert clone.is_recorded()
        assert clone.wanted_by_snakemake() == set()
        clone.run("probecore", "pack", "../again.zip", HOME=str(home))
    finally:
        os.umask(mask)
    assert (clone.folder.parent / "again.zip").read_bytes() == capsule.read_bytes()


def test_what_is_not_pushed_is_not_packed(citable: Repository) -> None:
    stages = citable.folder / "dvc.yaml"
    end = f"results/activations/${{key}}\n  {MEASURES[0]}:"
    stages.write_text(stages.read_text().replace(end, end.replace("\n", ":\n            push: false\n")))
    citable.commit("activations stay here")
    assert "results/activations/tiny: left out" in citable.probecore("pack", "../a.zip").stdout
    said = citable.probecore("unpack", "../a.zip").stdout
    assert "results/activations/tiny" in said and "Ada Lovelace, A team" in said and "CC-BY-4.0" in said
    clone = citable.clone("clone")
    assert "results/activations/tiny: not in the capsule" in clone.probecore("pull", "../a.zip").stdout
    assert clone.wanted_by_snakemake() == set()


def test_a_study_from_its_capsule_alone(citable: Repository) -> None:
    """Code and workflow are in it, so that without any clone nothing is left to do, and something can be done."""
    citable.probecore("pack", "../a.zip")
    citable.probecore("unpack", "../a.zip", "../alone")
    alone = Repository(citable.folder.parent / "alone")
    alone.git("init", "--quiet")
    alone.dvc("init", "--quiet")
    assert alone.hashes() == citable.hashes()
    alone.probecore("pull", "../a.zip")
    assert alone.is_recorded()
    assert alone.wanted_by_snakemake() == set()
    alone.edit("experiments.tiny.recos.polarity.images", 49)
    assert alone.wanted_by_snakemake() == {("recos", "tiny"), ("report", "")}


def test_what_is_not_recorded_and_committed_is_not_packed(citable: Repository) -> None:
    table = citable.folder / "results/train/tiny/history.csv"
    good = table.read_bytes()
    damage(table)
    assert "results/train/tiny: not as recorded" in refusal(citable, "pack", "../a.zip")
    table.write_bytes(good)
    citable.edit("experiments.tiny.recos.polarity.images", 49)
    assert "experiments.tiny.recos: not what results were made from" in refusal(citable, "pack", "../a.zip")
    citable.git("checkout", "params.yaml")
    recorded = citable.folder / "recorded_on.csv"
    recorded.write_text(recorded.read_text() + "\n")
    assert "recorded_on.csv: not as Git has it; commit it" in refusal(citable, "pack", "../a.zip")
    citable.git("checkout", "recorded_on.csv")
    (citable.folder / "CITATION.cff").write_text("title: x\n")
    assert "CITATION.cff: lacks title, authors or license" in refusal(citable, "pack", "../a.zip")
    (citable.folder / "CITATION.cff").unlink()
    assert "CITATION.cff: no such file here or above" in refusal(citable, "pack", "../a.zip")
    assert not (citable.folder.parent / "a.zip").exists()


def test_what_cannot_be_pulled_leaves_all_as_it_was(citable: Repository) -> None:
    citable.probecore("pack", "../a.zip")
    clone = citable.clone("clone")
    damage(citable.folder.parent / "a.zip")
    assert "a.zip: damaged" in refusal(clone, "pull", "../a.zip")
    assert "name one capsule and nothing else" in refusal(clone, "pull", "../a.zip", "recos@tiny")
    citable.probecore("pack", "../a.zip")
    lock = clone.folder / "dvc.lock"
    lock.write_text(lock.read_text().replace("md5: ", "md5: 0").replace("md5: 0md5", "md5: md5"))
    said = refusal(clone, "pull", "../a.zip")
    assert "has nothing that dvc.lock names here; it records revision" in said and "'A tiny study'" in said
    assert not list((clone.folder / ".dvc/cache").rglob("*.dir"))
    assert clone.hashes().keys() == {"results/metrics.json"}


@pytest.fixture
def address(citable: Repository) -> Iterator[str]:
    """The address of the folder around the study, served on this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(citable.folder.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_pulled_from_an_address(citable: Repository, address: str) -> None:
    citable.probecore("pack", "../a.zip")
    clone = citable.clone("clone")
    done = clone.probecore("pull", f"{address}/b.zip", check=False)
    assert done.returncode == 1
    assert "b.zip: File not found; try again" in done.stdout.splitlines()[-1]
    clone.probecore("pull", f"{address}/a.zip")
    assert clone.is_recorded()
    assert [path.name for path in (clone.folder / ".probecore").iterdir() if path.name.startswith("tmp")] == []
