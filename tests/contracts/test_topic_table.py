"""The topic table is whole, and public topics carry nothing about a person."""

import re
from collections.abc import Iterator
from typing import ClassVar

import pytest
from pydantic import BaseModel

from contracts import Event, event_classes
from contracts.envelope import TYPE
from contracts.schemas import Schema, schema_of
from contracts.topics import SERVICES, TOPICS, Topic, dead_letters

# fmt: off
FORBIDDEN = frozenset({
    "name", "surname", "birth", "birthday", "birthplace", "age", "address", "street", "city", "postal", "email",
    "mail", "phone", "mobile", "fax", "pseudonym", "eid", "passport", "citizenship", "nationality", "gender",
    "salutation", "religion", "iban", "bic", "tax", "answers", "message", "text", "comment", "note", "detail", "code",
    "password", "secret", "token", "sealed", "package", "ip", "agent", "filename", "signature", "subject",
})
# fmt: on
"""Words of field names that speak of a person, of what they wrote, or of what opens something."""

ALLOWED = {
    "office_name": "an office is no person",
    "message_id": "an id, not the message",
}
FREE_OBJECTS = {
    "jwk": "public keys, checked where they are made",
}


def fields(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """All fields of a schema, those of inner objects included."""
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", {}).items()


def personal_fields(event: type[Event]) -> list[str]:
    return [
        name
        for name, _ in fields(schema_of(event))
        if FORBIDDEN & set(re.split(r"[_\d]+", name.lower())) and name not in ALLOWED
    ]


def open_fields(event: type[Event]) -> list[str]:
    """Fields that may hold anything: nobody could say what travels in them."""
    return [
        name
        for name, schema in fields(schema_of(event))
        if name not in FREE_OBJECTS
        and (not schema.keys() & {"type", "$ref", "anyOf", "enum", "const"} or opens(schema))
    ]


def opens(schema: Schema) -> bool:
    return "additionalProperties" in schema or schema.get("items") == {}


PUBLIC = sorted((event for topic in TOPICS.values() if topic.data == "public" for event in topic.events), key=str)


@pytest.mark.parametrize("topic", TOPICS.values(), ids=list(TOPICS))
def test_every_topic_has_its_owner_its_data_class_and_its_events(topic: Topic) -> None:
    assert re.fullmatch(r"[a-z-]+\.[a-z-]+s", topic.name), "<service>.<plural noun>"
    assert topic.producer in SERVICES
    assert topic.data in ("public", "restricted")
    assert topic.events
    assert topic.partitions >= 1
    assert set(topic.consumers) <= set(SERVICES)
    assert topic.producer not in topic.consumers, "a service does not tell itself"
    assert len(set(topic.consumers)) == len(topic.consumers)


@pytest.mark.parametrize("topic", TOPICS.values(), ids=list(TOPICS))
def test_time_kept_order_and_compaction_fit_together(topic: Topic) -> None:
    assert (topic.order == "newest") == topic.compacted, "only a last record that says all may stand for the others"
    if topic.data == "restricted":
        assert topic.compacted or topic.keep_days, "personal data are kept by purpose: in days, or until erased"
    if topic.compacted:
        assert topic.keep_days is None


def test_every_event_is_on_the_one_topic_that_it_names() -> None:
    listed = [(event, topic.name) for topic in TOPICS.values() for event in topic.events]
    assert sorted(event.type for event, _ in listed) == sorted(event_classes())
    assert all(event.topic == name for event, name in listed)


@pytest.mark.parametrize("type_", sorted(event_classes()))
def test_types_are_named_by_service_event_and_version(type_: str) -> None:
    match = TYPE.fullmatch(type_)
    assert match
    event = event_classes()[type_]
    assert match["service"] == TOPICS[event.topic].producer
    assert event.family == type_.rpartition(".")[0]
    assert "tombstone" not in match["event"], "the word is kept for records without a body"


def test_events_are_facts() -> None:
    names = [event.__name__.rstrip("0123456789").removesuffix("V") for event in event_classes().values()]
    assert [name for name in names if not re.search(r"(ed|Sent)$", name)] == [], "past participles"
    assert len({event.__name__ for event in event_classes().values()}) == len(event_classes())


def test_names_of_technical_topics_and_groups() -> None:
    topic = TOPICS["identity.messages"]
    assert topic.group("notify") == "notify.identity.messages"
    assert topic.retry("notify") == "notify.identity.messages.retry"
    assert dead_letters("notify") == "notify.dead-letters"
    assert topic.forgets
    assert not TOPICS["identity.accounts"].forgets


@pytest.mark.parametrize("event", PUBLIC, ids=lambda event: event.__name__)
def test_public_topics_carry_no_personal_data(event: type[Event]) -> None:
    assert personal_fields(event) == []
    assert open_fields(event) == []


def test_a_planted_name_is_found() -> None:
    class Holder(BaseModel):
        given_name: str
        date_of_birth: str

    class Planted(Event):
        topic: ClassVar[str] = "planted.things"
        holder: Holder
        contact_email: str
        eid_pseudonym: str
        extra: dict[str, str]
        anything: object
        office_name: str

    assert personal_fields(Planted) == ["contact_email", "eid_pseudonym", "given_name", "date_of_birth"]
    assert open_fields(Planted) == ["extra", "anything"]
    del event_classes_registry()[Planted.type]


def event_classes_registry() -> dict[str, type[Event]]:
    from contracts import event

    return event._classes


def test_two_classes_cannot_claim_one_type() -> None:
    class Doubled(Event):
        topic: ClassVar[str] = "planted.things"

    first = Doubled
    with pytest.raises(TypeError, match=r"planted\.doubled\.v1"):
        type("Doubled", (Event,), {"topic": "planted.things", "__annotations__": {"topic": ClassVar[str]}})
    assert event_classes()[first.type] is first
    del event_classes_registry()[first.type]
