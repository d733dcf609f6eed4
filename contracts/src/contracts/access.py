"""Who may do what on the broker, out of the topic table: one principal per service, everything else is denied."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from contracts.topics import SERVICES, TOPICS, dead_letters


@dataclass(frozen=True, order=True)
class Rule:
    """One thing that a principal may do. Names are literal, hosts are not limited here."""

    principal: str
    """Name of the service."""
    resource: Literal["topic", "group"]
    name: str
    operation: Literal["READ", "WRITE", "DESCRIBE"]


def access_rules() -> tuple[Rule, ...]:
    """All rules, in a fixed order.

    An idempotent producer needs no rule of its own: WRITE on any topic is enough since Kafka 3.0 (KIP-679).
    """
    return tuple(sorted({rule for service in SERVICES for rule in _rules_of(service)}))


def _rules_of(service: str) -> Iterator[Rule]:
    yield from _write(service, dead_letters(service))
    for topic in TOPICS.values():
        if topic.producer == service:
            yield from _write(service, topic.name)
        if service in topic.consumers:
            yield from _read(service, topic.name, topic.group(service))
            yield from _read(service, topic.retry(service), topic.group(service))
        if topic.producer == service and topic.compacted:
            # A late repeat would become the last word under its key: the owner reads along and writes its state again.
            yield from _read(service, topic.name, topic.group(service))


def _write(service: str, topic: str) -> Iterator[Rule]:
    yield Rule(service, "topic", topic, "WRITE")
    yield Rule(service, "topic", topic, "DESCRIBE")


def _read(service: str, topic: str, group: str) -> Iterator[Rule]:
    yield Rule(service, "topic", topic, "READ")
    yield Rule(service, "topic", topic, "DESCRIBE")
    yield Rule(service, "group", group, "READ")
    yield Rule(service, "group", group, "DESCRIBE")
