"""How the relay marks what it has published: many documents by one update, and never more than it has published."""

import asyncio
from typing import Any

import pytest

import chassis.relay
from chassis.aggregates import Key
from chassis.ids import uuid7
from chassis.outbox import AT_ONCE
from chassis.relay import Relay
from chassis.testing import FixedClock, MemoryBroker, MemoryDatabase, MemoryPublisher
from chassis.testing.example import TENANT, count_up, counters, start


class Marked:
    """One collection and a relay, whose marks are counted."""

    def __init__(self) -> None:
        database, self.clock = MemoryDatabase(), FixedClock()
        self.documents = database.collection("counters")
        self.kind = counters(self.documents, self.clock)
        self.broker = MemoryBroker()
        self.publisher = MemoryPublisher(self.broker)
        self.marks: list[int] = []
        self.relay = Relay(database, [self.documents], self._open, me="a", clock=self.clock)
        self._take_out = self.documents.take_out
        self.documents.take_out = self._counted  # type: ignore[method-assign]

    async def _open(self) -> MemoryPublisher:
        return self.publisher

    async def _counted(self, entries: Any, **how: Any) -> None:
        self.marks.append(len(entries))
        await self._take_out(entries, **how)

    async def counter(self, name: str) -> str:
        made = await self.kind.create(TENANT, Key("mia", name, "d"), lambda id: start())
        await self.up(made.id)
        return made.id

    async def up(self, id: str) -> None:
        await self.kind.command(TENANT, id, Key("mia", uuid7(), "d"), count_up)

    def published(self, id: str) -> list[int]:
        return [event.sequence for event, _ in self.broker.events("forms.applications") if event.subject == id]

    async def document(self, id: str) -> dict[str, Any]:
        return await self.documents.get(id) or {}


@pytest.fixture
def town() -> Marked:
    return Marked()


async def test_all_that_was_published_is_marked_at_once(town: Marked) -> None:
    ids = [await town.counter(f"c{n}") for n in range(5)]
    await town.relay.round()
    assert town.marks == [len(ids)]
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
    assert town.published(id) == [1, 2, 3]


class SilentAbout(MemoryPublisher):
    """Acknowledges everything but what some documents publish."""

    def __init__(self, broker: MemoryBroker, ids: set[str]) -> None:
        super().__init__(broker)
        self.ids = ids

    async def send(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
        if key in self.ids:
            return asyncio.get_running_loop().create_future()
        return await super().send(topic, key, value, headers)


@pytest.mark.proves("F20")
async def test_what_nobody_acknowledges_in_time_is_tried_again_later_and_holds_up_nothing_else(
    town: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.relay, "SEND_TIMEOUT", 0.05)
    silent, other = await town.counter("silent"), await town.counter("other")
    town.publisher = SilentAbout(town.broker, {silent})
    async with asyncio.timeout(5):
        await town.relay.round()
    assert (town.published(silent), town.published(other)) == ([], [1, 2])
    town.publisher = MemoryPublisher(town.broker)
    town.clock.advance(61)
    await town.relay.round()
    assert town.published(silent) == [1, 2]


async def test_many_events_of_one_document_go_in_rounds_that_its_neighbour_is_in_too(
    town: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.relay, "MOST_OF_ONE", 8)
    many, neighbour = await town.counter("many"), await town.counter("neighbour")
    for _ in range(7):
        await town.up(many)
    assert await town.relay.round(), "there is more"
    assert (town.published(many), len((await town.document(many))["out"])) == ([1, 2, 3, 4, 5, 6, 7, 8], 1)
    assert town.published(neighbour) == [1, 2]
    assert not await town.relay.round()
    assert (town.published(many), (await town.document(many))["out"]) == ([1, 2, 3, 4, 5, 6, 7, 8, 9], [])
