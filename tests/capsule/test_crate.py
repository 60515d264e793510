"""The metadata: every MUST of the profiles that it names, and read back as written.

The profiles are RO-Crate 1.1, Workflow RO-Crate 1.0, Process Run Crate 0.5 and Workflow Run Crate 0.5.
"""

import dataclasses
import json
from typing import Any

import pytest

from probecore.capsule.crate import METADATA, PROFILES, Author, crate_metadata, read_crate
from probecore.errors import InputError

from .support import FILES, STUDY, metadata

GRAPH: list[dict[str, Any]] = metadata()["@graph"]
ENTITIES = {entity["@id"]: entity for entity in GRAPH}


def types(entity: dict[str, Any]) -> set[str]:
    return {entity["@type"]} if isinstance(entity["@type"], str) else set(entity["@type"])


def links(value: Any) -> list[str]:
    """All that a value refers to."""
    if isinstance(value, list):
        return [link for item in value for link in links(item)]
    return [value["@id"]] if isinstance(value, dict) else []


def test_descriptor_and_root() -> None:
    assert ENTITIES[METADATA]["about"] == {"@id": "./"}
    assert "https://w3id.org/ro/crate/1.1" in links(ENTITIES[METADATA]["conformsTo"])
    root = ENTITIES["./"]
    assert {"name", "description", "datePublished", "license"} <= set(root)
    assert set(links(root["conformsTo"])) == set(PROFILES)
    assert all(types(ENTITIES[address]) == {"CreativeWork"} for address in PROFILES)


def test_identifiers_are_unique_and_properties_are_flat() -> None:
    assert len(ENTITIES) == len(GRAPH)
    for entity in GRAPH:
        assert {"@id", "@type"} <= set(entity)
        values = [item for value in entity.values() for item in (value if isinstance(value, list) else [value])]
        assert all(set(value) == {"@id"} for value in values if isinstance(value, dict))
        assert not any(isinstance(value, list) and len(value) == 1 for value in entity.values())


def test_all_that_is_referred_to_is_described_or_is_an_address() -> None:
    targets = {link for entity in GRAPH for value in entity.values() for link in links(value)}
    assert [link for link in targets if link not in ENTITIES and not link.startswith("https://")] == []


def test_every_file_is_described_and_part_of_the_whole() -> None:
    files = {name for name, entity in ENTITIES.items() if "File" in types(entity)}
    assert files == {name.replace(" ", "%20") for name in FILES}
    assert set(links(ENTITIES["./"]["hasPart"])) == files


def test_the_main_entity_is_the_workflow_that_ran() -> None:
    (main,) = links(ENTITIES["./"]["mainEntity"])
    assert types(ENTITIES[main]) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    (language,) = links(ENTITIES[main]["programmingLanguage"])
    assert types(ENTITIES[language]) == {"ComputerLanguage"}
    (run,) = [entity for entity in GRAPH if types(entity) == {"CreateAction"}]
    assert links(run["instrument"]) == [main]
    assert links(ENTITIES["./"]["mentions"]) == [run["@id"]]
    assert set(links(run["result"])) == {name for name in ENTITIES if name.startswith("results/")}
    assert {"params.yaml", "own/my%20net.py", "recorded_on.csv"} == set(links(run["object"]))


def test_formal_parameters() -> None:
    (parameter,) = links(ENTITIES["Snakefile"]["input"])
    assert types(ENTITIES[parameter]) == {"FormalParameter"}
    assert ENTITIES[parameter]["additionalType"] == "File"
    assert links(ENTITIES[parameter]["workExample"]) == ["params.yaml"]
    assert links(ENTITIES["params.yaml"]["exampleOfWork"]) == [parameter]


@pytest.mark.parametrize("authors", [STUDY.authors, STUDY.authors[:1], STUDY.authors[1:]])
def test_read_back_as_written(authors: tuple[Author, ...]) -> None:
    written = metadata(study=dataclasses.replace(STUDY, authors=authors))
    study, files = read_crate(json.dumps(written).encode(), "x.zip")
    assert set(files) == set(FILES)
    assert (study.title, study.authors, study.licence) == (STUDY.title, authors, STUDY.licence)
    assert crate_metadata(study, files) == written


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"@graph": 3}', b'{"@graph": [{}]}', b"\xff"])
def test_other_json_is_refused(text: bytes) -> None:
    with pytest.raises(InputError, match="x.zip"):
        read_crate(text, "x.zip")
