"""What a capsule says of itself: the metadata of a Workflow Run RO-Crate, as people and other programs read it.

Profiles: RO-Crate 1.1, Workflow RO-Crate 1.0, Process Run Crate 0.5 and Workflow Run Crate 0.5. It says nothing that
the study does not know: no time of the run, for no output of a study holds one. Not here: files.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from probecore.errors import InputError, reading

METADATA = "ro-crate-metadata.json"

RESULTS = ("data/", "results/")
"""Where the workflow writes."""

WORKFLOW, PARAMS = "Snakefile", "params.yaml"

MOST_BYTES = 1 << 26
"""Of the metadata."""

CONTEXT = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"

FORMATS = {
    ".csv": "text/csv",
    ".h5": "application/x-hdf5",
    ".html": "text/html",
    ".json": "application/json",
    ".lock": "application/yaml",
    ".md": "text/markdown",
    ".png": "image/png",
    ".py": "text/x-python",
    ".safetensors": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
}
"""Media types by the ends of names."""


@dataclass(frozen=True)
class Author:
    """A person or an organisation; `orcid` is an address or empty."""

    name: str
    orcid: str = ""
    is_person: bool = True


@dataclass(frozen=True)
class Content:
    """What is known of a file in a capsule: its size in bytes, and its SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Study:
    """What a capsule says of its study.

    Parameters
    ----------
    title, abstract : of the study, in words
    authors, licence : who made it, and the SPDX identifier of what others may do with it
    revision, date : the Git commit that recorded it, and its day (ISO 8601)
    version : of this library
    left_out : what the workflow made and the capsule does not hold; read from a capsule, the abstract tells it
    """

    title: str
    abstract: str
    authors: tuple[Author, ...]
    licence: str
    revision: str
    date: str
    version: str
    left_out: tuple[str, ...] = ()


def crate_metadata(study: Study, files: Mapping[str, Content]) -> dict[str, Any]:
    """Describe a study and its files as an RO-Crate.

    Parameters
    ----------
    study : what is said of it
    files : all files of the capsule but the metadata, by name

    Returns
    -------
    dict
        JSON-LD, as ``ro-crate-metadata.json`` holds it.
    """
    graph = [
        _descriptor(),
        _root(study, list(files)),
        *_profiles(),
        *_workflow(study, files),
        *(_file(name, content) for name, content in files.items() if name != WORKFLOW),
        _run(study, files),
        *_people(study),
    ]
    return {"@context": CONTEXT, "@graph": graph}


def _link(name: str) -> dict[str, str]:
    return {"@id": name if ":" in name or name.startswith("#") else quote(name)}


def _links(names: Sequence[str]) -> Any:
    """Links to several things, or the one link: RO-Crate has no lists of one."""
    links = [_link(name) for name in names]
    return links[0] if len(links) == 1 else links


def _descriptor() -> dict[str, Any]:
    conforms = ["https://w3id.org/ro/crate/1.1", "https://w3id.org/workflowhub/workflow-ro-crate/1.0"]
    return {"@id": METADATA, "@type": "CreativeWork", "about": _link("./"), "conformsTo": _links(conforms)}


def _root(study: Study, parts: Sequence[str]) -> dict[str, Any]:
    missing = f" Not in it, for it can be made again: {', '.join(study.left_out)}." if study.left_out else ""
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": study.title,
        "description": study.abstract + missing,
        "datePublished": study.date,
        "license": _link(_licence_id(study)),
        "author": _links([_author_id(author) for author in study.authors]),
        "version": study.revision,
        "conformsTo": _links(list(PROFILES)),
        "mainEntity": _link(WORKFLOW),
        "mentions": _link("#run"),
        "hasPart": _links(parts),
    }


def _profiles() -> Iterator[dict[str, Any]]:
    for address, (name, version) in PROFILES.items():
        yield {"@id": address, "@type": "CreativeWork", "name": name, "version": version}


def _workflow(study: Study, files: Mapping[str, Content]) -> Iterator[dict[str, Any]]:
    yield _file(WORKFLOW, files[WORKFLOW]) | {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "The workflow of probecore",
        "description": "Trains networks and measures them, step by step, as params.yaml says.",
        "version": study.version,
        "programmingLanguage": _link(SNAKEMAKE),
        "input": _link("#params"),
    }
    yield {
        "@id": SNAKEMAKE,
        "@type": "ComputerLanguage",
        "name": "Snakemake",
        "identifier": _link("https://doi.org/10.1093/bioinformatics/bts480"),
        "url": _link("https://snakemake.github.io"),
    }
    yield {
        "@id": "#params",
        "@type": "FormalParameter",
        "name": PARAMS,
        "description": "All parameters of the study.",
        "additionalType": "File",
        "encodingFormat": FORMATS[".yaml"],
        "valueRequired": True,
        "workExample": _link(PARAMS),
    }


def _file(name: str, content: Content) -> dict[str, Any]:
    entity = {
        "@id": quote(name),
        "@type": "File",
        "name": name,
        "contentSize": str(content.size),
        "sha256": content.sha256,
        "encodingFormat": FORMATS.get(PurePosixPath(name).suffix, "text/plain"),
    }
    more = {PARAMS: {"exampleOfWork": _link("#params")}, "README.md": {"about": _link("./")}}
    return entity | more.get(name, {})


def _run(study: Study, files: Mapping[str, Content]) -> dict[str, Any]:
    inputs = [name for name in files if name in (PARAMS, "recorded_on.csv") or name.startswith("own/")]
    results = [name for name in files if name.startswith(RESULTS)]
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "The run that dvc.lock records",
        "description": "recorded_on.csv names its processor, the versions of libraries, and what primitives compute",
        "instrument": _link(WORKFLOW),
        "agent": _links([_author_id(author) for author in study.authors]),
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "object": _links(inputs),
        "result": _links(results),
    }


def _people(study: Study) -> Iterator[dict[str, Any]]:
    for author in study.authors:
        kind = "Person" if author.is_person else "Organization"
        yield {"@id": _author_id(author), "@type": kind, "name": author.name}
    licence = {"@id": _licence_id(study), "@type": "CreativeWork", "name": study.licence}
    yield licence | {"description": f"Licence {study.licence}, by its SPDX identifier"}


def _author_id(author: Author) -> str:
    return author.orcid or f"#{quote(author.name)}"


def _licence_id(study: Study) -> str:
    return f"https://spdx.org/licenses/{study.licence}"


def read_crate(text: bytes, where: str) -> tuple[Study, dict[str, Content]]:
    """What `crate_metadata` was given, from its JSON.

    Raises
    ------
    InputError
        If it is no metadata of a capsule.
    """
    with reading(where, f"{METADATA} is not that of a capsule", "use one that `probecore pack` wrote"):
        entities = {entity["@id"]: entity for entity in json.loads(text)["@graph"]}
        root, workflow = entities["./"], entities[WORKFLOW]
        if {link["@id"] for link in root["conformsTo"]} != set(PROFILES):
            raise InputError(f"{where}: another kind of RO-Crate; use one that `probecore pack` wrote")
        files = {
            unquote(name): Content(int(entity["contentSize"]), str(entity["sha256"]))
            for name, entity in entities.items()
            if "File" in entity["@type"]
        }
        linked = root["author"] if isinstance(root["author"], list) else [root["author"]]
        authors = tuple(_read_author(entities[link["@id"]]) for link in linked)
        study = Study(
            title=str(root["name"]),
            abstract=str(root["description"]),
            authors=authors,
            licence=root["license"]["@id"].rpartition("/")[2],
            revision=str(root["version"]),
            date=str(root["datePublished"]),
            version=str(workflow["version"]),
        )
    return study, files


def _read_author(entity: Mapping[str, Any]) -> Author:
    address = entity["@id"]
    return Author(str(entity["name"]), "" if address.startswith("#") else address, entity["@type"] == "Person")
