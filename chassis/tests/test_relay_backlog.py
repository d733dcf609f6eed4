"""What waited through an outage goes out also where the database cannot hand out all of it at once."""

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest

from chassis.aggregates import Aggregates, Key
from chassis.documents import DatabaseUnavailable, Document, Documents, Where
from chassis.relay import MOST_AT_ONCE, Relay
from chassis.testing import FixedClock, MemoryBroker, MemoryDatabase, MemoryPublisher
from chassis.testing.example import TENANT, Counted, Counter, counters, start
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


@pytest.mark.parametrize("most", [1, 7, 60])
async def test_a_relay_that_gets_no_answer_asks_for_half(most: int) -> None:
    clock, database, broker = FixedClock(), MemoryDatabase(), MemoryBroker()
    documents = Slow(database.collection("counters"), most)
    kind: Aggregates[Counter, Counted] = counters(database.collection("counters"), clock)
    for number in range(20):
        await kind.create(TENANT, Key("mia", f"k{number}", "d"), lambda id: start())

    async def open_publisher() -> Any:
        return MemoryPublisher(broker)

    relay = Relay(database, [documents], open_publisher, me="a", clock=clock)
    for _ in range(60):
        with contextlib.suppress(DatabaseUnavailable):
            await relay.round()
    assert len(broker.events("forms.applications")) == 20
    documents.most = MOST_AT_ONCE
    for _ in range(60):
        await relay.round()
    assert documents.asked[-1] == MOST_AT_ONCE
