"""Records as they are read from a topic, and as they wait beside a place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.documents import Document


@dataclass(frozen=True)
class Record:
    """A record as it was read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def kept(record: Record) -> Document:
    """Return the record as it waits beside a place."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "value": record.value,
        "headers": [[name, value] for name, value in record.headers],
    }


def record_of(entry: Mapping[str, Any]) -> Record:
    """Return the record that waited."""
    headers = tuple((name, value) for name, value in entry["headers"])
    return Record(entry["topic"], entry["partition"], entry["offset"], entry["key"], entry["value"], headers)
