"""Who may do what in Kafka: rules made from the topic table. What no rule allows, the broker denies.

A service writes its own topics and dead letters, reads what the table names for it, its own retry topics and its own
compacted topics (whose last state it has to watch), and joins groups under its own name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from contracts.topics import Topic, dead_letters

DEAD_LETTER_ACTS = "operators.dead-letter-acts"
"""What operators did with dead letters, kept for good. No service may read or write it."""

_DAY = timedelta(days=1)
_RESTRICTED_RETRIES_KEPT = timedelta(days=30)
"""What was public is kept as long as its topic: a rebuild needs what was replayed and given up too."""
_DEAD_LETTERS_KEPT = timedelta(days=30)
"""As long as the longest restricted topic: they hold what it held. What was public stands in its own topic for good."""


@dataclass(frozen=True)
class Rule:
    """One permission of one service."""

    service: str
    may: Literal["read", "write"]
    kind: Literal["topic", "group"]
    name: str
    prefix: bool = False
    """Whether ``name`` is the beginning of a name."""


@dataclass(frozen=True)
class NewTopic:
    """A topic as the broker must have it."""

    name: str
    partitions: int
    settings: Mapping[str, str] = field(default_factory=dict)


def rules(topics: Iterable[Topic], services: Iterable[str]) -> set[Rule]:
    """Return all permissions that follow from the table."""
    found: set[Rule] = set()
    for topic in topics:
        found.add(Rule(topic.producer, "write", "topic", topic.name))
        if topic.compacted:
            found.add(Rule(topic.producer, "read", "topic", topic.name))
        for consumer in topic.consumers:
            found |= {
                Rule(consumer, "read", "topic", topic.name),
                Rule(consumer, "read", "topic", topic.retry(consumer)),
            }
    for service in services:
        found |= {
            Rule(service, "write", "topic", dead_letters(service)),
            Rule(service, "read", "group", f"{service}.", prefix=True),
        }
    return found


def topics(table: Iterable[Topic], services: Iterable[str]) -> Iterator[NewTopic]:
    """Return all topics of the table, the retry and dead-letter topics that belong to them, and the operators' one."""
    for topic in table:
        yield NewTopic(topic.name, topic.partitions, _settings(topic))
        for consumer in topic.consumers:
            # One partition: dead letters are replayed in order of their source.
            kept = _for(_RESTRICTED_RETRIES_KEPT) if topic.data == "restricted" else _kept(topic)
            yield NewTopic(topic.retry(consumer), 1, kept)
    for service in services:
        yield NewTopic(dead_letters(service), 1, _for(_DEAD_LETTERS_KEPT))
    yield NewTopic(DEAD_LETTER_ACTS, 1, {"retention.ms": "-1"})


def _kept(topic: Topic) -> dict[str, str]:
    return {"retention.ms": "-1"} if topic.keep_days is None else _for(timedelta(days=topic.keep_days))


def _settings(topic: Topic) -> dict[str, str]:
    kept = _kept(topic)
    if not topic.compacted:
        return kept
    # What was erased must be gone a day later, so segments close and compaction runs at least daily.
    return {
        **kept,
        "cleanup.policy": "compact" if topic.keep_days is None else "compact,delete",
        "segment.ms": _ms(_DAY),
        "max.compaction.lag.ms": _ms(_DAY),
        "min.cleanable.dirty.ratio": "0.1",
    }


def _for(time: timedelta) -> dict[str, str]:
    # Only closed segments are deleted: they close after a quarter of the time, or data would stay a week longer.
    return {"retention.ms": _ms(time), "segment.ms": _ms(min(time / 4, _DAY * 7))}


def _ms(time: timedelta) -> str:
    return str(int(time.total_seconds() * 1000))
