"""What waited through an outage goes out also where the database cannot hand out, or take out, all of it at once."""

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest

import chassis.relay
from chassis.aggregates import Key
from chassis.documents import DatabaseUnavailable, Document, Documents, Where
from chassis.relay import MOST_AT_ONCE, Relay
from chassis.testing import FixedClock, MemoryBroker, MemoryDatabase, MemoryPublisher
from chassis.testing.example import TENANT, count_up, counters, start
from chassis.testing.memory import MemoryDocuments


class Slow(MemoryDocuments):
    """Has no more than so many documents ready in time."""

    def __init__(self, inner: Documents, most: int) -> None:
        super().__init__(inner._collection)
        self.most = most
        self.asked: list[int] = []

    async def find(
        self, where: Where, *, sort: Sequence[tuple[str, int]] = (), limit: int = 100, fields: Sequence[str] = ()
    ) -> list[Document]:
        self.asked.append(limit)
        if limit > self.most:
            raise DatabaseUnavailable("no answer within 2 s")
        return await super().find(where, sort=sort, limit=limit, fields=fields)


class Town:
    """Counters whose events nobody has published yet."""

    def __init__(self) -> None:
        self.database, self.broker, self.clock = MemoryDatabase(), MemoryBroker(), FixedClock()
        self.documents = self.database.collection("counters")
        self.kind = counters(self.documents, self.clock)

    def relay(self, documents: Documents) -> Relay:
        async def open_publisher() -> Any:
            return MemoryPublisher(self.broker)

        return Relay(self.database, [documents], open_publisher, me="a", clock=self.clock)

    async def counter(self, name: str, ups: int = 0) -> str:
        made = await self.kind.create(TENANT, Key("mia", name, "d"), lambda id: start())
        for number in range(ups):
            await self.kind.command(TENANT, made.id, Key("mia", f"{name}-{number}", "d"), count_up)
        return made.id

    def published(self, id: str) -> list[int]:
        return [envelope.sequence for envelope, _ in self.broker.events("forms.applications") if envelope.subject == id]

    async def pending(self, id: str) -> int:
        found = await self.documents.get(id)
        assert found is not None
        return len(found["out"])


@pytest.mark.parametrize("most", [1, 7, 60])
async def test_a_relay_that_gets_no_answer_asks_for_half(most: int) -> None:
    town = Town()
    documents = Slow(town.documents, most)
    for number in range(20):
        await town.counter(f"k{number}")
    relay = town.relay(documents)
    for _ in range(60):
        with contextlib.suppress(DatabaseUnavailable):
            await relay.round()
    assert len(town.broker.events("forms.applications")) == 20
    documents.most = MOST_AT_ONCE
    for _ in range(60):
        await relay.round()
    assert documents.asked[-1] == MOST_AT_ONCE


async def test_many_events_of_one_document_go_in_rounds_that_its_neighbour_is_in_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chassis.relay, "MOST_OF_ONE", 8)
    town = Town()
    many, neighbour = await town.counter("many", ups=8), await town.counter("neighbour")
    relay = town.relay(town.documents)
    assert await relay.round(), "there is more"
    assert (town.published(many), await town.pending(many)) == ([1, 2, 3, 4, 5, 6, 7, 8], 1)
    assert town.published(neighbour) == [1]
    assert not await relay.round()
    assert (town.published(many), await town.pending(many)) == ([1, 2, 3, 4, 5, 6, 7, 8, 9], 0)
