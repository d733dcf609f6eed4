"""Stories of a town hall under load: when X dies at point Y, then I1 to I9 hold."""

import asyncio

import pytest
from fault_town import FaultTown
from tampering import publish_again, publish_backwards
from telling import repeats

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.mark.proves("F1", "PL-05")
async def test_a_service_dies_between_the_write_and_the_answer(fault_town: FaultTown) -> None:
    first = len(fault_town.log.attempts)
    async with fault_town.load(newcomers=1) as load:
        await load.reaches(10)
        await asyncio.gather(
            fault_town.strike("appointments", "write", "after"),
            fault_town.strike("forms", "database-answer", "before", inside="write"),
        )
        await load.reaches(20)
    assert load.retried > 0
    assert await fault_town.verdict() == []
    assert fault_town.denied(first) == []


@pytest.mark.proves("F2")
async def test_a_relay_dies_between_publishing_and_marking(fault_town: FaultTown) -> None:
    async with fault_town.load(days=3) as load:
        await load.reaches(10)
        await fault_town.strike("appointments", "mark", "before")
        await load.reaches(10)
    assert await fault_town.verdict() == []
    repeated, _ = repeats(fault_town.evidence, "appointments.slots")
    assert repeated >= 1


@pytest.mark.proves("F6")
async def test_a_consumer_dies_between_the_effect_and_its_offset(fault_town: FaultTown) -> None:
    async with fault_town.load() as load:
        await load.reaches(10)
        await asyncio.gather(
            fault_town.strike("notify", "apply", "after"),
            fault_town.strike("osi-gateway", "advance", "after"),
        )
        await load.reaches(10)
    assert await fault_town.verdict() == []


@pytest.mark.proves("F28", "PL-26")
async def test_duplicate_and_reordered_events_change_nothing(fault_town: FaultTown) -> None:
    async with fault_town.load(days=1, applicants=0) as load:
        await load.reaches(20)
        assert await publish_again(fault_town.stack, "appointments.slots") > 0
        before = fault_town.count("appointments")
        fault_town.stack.pause("kafka")  # so that events gather in the outboxes
        fault_town.arm("appointments", "publish", "before", act="pause")
        await asyncio.sleep(2)
        fault_town.stack.resume("kafka")
        await fault_town.struck("appointments", before + 1)
        assert await publish_backwards(fault_town.stack, "appointments") >= 2
        fault_town.stack.resume("appointments")
        await load.reaches(10)
    assert await fault_town.verdict() == []
