"""Counters that count up, their relay, and a reader: the real chassis, led to whatever Kafka a test brings."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from checker import Birth, Kept, Seen, Story

from chassis.aggregates import Aggregates, Key
from chassis.broker import Bus, Envelope
from chassis.clock import SystemClock
from chassis.documents import Documents
from chassis.kafka import KafkaPublisher
from chassis.outbox import AT_ONCE
from chassis.relay import Publisher, Relay
from chassis.settings import ServiceSettings
from chassis.testing import START, MemoryDatabase
from chassis.testing.example import TENANT, Counted, Counter, CounterCodec, count_up, start
from contracts import Event
from contracts.envelope import envelope_of
from contracts.forms import ApplicationPackaged
from contracts.topics import TOPICS

TOPIC = TOPICS["forms.packages"]
READER = "osi-gateway"


class BusyTown:
    """A process that counts and publishes, and one that reads. Documents lie in memory, records in Kafka."""

    def __init__(self, servers: str, *, size: int = 100) -> None:
        """``size`` is that of an event in bytes."""
        self.settings = ServiceSettings(kafka_servers=servers)
        self.clock = SystemClock()
        self.effects: list[Seen] = []
        self.publishers = 0
        self._size = size
        self._births: list[Birth] = []
        self._database = MemoryDatabase("forms")
        self.documents: Documents = self._database.collection("counters")
        self._counters: Aggregates[Counter, Counted] = Aggregates(
            self.documents, CounterCodec(), self._packaged, service="forms", clock=self.clock
        )

    async def count(self, counters: int, ups: int) -> None:
        """Let so many counters count so often; nothing is published meanwhile."""
        await asyncio.gather(*(self._count(f"c{number}", ups) for number in range(counters)))
        for found in await self.documents.find({}, limit=counters):
            for entry in found["out"]:
                event, number = entry["id"], entry["seq"]
                self._births.append(Birth(found["_id"], TOPIC.name, number, event, f"{number}", 0))

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        """Publish, until the block ends."""
        relay = Relay(self._database, [self.documents], self._open_publisher, me="relay", clock=self.clock, poll=0.02)
        running = asyncio.create_task(relay.run())
        try:
            yield
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Bus]:
        """Read and note effects, until the block ends."""
        bus = Bus(self.settings, READER, MemoryDatabase("gateway"), self.clock)
        bus.add(TOPIC.name, {ApplicationPackaged: self._note})
        await bus.start(consumers=True)
        try:
            yield bus
        finally:
            await bus.stop()

    async def pending(self) -> int:
        """How many documents have events to publish."""
        return await self.documents.count({"due": {"$gte": AT_ONCE}})

    async def at_rest(self, seconds: float = 60) -> None:
        """Wait until all is published, marked and read."""

        async def still() -> bool:
            return not await self.pending() and len(self.effects) >= len(self._births)

        await until(still, seconds)

    async def story(self) -> Story:
        """Everything for the checker."""
        documents = [
            Kept(found["_id"], {TOPIC.name: found["seq"]["forms_packages"]}, len(found["out"]), "due" in found, 0, 1)
            for found in await self.documents.find({}, limit=1000)
        ]
        published = await read(self.settings.kafka_servers, TOPIC.name)
        return Story(births=self._births, published=published, effects=self.effects, documents=documents)

    async def _open_publisher(self) -> Publisher:
        self.publishers += 1
        return await KafkaPublisher.open(self.settings, "relay")

    async def _count(self, name: str, ups: int) -> None:
        made = await self._counters.create(TENANT, Key("mia", name, "d"), lambda id: start())
        for number in range(1, ups):
            await self._counters.command(TENANT, made.id, Key("mia", f"{name}-{number}", "d"), count_up)

    def _packaged(self, state: Counter, fact: Counted) -> Sequence[Event]:
        sealed = "x" * self._size
        number = str(fact.count)
        event = ApplicationPackaged(
            occurred_at=START, application_id=number, fact_id=number, account_id="a", sealed=sealed
        )
        return (event,)

    async def _note(self, event: ApplicationPackaged, envelope: Envelope) -> None:
        self.effects.append(_seen(envelope))


async def read(servers: list[str], topic: str) -> list[Seen]:
    """Return all events of a topic, each partition's in its order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest", fetch_max_wait_ms=20)
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in range(TOPICS[topic].partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[Seen] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                found += [
                    _seen(
                        envelope_of(
                            one.headers, topic=topic, partition=place.partition, offset=one.offset, key=one.key.decode()
                        )
                    )
                    for one in records
                ]
        return found
    finally:
        await consumer.stop()


async def until(done: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Wait for something, at most so many seconds."""
    end = time.monotonic() + seconds
    while not await done():
        assert time.monotonic() < end, f"not within {seconds:g} s"
        await asyncio.sleep(0.05)


def _seen(envelope: Envelope) -> Seen:
    return Seen(envelope.subject, envelope.topic, envelope.sequence, envelope.id)
