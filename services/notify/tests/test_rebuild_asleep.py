"""A rebuild sleeps or dies around its switch; the town, and other rebuilds, go on meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

import chassis.rebuild
from chassis.documents import Change, Database, DatabaseUnavailable, Document, Documents, Where
from chassis.rebuild import CannotRebuild, Rebuild
from chassis.records import Record
from chassis.testing.bus import MemoryTopicLog
from chassis.testing.clock import START
from chassis.testing.example import TENANT
from chassis.testing.service import ServiceUnderTest, wired
from contracts.identity import AccountErased, ContactChanged
from notify.app import wire
from notify.settings import Settings

pytestmark = pytest.mark.proves("F67")
CONTACTS = "identity.contacts"


class Town:
    """Six citizens' addresses, then somebody is erased and somebody is new."""

    def __init__(self, service: ServiceUnderTest) -> None:
        self.service = service
        (self.model,) = service.parts.read_models
        self.topics = self.model.topics("notify", service.database)
        self.right: dict[str, str | None] = {}

    def add(self, who: str, number: int = 1) -> None:
        self.right[who] = email = f"{who}.{number}@example.org"
        event = ContactChanged(occurred_at=START, account_id=who, email=email)
        self.service.broker.put(event, tenant=TENANT, subject=who, sequence=number)

    def erase(self, who: str) -> None:
        self.right[who] = None
        event = AccountErased(occurred_at=START, account_id=who)
        self.service.broker.put(event, tenant=TENANT, subject=who, sequence=1)

    async def live_on(self) -> None:
        self.erase("a3")
        self.add("new")
        await self.service.bus.deliver()

    async def rebuild(self, log: MemoryTopicLog | None = None) -> None:
        log = log or MemoryTopicLog(self.service.broker, self.topics)
        await Rebuild("notify", self.model, self.service.database, log, self.service.clock).run()

    async def is_right(self) -> bool:
        """Whether the live contacts are all there and nothing of a rebuild is left."""
        found = await self.service.database.collection("contacts").find({})
        database: Any = self.service.database
        rest = [name for name in await database._client[database.name].list_collection_names() if "rebuilt" in name]
        return ({one["_id"]: one["email"] for one in found}, rest) == (self.right, [])


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with wired("notify", Settings(public_url="http://localhost:8080"), wire) as service:
        found = Town(service)
        for number in range(6):
            found.add(f"a{number}")
        await service.bus.deliver()
        yield found


@pytest.fixture
def database(town: Town) -> Database:
    return town.service.database


Rename = Callable[[str, str], Awaitable[None]]


def around_rename(
    patch: pytest.MonkeyPatch, database: Database, once: Callable[[Rename, str, str], Awaitable[None]]
) -> None:
    """Let something happen in the first rename."""
    rename = database.rename

    async def first(name: str, to: str) -> None:
        patch.setattr(database, "rename", rename)
        await once(rename, name, to)

    patch.setattr(database, "rename", first)


@contextmanager
def dying() -> Iterator[None]:
    """A process that is killed does nothing any more."""

    async def nothing(*_: object) -> None:
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chassis.rebuild, "_leave", nothing)
        yield


async def test_who_was_erased_while_a_rebuild_slept_before_its_rename_stays_erased(
    town: Town, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleeps(rename: Rename, name: str, to: str) -> None:
        town.service.clock.advance(59)
        await town.live_on()
        await rename(name, to)

    around_rename(monkeypatch, database, sleeps)
    with pytest.raises(DatabaseUnavailable):
        await town.rebuild()
    await town.service.bus.deliver()
    assert await town.is_right()
    await town.rebuild()
    assert await town.is_right()


async def test_one_that_slept_through_a_whole_other_rebuild_renames_nothing(
    town: Town, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleeps(rename: Rename, name: str, to: str) -> None:
        town.service.clock.advance(61)
        town.add("new")
        await town.rebuild()
        town.erase("a3")
        await town.service.bus.deliver()
        await rename(name, to)

    around_rename(monkeypatch, database, sleeps)
    with pytest.raises(DatabaseUnavailable):
        await town.rebuild()
    assert await town.is_right()


async def test_one_that_was_overtaken_while_it_read_leaves_the_others_collection_alone(town: Town) -> None:
    second: list[asyncio.Task[None]] = []
    has_read, go_on = asyncio.Event(), asyncio.Event()

    class Other(MemoryTopicLog):
        async def read(self, ends: Mapping[tuple[str, int], int]) -> AsyncIterator[list[Record]]:
            async for records in super().read(ends):
                yield records
            has_read.set()
            await go_on.wait()

    class Slow(MemoryTopicLog):
        async def read(self, ends: Mapping[tuple[str, int], int]) -> AsyncIterator[list[Record]]:
            async for records in super().read(ends):
                yield records
            if not second:
                town.service.clock.advance(61)
                second.append(asyncio.create_task(town.rebuild(Other(town.service.broker, town.topics))))
                await has_read.wait()

    with pytest.raises(CannotRebuild, match="others went on without"):
        await town.rebuild(Slow(town.service.broker, town.topics))
    town.add("late")
    go_on.set()
    await second[0]
    await town.live_on()
    assert await town.is_right()


@pytest.mark.parametrize("renamed", [False, True])
async def test_one_that_dies_at_its_rename_loses_nothing_and_holds_the_readers_up_for_20_seconds(
    town: Town, database: Database, monkeypatch: pytest.MonkeyPatch, renamed: bool
) -> None:
    async def dies(rename: Rename, name: str, to: str) -> None:
        if renamed:
            await rename(name, to)
        raise KeyboardInterrupt

    around_rename(monkeypatch, database, dies)
    with dying(), pytest.raises(KeyboardInterrupt):
        await town.rebuild()
    reading = asyncio.create_task(town.live_on())
    await asyncio.wait([reading], timeout=0.2)
    assert not reading.done()
    town.service.clock.advance(21)
    await reading
    assert await town.is_right()
    await town.rebuild()
    assert await town.is_right()


async def test_one_that_writes_again_while_it_is_ended_gets_no_further(
    town: Town, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, dropped, over = database.drop, asyncio.Event(), asyncio.Event()
    reading: list[asyncio.Task[None]] = []

    async def slow_drop(name: str) -> None:
        monkeypatch.setattr(database, "drop", drop)
        await drop(name)
        dropped.set()
        await over.wait()

    class Sleeps(MemoryTopicLog):
        async def read(self, ends: Mapping[tuple[str, int], int]) -> AsyncIterator[list[Record]]:
            row: Document = await database.collection("rebuilds").get("contacts") or {}
            if "switching_until" in row and not reading:
                town.service.clock.advance(21)
                monkeypatch.setattr(database, "drop", slow_drop)
                reading.append(asyncio.create_task(town.live_on()))
                await dropped.wait()
            async for records in super().read({at: end + 1 for at, end in ends.items()}):
                yield records

    log = Sleeps(town.service.broker, town.topics)
    with pytest.raises(CannotRebuild, match="others went on without"):
        await town.rebuild(log)
    over.set()
    await reading[0]
    assert await town.is_right()


async def test_who_ends_a_rebuild_and_dies_is_followed_by_the_next(
    town: Town, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(rename: Rename, name: str, to: str) -> None:
        raise KeyboardInterrupt

    around_rename(monkeypatch, database, dies)
    with dying(), pytest.raises(KeyboardInterrupt):
        await town.rebuild()
    town.service.clock.advance(21)

    async def fails(name: str) -> None:
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(database, "drop", fails)
        with pytest.raises(DatabaseUnavailable):
            await town.live_on()
    await town.service.bus.deliver()
    assert await town.is_right()


async def test_a_reader_that_slept_through_the_switch_overwrites_nothing_newer(
    town: Town, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a compacted topic the rebuild has read fewer records: its document has the version that the reader saw."""
    update, loaded, go_on = Documents.update, asyncio.Event(), asyncio.Event()

    async def slow(documents: Documents, where: Where, change: Change) -> bool:
        if documents.name == "contacts" and not loaded.is_set():
            loaded.set()
            await go_on.wait()
        return await update(documents, where, change)

    class Compacted(MemoryTopicLog):
        async def read(self, ends: Mapping[tuple[str, int], int]) -> AsyncIterator[list[Record]]:
            async for records in super().read(ends):
                kept = [one for one in records if one.key != b"a3" or one.offset >= end or one.topic != CONTACTS]
                if kept:
                    yield kept

    town.add("a3", 2)
    await town.service.bus.deliver()
    end = len(town.service.broker.topics[CONTACTS])
    monkeypatch.setattr(Documents, "update", slow)
    town.add("a3", 3)
    reading = asyncio.create_task(town.service.bus.deliver())
    await loaded.wait()
    town.erase("a3")
    await town.rebuild(Compacted(town.service.broker, town.topics))
    go_on.set()
    await reading
    assert await town.is_right()
