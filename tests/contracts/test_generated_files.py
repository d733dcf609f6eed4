"""What is committed is what the event classes and the topic table say."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from contracts.generate import ROOT, differences, generated, main, write
from contracts.releases import present_schemas
from contracts.topics import TOPICS

Part = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Part:
    read: Part = json.loads((ROOT / "contracts" / "asyncapi.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.proves("PL-02")
def test_committed_files_are_the_generated_ones() -> None:
    assert differences() == [], "run python -m contracts.generate"


def test_a_difference_is_found_and_mended(tmp_path: Path) -> None:
    write(tmp_path)
    assert differences(tmp_path) == []
    (tmp_path / "docs" / "topics.md").write_text("edited by hand")
    (tmp_path / "contracts" / "schemas" / "gone.v1.schema.json").write_text("{}")
    (tmp_path / "contracts" / "asyncapi.json").unlink()
    assert differences(tmp_path) == [
        "contracts/asyncapi.json",
        "contracts/schemas/gone.v1.schema.json",
        "docs/topics.md",
    ]
    write(tmp_path)
    assert differences(tmp_path) == []


def test_check_says_which_file_differs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    monkeypatch.setattr("contracts.generate.differences", lambda: ["docs/topics.md"])
    assert main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/topics.md differs: run python -m contracts.generate\n"


def test_generating_twice_gives_the_same() -> None:
    assert generated() == generated()


@pytest.mark.parametrize("type_", sorted(present_schemas()))
def test_schemas_are_json_schema_2020_12(type_: str) -> None:
    schema = present_schemas()[type_]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["description"], "the class needs a docstring: other agencies read it"


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


def resolve(document: Part, reference: str) -> Part:
    found = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def bundled(document: Part, schema: Part) -> Part:
    """A schema of the document that a validator can follow."""
    return {**schema, "components": {"schemas": document["components"]["schemas"]}}


def test_all_references_lead_somewhere(document: Part) -> None:
    assert set(references(document))
    for reference in set(references(document)):
        assert resolve(document, reference)


def test_operations_name_messages_of_their_own_channel(document: Part) -> None:
    for name, operation in document["operations"].items():
        channel = operation["channel"]["$ref"]
        assert operation["action"] in ("send", "receive"), name
        assert operation["messages"], name
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"]), name


def test_every_reader_and_every_writer_is_an_operation(document: Part) -> None:
    wanted = {f"{topic.producer}.publish.{topic.name}" for topic in TOPICS.values()}
    wanted |= {f"{consumer}.read.{topic.name}" for topic in TOPICS.values() for consumer in topic.consumers}
    assert document["operations"].keys() == wanted


def test_channels_say_who_may_know_what_and_for_how_long(document: Part) -> None:
    for topic in TOPICS.values():
        channel = document["channels"][topic.name]
        kafka = channel["bindings"]["kafka"]
        assert (channel["address"], kafka["topic"]) == (topic.name, topic.name)
        assert (channel["x-data-class"], channel["x-order"], channel["x-key"]) == (topic.data, topic.order, topic.key)
        assert kafka["partitions"] == topic.partitions
        assert (kafka["topicConfiguration"]["retention.ms"] == -1) == (topic.keep_days is None)
        assert kafka["topicConfiguration"]["cleanup.policy"] == ["compact" if topic.compacted else "delete"]


def invalid_examples(document: Part) -> list[str]:
    """Names of the examples that their own message does not allow. AsyncAPI's schemas are a superset of draft 7."""
    found = []
    for message in document["components"]["messages"].values():
        for example in message["examples"]:
            try:
                for word in ("headers", "payload"):
                    if word in example:
                        schema = bundled(document, message[word])
                        Draft7Validator(schema, format_checker=FormatChecker()).validate(example[word])
            except ValidationError:
                found.append(example["name"])
    return found


def test_examples_in_the_document_follow_its_schemas(document: Part) -> None:
    assert all(message["examples"] for message in document["components"]["messages"].values())
    assert invalid_examples(document) == []


def test_a_wrong_example_would_be_found(document: Part) -> None:
    planted = copy.deepcopy(document)
    planted["components"]["messages"]["AccountLinked"]["examples"][0]["payload"]["level"] = "high"
    planted["components"]["messages"]["SlotReserved"]["examples"][0]["headers"]["ce_sequence"] = "one"
    planted["components"]["messages"]["identity.keys.tombstone"]["examples"][0]["headers"].pop("ce_id")
    assert len(invalid_examples(planted)) == 3
