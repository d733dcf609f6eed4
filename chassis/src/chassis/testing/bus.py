"""The fake broker: topics in memory that are read by the very code that reads Kafka."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any

from chassis.broker import MOST_AT_ONCE, Envelope, Handler, NotAConsumer
from chassis.clock import Clock
from chassis.compacted import Late, corrected_from, own_compacted
from chassis.dead_letters import buried
from chassis.documents import Database, Documents
from chassis.places import Places
from chassis.reader import Handlers, Reader
from chassis.records import Record
from chassis.relay import Headers, NotPublished, Publisher
from contracts import Event, Tombstone
from contracts.envelope import envelope_of, headers_of
from contracts.topics import TOPICS, Topic, dead_letters
from contracts.validation import validate


class MemoryBroker:
    """Topics of one partition each, shared by the buses of several services."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Record]] = defaultdict(list)
        self.first: dict[str, int] = defaultdict(int)
        """Offset of each topic's first record that it still holds."""
        self.down = False
        """While true, nothing is taken."""

    def append(self, topic: str, key: str, value: bytes | None, headers: Headers) -> Record:
        """Put a record at the end of a topic."""
        if self.down:
            raise NotPublished(f"{topic}: the broker is down")
        log = self.topics[topic]
        record = Record(topic, 0, len(log), key.encode(), value, tuple(headers))
        log.append(record)
        return record

    def forget(self, topic: str) -> None:
        """Delete, as a topic's retention does, all that it holds."""
        self.first[topic] = len(self.topics[topic])

    def put(self, event: Event, *, tenant: str, subject: str, sequence: int, id: str = "", at: Any = None) -> Record:
        """Put an event as its owner's relay would; raises where it breaks its contract. ``append`` takes anything."""
        envelope = Envelope(
            id or f"{subject}-{sequence}", event.type, tenant, subject, sequence, at or event.occurred_at
        )
        body = event.model_dump_json().encode()
        validate(event.type, body)
        return self.append(event.topic, subject, body, headers_of(envelope))

    def events(self, topic: str) -> list[tuple[Envelope, Event | None]]:
        """Return a topic's events; None stands for a tombstone. Each is checked against its contract."""
        found = []
        for record in self.topics[topic]:
            key = (record.key or b"").decode()
            envelope = envelope_of(record.headers, topic=topic, partition=0, offset=record.offset, key=key)
            found.append((envelope, None if record.value is None else validate(envelope.type, record.value)))
        return found


class MemoryTopicLog:
    """What ``chassis.topic_log`` is to a rebuild, over a MemoryBroker."""

    def __init__(self, broker: MemoryBroker, topics: Sequence[str]) -> None:
        self._broker = broker
        self._read = dict.fromkeys(topics, 0)

    async def ends(self) -> dict[tuple[str, int], int]:
        """Return where each topic ends now."""
        return {(topic, 0): len(self._broker.topics[topic]) for topic in self._read}

    async def read(self, ends: Mapping[tuple[str, int], int]) -> AsyncIterator[list[Record]]:
        """Return what is new, topic by topic."""
        for (topic, _), end in ends.items():
            records = self._broker.topics[topic][self._read[topic] : end]
            self._read[topic] = end
            if records:
                yield records


class MemoryPublisher:
    """Publishes into a MemoryBroker; acknowledged at once."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def send(self, topic: str, key: str, value: bytes | None, headers: Headers) -> Awaitable[object]:
        """Append the record."""
        self._broker.append(topic, key, value, headers)
        return _done()

    async def close(self) -> None:
        """There is no buffer."""


async def _done() -> None:
    return None


class MemoryBus:
    """What ``chassis.broker.Bus`` is to a service, over a MemoryBroker."""

    def __init__(self, service: str, database: Database, clock: Clock, broker: MemoryBroker | None = None) -> None:
        self.service = service
        self.broker = broker or MemoryBroker()
        self._database = database
        self._clock = clock
        self._readers: list[Reader] = []
        self.at_once = MOST_AT_ONCE
        """Records in a batch."""
        self._offsets: dict[tuple[str, str], int] = defaultdict(int)

    def add(self, topic_name: str, handlers: Mapping[type[Event] | type[Tombstone], Handler]) -> Reader:
        """Read a topic in the service's group."""
        topic = TOPICS[topic_name]
        if self.service not in topic.consumers:
            raise NotAConsumer(f"{self.service} is no reader of {topic_name}")
        return self._read(topic, handlers)

    def watch(self, collections: Sequence[Documents]) -> None:
        """Keep the last word on the service's own compacted topics."""
        for topic in own_compacted(self.service):
            self._read(topic, {}, corrected_from(collections))

    def _read(self, topic: Topic, handlers: Handlers, late: Late | None = None) -> Reader:
        group = topic.group(self.service)
        places = Places(self._database.collection("places"), group, forgets=topic.forgets, clock=self._clock)
        reader = Reader(topic, group, handlers, places, self.bury, late=late, delays=(0, 0, 0))
        self._readers.append(reader)
        return reader

    async def bury(self, record: Record, group: str, reason: Exception, tries: int) -> None:
        """Keep a dead letter."""
        headers = buried(record, self.service, group, reason, tries)
        self.broker.append(
            dead_letters(self.service), (record.key or b"").decode(errors="replace"), record.value, headers
        )

    def replay(self, topic_name: str, record: Record) -> None:
        """Put a dead letter where its group reads it again."""
        topic = TOPICS[topic_name].retry(self.service)
        headers = [(name, value) for name, value in record.headers if not name.startswith("dlq_")]
        self.broker.append(topic, (record.key or b"").decode(), record.value, headers)

    async def deliver(self) -> int:
        """Let every reader take what is new; how many records that were."""
        taken = 0
        for reader in self._readers:
            for topic in (reader.topic.name, reader.topic.retry(self.service)):
                at = (reader.group, topic)
                await self._begin(reader, topic)
                while records := self.broker.topics[topic][self._offsets[at] : self._offsets[at] + self.at_once]:
                    rest = await reader.take_many(records)
                    end = min((record.offset for record in rest.records), default=records[-1].offset + 1)
                    taken += end - self._offsets[at]
                    self._offsets[at] = end
                    if rest.reason is not None:
                        raise rest.reason
        return taken

    async def _begin(self, reader: Reader, topic: str) -> None:
        at, first = (reader.group, topic), self.broker.first[topic]
        committed = self._offsets.get(at)
        if committed is not None and committed < first:
            await reader.places.note_loss(0, committed, first)
        self._offsets[at] = max(committed or 0, first)

    def rewind(self) -> None:
        """Forget all offsets: everything is delivered again."""
        self._offsets.clear()

    async def open_publisher(self) -> Publisher:
        """Return a producer for a relay."""
        return MemoryPublisher(self.broker)
