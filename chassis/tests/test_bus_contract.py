"""The consume rule on the fake broker and on real Kafka: the same story must end the same way."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from chassis.dead_letters import DeadLetters
from chassis.kafka import KafkaPublisher
from chassis.outbox import MOST_PENDING_BYTES
from chassis.reader import Rest
from chassis.records import Record
from chassis.settings import ServiceSettings
from chassis.testing import START, MemoryBroker, MemoryPublisher
from chassis.testing.desk import Desk, RealDesk
from contracts.identity import AccountLinked
from contracts.topics import TOPICS, dead_letters
from rathaus.stack.stack import Stack


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
    (dead,) = await desk.dead(1)
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
    (dead,) = await desk.dead(1)
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
    assert len(await desk.dead(1)) == 1


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
        take: Callable[[Sequence[Record]], Awaitable[Rest]] = reader.take_many
        tries: list[float] = []

        async def failing(records: Sequence[Record]) -> Rest:
            if any(real.run.encode() in (record.key or b"") for record in records) and len(tries) < 2:
                tries.append(time.monotonic())
                raise KeyError("bug")
            return await take(records)

        reader.take_many = failing
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
            for task in subscriber.tasks:
                task.cancel()
        await asyncio.sleep(0.2)
        assert "has stopped" in (await bus.check() or "")
    finally:
        await real.close()


@pytest.mark.stack
@pytest.mark.proves("F73")
async def test_kafka_takes_the_largest_event_that_a_write_lets_through(infrastructure: Stack) -> None:
    """The relay knows no poison: the limit at the write lies under every limit of producer and broker."""
    settings = ServiceSettings(
        kafka_servers=[infrastructure.kafka_servers],
        kafka_user="forms",
        kafka_password=SecretStr(infrastructure.kafka_password("forms")),
    )
    publisher = await KafkaPublisher.open(settings, "forms")
    try:
        headers = [(f"header-{number}", b"x" * 200) for number in range(20)]
        taken = await publisher.send("forms.packages", "largest", b"x" * MOST_PENDING_BYTES, headers)
        assert await taken
    finally:
        await publisher.close()
