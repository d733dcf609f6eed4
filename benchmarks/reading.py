"""What reading costs: our reader with validation and places in memory, beside aiokafka alone and FastStream's own way.

All read the same records of one topic from its beginning, from real Kafka; nothing else happens with them. Ours is the
whole way of a service: envelope, place, contract, handler, the consumer's place committed after each batch.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from aiokafka import AIOKafkaConsumer
from faststream.kafka import KafkaBroker
from faststream.security import SASLScram512

from chassis.broker import MOST_AT_ONCE, Bus
from chassis.clock import SystemClock
from chassis.ids import uuid7
from chassis.kafka import KafkaPublisher
from chassis.testing.example import TENANT
from contracts.envelope import Envelope, headers_of
from contracts.forms import ApplicationStatusChanged
from frame.figures import Figure, Measured, Pace, in_turn, now
from frame.ground import town
from frame.places import Memory
from frame.results import main
from publishing import publish_one, sasl, settings
from rathaus.stack.stack import Stack

TOPIC: Final = "forms.applications"
READER: Final = "osi-gateway"
_SOURCES: Final = 100
_LONGEST: Final = 60.0
FIGURES: Final = (
    Figure(
        "P6",
        "records read with envelope, contract and places in memory",
        "/s",
        goal=0.60,
        floor=0.25,
        beside="aiokafka getmany and model_validate_json",
        bound="Processor time of a record: the client 7 µs, envelope 2.5, body 1.2, its place and three awaited calls 5"
        " (docs/decisions/0059).",
    ),
    Figure(
        "P6b",
        "the same",
        "/s",
        goal=4.0,
        floor=3.0,
        beside="FastStream's subscriber of a model, record by record",
    ),
)


class Counted:
    """Counts records until all are there."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._seen = 0
        self._began = 0.0
        self._done = asyncio.Event()

    def one(self) -> None:
        """One more; time begins with the first, so that joining the group is not measured."""
        if self._seen == 0:
            self._began = now()
        self._seen += 1
        if self._seen == self._wanted:
            self._done.set()

    async def rate(self) -> float:
        """Wait for all; return how many that were in a second."""
        await asyncio.wait_for(self._done.wait(), _LONGEST)
        return self._wanted / (now() - self._began)


class Sides:
    """What is run in turn: each reads the whole topic."""

    def __init__(self, stack: Stack, records: int) -> None:
        self._stack = stack
        self._records = records

    async def fill(self) -> None:
        """Publish what is read."""
        publisher = await KafkaPublisher.open(settings(self._stack), "bench")
        body, type_ = publish_one()["body"], ApplicationStatusChanged.type
        at = ApplicationStatusChanged.model_validate_json(body).occurred_at
        sources = [uuid7() for _ in range(_SOURCES)]
        waiting: list[Awaitable[object]] = []
        for number in range(self._records):
            source = sources[number % _SOURCES]
            trace = f"00-{'a' * 32}-{'b' * 16}-01"
            envelope = Envelope(uuid7(), type_, TENANT, source, number // _SOURCES + 1, at, trace)
            waiting.append(await publisher.send(TOPIC, source, body, headers_of(envelope)))
        await asyncio.gather(*waiting)
        await publisher.close()

    async def ours(self) -> float:
        """A service's bus, with places that begin anew."""
        await self._forget()
        counted = Counted(self._records)

        async def handle(event: ApplicationStatusChanged, envelope: Envelope) -> None:
            counted.one()

        bus = Bus(settings(self._stack, READER), READER, Memory(), SystemClock())
        bus.add(TOPIC, {ApplicationStatusChanged: handle})
        await bus.start(consumers=True)
        try:
            return await counted.rate()
        finally:
            await bus.stop()

    async def raw(self) -> float:
        """The client alone, with the model; it commits after each batch too."""
        counted = Counted(self._records)
        consumer = AIOKafkaConsumer(
            TOPIC,
            group_id=f"{READER}.{TOPIC}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            **sasl(self._stack, READER),
        )
        await self._forget()
        await consumer.start()
        try:
            while not counted._done.is_set():
                for found in (await consumer.getmany(timeout_ms=200, max_records=MOST_AT_ONCE)).values():
                    for record in found:
                        ApplicationStatusChanged.model_validate_json(record.value)
                        counted.one()
                await consumer.commit()
            return await counted.rate()
        finally:
            await consumer.stop()

    async def faststream(self) -> float:
        """FastStream's own subscriber as it comes: it commits in the background, before anything is done."""
        await self._forget()
        counted = Counted(self._records // 2)
        password = self._stack.kafka_password(READER)
        broker = KafkaBroker(
            self._stack.kafka_servers,
            security=SASLScram512(READER, password, use_ssl=False),
            allow_auto_create_topics=False,
        )

        async def handle(event: ApplicationStatusChanged) -> None:
            counted.one()

        broker.subscriber(TOPIC, group_id=f"{READER}.{TOPIC}", auto_offset_reset="earliest")(handle)
        await broker.start()
        try:
            return await counted.rate()
        finally:
            await broker.stop()

    async def _forget(self) -> None:
        """Set the group back to the topic's beginning."""
        consumer = AIOKafkaConsumer(
            TOPIC, group_id=f"{READER}.{TOPIC}", enable_auto_commit=False, **sasl(self._stack, READER)
        )
        await consumer.start()
        try:
            await consumer.seek_to_beginning()
            await asyncio.gather(*(consumer.position(partition) for partition in consumer.assignment()))
            await consumer.commit()
        finally:
            await consumer.stop()


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file."""
    records = int(20_000 * pace.seconds)
    async with AsyncExitStack() as close:
        stack = close.enter_context(town("database", "kafka"))
        sides = Sides(stack, records)
        await sides.fill()
        ours, raw, faststream = await in_turn(pace.runs, sides.ours, sides.raw, sides.faststream)
    return [Measured(FIGURES[0], ours, raw), Measured(FIGURES[1], ours, faststream)]


if __name__ == "__main__":
    main(__file__, measure)
