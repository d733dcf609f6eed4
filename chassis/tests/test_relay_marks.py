"""How the relay marks what it has published: by one update where it may, and never more than it has published."""

from typing import Any

import pytest

from chassis.aggregates import Key
from chassis.ids import uuid7
from chassis.outbox import AT_ONCE
from chassis.relay import Relay
from chassis.testing import FixedClock, MemoryBroker, MemoryDatabase, MemoryPublisher
from chassis.testing.example import TENANT, count_up, counters, start


class Marked:
    """One collection and a relay, whose updates are counted."""

    def __init__(self) -> None:
        database, clock = MemoryDatabase(), FixedClock()
        self.documents = database.collection("counters")
        self.kind = counters(self.documents, clock)
        self.broker = MemoryBroker()
        self.updates: list[int] = []
        self.relay = Relay(database, [self.documents], self._open, me="a", clock=clock)
        self._update_each = self.documents.update_each
        self.documents.update_each = self._counted  # type: ignore[method-assign]

    async def _open(self) -> MemoryPublisher:
        return MemoryPublisher(self.broker)

    async def _counted(self, pairs: Any) -> int:
        self.updates.append(len(pairs))
        return await self._update_each(pairs)

    async def counter(self, name: str) -> str:
        made = await self.kind.create(TENANT, Key("mia", name, "d"), lambda id: start())
        await self.up(made.id)
        return made.id

    async def up(self, id: str) -> None:
        await self.kind.command(TENANT, id, Key("mia", uuid7(), "d"), count_up)

    async def document(self, id: str) -> dict[str, Any]:
        return await self.documents.get(id) or {}


@pytest.fixture
def town() -> Marked:
    return Marked()


async def test_what_nobody_wrote_meanwhile_is_marked_by_one_update(town: Marked) -> None:
    ids = [await town.counter(f"c{n}") for n in range(5)]
    await town.relay.round()
    assert [count for count in town.updates if count] == [len(ids)]
    assert [(await town.document(id))["out"] for id in ids] == [[]] * len(ids)


@pytest.mark.proves("F62")
async def test_a_command_while_the_relay_marks_loses_no_event(town: Marked) -> None:
    """Written after the last event was acknowledged and before the mark, on a document collected whole."""
    id, other = await town.counter("c"), await town.counter("d")
    mark = town.relay._mark

    async def written_before(*arguments: Any) -> None:
        await town.up(id)
        await mark(*arguments)

    town.relay._mark = written_before  # type: ignore[method-assign,assignment]
    await town.relay.round()
    document = await town.document(id)
    assert [entry["seq"] for entry in document["out"]] == [3]
    assert document["due"] == AT_ONCE
    for one in (id, other):
        assert [entry["seq"] for entry in (await town.document(one))["sent"]] == [1, 2]
    town.relay._mark = mark  # type: ignore[method-assign]
    await town.relay.round()
    numbers = [event.sequence for event, _ in town.broker.events("forms.applications") if event.subject == id]
    assert numbers == [1, 2, 3]
