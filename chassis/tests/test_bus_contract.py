"""The consume rule on the fake broker and on real Kafka: the same story must end the same way."""

import asyncio
import gc
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from chassis.broker import Bus, Envelope
from chassis.dead_letters import DeadLetters
from chassis.ids import uuid7
from chassis.kafka import KafkaPublisher
from chassis.reader import Record
from chassis.settings import ServiceSettings
from chassis.testing import START, FixedClock, MemoryBroker, MemoryBus, MemoryDatabase, MemoryPublisher
from chassis.testing.example import TENANT
from contracts import Event, Tombstone
from contracts.envelope import headers_of, tombstone_type
from contracts.identity import AccountLinked, ContactChanged
from contracts.topics import TOPICS, dead_letters
from rathaus.stack.stack import Stack


class Desk(ABC):
    """Two topics read by two services; notes what took effect, by source."""

    def __init__(self) -> None:
        self.effects: dict[str, list[Any]] = {}
        self.failures: dict[tuple[str, int], Exception] = {}
        self.run = uuid7()

    def source(self, name: str) -> str:
        """Sources of this test only: the real topics are shared."""
        return f"{name}-{self.run}"

    async def note(self, event: Any, envelope: Envelope) -> None:
        if failure := self.failures.pop((envelope.subject, envelope.sequence), None):
            raise failure
        said = "gone" if isinstance(event, Tombstone) else envelope.sequence
        self.effects.setdefault(envelope.subject, []).append(said)

    def of(self, name: str) -> list[Any]:
        return self.effects.get(self.source(name), [])

    async def put(
        self, name: str, sequence: int, *, type_: str = AccountLinked.type, value: bytes | None = None
    ) -> None:
        event = AccountLinked(occurred_at=START, account_id=name, level="hoch")
        body = event.model_dump_json().encode() if value is None else value
        await self._put("identity.accounts", type_, name, sequence, body)

    async def put_contact(self, name: str, sequence: int, email: str | None) -> None:
        type_, body = tombstone_type("identity.contacts"), None
        if email:
            event: Event = ContactChanged(occurred_at=START, account_id=name, email=email)
            type_, body = event.type, event.model_dump_json().encode()
        await self._put("identity.contacts", type_, name, sequence, body)

    async def _put(self, topic: str, type_: str, name: str, sequence: int, body: bytes | None) -> None:
        source = self.source(name)
        envelope = Envelope(f"{source}-{sequence}-{type_}", type_, TENANT, source, sequence, START)
        await self.send(topic, source, body, headers_of(envelope))

    @abstractmethod
    async def send(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None: ...

    @abstractmethod
    async def until(self, done: Callable[[], bool]) -> None: ...

    @abstractmethod
    async def restart(self) -> None: ...

    @abstractmethod
    async def dead(self) -> list[Record]: ...


class FakeDesk(Desk):
    def __init__(self) -> None:
        super().__init__()
        broker, clock = MemoryBroker(), FixedClock()
        self.broker = broker
        self.buses = [MemoryBus(name, MemoryDatabase(name), clock, broker) for name in ("osi-gateway", "notify")]
        self.buses[0].add("identity.accounts", {AccountLinked: self.note})
        self.buses[1].add("identity.contacts", {ContactChanged: self.note, Tombstone: self.note})

    async def send(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        self.broker.append(topic, key, value, headers)

    async def until(self, done: Callable[[], bool]) -> None:
        for bus in self.buses:
            await bus.deliver()
        assert done(), self.effects

    async def restart(self) -> None:
        for bus in self.buses:
            bus.rewind()

    async def dead(self) -> list[Record]:
        return self.broker.topics[dead_letters("osi-gateway")]


class RealDesk(Desk):
    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.stack = stack
        self.databases = {name: MemoryDatabase(name) for name in ("osi-gateway", "notify")}
        self.buses: list[Bus] = []
        self.publisher: KafkaPublisher | None = None

    def settings(self, principal: str) -> ServiceSettings:
        return ServiceSettings(
            kafka_servers=self.stack.kafka_servers,
            kafka_user=principal,
            kafka_password=self.stack.kafka_password(principal),
        )

    async def open(self) -> None:
        clock = FixedClock()
        self.publisher = await KafkaPublisher.open(self.settings("identity"), "test")
        names = ("osi-gateway", "notify")
        self.buses = [Bus(self.settings(name), name, self.databases[name], clock) for name in names]
        self.buses[0].add("identity.accounts", {AccountLinked: self.note})
        self.buses[1].add("identity.contacts", {ContactChanged: self.note, Tombstone: self.note})
        await asyncio.gather(*(bus.start(consumers=True) for bus in self.buses))

    async def close(self) -> None:
        await asyncio.gather(*(bus.stop() for bus in self.buses))
        if self.publisher:
            await self.publisher.close()

    async def send(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        assert self.publisher
        if topic.endswith(".retry"):
            operator = await KafkaPublisher.open(self.settings("admin"), "operator")
            await (await operator.send(topic, key, value, headers))
            await operator.close()
        else:
            await (await self.publisher.send(topic, key, value, headers))

    async def until(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + 20
        while not done():
            assert time.monotonic() < until, self.effects
            await asyncio.sleep(0.02)

    async def restart(self) -> None:
        await self.close()
        await self.open()

    async def dead(self) -> list[Record]:
        consumer = AIOKafkaConsumer(
            dead_letters("osi-gateway"),
            bootstrap_servers=self.stack.kafka_servers,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username="admin",
            sasl_plain_password=self.stack.kafka_password(),
            auto_offset_reset="earliest",
            group_id=None,
        )
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


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.stack)])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    if request.param == "fake":
        yield FakeDesk()
        return
    real = RealDesk(request.getfixturevalue("infrastructure"))
    await real.open()
    yield real
    await real.close()


@pytest.mark.proves("F46")
async def test_gap_then_refill(desk: Desk) -> None:
    for number in (1, 3, 2, 3, 4):
        await desk.put("s", number)
    await desk.put("t", 1)
    await desk.until(lambda: len(desk.of("s")) >= 4 and len(desk.of("t")) >= 1)
    assert (desk.of("s"), desk.of("t")) == ([1, 2, 3, 4], [1])


async def test_poison_dead_letter_replay(desk: Desk) -> None:
    await desk.put("s", 1)
    await desk.put("s", 2, value=b"{")
    await desk.put("s", 3)
    await desk.put("t", 1)
    await desk.until(lambda: desk.of("t") == [1] and desk.of("s") == [1])
    (dead,) = await desk.dead()
    about = dict(dead.headers)
    assert (dead.value, about["dlq_topic"], about["dlq_tries"]) == (b"{", b"identity.accounts", b"1")
    good = AccountLinked(occurred_at=START, account_id="s", level="hoch").model_dump_json().encode()
    retry = TOPICS["identity.accounts"].retry("osi-gateway")
    headers = [(name, value) for name, value in dead.headers if not name.startswith("dlq_")]
    for _ in range(2):
        await desk.send(retry, (dead.key or b"").decode(), good, headers)
    await desk.until(lambda: len(desk.of("s")) >= 3)
    assert desk.of("s") == [1, 2, 3]


async def test_headers_that_cannot_be_read_are_buried_too(desk: Desk) -> None:
    source = desk.source("s")
    await desk.send("identity.accounts", source, b"{}", [("ce_subject", b"\xff\xfe"), ("ce_type", b"x")])
    await desk.put("t", 1)
    await desk.put("s", 1)
    await desk.until(lambda: desk.of("t") == [1] and desk.of("s") == [1])
    (dead,) = await desk.dead()
    assert dead.value == b"{}"


@pytest.mark.proves("F64")
async def test_unknown_type_and_unknown_version(desk: Desk) -> None:
    await desk.put("s", 1, type_="de.digitales-rathaus.identity.name-sung.v1", value=b"{}")
    await desk.put("s", 2)
    await desk.put("t", 1, type_="de.digitales-rathaus.identity.account-linked.v9", value=b"{}")
    await desk.put("t", 2)
    await desk.put("u", 1)
    await desk.until(lambda: desk.of("s") == [2] and desk.of("u") == [1])
    assert desk.of("t") == []
    assert len(await desk.dead()) == 1


@pytest.mark.proves("PL-06")
async def test_a_restart_repeats_nothing(desk: Desk) -> None:
    await desk.put("s", 1)
    await desk.until(lambda: desk.of("s") == [1])
    await desk.restart()
    await desk.put("s", 1)
    await desk.put("s", 2)
    await desk.until(lambda: len(desk.of("s")) >= 2)
    assert desk.of("s") == [1, 2]


async def test_newest_counts_and_tombstones_arrive(desk: Desk) -> None:
    for number in (2, 5, 3):
        await desk.put_contact("s", number, "mia@example.org")
    await desk.put_contact("s", 6, None)
    await desk.put_contact("s", 4, "late@example.org")
    await desk.put_contact("t", 1, "jonas@example.org")
    await desk.until(lambda: desk.of("s")[-1:] == ["gone"] and desk.of("t") == [1])
    assert desk.of("s") == [2, 5, "gone"]


class Broken(MemoryPublisher):
    """A producer that will never work again."""

    closed = False

    async def send(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
        raise ConnectionError("out of order sequence")

    async def close(self) -> None:
        self.closed = True


async def test_a_broken_producer_of_dead_letters_is_replaced() -> None:
    broker = MemoryBroker()
    broken = Broken(broker)
    publishers: list[MemoryPublisher] = [broken, MemoryPublisher(broker)]

    async def open_publisher() -> MemoryPublisher:
        return publishers.pop(0)

    letters = DeadLetters("notify", open_publisher)
    record = Record("identity.contacts", 3, 7, b"k", b"{", (("ce_id", b"1"), ("dlq_error", b"an older one")))
    with pytest.raises(ConnectionError):
        await letters.bury(record, "notify.identity.contacts", ValueError("x" * 600), 2)
    assert broken.closed
    for _ in range(2):
        await letters.bury(record, "notify.identity.contacts", ValueError("x" * 600), 2)
    about = [dict(dead.headers) for dead in broker.topics[dead_letters("notify")]]
    assert len(about) == 2
    assert [len(dead.headers) for dead in broker.topics[dead_letters("notify")]] == [8, 8]
    assert about[0] == {
        "ce_id": b"1",
        "dlq_service": b"notify",
        "dlq_group": b"notify.identity.contacts",
        "dlq_topic": b"identity.contacts",
        "dlq_partition": b"3",
        "dlq_offset": b"7",
        "dlq_error": b"ValueError: " + b"x" * 488,
        "dlq_tries": b"2",
    }


async def test_a_producer_that_is_given_up_while_it_connects_leaves_nothing_open() -> None:
    connected, gone = asyncio.Event(), asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    opening = asyncio.create_task(
        KafkaPublisher.open(ServiceSettings(kafka_servers=f"127.0.0.1:{port}"), "test"), name="opening"
    )
    await connected.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    async with asyncio.timeout(5):
        await gone.wait()
    del opening
    gc.collect()
    server.close()
    await server.wait_closed()


@pytest.mark.stack
async def test_what_cannot_be_taken_now_is_read_again_but_in_no_hot_loop(infrastructure: Stack) -> None:
    real = RealDesk(infrastructure)
    await real.open()
    try:
        reader = real.buses[0]._readers[0]
        take, tries = reader.take, list[float]()

        async def failing(record: Record) -> None:
            if real.run.encode() in (record.key or b"") and len(tries) < 2:
                tries.append(time.monotonic())
                raise KeyError("bug")
            await take(record)

        reader.take = failing  # type: ignore[method-assign]
        await real.put("s", 1)
        await real.until(lambda: real.of("s") == [1])
        assert tries[1] - tries[0] >= 1
    finally:
        await real.close()


@pytest.mark.stack
async def test_a_consumer_that_has_stopped_is_not_ready(infrastructure: Stack) -> None:
    real = RealDesk(infrastructure)
    await real.open()
    try:
        bus = real.buses[0]
        assert await bus.check() is None
        for subscriber in bus._broker.subscribers:
            for task in subscriber.tasks:  # type: ignore[attr-defined]
                task.cancel()
        await asyncio.sleep(0.2)
        assert "has stopped" in (await bus.check() or "")
    finally:
        await real.close()
