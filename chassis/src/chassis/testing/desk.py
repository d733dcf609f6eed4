"""Services that read topics, over the fake broker and over real Kafka: the same story must end the same way."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from chassis.broker import Bus
from chassis.ids import uuid7
from chassis.reader import Reader
from chassis.records import Record
from chassis.settings import ServiceSettings
from chassis.testing.bus import MemoryBroker, MemoryBus
from chassis.testing.clock import START, FixedClock
from chassis.testing.example import TENANT
from chassis.testing.memory import MemoryDatabase
from contracts import Event, Tombstone
from contracts.envelope import Envelope, headers_of, tombstone_type
from contracts.forms import ApplicationPackaged
from contracts.identity import AccountLinked, ContactChanged
from contracts.topics import TOPICS, dead_letters

ACCOUNTS = "identity.accounts"
"""A topic kept for good, on which every event counts."""
CONTACTS = "identity.contacts"
"""A compacted topic: the newest counts."""
PACKAGES = "forms.packages"
"""A topic that forgets after 30 days."""
_READ = {"osi-gateway": (ACCOUNTS, PACKAGES), "notify": (CONTACTS,)}
_SECONDS = 30.0

Headers = list[tuple[str, bytes]]


class KafkaStack(Protocol):
    """Where Kafka is: ``rathaus.stack.Stack``."""

    @property
    def kafka_servers(self) -> str:
        """Addresses to begin with."""

    def kafka_password(self, principal: str = "admin") -> str:
        """Password of a principal."""


class Desk(ABC):
    """Three topics read by two services; notes what took effect, by source."""

    def __init__(self) -> None:
        self.effects: dict[str, list[Any]] = defaultdict(list)
        self.failures: dict[tuple[str, int], list[Exception]] = defaultdict(list)
        """What the handler raises, one try after the other, by source and number."""
        self.tries: dict[tuple[str, int], list[float]] = defaultdict(list)
        """When the handler was called, in seconds of the monotonic clock."""
        self.effect: Callable[[Any, Envelope], Awaitable[object]] | None = None
        """What else the handler does."""
        self.databases = {name: MemoryDatabase(name) for name in _READ}
        self.buses: list[Any] = []
        self.run = uuid7()

    def source(self, name: str) -> str:
        """Sources of this test only: the real topics are shared."""
        return f"{name}-{self.run}"

    async def note(self, event: Any, envelope: Envelope) -> None:
        """Handle an event."""
        at = (envelope.subject, envelope.sequence)
        self.tries[at].append(time.monotonic())
        if self.failures[at]:
            raise self.failures[at].pop(0)
        if self.effect is not None:
            await self.effect(event, envelope)
        self.effects[envelope.subject].append("gone" if isinstance(event, Tombstone) else envelope.sequence)

    def of(self, name: str) -> list[Any]:
        """Return what took effect of one source, in this order."""
        return self.effects[self.source(name)]

    def readers(self) -> list[Reader]:
        """Return all readers of all services."""
        return [reader for bus in self.buses for reader in bus._readers]

    async def put(
        self,
        name: str,
        sequence: int,
        *,
        type_: str = AccountLinked.type,
        value: bytes | None = None,
        partition: int | None = None,
    ) -> None:
        """Put an event on the topic where every one counts."""
        event = AccountLinked(occurred_at=START, account_id=name, level="hoch")
        body = event.model_dump_json().encode() if value is None else value
        await self._put(ACCOUNTS, type_, name, sequence, body, partition)

    async def put_contact(self, name: str, sequence: int, email: str | None) -> None:
        """Put an address, or a tombstone, on the topic where the newest counts."""
        type_, body = tombstone_type(CONTACTS), None
        if email:
            event: Event = ContactChanged(occurred_at=START, account_id=name, email=email)
            type_, body = event.type, event.model_dump_json().encode()
        await self._put(CONTACTS, type_, name, sequence, body)

    async def put_package(self, name: str, sequence: int) -> None:
        """Put an event on the topic that forgets."""
        event = ApplicationPackaged(occurred_at=START, application_id=name, fact_id="f", account_id="m", sealed="x")
        await self._put(PACKAGES, event.type, name, sequence, event.model_dump_json().encode())

    async def replay(self, letter: Record) -> None:
        """Put a dead letter where its group reads it again."""
        headers = [(name, value) for name, value in letter.headers if not name.startswith("dlq_")]
        topic = dict(letter.headers)["dlq_topic"].decode()
        await self.send(TOPICS[topic].retry("osi-gateway"), (letter.key or b"").decode(), letter.value, headers)

    async def _put(
        self, topic: str, type_: str, name: str, sequence: int, body: bytes | None, partition: int | None = None
    ) -> None:
        source = self.source(name)
        envelope = Envelope(f"{source}-{sequence}-{type_}", type_, TENANT, source, sequence, START)
        await self.send(topic, source, body, headers_of(envelope), partition)

    def _add(self, bus: Any) -> Any:
        handlers: dict[str, Any] = {
            ACCOUNTS: {AccountLinked: self.note},
            PACKAGES: {ApplicationPackaged: self.note},
            CONTACTS: {ContactChanged: self.note, Tombstone: self.note},
        }
        for topic in _READ[bus.service]:
            bus.add(topic, handlers[topic])
        return bus

    @abstractmethod
    async def join(self) -> None:
        """Let a second process of the osi-gateway read along."""

    @abstractmethod
    async def send(
        self, topic: str, key: str, value: bytes | None, headers: Headers, partition: int | None = None
    ) -> None:
        """Put a record at the end of a topic."""

    @abstractmethod
    async def until(self, done: Callable[[], bool]) -> None:
        """Let the services read until something is so."""

    @abstractmethod
    async def restart(self) -> None:
        """Stop and start the services."""

    @abstractmethod
    async def oversleep(self, unread: Callable[[], Awaitable[object]]) -> None:
        """Let this happen while nobody reads, and the topic that forgets forget it."""

    @abstractmethod
    async def forget(self) -> None:
        """Let the topic that forgets forget all that it holds, whoever reads."""

    @abstractmethod
    async def dead(self, least: int = 0) -> list[Record]:
        """Return the dead letters of the osi-gateway, once there are at least so many."""


class FakeDesk(Desk):
    """Over the fake broker, whose topics have one partition; so many records are read at once."""

    def __init__(self, at_once: int) -> None:
        super().__init__()
        self._at_once = at_once
        self.broker, self.clock = MemoryBroker(), FixedClock()
        self.buses = [self._bus(name) for name in _READ]

    def _bus(self, name: str) -> Any:
        bus = MemoryBus(name, self.databases[name], self.clock, self.broker)
        bus.at_once = self._at_once
        return self._add(bus)

    async def join(self) -> None:
        """See Desk. Both read every record, so that each comes twice."""
        self.buses.append(self._bus("osi-gateway"))

    async def send(
        self, topic: str, key: str, value: bytes | None, headers: Headers, partition: int | None = None
    ) -> None:
        """See Desk."""
        self.broker.append(topic, key, value, headers)

    async def until(self, done: Callable[[], bool]) -> None:
        """See Desk. Raises AssertionError where all is read and it is not so."""
        await asyncio.gather(*(bus.deliver() for bus in self.buses))
        if not done():
            raise AssertionError(dict(self.effects))

    async def restart(self) -> None:
        """See Desk."""
        for bus in self.buses:
            bus.rewind()

    async def oversleep(self, unread: Callable[[], Awaitable[object]]) -> None:
        """See Desk."""
        await unread()
        await self.forget()

    async def forget(self) -> None:
        """See Desk."""
        self.broker.forget(PACKAGES)

    async def dead(self, least: int = 0) -> list[Record]:
        """See Desk."""
        return self.broker.topics[dead_letters("osi-gateway")]


class RealDesk(Desk):
    """Over the Kafka of a stack."""

    def __init__(self, stack: KafkaStack) -> None:
        super().__init__()
        self.stack = stack
        self._producer: AIOKafkaProducer | None = None

    def settings(self, principal: str) -> ServiceSettings:
        """Return how a principal reaches Kafka."""
        return ServiceSettings(
            kafka_servers=self.stack.kafka_servers,
            kafka_user=principal,
            kafka_password=self.stack.kafka_password(principal),
        )

    async def open(self) -> None:
        """Connect, and read."""
        self._producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **self._as_admin())
        await self._producer.start()
        self.buses = [self._bus(name) for name in _READ]
        await asyncio.gather(*(bus.start(consumers=True) for bus in self.buses))

    async def close(self) -> None:
        """Disconnect."""
        await asyncio.gather(*(bus.stop() for bus in self.buses))
        if self._producer:
            await self._producer.stop()

    def _bus(self, name: str) -> Any:
        return self._add(Bus(self.settings(name), name, self.databases[name], FixedClock()))

    async def join(self) -> None:
        """See Desk."""
        bus = self._bus("osi-gateway")
        self.buses.append(bus)
        await bus.start(consumers=True)

    async def send(
        self, topic: str, key: str, value: bytes | None, headers: Headers, partition: int | None = None
    ) -> None:
        """See Desk."""
        if self._producer is None:
            raise RuntimeError("the desk is closed")
        await self._producer.send_and_wait(topic, value, key=key.encode(), headers=headers, partition=partition)

    async def until(self, done: Callable[[], bool]) -> None:
        """See Desk. Raises AssertionError after 30 s."""
        until = time.monotonic() + _SECONDS
        while not done():
            if time.monotonic() > until:
                raise AssertionError(dict(self.effects))
            await asyncio.sleep(0.02)

    async def restart(self) -> None:
        """See Desk."""
        await self.close()
        await self.open()

    async def oversleep(self, unread: Callable[[], Awaitable[object]]) -> None:
        """See Desk."""
        await asyncio.gather(*(bus.stop() for bus in self.buses))
        await unread()
        await self.forget()
        self.buses = [self._bus(name) for name in _READ]
        await asyncio.gather(*(bus.start(consumers=True) for bus in self.buses))

    async def forget(self) -> None:
        """See Desk."""
        admin = AIOKafkaAdminClient(**self._as_admin())
        await admin.start()
        all_of_it = RecordsToDelete(-1)
        await admin.delete_records({TopicPartition(PACKAGES, n): all_of_it for n in range(TOPICS[PACKAGES].partitions)})
        await admin.close()

    async def dead(self, least: int = 0) -> list[Record]:
        """See Desk. Returns what there is after 30 s."""
        until = time.monotonic() + _SECONDS
        found = await self._dead()
        while len(found) < least and time.monotonic() < until:
            found = await self._dead()
        return found

    async def _dead(self) -> list[Record]:
        topic = dead_letters("osi-gateway")
        consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", group_id=None, **self._as_admin())
        await consumer.start()
        try:
            found = await consumer.getmany(timeout_ms=1500)
        finally:
            await consumer.stop()
        records = [record for batch in found.values() for record in batch]
        return [
            Record(one.topic, one.partition, one.offset, one.key, one.value, tuple(one.headers))
            for one in records
            if self.run.encode() in (one.key or b"")
        ]

    def _as_admin(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.stack.kafka_servers,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": "admin",
            "sasl_plain_password": self.stack.kafka_password(),
        }
