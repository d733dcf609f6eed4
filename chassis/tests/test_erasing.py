"""What was erased stays gone, whatever comes again: events, commands, creations, timers, late repeats of the relay."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from pydantic import SecretStr

from chassis.aggregates import Aggregates, Erased, Key
from chassis.documents import Database
from chassis.errors import NotFound
from chassis.relay import Relay
from chassis.testing import START, FixedClock, MemoryBroker, MemoryBus, MemoryDatabase
from chassis.testing.example import OTHER_TENANT, TENANT, Counted, Counter, CounterCodec, count_up, start
from contracts import Event
from contracts.envelope import Envelope
from contracts.identity import AccountLinked, ContactChanged

MAKE = Key("mia", "make", "d")
END = Key("mia", "end", "d")
CONTACTS = "identity.contacts"


def publish(state: Counter, fact: Counted) -> Sequence[Event | Erased]:
    """Counts travel as addresses, on the compacted topic; -1 is the erasure."""
    if fact.count < 0:
        return (Erased(CONTACTS),)
    return (ContactChanged(occurred_at=START, account_id="s", email=f"{fact.count}@example.org"),)


class Town:
    def __init__(self, database: Database) -> None:
        self.clock = FixedClock()
        self.documents = database.collection("counters")
        self.kind = Aggregates(
            self.documents, CounterCodec(), publish, service="identity", clock=self.clock, due_at=lambda state: state.at
        )
        self.broker = MemoryBroker()
        bus = MemoryBus("identity", MemoryDatabase(), self.clock, self.broker)
        self.relay = Relay(database, [self.documents], bus.open_publisher, me="relay", clock=self.clock)

    async def made(self) -> str:
        return (await self.kind.create(TENANT, MAKE, lambda id: start())).id

    async def erase(self, id: str) -> None:
        await self.kind.erase(TENANT, id, END, lambda state: [Counted(-1)])

    async def told(self) -> list[str | None]:
        while await self.relay.round():
            pass
        return [event.email if isinstance(event, ContactChanged) else None for _, event in self.broker.events(CONTACTS)]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.stack)])
async def town(request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    if request.param == "fake":
        yield Town(MemoryDatabase())
        return
    url = SecretStr(request.getfixturevalue("infrastructure").database_url())
    database = await Database.connect(url, f"erasing_{uuid.uuid4().hex[:12]}")
    yield Town(database)
    await database.close()


def linked(sequence: int) -> Envelope:
    return Envelope(f"e{sequence}", AccountLinked.type, TENANT, "source", sequence, START, topic="identity.accounts")


@pytest.mark.proves("F68")
async def test_nothing_brings_back_what_was_erased(town: Town) -> None:
    id, at = await town.made(), START + timedelta(hours=1)
    await town.kind.absorb(id, linked(1), lambda state: (Counter(7, at=at), [Counted(7)]))
    await town.erase(id)
    assert await town.told() == ["1@example.org", "7@example.org", None]
    stub = await town.documents.get(id)
    for repeat in (1, 2):  # the one that was taken, and one that was still under way
        assert not await town.kind.absorb(id, linked(repeat), lambda state: (Counter(9), [Counted(9)]))
    assert await town.kind.timer(id, at, count_up) is None
    await town.erase(id)
    with pytest.raises(NotFound):
        await town.kind.create(TENANT, MAKE, lambda id: start())
    with pytest.raises(NotFound):
        await town.kind.create(TENANT, Key("mia", "make", "another body"), lambda id: start())
    with pytest.raises(NotFound):
        await town.kind.command(TENANT, id, Key("mia", "k", "d"), count_up, initial=Counter)
    with pytest.raises(NotFound):
        await town.kind.erase(TENANT, id, Key("mia", "other", "d"), lambda state: [])
    with pytest.raises(NotFound):
        await town.kind.load(TENANT, id)
    assert await town.kind.find({"_id": id}) == []
    assert await town.documents.get(id) == stub
    assert await town.told() == ["1@example.org", "7@example.org", None]


@pytest.mark.proves("F68")
async def test_of_what_was_erased_only_a_stub_is_left(town: Town) -> None:
    id = await town.made()
    await town.kind.absorb(id, linked(1), lambda state: (Counter(7), ()))
    await town.erase(id)
    await town.told()
    stub = await town.documents.get(id)
    assert stub is not None
    assert stub.keys() == {
        "_id",
        "tenant",
        "v",
        "seq",
        "shard",
        "trace",
        "born",
        "cmds",
        "src",
        "out",
        "newest",
        "gone",
        "sent",
    }
    assert [entry["key"] for entry in (stub["born"], *stub["cmds"])] == ["make", "end"]
    assert (stub["out"], stub["seq"], list(stub["src"].values())) == ([], {"identity_contacts": 2}, [1])
    assert [entry["seq"] for entry in stub["sent"]] == [1, 2]
    assert b"example" not in repr(stub).encode()


async def test_only_its_own_municipality_erases_and_never_without_a_tombstone(town: Town) -> None:
    id = await town.made()
    with pytest.raises(NotFound):
        await town.kind.erase(OTHER_TENANT, id, END, lambda state: [])
    with pytest.raises(ValueError, match=r"without a tombstone on identity\.contacts"):
        await town.kind.erase(TENANT, id, END, lambda state: [])
    assert (await town.kind.load(TENANT, id)).state.count == 1
