"""A service's connection to the bus: what it listens to, over FastStream with settings that lose nothing."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from itertools import chain
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from chassis.clock import Clock
from chassis.compacted import Late, corrected_from, own_compacted
from chassis.dead_letters import DeadLetters
from chassis.documents import Database, Documents
from chassis.errors import told
from chassis.kafka import KafkaProbe, KafkaPublisher, leave_silent, security_of
from chassis.losses import Followed
from chassis.places import Places, gaps
from chassis.reader import Handlers, Reader, Rest
from chassis.records import Record
from chassis.relay import Publisher
from chassis.settings import ServiceSettings
from contracts import Event, Tombstone
from contracts.envelope import Envelope
from contracts.topics import TOPICS, Topic

__all__ = ["Bus", "Envelope", "NotAConsumer", "listen"]

_log = logging.getLogger(__name__)
_faststream = logging.getLogger("faststream")
# It warns at every start that topics are not made on the fly: that is our wish.
_faststream.addFilter(lambda record: not record.getMessage().startswith("Auto create topics is disabled"))
GAP_ALARM = timedelta(seconds=10)
_LOOK_FOR_GAPS = 5.0
_REQUEST_MS = 15_000
"""Until a broker that is silent counts as gone; above the 10 s that a group may take to share its partitions out."""
_METADATA_MS = 10_000
"""A partition that has never been read and whose leader has just moved is read only once aiokafka has asked again who
leads it; its own default is 5 minutes."""
_BACK_OFF_MS = 500
"""Between two tries of each of a consumer's tasks while no broker can be reached; aiokafka has no growing one. With its
default of 100 ms one consumer of three brokers tried 40 times a second, now 8."""
MOST_AT_ONCE = 500
"""Records in a batch: so many at most are handled again after a death."""
_NEXT_FETCH_MS = 3
"""How long a reader that is behind waits for the fetch that brings what came during its last batch."""
_BEHIND = 0.02
"""Seconds after a batch in which a record counts as having waited for its end; they hold the commit too."""
Handler = Callable[[Any, Envelope], Awaitable[None]]


class NotAConsumer(Exception):
    """The topic table does not name this service as a reader of the topic: a bug."""


class Bus:
    """Kafka as one service sees it. FastStream's own defaults would lose messages; every setting here is meant."""

    def __init__(self, settings: ServiceSettings, service: str, database: Database, clock: Clock) -> None:
        self.service = service
        self._settings = settings
        self._database = database
        self._clock = clock
        self._readers: list[Reader] = []
        self._dead_letters = DeadLetters(service, lambda: KafkaPublisher.open(settings, f"{service}-dead-letters"))
        self._probe = KafkaProbe(settings, f"{service}-probe")
        self._watches: list[asyncio.Task[None]] = []
        self._consuming = False
        self._broker = KafkaBroker(
            settings.kafka_servers,
            client_id=service,
            # Nothing is sent over this broker. Its producer and its administrator would ask for metadata and nothing
            # else, and aiokafka gives a silent connection up only when another request gets no answer on it.
            consumer_only=True,
            allow_auto_create_topics=False,
            request_timeout_ms=_REQUEST_MS,
            retry_backoff_ms=_BACK_OFF_MS,
            metadata_max_age_ms=_METADATA_MS,
            graceful_timeout=settings.graceful_timeout,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            security=security_of(settings),
            logger=_faststream,
        )

    def add(self, topic_name: str, handlers: Mapping[type[Event] | type[Tombstone], Handler]) -> Reader:
        """Read a topic in the service's group, together with the group's replayed dead letters."""
        topic = TOPICS[topic_name]
        if self.service not in topic.consumers:
            raise NotAConsumer(f"{self.service} is no reader of {topic_name}; those are {', '.join(topic.consumers)}")
        return self._read(topic, [topic.name, topic.retry(self.service)], handlers)

    def watch(self, collections: Sequence[Documents]) -> None:
        """Keep the last word on the service's own compacted topics, whose aggregates are in these collections."""
        for topic in own_compacted(self.service):
            self._read(topic, [topic.name], {}, corrected_from(collections))

    def _read(self, topic: Topic, names: Sequence[str], handlers: Handlers, late: Late | None = None) -> Reader:
        group = topic.group(self.service)
        places = Places(self._database.collection("places"), group, forgets=topic.forgets, clock=self._clock)
        reader = Reader(topic, group, handlers, places, self._dead_letters.bury, late=late)
        self._readers.append(reader)
        fetched, followed = _Fetched(), Followed(topic.name, lambda: subscriber.consumer)

        async def read(message: KafkaMessage) -> None:
            """Take the record together with what else has been fetched already, and begin again with what is left."""
            consumer: Any = message.consumer
            records: list[Record] = await fetched.beside(message.raw_message, consumer)
            try:
                if topic.forgets:
                    await self._note_losses(reader, followed, records)
                rest = await reader.take_many(records)
            except Exception as error:
                rest = Rest(tuple(records), error)
            followed.back(_rewind(consumer, rest.records))
            if rest.reason is not None:
                fields = {"group": group, "records": len(rest.records), "reason": told(rest.reason)}
                _log.warning("records must be read again", extra={"fields": fields})
                await asyncio.sleep(1)  # without it the redelivery is a hot loop
            fetched.worked_off()

        subscriber = self._broker.subscriber(
            *names,
            group_id=group,
            auto_offset_reset="earliest",
            listener=followed if topic.forgets else None,
            parser=_unparsed,
            decoder=_undecoded,
            no_reply=True,  # a record's header must not name a topic to write to
        )
        subscriber(read)
        return reader

    async def start(self, *, consumers: bool) -> None:
        """Connect, and read if this process plays that role."""
        for reader in self._readers:
            await reader.places.ensure()
        self._consuming = consumers
        if consumers:
            await self._broker.start()
            watches = {"gaps": self._watch_gaps(), "idle": self._watch_idle()}
            self._watches = [asyncio.create_task(watch, name=name) for name, watch in watches.items()]

    async def stop(self) -> None:
        """Finish what is being handled, commit, and disconnect."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        if self._consuming:
            consumers = [getattr(subscriber, "consumer", None) for subscriber in self._broker.subscribers]
            await self._broker.stop()
            for consumer in consumers:
                # Where a fetch waits out its back-off, aiokafka's own stop ends before it comes to this.
                if consumer is not None:
                    await consumer._client.close()
        await self._probe.close()
        await self._dead_letters.close()

    async def open_publisher(self) -> Publisher:
        """Return a new producer, for the relay."""
        return await KafkaPublisher.open(self._settings, f"{self.service}-relay")

    async def check(self) -> str | None:
        """Return why reading is not well: for readiness. A consumer loop that died says nothing by itself."""
        if not self._consuming:
            return None
        for subscriber in self._broker.subscribers:
            tasks = getattr(subscriber, "tasks", [])
            if not tasks or any(task.done() for task in tasks):
                return f"the consumer of group {getattr(subscriber, 'group_id', '?')} has stopped"
        if ill := next((reader.ill for reader in self._readers if reader.ill), None):
            return ill
        return await self._probe.check()

    async def _note_losses(self, reader: Reader, followed: Followed, records: Sequence[Record]) -> None:
        for loss in followed.losses(records):
            fields = {"group": reader.group, **asdict(loss)}
            _log.error("records were deleted unread", extra={"fields": fields})
            await reader.places.note_loss(loss.partition, loss.begin, loss.end)
            followed.noted(loss)

    async def _watch_idle(self) -> None:
        """Let readers without a partition hold no connection that fell silent: they would begin late with one."""
        while True:
            await asyncio.sleep(_METADATA_MS / 1000)
            for subscriber in self._broker.subscribers:
                consumer: Any = getattr(subscriber, "consumer", None)
                if consumer is not None and not consumer.assignment():
                    await leave_silent(consumer._client, consumer._group_id)

    async def _watch_gaps(self) -> None:
        documents = self._database.collection("places")
        while True:
            await asyncio.sleep(_LOOK_FOR_GAPS)
            try:
                found = await gaps(documents, self._clock.now() - GAP_ALARM)
            except Exception as error:
                _log.warning("could not look for gaps", extra={"fields": {"reason": told(error)}})
                continue
            for place in found:
                fields = {"group": place["group"], "source": place["source"], "missing": place["last"] + 1}
                _log.error("gap in a source's events", extra={"fields": fields})


class _Fetched:
    """What one consumer has fetched while its last batch was worked off."""

    def __init__(self) -> None:
        self._until = float("-inf")

    async def beside(self, first: Any, consumer: Any) -> list[Any]:
        """Return the record with what came after it: aiokafka's own, which have all that a ``Record`` has.

        aiokafka asks for more only once all that it has fetched is taken. So behind a batch its buffer holds the one or
        two records that came when that batch began; what came since is there a moment after they are taken.

        Raises nothing: the next commit goes past all that is taken, so it must be handed on.
        """
        behind = time.monotonic() < self._until
        records = [first]
        for patience in (0, _NEXT_FETCH_MS) if behind else (0,):
            # A call that fails drops what it has drained of other partitions, and it is not fetched again. So one
            # record says which partition has some, and the call for the rest drains that one alone.
            found = await _take(consumer, records, most=1, patience=patience)
            while found:
                await _take(consumer, records, *found)
                found = await _take(consumer, records, most=1)
        return records

    def worked_off(self) -> None:
        """Say that a batch has ended."""
        self._until = time.monotonic() + _BEHIND


async def _take(
    consumer: Any, records: list[Any], *partitions: TopicPartition, most: int = MOST_AT_ONCE, patience: int = 0
) -> Sequence[TopicPartition]:
    """Take what more there is, up to the limit of a batch; the partitions that it was in."""
    room = min(most, MOST_AT_ONCE - len(records))
    if room == 0:
        return ()
    try:
        more = await consumer.getmany(*partitions, timeout_ms=patience, max_records=room)
    except Exception as error:  # one that lasts comes again when the next record is asked for
        _log.warning("could not fetch more", extra={"fields": {"reason": told(error)}})
        return ()
    records += chain.from_iterable(more.values())
    return tuple(more)


def listen(bus: Any, topic_name: str, handlers: Mapping[type[Event] | type[Tombstone], Handler]) -> None:
    """Let functions handle the events of a topic: at least once, in order per source, without gaps."""
    bus.add(topic_name, handlers)


async def _unparsed(raw: Any, parse: Callable[[Any], Awaitable[Any]]) -> Any:
    """Leave the headers to the reader: where FastStream could not decode them, it would never see the record."""
    message = await parse(replace(raw, headers=()))
    message.raw_message = raw
    return message


async def _undecoded(message: Any) -> bytes:
    body: bytes = message.body
    return body


def _rewind(consumer: Any, records: Sequence[Record]) -> Mapping[TopicPartition, int]:
    """Set the consumer back to the first of these records in each partition, before its place is committed.

    Returns the offsets.
    """
    first: dict[TopicPartition, int] = {}
    for record in records:
        partition = TopicPartition(record.topic, record.partition)
        first[partition] = min(record.offset, first.get(partition, record.offset))
    for partition, offset in first.items():
        with contextlib.suppress(IllegalStateError):  # it is another consumer's by now, who begins at what is committed
            consumer.seek(partition, offset)
    return first
