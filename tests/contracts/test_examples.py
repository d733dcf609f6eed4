"""Examples are whole records that every service would take."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker

from contracts import envelope_of, event_class, event_classes, headers_of, validate
from contracts.examples import Example, read_examples
from contracts.generate import EXAMPLES, ROOT
from contracts.releases import present_schemas
from contracts.topics import TOPICS

ALL = read_examples(EXAMPLES)
WITH_BODY = [example for example in ALL if example.body is not None]
CLOUDEVENTS = ROOT.parent / "shared" / "peers" / "cloudevents" / "cloudevents-1.0.schema.json"


def named(example: Example) -> str:
    return example.name


def test_every_event_has_an_example_and_every_example_an_event() -> None:
    tombstones = {topic.tombstone for topic in TOPICS.values() if topic.tombstone}
    assert {example.type for example in ALL} == event_classes().keys() | tombstones
    assert {example.type for example in ALL if example.body is None} == tombstones


@pytest.mark.parametrize("example", WITH_BODY, ids=named)
def test_bodies_follow_the_schema_and_come_back_unchanged(example: Example) -> None:
    Draft202012Validator(present_schemas()[example.type], format_checker=FormatChecker()).validate(example.body)
    event = validate(example.type, example.encoded_body or b"")
    assert type(event) is event_class(example.type)
    assert json.loads(event.model_dump_json(exclude_unset=True)) == example.body


@pytest.mark.parametrize("example", ALL, ids=named)
def test_headers_are_an_envelope_and_come_back_unchanged(example: Example) -> None:
    envelope = envelope_of(example.encoded_headers, topic="", partition=-1, offset=-1, key=example.key)
    assert sorted(headers_of(envelope)) == sorted(example.encoded_headers)
    assert (envelope.type, envelope.subject) == (example.type, example.key)
    assert envelope.traceparent


@pytest.mark.parametrize("example", ALL, ids=named)
def test_examples_are_invented(example: Example) -> None:
    text = json.dumps(example.body)
    assert "@" not in text.replace("@example.org", "")


def structured(example: Example) -> dict[str, Any]:
    """The record in the JSON format of CloudEvents, which the peers' schema describes."""
    attributes = {name.removeprefix("ce_"): value for name, value in example.headers.items() if name.startswith("ce_")}
    if "content-type" in example.headers:
        attributes["datacontenttype"] = example.headers["content-type"]
    return {**attributes, "data": example.body}


@pytest.mark.skipif(not CLOUDEVENTS.exists(), reason="../shared/peers is absent: the CloudEvents schema is not copied")
def test_records_are_cloudevents() -> None:
    validator = Draft7Validator(json.loads(CLOUDEVENTS.read_text()), format_checker=FormatChecker())
    for example in ALL:
        validator.validate(structured(example))
    assert not validator.is_valid({**structured(ALL[0]), "id": ""})
    assert not validator.is_valid({name: value for name, value in structured(ALL[0]).items() if name != "source"})


def test_attributes_have_names_and_times_that_cloudevents_allows() -> None:
    for example in ALL:
        names = [name for name in structured(example) if name != "data"]
        assert all(name.isascii() and name.isalnum() and name.islower() and len(name) <= 20 for name in names)
        assert datetime.fromisoformat(example.headers["ce_time"]).tzinfo is not None


def test_a_file_that_is_no_record_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "some.v1").mkdir()
    (tmp_path / "some.v1" / "1.json").write_text('{"body": {}}')
    with pytest.raises(KeyError, match="headers"):
        read_examples(tmp_path)
