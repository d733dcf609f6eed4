"""notify's contacts are rebuilt out of the log, while they are read and written."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

import chassis.rebuild
from chassis.documents import DatabaseUnavailable, Document, Documents, Where
from chassis.outbox import AT_ONCE
from chassis.reader import Handlers
from chassis.rebuild import CannotRebuild, ReadModel, Rebuild
from chassis.testing.bus import MemoryTopicLog
from chassis.testing.clock import START
from chassis.testing.example import TENANT
from chassis.testing.service import ServiceUnderTest, wired
from contracts.envelope import Envelope, headers_of, tombstone_type
from contracts.identity import AccountErased, ContactChanged
from notify.app import wire
from notify.settings import Settings

CONTACTS = "identity.contacts"


class Town:
    """The service and what happens to the accounts of many citizens."""

    def __init__(self, service: ServiceUnderTest) -> None:
        self.service = service
        (self.model,) = service.parts.read_models
        self.numbers: dict[str, int] = {}

    def change(self, who: str) -> None:
        number = self.numbers[who] = self.numbers.get(who, 0) + 1
        event = ContactChanged(occurred_at=START, account_id=who, email=f"{who}.{number}@example.org")
        self.service.broker.put(event, tenant=TENANT, subject=who, sequence=number)

    def erase(self, who: str) -> None:
        number = self.numbers[who] = self.numbers.get(who, 0) + 1
        gone = Envelope(f"{who}-{number}", tombstone_type(CONTACTS), TENANT, who, number, START)
        self.service.broker.append(CONTACTS, who, None, headers_of(gone))
        event = AccountErased(occurred_at=START, account_id=who)
        self.service.broker.put(event, tenant=TENANT, subject=who, sequence=1)

    def rebuild(self, log: MemoryTopicLog | None = None) -> Rebuild:
        topics = self.model.topics("notify", self.service.database)
        log = log or MemoryTopicLog(self.service.broker, topics)
        return Rebuild("notify", self.model, self.service.database, log, self.service.clock)

    async def contacts(self) -> list[Document]:
        """All contacts, without the trace of whoever read them: the one thing that is not out of the log."""
        found = await self.service.database.collection("contacts").find({}, sort=(("_id", 1),), limit=1000)
        return [{name: value for name, value in one.items() if name != "trace"} for one in found]


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with wired("notify", Settings(public_url="http://localhost:8080"), wire) as service:
        found = Town(service)
        for number in range(30):
            for _ in range(1 + number % 3):
                found.change(f"a{number}")
            if number % 5 == 0:
                found.erase(f"a{number}")
        await service.bus.deliver()
        yield found


@pytest.mark.proves("PL-08")
async def test_what_was_dropped_comes_back_byte_for_byte(town: Town) -> None:
    before = await town.contacts()
    await town.service.database.drop("contacts")
    report = await town.rebuild().run()
    assert await town.contacts() == before
    assert (report.documents, report.records) == (30, len(town.service.broker.topics[CONTACTS]) + 6)
    assert report.seconds > 0


class Busy(MemoryTopicLog):
    """Between any two steps of the rebuild the town lives on, and the live group reads."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.service.broker, town.model.topics("notify", town.service.database))
        self._town = town
        self.reading: set[asyncio.Task[int]] = set()
        self._steps = 0

    async def ends(self) -> dict[tuple[str, int], int]:
        ends = await super().ends()
        self._steps += 1
        if self._steps < 12:
            await self._live()
        return ends

    async def _live(self) -> None:
        self._town.change(f"a{self._steps}")
        self._town.change(f"new{self._steps}")
        if not self.reading:
            self.reading.add(asyncio.create_task(self._town.service.bus.deliver()))
        done, self.reading = await asyncio.wait(self.reading, timeout=0.1)
        for task in done:
            task.result()


class Late(Busy):
    """The town changes in the very moment before the switch: after the ends were read for the last time."""

    async def ends(self) -> dict[tuple[str, int], int]:
        row = await self._town.service.database.collection("rebuilds").get("contacts")
        ends = await MemoryTopicLog.ends(self)
        if row and "switching_until" in row:
            await self._live()
        return ends


class Between(Busy):
    """It changes once more after everything was read and before the switch begins; the live group has that."""

    async def ends(self) -> dict[tuple[str, int], int]:
        ends = await MemoryTopicLog.ends(self)
        if all(self._read[topic] == end for (topic, _), end in ends.items()) and not self.reading:
            await self._live()
        return ends


@pytest.mark.proves("F67")
@pytest.mark.parametrize("log", [Busy, Late, Between])
async def test_under_load_the_new_one_equals_the_live_one_and_nothing_happens_outside(
    town: Town, log: type[Busy]
) -> None:
    busy = log(town)
    await town.rebuild(busy).run()
    await asyncio.gather(*busy.reading)
    await town.service.bus.deliver()
    found = {contact["_id"]: contact["email"] for contact in await town.contacts()}
    numbers = {who: number for who, number in town.numbers.items() if found.get(who) is not None}
    assert {who: f"{who}.{number}@example.org" for who, number in numbers.items()} == {
        who: email for who, email in found.items() if email
    }
    assert found.keys() == town.numbers.keys()
    before = await town.contacts()
    await town.rebuild().run()
    assert await town.contacts() == before
    for name in ("messages", "inbox"):
        assert await town.service.database.collection(name).count({}) == 0
    assert town.service.events("notify.messages") == []


@pytest.mark.proves("F67")
async def test_a_rebuild_that_is_killed_changes_nothing_and_the_next_one_begins_anew(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await town.contacts()

    class Dies(MemoryTopicLog):
        async def ends(self) -> dict[tuple[str, int], int]:
            if any(self._read.values()):
                raise KeyboardInterrupt
            return await super().ends()

    killed = Dies(town.service.broker, town.model.topics("notify", town.service.database))
    with monkeypatch.context() as patch:
        patch.setattr(chassis.rebuild, "_leave", _nothing)
        with pytest.raises(KeyboardInterrupt):
            await town.rebuild(killed).run()
    assert await town.contacts() == before
    row = await town.service.database.collection("rebuilds").get("contacts")
    assert row is not None
    left = town.service.database.collection(f"contacts_rebuilt_{row['by']}")
    assert await left.count({}) == 30
    with pytest.raises(CannotRebuild, match="being rebuilt already"):
        await town.rebuild().run()
    town.service.clock.advance(61)
    await town.rebuild().run()
    assert await town.contacts() == before
    assert await left.count({}) == 0


async def _nothing(*_: object) -> None:
    """A process that is killed does nothing any more."""


async def test_what_cannot_be_read_is_not_left_out_silently(town: Town) -> None:
    before = await town.contacts()
    envelope = Envelope("bad", ContactChanged.type, TENANT, "a1", 9, START)
    town.service.broker.append(CONTACTS, "a1", b"{", headers_of(envelope))
    with pytest.raises(CannotRebuild, match=r"1 records cannot be handled, e\.g\. identity\.contacts 0/\d+: BadBody"):
        await town.rebuild().run()
    assert await town.contacts() == before


@pytest.mark.proves("F67")
@pytest.mark.parametrize("how", ["given up", "outdated", "no event"])
async def test_what_will_never_be_read_stops_no_rebuild_for_good(town: Town, how: str) -> None:
    """As soon as the live group is behind it too."""
    headers = headers_of(Envelope("bad", ContactChanged.type, TENANT, "a1", 9, START))
    town.numbers["a1"] = 9
    town.service.broker.append(CONTACTS, "a1", b"{", headers if how != "no event" else headers[1:])
    if how == "given up":
        stand_in = Envelope("bad", "de.digitales-rathaus.identity.given-up.v1", TENANT, "a1", 9, START)
        with pytest.raises(CannotRebuild):
            await town.rebuild().run()
        town.service.broker.append(f"notify.{CONTACTS}.retry", "a1", None, headers_of(stand_in))
    elif how == "outdated":
        town.change("a1")
    await town.service.bus.deliver()
    before = await town.contacts()
    await town.rebuild().run()
    assert await town.contacts() == before


async def test_what_follows_a_record_that_was_given_up_is_rebuilt_too(town: Town) -> None:
    """On a topic where every number counts."""
    accounts = "identity.accounts"
    headers = headers_of(Envelope("bad", AccountErased.type, TENANT, "a1", 1, START))
    town.service.broker.append(accounts, "a1", b"{", headers)
    event = AccountErased(occurred_at=START, account_id="a1")
    town.service.broker.put(event, tenant=TENANT, subject="a1", sequence=2)
    await town.service.bus.deliver()
    with pytest.raises(CannotRebuild, match="BadBody"):
        await town.rebuild().run()
    stand_in = Envelope("bad", "de.digitales-rathaus.identity.given-up.v1", TENANT, "a1", 1, START)
    town.service.broker.append(f"notify.{accounts}.retry", "a1", None, headers_of(stand_in))
    await town.service.bus.deliver()
    before = await town.contacts()
    assert next(one for one in before if one["_id"] == "a1")["erased"]
    await town.rebuild().run()
    assert await town.contacts() == before


async def test_a_topic_that_forgets_rebuilds_nothing(town: Town) -> None:
    model = ReadModel("x", "x", lambda documents: {"identity.messages": {}}, town.model.prepare)
    rebuild = Rebuild(
        "notify", model, town.service.database, MemoryTopicLog(town.service.broker, ()), town.service.clock
    )
    with pytest.raises(CannotRebuild, match=r"identity\.messages keeps 1 days"):
        await rebuild.run()


async def test_an_event_that_is_missing_stops_a_rebuild(town: Town) -> None:
    event = AccountErased(occurred_at=START, account_id="a1")
    town.service.broker.put(event, tenant=TENANT, subject="a1", sequence=2)
    with pytest.raises(CannotRebuild, match="an event is missing"):
        await town.rebuild().run()


async def test_what_would_publish_events_is_no_read_model(town: Town) -> None:
    def handlers(documents: Documents) -> dict[str, Handlers]:
        async def publish(event: ContactChanged, envelope: Envelope) -> None:
            await documents.upsert(event.account_id, {"$set": {"due": AT_ONCE}})

        return {CONTACTS: {ContactChanged: publish}}

    town.model = replace(town.model, handlers=handlers)
    with pytest.raises(CannotRebuild, match="it is no read model"):
        await town.rebuild().run()


async def test_while_the_readers_wait_for_the_switch_nothing_is_counted(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes as long as the model is large."""
    count = Documents.count

    async def slow(self: Documents, where: Where, seconds: float = 2) -> int:
        if await town.service.database.collection("rebuilds").get("contacts"):
            raise DatabaseUnavailable("it takes longer than 2 s")
        return await count(self, where, seconds)

    monkeypatch.setattr(Documents, "count", slow)
    assert (await town.rebuild().run()).documents == 30
