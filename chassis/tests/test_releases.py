"""Two releases at one document, as while a service is updated process by process."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from chassis.aggregates import Aggregates, AnotherRelease, Key
from chassis.documents import Document
from chassis.reader import Reader
from chassis.testing import START, FixedClock, MemoryBus, MemoryDatabase
from chassis.testing.example import TENANT, Counted, Counter, CounterCodec, count_up, counters, publish
from contracts.envelope import Envelope
from contracts.identity import AccountLinked
from contracts.topics import dead_letters


@dataclass(frozen=True)
class Agreed(Counter):
    """A counter as a newer release knows it."""

    consent: str = ""


class AgreedCodec(CounterCodec):
    def __init__(self, schema_version: int) -> None:
        self.schema_version = schema_version

    def dump(self, state: Counter) -> Document:
        assert isinstance(state, Agreed)
        return {**super().dump(state), "consent": state.consent}

    def load(self, document: Document) -> Agreed:
        return Agreed(document["count"], document["limit"], document["moment"], document.get("consent", "unasked"))


class Service:
    """One process of each release, and one document that the newer has made."""

    def __init__(self) -> None:
        self.clock, self.database = FixedClock(), MemoryDatabase()
        self.documents = self.database.collection("counters")
        self.older = counters(self.documents, self.clock)

    def newer(self, schema_version: int) -> Aggregates[Any, Counted]:
        codec = AgreedCodec(schema_version)
        return Aggregates(self.documents, codec, publish, service="forms", clock=self.clock, due_at=lambda it: it.at)

    async def made(self, schema_version: int) -> Document:
        state = Agreed(1, at=START, consent="given")
        made = await self.newer(schema_version).create(TENANT, key("made"), lambda id: (state, ()))
        return await self.document(made.id)

    async def document(self, id: str) -> Document:
        found = await self.documents.get(id)
        assert found is not None
        return found


def key(value: str) -> Key:
    return Key("mia", value, "d")


@pytest.fixture
def service() -> Service:
    return Service()


EVENT = Envelope("e", AccountLinked.type, TENANT, "s", 1, START, topic="identity.accounts")


async def test_an_older_process_touches_nothing_that_it_does_not_understand(service: Service) -> None:
    before, older = await service.made(2), service.older
    id = before["_id"]
    for refused in (
        older.load(TENANT, id),
        older.find({"_id": id}),
        older.command(TENANT, id, key("next"), count_up),
        older.create(TENANT, key("made"), lambda id: (Counter(), ())),
        older.absorb(id, EVENT, lambda state: (Counter(), ())),
        older.timer(id, START, lambda state: (replace(state, at=None), ())),
        older.erase(TENANT, id, key("end"), lambda state: ()),
    ):
        with pytest.raises(AnotherRelease, match="has schema 2, known is 1"):
            await refused
    assert await service.document(id) == before


async def test_what_is_new_in_a_document_outlives_a_process_that_does_not_know_it(service: Service) -> None:
    id = (await service.made(1))["_id"]
    await service.older.command(TENANT, id, key("next"), count_up)
    assert (await service.newer(1).load(TENANT, id)).state == Agreed(2, at=START, consent="given")


async def test_what_a_release_drops_leaves_the_document_with_its_next_write(service: Service) -> None:
    id = (await service.made(0))["_id"]
    await service.older.command(TENANT, id, key("next"), count_up)
    document = await service.document(id)
    assert (document["schema"], "consent" in document) == (1, False)


async def test_an_event_waits_for_the_process_that_understands_its_target(service: Service) -> None:
    id = (await service.made(2))["_id"]
    bus = MemoryBus("osi-gateway", service.database, service.clock)

    def reader(of: Aggregates[Any, Counted]) -> Reader:
        def one_more(state: Any) -> tuple[Counter, tuple[Counted, ...]]:
            return replace(state, count=state.count + 1), ()

        async def count(event: AccountLinked, envelope: Envelope) -> None:
            await of.absorb(id, envelope, one_more)

        return bus.add("identity.accounts", {AccountLinked: count})

    older, newer = reader(service.older), reader(service.newer(2))
    event = AccountLinked(occurred_at=START, account_id="s", level="hoch")
    record = bus.broker.put(event, tenant=TENANT, subject="s", sequence=1)
    for _ in range(3):
        rest = await older.take_many([record])
        assert (rest.records, type(rest.reason)) == ((record,), AnotherRelease)
    assert bus.broker.topics[dead_letters("osi-gateway")] == []
    assert (await newer.take_many([record])).records == ()
    assert (await service.newer(2).load(TENANT, id)).state.count == 2
