"""A read model is rebuilt beside a running town hall: killed in its middle, and once to its end."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from evidence import Document, read_documents, read_mails, read_records
from fault_town import FaultTown
from levers import Strike
from pymongo import MongoClient
from pymongo.collection import Collection

from rathaus.citizen import Citizen
from rathaus.rebuilding import rebuild
from rathaus.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.prove, pytest.mark.timeout(600)]

READING = ("v", "src", "trace")
"""What a contact says of how it was read: the order between two topics and the trace are no part of the log."""
Done = subprocess.CompletedProcess[str]
CLAIMED = 61.0
"""Seconds after which a dead rebuild's claim has run out."""


@pytest.mark.proves("F67")
async def test_a_rebuild_killed_in_its_middle_or_in_its_switch_changes_nothing(fault_town: FaultTown) -> None:
    stack = fault_town.stack
    before = await contacts(stack)
    async with stopped_in_its_middle(fault_town) as (stopped, running):
        (made,) = [count for name, count in (await left(stack)).items() if not name.endswith("_places")]
        assert 3 <= made <= len(before)
        one = await somebody_new(stack)
        os.kill(stopped.pid, signal.SIGKILL)
        assert (await running).returncode == -signal.SIGKILL

    fault_town.jump(CLAIMED)
    fault_town.arm("notify", "rebuild-check", "after")  # the live readers wait for the switch by then
    assert (await rebuilt(stack)).returncode == -signal.SIGKILL
    fault_town.jump(CLAIMED)  # they wait for the dead one at most 20 s
    other = await somebody_new(stack)
    assert await left(stack) == {}  # who waited for it has taken away what it would have renamed
    found = await contacts(stack)
    assert before.items() <= found.items()
    assert found.keys() - before.keys() == {one, other}

    done = await rebuilt(stack)
    assert done.returncode == 0, done.stderr
    assert await contacts(stack) == found
    assert await left(stack) == {}


@pytest.mark.proves("F67", "PL-08")
async def test_a_rebuild_beside_a_busy_town_hall_ends_as_the_live_one_and_nothing_happens_outside(
    fault_town: FaultTown,
) -> None:
    stack = fault_town.stack
    async with fault_town.load(newcomers=1) as load:
        await load.reaches(10)
        right = await contacts(stack)
        with live_contacts(stack) as live:  # a mistake that only a new collection is without
            live.update_many({"_id": {"$in": [*right]}}, {"$set": {"language": "en"}})
        async with stopped_in_its_middle(fault_town) as (stopped, running):
            new = await somebody_new(stack)  # readers go on, and the new collection must have this too
            await load.reaches(10)
            os.kill(stopped.pid, signal.SIGCONT)
            done = await running
            assert done.returncode == 0, done.stderr
        await load.reaches(10)
    assert await fault_town.verdict() == []
    found = await contacts(stack)
    assert right.items() <= found.items()
    assert new in found

    before = await outside(stack)
    with live_contacts(stack) as live:
        live.drop()
    done = await rebuilt(stack)
    assert done.returncode == 0, done.stderr
    assert await contacts(stack) == found
    assert not (await fault_town.rest()).restless
    assert await outside(stack) == before


@asynccontextmanager
async def stopped_in_its_middle(town: FaultTown) -> AsyncIterator[tuple[Strike, "asyncio.Task[Done]"]]:
    """A rebuild that was stopped when it had made its third contact; it is continued or killed by its pid."""
    before = town.count("notify")
    town.arm("notify", "write", "after", inside="rebuild-read", act="pause", call=3)
    running = asyncio.create_task(rebuilt(town.stack))
    stopped = await town.struck("notify", before + 1)
    assert stopped.pid != town.stack.pid("notify")
    try:
        yield stopped, running
    finally:
        if not running.done():
            os.kill(stopped.pid, signal.SIGKILL)
            await running


async def rebuilt(stack: Stack) -> Done:
    """Run the command to its end."""
    return await asyncio.to_thread(rebuild, stack.place, "notify", "contacts", capture=True)


async def somebody_new(stack: Stack) -> str:
    """Register and prove an address, for which notify sends a mail and takes in a contact; return the account."""
    async with Citizen(stack) as citizen, asyncio.timeout(60):
        await citizen.register()
        await citizen.verify()
        while citizen.account_id not in await contacts(stack):
            await asyncio.sleep(0.1)
        return citizen.account_id


@contextmanager
def live_contacts(stack: Stack) -> Iterator[Collection[Document]]:
    """The live collection, behind notify's back."""
    with MongoClient[Document](stack.database_url(), tz_aware=True) as client:
        yield client["notify"]["contacts"]


async def contacts(stack: Stack) -> dict[str, Document]:
    """All live contacts by account, without how they were read."""

    def read() -> dict[str, Document]:
        with live_contacts(stack) as live:
            return {
                one["_id"]: {name: value for name, value in one.items() if name not in READING} for one in live.find({})
            }

    return await asyncio.to_thread(read)


async def left(stack: Stack) -> dict[str, int]:
    """How many documents lie in each collection of a rebuild."""
    found = await asyncio.to_thread(read_documents, stack, ("_id",))
    return {name: len(rows) for name, rows in found.items() if name.startswith("notify.contacts_rebuilt")}


async def outside(stack: Stack) -> tuple[int, list[str]]:
    """How many events were ever published, and all mails."""
    records, _ = await asyncio.to_thread(read_records, stack)
    return len(records), [one.id for one in await asyncio.to_thread(read_mails, stack)]
