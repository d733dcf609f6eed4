import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from chassis.aggregates import Aggregates, Erased, Key
from chassis.broker import Bus
from chassis.documents import Documents
from chassis.records import Record
from chassis.relay import Relay
from chassis.settings import ServiceSettings
from chassis.testing import START, FixedClock, MemoryBroker, MemoryBus, MemoryDatabase
from chassis.testing.example import TENANT, Counted, Counter, CounterCodec, count_up
from contracts import Tombstone
from contracts.identity import ContactChanged
from rathaus.stack.stack import Stack

CONTACTS = "identity.contacts"


def publish(state: Counter, fact: Counted) -> Sequence[ContactChanged | Erased]:
    if fact.count < 0:
        return (Erased(CONTACTS),)
    return (ContactChanged(occurred_at=START, account_id="a", email=f"{fact.count}@example.org"),)


def erase(state: Counter) -> tuple[Counter, Sequence[Counted]]:
    return replace(state, count=-1), (Counted(-1),)


class Owner:
    """identity, with a contact that changes, and its own reading of the topic."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.database = MemoryDatabase("identity")
        self.documents: Documents = self.database.collection("accounts")
        self.kind: Aggregates[Counter, Counted] = Aggregates(
            self.documents, CounterCodec(), publish, service="identity", clock=self.clock
        )
        self.broker = MemoryBroker()
        self.bus = MemoryBus("identity", self.database, self.clock, self.broker)
        self.bus.watch([self.database.collection("others"), self.documents])
        self.number = 0

    async def contact(self) -> str:
        made = await self.kind.create(TENANT, Key("mia", "k", "d"), lambda id: (Counter(1), (Counted(1),)))
        return made.id

    async def change(self, id: str, decide: Any = count_up) -> None:
        self.number += 1
        await self.kind.command(TENANT, id, Key("mia", f"{self.number}", "d"), decide)

    async def settle(self) -> None:
        relay = Relay(self.database, [self.documents], self.bus.open_publisher, me="r", clock=self.clock)
        for _ in range(4):
            await relay.round()
            await self.bus.deliver()

    def again(self, number: int) -> None:
        """A producer that was believed dead writes a record once more."""
        late = self.broker.topics[CONTACTS][number]
        self.broker.append(CONTACTS, (late.key or b"").decode(), late.value, list(late.headers))

    def story(self) -> list[tuple[int, str | None]]:
        return [
            (envelope.sequence, event.email if isinstance(event, ContactChanged) else None)
            for envelope, event in self.broker.events(CONTACTS)
        ]


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.mark.proves("F53")
async def test_a_late_repeat_does_not_become_the_last_word(owner: Owner) -> None:
    id = await owner.contact()
    await owner.change(id)
    await owner.settle()
    owner.again(0)
    await owner.settle()
    assert owner.story() == [
        (1, "1@example.org"),
        (2, "2@example.org"),
        (1, "1@example.org"),
        (3, "2@example.org"),
    ]
    await owner.change(id)
    await owner.settle()
    assert owner.story()[-1] == (4, "3@example.org")


@pytest.mark.proves("F53")
async def test_what_was_erased_does_not_come_back(owner: Owner) -> None:
    id = await owner.contact()
    await owner.settle()
    await owner.change(id, erase)
    await owner.settle()
    assert "1@example.org" not in str(await owner.documents.get(id))
    owner.again(0)
    await owner.settle()
    assert owner.story() == [(1, "1@example.org"), (2, None), (1, "1@example.org"), (3, None)]
    seen: list[Any] = []

    async def note(event: Any, envelope: Any) -> None:
        seen.append(type(event).__name__)

    reader = MemoryBus("notify", MemoryDatabase("notify"), owner.clock, owner.broker)
    reader.add(CONTACTS, {ContactChanged: note, Tombstone: note})
    await reader.deliver()
    assert seen[-1] == "Tombstone"


async def test_what_comes_in_order_or_twice_is_left_alone_and_reading_again_does_no_harm(owner: Owner) -> None:
    id = await owner.contact()
    await owner.change(id)
    await owner.change(id)
    await owner.settle()
    owner.again(2)
    await owner.settle()
    assert [number for number, _ in owner.story()] == [1, 2, 3, 3]
    owner.bus.rewind()
    await owner.settle()
    assert (await owner.documents.get(id) or {})["seq"] == {"identity_contacts": 5}
    assert owner.story()[-1] == (5, "3@example.org")


async def test_what_was_born_with_two_events_and_comes_late_twice_is_corrected_twice(owner: Owner) -> None:
    await owner.kind.create(TENANT, Key("mia", "k", "d"), lambda id: (Counter(2), (Counted(1), Counted(2))))
    await owner.settle()
    for number in (3, 4):
        owner.again(0)
        await owner.settle()
        assert owner.story()[-1] == (number, "2@example.org")


async def test_a_relay_that_was_asleep_cannot_take_the_correction_away(owner: Owner) -> None:
    id = await owner.contact()
    await owner.change(id)
    before = await owner.documents.get(id) or {}
    await owner.settle()
    owner.again(0)
    await owner.bus.deliver()
    asleep = Relay(owner.database, [owner.documents], owner.bus.open_publisher, me="z", clock=owner.clock)
    await asleep._mark(owner.documents, [before], {id: before["out"]})
    await owner.settle()
    assert owner.story()[-1] == (3, "2@example.org")


async def test_a_command_at_the_same_moment_and_the_correction_both_count(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await owner.contact()
    await owner.change(id)
    await owner.settle()
    owner.again(0)
    update, first = type(owner.documents).update, [True]

    async def overtaken(documents: Documents, where: Any, change: Any) -> bool:
        if first and change.get("$inc") and documents.name == "accounts":
            first.clear()
            await owner.change(id)
        return await update(documents, where, change)

    monkeypatch.setattr(type(owner.documents), "update", overtaken)
    await owner.settle()
    assert owner.story()[-2:] == [(3, "3@example.org"), (4, "3@example.org")]
    assert (await owner.kind.load(TENANT, id)).state.count == 3


async def test_where_the_aggregate_is_gone_it_is_told(owner: Owner, caplog: pytest.LogCaptureFixture) -> None:
    id = await owner.contact()
    await owner.change(id)
    await owner.settle()
    await owner.documents.delete({"_id": id})
    owner.again(0)
    await owner.settle()
    assert "its aggregate is not here" in caplog.text


@pytest.mark.stack
@pytest.mark.proves("F53")
async def test_on_real_kafka_the_owner_has_the_last_word(infrastructure: Stack) -> None:
    owner = Owner()
    settings = ServiceSettings(
        kafka_servers=infrastructure.kafka_servers,
        kafka_user="identity",
        kafka_password=infrastructure.kafka_password("identity"),
    )
    bus = Bus(settings, "identity", owner.database, owner.clock)
    bus.watch([owner.documents])
    relay = Relay(owner.database, [owner.documents], bus.open_publisher, me="r", clock=owner.clock)
    await bus.start(consumers=True)
    try:
        id = await owner.contact()
        first = (await owner.documents.get(id) or {})["out"][0]
        await owner.change(id, erase)
        await relay.round()
        document = await owner.documents.get(id) or {}
        await relay._send(await relay._publisher_now(), document, first)
        until = time.monotonic() + 20
        while not (await owner.documents.get(id) or {})["out"]:
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        await relay.round()
        assert await bus.check() is None
    finally:
        await relay._drop_publisher()
        await bus.stop()
    records = [record for record in await whole_topic(infrastructure) if record.key == id.encode()]
    numbers = [int(dict(record.headers)["ce_sequence"]) for record in records]
    assert numbers == [1, 2, 1, 3]
    assert [record.value is None for record in records] == [False, True, False, True]


async def whole_topic(stack: Stack) -> list[Record]:
    consumer = AIOKafkaConsumer(
        CONTACTS,
        bootstrap_servers=stack.kafka_servers,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="admin",
        sasl_plain_password=stack.kafka_password(),
        auto_offset_reset="earliest",
        group_id=None,
    )
    await consumer.start()
    try:
        found: list[Any] = []
        while batch := await consumer.getmany(timeout_ms=1500):
            found += [record for records in batch.values() for record in records]
    finally:
        await consumer.stop()
    return [Record(r.topic, r.partition, r.offset, r.key, r.value, tuple(r.headers)) for r in found]
