"""Longer stories of a town hall under load: when X dies at point Y, then I1 to I9 hold."""

import asyncio
import os
import time
from typing import Any

import httpx
import pytest
from evidence import aggregates, read_documents
from fault_town import CLAIM, FaultTown
from levers import PARTS
from load import people
from telling import repeats

from chassis.leases import HELD_FOR
from contracts.topics import SERVICES

pytestmark = [pytest.mark.stack, pytest.mark.prove, pytest.mark.timeout(900)]

NOISE = 5.0
"""Seconds that a process may be kept waiting by others on the machine."""
EVERY_POINT: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "appointments": [
        ("before the write", {"point": "write", "when": "before"}),
        ("the write's answer is lost", {"point": "database-answer", "when": "before", "inside": "write"}),
        ("written, nobody was told", {"point": "write", "when": "after"}),
        ("collected, not published", {"point": "publish", "when": "before"}),
        ("in the buffer", {"point": "buffer", "when": "after"}),
        ("published, not marked", {"point": "mark", "when": "before"}),
    ],
    "forms": [
        ("written, nobody was told", {"point": "write", "when": "after"}),
        ("effect, place not advanced", {"point": "apply", "when": "after"}),
        ("sent, not acknowledged", {"point": "buffer", "when": "after", "late": 0.002}),
        ("marked, the round not ended", {"point": "take-out", "when": "after", "inside": "mark"}),
    ],
    "notify": [
        ("read, nothing done", {"point": "take", "when": "before"}),
        ("in the middle of a batch", {"point": "apply", "when": "after", "call": 2}),
        ("place advanced, offset not committed", {"point": "advance", "when": "after"}),
        ("id stored, mail not sent", {"point": "outside", "when": "before"}),
        ("mail sent, not noted", {"point": "mail", "when": "after"}),
        ("mail noted, message not ended", {"point": "outside", "when": "after"}),
        ("in the middle of a wave", {"point": "send", "when": "after", "call": 3}),
    ],
    "osi-gateway": [
        ("effect, place not advanced", {"point": "apply", "when": "after"}),
        ("step not begun", {"point": "step", "when": "before", "call": 4}),
        ("handed over, not noted", {"point": "submit", "when": "after"}),
        ("marked", {"point": "mark", "when": "after"}),
    ],
}
"""Each crash point of outbox, reader and inbox."""


@pytest.mark.proves("F1", "F2", "F6", "PL-05")
async def test_a_service_dies_at_every_point(fault_town: FaultTown) -> None:
    async def one_after_another(service: str) -> None:
        for what, where in EVERY_POINT[service]:
            try:
                await fault_town.strike(service, **where)
            except TimeoutError as late:
                raise AssertionError(f"{service} never came by: {what}") from late
            fault_town.jump(HELD_FOR.total_seconds())  # else the next relay waits as long for what the dead one leased

    async with fault_town.load(newcomers=1, applicants=1):
        await asyncio.gather(*map(one_after_another, EVERY_POINT))
    assert await fault_town.verdict() == []


@pytest.mark.proves("F3")
async def test_a_relay_dies_with_what_it_has_leased(fault_town: FaultTown) -> None:
    stack = fault_town.stack
    other = await asyncio.to_thread(stack.start_another, "appointments", "relay")
    try:
        async with fault_town.load(applicants=0) as load:
            await load.reaches(20)
            began, moved = fault_town.log.now(), fault_town.log.moved
            await fault_town.strike("appointments", "publish", "before")
            await load.reaches(20)
        assert await fault_town.verdict() == []
    finally:
        await asyncio.to_thread(stack.stop_another, other)
    waited = fault_town.delays("appointments.slots", began, moved)
    assert 0 < max(waited) <= HELD_FOR.total_seconds() + 1 + NOISE


@pytest.mark.proves("F4")
async def test_a_relay_sleeps_longer_than_its_lease_and_wakes_up(fault_town: FaultTown) -> None:
    stack = fault_town.stack
    other = await asyncio.to_thread(stack.start_another, "appointments", "relay")
    try:
        async with fault_town.load(applicants=0) as load:
            await load.reaches(10)
            before = fault_town.count("appointments")
            fault_town.arm("appointments", "send", "after", act="pause")
            asleep = await fault_town.struck("appointments", before + 1)
            name = next(name for name in ("appointments", other) if stack.pid(name) == asleep.pid)
            fault_town.jump(2 * HELD_FOR.total_seconds())  # three leases of the town's time, one of them waited for
            await asyncio.sleep(HELD_FOR.total_seconds())
            stack.resume(name)
            await load.reaches(20)
        assert await fault_town.verdict() == []
    finally:
        await asyncio.to_thread(stack.stop_another, other)


@pytest.mark.proves("F5")
async def test_eight_relays_at_once(fault_town: FaultTown) -> None:
    stack = fault_town.stack
    crowd = await people(stack, 10)  # the town's own may have taken all that one account may take on a day
    others: list[str] = []
    before = None
    try:
        for number in (2, 4, 8):
            while len(others) < number - 1:
                others.append(await asyncio.to_thread(stack.start_another, "appointments", "relay"))
            async with fault_town.load(crowd, applicants=0, pause=0.01) as load:
                await load.reaches(200)
            assert await fault_town.verdict() == []
            before = before or repeats(fault_town.evidence, "appointments.slots")
    finally:
        await asyncio.gather(*(asyncio.to_thread(stack.stop_another, other) for other in others))
    assert before is not None
    after = repeats(fault_town.evidence, "appointments.slots")
    repeated, events = after[0] - before[0], after[1] - before[1]
    assert events > 100
    assert repeated <= events * 0.001, f"{repeated} repeats of {events}"


@pytest.mark.proves("F70")
async def test_a_sender_sleeps_between_what_it_noted_and_sending_and_wakes_up(fault_town: FaultTown) -> None:
    """Nothing tells a mail server's second mail from the first, so nobody sends again; the exchange refuses a second.

    The other process finds each claim run out: a mail that may be under way is shown to a clerk, an application is sent
    under the same number. Then the sleepers go on with what they were about to do.
    """
    stack = fault_town.stack
    services = {"notify": "mail", "osi-gateway": "submit"}
    await fault_town.rest()
    before = _doubted_in_vain(fault_town)
    others = [await asyncio.to_thread(stack.start_another, service, "timers") for service in services]
    try:
        async with fault_town.load() as load:
            await load.reaches(10)
            struck = {service: fault_town.count(service) + 1 for service in services}
            for service, point in services.items():
                fault_town.arm(service, point, "before", act="pause")
            asleep = [await fault_town.struck(service, times) for service, times in struck.items()]
            names = [name for name in (*services, *others) if stack.pid(name) in {one.pid for one in asleep}]
            assert len(names) == len(services)
            for _ in range(3):  # a claim; whoever sleeps may hold a lease beside it
                fault_town.jump(CLAIM)
                await asyncio.sleep(HELD_FOR.total_seconds())
            for name in names:
                stack.resume(name)
            await load.reaches(10)
        assert await fault_town.verdict() == []
    finally:
        await asyncio.gather(*(asyncio.to_thread(stack.stop_another, other) for other in others))
    assert _doubted_in_vain(fault_town) - before  # the sleeper's; others may have been under way beside it


@pytest.mark.proves("F33")
async def test_every_service_is_stopped_and_started_under_load(fault_town: FaultTown) -> None:
    stack = fault_town.stack
    took: dict[str, float] = {}
    clean = {service: stack.logs(service).count('"message": "stopped"') for service in SERVICES}
    await fault_town.rest()
    flagged = fault_town.flagged()
    async with fault_town.load() as load:
        await load.reaches(20)
        for service in SERVICES:
            pid, began = stack.pid(service), time.monotonic()
            assert pid is not None
            restarting = asyncio.create_task(asyncio.to_thread(stack.restart, service))
            while _runs(pid):
                await asyncio.sleep(0.02)
            took[service] = time.monotonic() - began
            await restarting
        await load.reaches(20)
    assert await fault_town.verdict() == []
    assert max(took.values()) <= 10, took
    assert fault_town.flagged() == flagged, "a mail under way was cut off"
    stopped = {service: stack.logs(service).count('"message": "stopped"') - clean[service] for service in SERVICES}
    assert stopped == dict.fromkeys(SERVICES, 1)


@pytest.mark.proves("F43", "PL-05")
async def test_everything_is_killed_at_one_moment(fault_town: FaultTown) -> None:
    """In the moment of an answer: what was written for it, no part had time to write anywhere else.

    A kill takes what a process holds, so that it shows the order of writes and what is written before an answer. What
    the system holds of files is left: that a file is also forced onto its disk shows only where the power fails.
    """
    stack = fault_town.stack
    async with fault_town.load(newcomers=1) as load:
        await load.reaches(20)
        await load.next_acknowledgement()
        await fault_town.kill(*PARTS)

        await load.reaches(10)
        stack.pause("kafka")  # what is told from here on waits, in documents and on its way
        await load.reaches(20)
        documents = await asyncio.to_thread(read_documents, stack, ("out",))
        assert sum(len(one["out"]) for _, one in aggregates(documents)) >= 10
        await load.next_acknowledgement()
        await fault_town.kill(*PARTS)
        await load.reaches(10)
    assert await fault_town.verdict() == []


@pytest.mark.proves("PL-26")
async def test_the_broker_is_lost_and_a_consumer_stands_still(fault_town: FaultTown) -> None:
    async with fault_town.load() as load:
        await load.reaches(10)
        back = asyncio.create_task(fault_town.kill("kafka"))
        await load.reaches(5)  # commands are accepted meanwhile
        await back
        await fault_town.paused("notify", 12)
        await load.reaches(10)
    assert await fault_town.verdict() == []


@pytest.mark.proves("PL-26")
async def test_a_clock_is_an_hour_off(fault_town: FaultTown) -> None:
    """Its process follows the database's clock all the same, and says that it is not well."""
    stack = fault_town.stack
    fault_town.skew("appointments", 3600.0)
    pid = stack.pid("appointments")
    stack.kill("appointments")
    async with fault_town.load(applicants=0) as load, httpx.AsyncClient() as http:
        await load.reaches(10)
        assert stack.pid("appointments") != pid
        ready = (await http.get(f"{stack.address('appointments')}/ready")).json()
        assert ready["checks"]["clock"]["ok"] is False
    assert await fault_town.verdict() == []


def _doubted_in_vain(fault_town: FaultTown) -> set[str]:
    """Messages that a clerk was asked to look at and that arrived all the same."""
    mailed = {mail.message_id.strip("<>").partition("@")[0] for mail in fault_town.evidence.mails}
    failed = {one["_id"] for one in fault_town.evidence.of("notify", "messages") if one["status"] == "failed"}
    return mailed & failed


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
