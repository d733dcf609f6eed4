"""A reader that cannot handle anything stands still instead of burying everything."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chassis.broker import Bus, Envelope
from chassis.ids import uuid7
from chassis.kafka import KafkaPublisher
from chassis.reader import MOST_BURIED, KeepsFailing
from chassis.settings import ServiceSettings
from chassis.testing import START, FixedClock, MemoryBroker, MemoryBus, MemoryDatabase
from chassis.testing.example import TENANT
from contracts.envelope import headers_of
from contracts.identity import AccountLinked, AccountRegistered
from contracts.topics import dead_letters
from rathaus.stack.stack import Stack

ACCOUNTS = "identity.accounts"


class Desk:
    """osi-gateway's reading of identity.accounts, whose handler fails while ``broken``."""

    def __init__(self) -> None:
        self.bus = MemoryBus("osi-gateway", MemoryDatabase(), FixedClock())
        self.broker: MemoryBroker = self.bus.broker
        self.broken = True
        self.effects: list[str] = []
        self.reader = self.bus.add(ACCOUNTS, {AccountLinked: self.note})

    async def note(self, event: Any, envelope: Envelope) -> None:
        if self.broken:
            raise RuntimeError("a bug that names mia@example.org")
        if envelope.subject.startswith("bad"):
            raise RuntimeError("a bug that only some meet")
        self.effects.append(envelope.subject)

    def put(self, subject: str, sequence: int = 1) -> None:
        event = AccountLinked(occurred_at=START, account_id=subject, level="hoch")
        self.broker.put(event, tenant=TENANT, subject=subject, sequence=sequence)

    @property
    def dead(self) -> int:
        return len(self.broker.topics[dead_letters("osi-gateway")])


@pytest.fixture(params=[1, 7, 500])
def desk(request: pytest.FixtureRequest) -> Desk:
    desk = Desk()
    desk.bus.at_once = request.param
    return desk


@pytest.mark.proves("PL-07")
async def test_a_reader_that_keeps_failing_stands_still_and_says_so(desk: Desk) -> None:
    for number in range(MOST_BURIED + 20):
        desk.put(f"s{number}")
    for _ in range(3):
        with pytest.raises(KeepsFailing):
            await desk.bus.deliver()
    assert desk.dead == MOST_BURIED
    assert desk.reader.ill is not None
    assert "buried 50 records in a row" in desk.reader.ill
    assert "mia@example.org" not in desk.reader.ill


async def test_a_handler_that_works_again_ends_it_and_nothing_is_lost(desk: Desk) -> None:
    for number in range(MOST_BURIED + 20):
        desk.put(f"s{number}")
    with pytest.raises(KeepsFailing):
        await desk.bus.deliver()
    desk.broken = False
    await desk.bus.deliver()
    assert desk.effects == [f"s{number}" for number in range(MOST_BURIED, MOST_BURIED + 20)]
    assert (desk.reader.ill, desk.dead) == (None, MOST_BURIED)


async def test_stepping_over_is_no_success(desk: Desk) -> None:
    """Between the events that fail lie some that the group has no use for, and some that wait."""
    for number in range(MOST_BURIED + 1):
        registered = AccountRegistered(occurred_at=START, account_id=f"s{number}")
        desk.broker.put(registered, tenant=TENANT, subject=f"s{number}", sequence=1)
        desk.put(f"s{number}", 2)
        desk.put(f"s{number}", 3)
    with pytest.raises(KeepsFailing):
        await desk.bus.deliver()
    assert desk.dead == MOST_BURIED


async def test_single_failures_are_buried_for_ever(desk: Desk) -> None:
    for number in range(3 * MOST_BURIED):
        desk.broken = number % 3 != 0
        desk.put(f"s{number}")
        await desk.bus.deliver()
    assert (desk.dead, desk.reader.ill) == (2 * MOST_BURIED, None)


async def test_failures_between_successes_are_buried_for_ever(desk: Desk) -> None:
    desk.broken = False
    for number in range(MOST_BURIED + 10):
        desk.put(f"bad{number}")
        desk.put(f"good{number}")
    await desk.bus.deliver()
    assert (len(desk.effects), desk.dead, desk.reader.ill) == (MOST_BURIED + 10, MOST_BURIED + 10, None)


async def test_poison_in_a_row_stops_too(desk: Desk) -> None:
    for _ in range(MOST_BURIED + 1):
        desk.broker.append(ACCOUNTS, "s", b"{}", [("ce_type", b"x")])
    with pytest.raises(KeepsFailing):
        await desk.bus.deliver()
    assert desk.dead == MOST_BURIED


async def test_a_handler_that_works_beside_poison_ends_it() -> None:
    desk = Desk()
    for _ in range(MOST_BURIED + 1):
        desk.broker.append(ACCOUNTS, "s", b"{}", [("ce_type", b"x")])
    with pytest.raises(KeepsFailing):
        await desk.bus.deliver()
    desk.broken = False
    desk.put("t")
    await desk.bus.deliver()
    assert (desk.effects, desk.dead, desk.reader.ill) == (["t"], MOST_BURIED + 1, None)


async def test_what_one_gap_holds_back_stops_nobody(desk: Desk) -> None:
    desk.broken = False
    for number in range(2, 64 + 2 + 2 * MOST_BURIED):
        desk.put("s", number)
    desk.put("t")
    await desk.bus.deliver()
    assert (desk.effects, desk.dead) == (["t"], 2 * MOST_BURIED)


def settings(stack: Stack, principal: str) -> ServiceSettings:
    password = stack.kafka_password(principal)
    return ServiceSettings(kafka_servers=stack.kafka_servers, kafka_user=principal, kafka_password=password)


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await done():
            await asyncio.sleep(0.01)


@pytest.mark.stack
@pytest.mark.proves("PL-07")
async def test_readiness_says_it_and_the_offset_stays(infrastructure: Stack) -> None:
    seen: list[str] = []
    broken = True
    run = uuid7()

    async def note(event: AccountLinked, envelope: Envelope) -> None:
        if broken and run in envelope.subject:
            raise RuntimeError("bug")
        seen.append(envelope.subject)

    bus = Bus(settings(infrastructure, "osi-gateway"), "osi-gateway", MemoryDatabase(), FixedClock())
    bus.add(ACCOUNTS, {AccountLinked: note})
    publisher = await KafkaPublisher.open(settings(infrastructure, "identity"), "test")
    await bus.start(consumers=True)
    try:
        body = AccountLinked(occurred_at=START, account_id="s", level="hoch").model_dump_json().encode()
        subjects = [f"{run}-{number}" for number in range(3 * MOST_BURIED)]
        for subject in subjects:
            envelope = Envelope(f"{subject}-1", AccountLinked.type, TENANT, subject, 1, START)
            await (await publisher.send(ACCOUNTS, subject, body, headers_of(envelope)))

        async def said() -> bool:
            return "stands still" in (await bus.check() or "")

        async def well() -> bool:
            return await bus.check() is None and any(run in one for one in seen)

        await until(said)
        broken = False
        await until(well)
    finally:
        await bus.stop()
        await publisher.close()


@pytest.mark.stack
@pytest.mark.proves("PL-07")
async def test_records_that_cannot_be_read_at_all_count_too(
    infrastructure: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    """They come one at a time: each is the record that the bus itself looks at first. The topic holds others' too."""
    bus = Bus(settings(infrastructure, "notify"), "notify", MemoryDatabase(), FixedClock())
    reader = bus.add(ACCOUNTS, {})
    publisher = await KafkaPublisher.open(settings(infrastructure, "identity"), "test")

    def buried(partition: int, offset: int) -> bool:
        about = [getattr(line, "fields", {}) for line in caplog.records]
        return (str(partition), str(offset)) in {(one.get("dlq_partition"), one.get("dlq_offset")) for one in about}

    await bus.start(consumers=True)
    try:
        with caplog.at_level(logging.ERROR, "chassis"):
            for _ in range(MOST_BURIED + 1):
                headers = [("ce_type", b"x"), ("ce_subject", b"\xff")]
                sent: Any = await (await publisher.send(ACCOUNTS, uuid7(), b"{}", headers))

                async def settled(sent: Any = sent) -> bool:
                    return buried(sent.partition, sent.offset) or reader.ill is not None

                await until(settled)
        assert reader.ill is not None
        assert not buried(sent.partition, sent.offset)
        assert "stands still" in (await bus.check() or "")
    finally:
        await bus.stop()
        await publisher.close()
