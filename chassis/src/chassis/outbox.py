"""Events on their way out: how they wait in their aggregate's document until the relay has published them."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.documents import Document
from chassis.errors import Transient
from chassis.ids import uuid7
from contracts import Event
from contracts.topics import TOPICS
from contracts.validation import validate

SHARDS = 16
MOST_PENDING = 64
"""Events that one document may hold back, e.g. while the broker is down, where its kind says nothing else."""
MOST_PENDING_BYTES = 256 * 1024
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""``due`` of a document whose events may be published now; a later ``due`` is the relay's back-off."""


class OutboxFull(Transient):
    """The broker has not taken this aggregate's events for too long; nothing more is accepted until it does."""


class TooMuchToTell(Exception):
    """The events of one decision can never be published together: larger than any document may hold back."""


class BothVersions(Exception):
    """One decision published two versions of one event: who knows both would count the fact twice. A bug."""


class WrongTopic(Exception):
    """A service tried to publish on a topic of another service: a bug."""


@dataclass(frozen=True)
class Erased:
    """Publish a tombstone: the compacted topic shall forget what stands under this aggregate's id."""

    topic: str


def shard_of(id: str) -> int:
    """Return the shard (0 to 15) of a document: the unit that relays share out among themselves."""
    return zlib.crc32(id.encode()) % SHARDS


def field_of(topic: str) -> str:
    """Return the topic's name as a field name, which must not have dots."""
    return topic.replace(".", "_")


def _one_version(events: Sequence[Event | Erased]) -> None:
    types: dict[str, str] = {}
    for event in events:
        if isinstance(event, Event) and types.setdefault(event.family, event.type) != event.type:
            raise BothVersions(f"{types[event.family]} and {event.type} in one decision")


class Outgoing:
    """The events of one write, numbered per topic from what the loaded document says."""

    def __init__(self, service: str, document: Document, most: int = MOST_PENDING) -> None:
        self._service = service
        self._most = most
        self._sequence: dict[str, int] = dict(document.get("seq", {}))
        pending = document.get("out", ())
        self._count = len(pending)
        self._bytes = sum(len(entry["body"] or b"") for entry in pending)
        self.entries: list[Document] = []

    def add(self, events: Sequence[Event | Erased], *, at: datetime, trace: str | None) -> None:
        """Number and encode the events of one decision: all of them or none.

        Raises:
            OutboxFull: with what the document holds back already they are too many, or more than 256 KiB.
            TooMuchToTell: they are by themselves: no later moment is better.
            WrongTopic: the topic belongs to another service.
            BothVersions: two versions of one event.
        """
        _one_version(events)
        entries, sequence = [], dict(self._sequence)
        for event in events:
            entry = self._entry(event, sequence, at, trace)
            entries.append(entry)
        own = sum(len(entry["body"] or b"") for entry in entries)
        limits = f"the limits are {self._most} events and {MOST_PENDING_BYTES} bytes"
        if len(entries) > self._most or own > MOST_PENDING_BYTES:
            raise TooMuchToTell(f"{len(entries)} events with {own} bytes; {limits}")
        count, size = self._count + len(entries), self._bytes + own
        if count > self._most or size > MOST_PENDING_BYTES:
            raise OutboxFull(f"{count} events with {size} bytes would wait for the broker; {limits}")
        self._sequence, self._count, self._bytes = sequence, count, size
        self.entries += entries

    def _entry(self, event: Event | Erased, sequence: dict[str, int], at: datetime, trace: str | None) -> Document:
        topic = TOPICS[event.topic]
        if topic.producer != self._service:
            raise WrongTopic(f"{self._service} may not publish on {topic.name}")
        number = sequence[field_of(topic.name)] = sequence.get(field_of(topic.name), 0) + 1
        body = None
        if isinstance(event, Event):
            body = event.model_dump_json().encode()
            validate(event.type, body)
        return {
            "id": uuid7(),
            "topic": topic.name,
            "seq": number,
            "type": event.type if isinstance(event, Event) else None,
            "body": body,
            "at": at,
            "trace": trace,
        }

    def change(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return what to ``$set`` and what to ``$push``, empty where the write has no events."""
        if not self.entries:
            return {}, {}
        numbers = {f"seq.{field_of(entry['topic'])}": entry["seq"] for entry in self.entries}
        newest = {f"newest.{field}": entry for field, entry in self._newest().items()}
        return {**numbers, **newest, "due": AT_ONCE}, {"out": {"$each": self.entries}}

    def fields(self) -> Document:
        """Return the outbox fields of a document that is written for the first time."""
        fields: Document = {"seq": self._sequence, "out": self.entries, "sent": [], "newest": self._newest()}
        if self.entries:
            fields["due"] = AT_ONCE
        return fields

    def speaks_on(self, document: Document) -> list[str]:
        """Return the compacted topics whose last word would still be an event with a body."""
        last = {**document.get("newest", {}), **self._newest()}
        return sorted(entry["topic"] for entry in last.values() if entry["body"] is not None)

    def _newest(self) -> dict[str, Document]:
        """Return the last event on each compacted topic: what must be the last word there."""
        return {field_of(entry["topic"]): entry for entry in self.entries if TOPICS[entry["topic"]].compacted}
