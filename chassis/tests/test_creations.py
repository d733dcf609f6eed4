"""A creation guesses that nothing is there yet, and is right but for repeats: one round trip instead of two."""

import asyncio
from collections.abc import Sequence

import pytest

from chassis.aggregates import Aggregates, Key, KeyReused
from chassis.documents import Document, Documents
from chassis.testing import FixedClock, MemoryDatabase
from chassis.testing.example import TENANT, Counted, Counter, Full, counters, start


class Told(Documents):
    """Notes what it is asked for."""

    def __init__(self, documents: Documents) -> None:
        super().__init__(documents._collection)
        self.asked: list[str] = []

    async def get(self, id: str) -> Document | None:
        self.asked.append("get")
        return await super().get(id)

    async def insert(self, document: Document) -> None:
        self.asked.append("insert")
        await super().insert(document)


@pytest.fixture
def documents() -> Told:
    return Told(MemoryDatabase().collection("counters"))


@pytest.fixture
def kind(documents: Told) -> Aggregates[Counter, Counted]:
    return counters(documents, FixedClock())


def key(digest: str = "d") -> Key:
    return Key("mia", "k", digest)


def refuse(id: str) -> tuple[Counter, Sequence[Counted]]:
    raise Full("too late by now")


async def test_a_creation_is_one_round_trip(kind: Aggregates[Counter, Counted], documents: Told) -> None:
    await kind.create(TENANT, key(), lambda id: start())
    assert documents.asked == ["insert"]


@pytest.mark.proves("PL-05")
async def test_a_repeat_is_answered_like_the_first_time_though_it_would_be_refused_by_now(
    kind: Aggregates[Counter, Counted], documents: Told
) -> None:
    made = await kind.create(TENANT, key(), lambda id: start(), lambda state: {"count": state.count})
    again = await kind.create(TENANT, key(), refuse)
    assert (again.id, again.answer, again.repeated) == (made.id, {"count": 1}, True)
    with pytest.raises(KeyReused):
        await kind.create(TENANT, key("other"), refuse)
    with pytest.raises(Full):
        await kind.create(TENANT, Key("mia", "new", "d"), refuse)


async def test_a_double_click_makes_one(kind: Aggregates[Counter, Counted]) -> None:
    outcomes = await asyncio.gather(*(kind.create(TENANT, key(), lambda id: start()) for _ in range(5)))
    assert sorted(outcome.repeated for outcome in outcomes) == [False, True, True, True, True]
    assert len(await kind.find({})) == 1
