import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.aggregates import Aggregates, Busy, Key, KeyReused, VersionConflict
from chassis.documents import Database, DatabaseUnavailable, Documents, Duplicate, Index
from chassis.errors import NotFound
from chassis.outbox import MOST_PENDING, OutboxFull
from chassis.testing import FixedClock, MemoryDatabase
from chassis.testing.example import OTHER_TENANT, TENANT, Counted, Counter, Full, count_up, counters, start
from contracts.envelope import Envelope


def key(value: str, digest: str = "d", account: str = "mia") -> Key:
    return Key(account, value, digest)


def answer(state: Counter) -> dict[str, int]:
    return {"count": state.count}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
async def kind(database: MemoryDatabase, clock: FixedClock) -> Aggregates[Counter, Counted]:
    aggregates = counters(database.collection("counters"), clock)
    await aggregates.ensure()
    return aggregates


async def document(database: Database, id: str) -> dict[str, object]:
    found = await database.collection("counters").get(id)
    assert found is not None
    return found


def event(sequence: int, topic: str = "osi-gateway.submissions", source: str = "s") -> Envelope:
    return Envelope(
        f"{topic}{sequence}",
        "de.digitales-rathaus.osi-gateway.x.v1",
        TENANT,
        source,
        sequence,
        FixedClock().now(),
        topic=topic,
    )


@pytest.mark.proves("PL-05")
async def test_state_and_event_are_born_in_one_write(
    kind: Aggregates[Counter, Counted], database: MemoryDatabase
) -> None:
    done = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    stored = await document(database, done.id)
    assert (stored["v"], stored["count"], stored["seq"]) == (1, 1, {"forms_applications": 1})
    assert [entry["seq"] for entry in stored["out"]] == [1]  # type: ignore[attr-defined]
    assert stored["due"]


async def test_a_repeated_creation_gets_the_first_answer(kind: Aggregates[Counter, Counted]) -> None:
    first = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    await kind.command(TENANT, first.id, key("up"), count_up, answer)
    again = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    assert (again.id, again.answer, again.repeated) == (first.id, {"count": 1}, True)


async def test_a_key_with_another_body_is_refused(kind: Aggregates[Counter, Counted]) -> None:
    done = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    with pytest.raises(KeyReused):
        await kind.create(TENANT, key("k", digest="other"), lambda id: start(), answer)
    await kind.command(TENANT, done.id, key("up"), count_up, answer)
    with pytest.raises(KeyReused):
        await kind.command(TENANT, done.id, key("up", digest="other"), count_up, answer)


async def test_keys_belong_to_an_account(kind: Aggregates[Counter, Counted]) -> None:
    done = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    await kind.command(TENANT, done.id, key("up"), count_up, answer)
    other = await kind.command(TENANT, done.id, key("up", account="jonas"), count_up, answer)
    assert (other.answer, other.repeated) == ({"count": 3}, False)


async def test_another_municipality_sees_nothing(kind: Aggregates[Counter, Counted]) -> None:
    done = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    with pytest.raises(NotFound):
        await kind.load(OTHER_TENANT, done.id)
    with pytest.raises(NotFound):
        await kind.command(OTHER_TENANT, done.id, key("up"), count_up)


async def test_an_old_version_is_refused(kind: Aggregates[Counter, Counted]) -> None:
    done = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    outcomes = await asyncio.gather(
        *(kind.command(TENANT, done.id, key(f"{n}"), count_up, expected_version=1) for n in range(3)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Done", "VersionConflict", "VersionConflict"]
    with pytest.raises(VersionConflict):
        await kind.command(TENANT, done.id, key("late"), count_up, expected_version=1)


async def test_a_missing_aggregate_may_begin_with_a_command(kind: Aggregates[Counter, Counted]) -> None:
    with pytest.raises(NotFound):
        await kind.command(TENANT, "day", key("a"), count_up)
    outcomes = await asyncio.gather(
        *(kind.command(TENANT, "day", key(f"{n}"), count_up, answer, initial=Counter) for n in range(40))
    )
    assert sorted(done.answer["count"] for done in outcomes) == list(range(1, 41))
    assert (await kind.load(TENANT, "day")).state.count == 40


class Unsteady(Documents):
    """Lets another process write, or loses an answer, before a chosen update."""

    def __init__(self, inner: Documents) -> None:
        super().__init__(inner._collection)
        self.before: list[str] = []
        self.other: Aggregates[Counter, Counted] | None = None

    async def update(self, where: object, change: object) -> bool:
        step = self.before.pop(0) if self.before else "go"
        if step == "conflict":
            assert self.other is not None
            await self.other.command(TENANT, where["_id"], key(f"other {len(self.before)}"), count_up)  # type: ignore[index]
        if step == "lost request":
            raise DatabaseUnavailable("the request was lost")
        done = await super().update(where, change)  # type: ignore[arg-type]
        if step == "lost answer":
            raise DatabaseUnavailable("the answer was lost")
        return done


@pytest.fixture
async def unsteady(database: MemoryDatabase, clock: FixedClock) -> tuple[Aggregates[Counter, Counted], Unsteady]:
    documents = Unsteady(database.collection("counters"))
    documents.other = counters(database.collection("counters"), clock)
    return counters(documents, clock), documents


@pytest.mark.proves("F58")
@pytest.mark.parametrize("step", ["go", "conflict", "lost request", "lost answer"])
async def test_a_mixed_group_is_decided_once_each(
    unsteady: tuple[Aggregates[Counter, Counted], Unsteady], step: str, database: MemoryDatabase
) -> None:
    kind, documents = unsteady
    made = await kind.create(TENANT, key("k"), lambda id: start(limit=4), answer)
    await kind.command(TENANT, made.id, key("known"), count_up, answer)
    documents.before = [step]

    def broken(state: Counter) -> tuple[Counter, list[Counted]]:
        raise ZeroDivisionError

    outcomes = await asyncio.gather(
        kind.command(TENANT, made.id, key("a"), count_up, answer),
        kind.command(TENANT, made.id, key("known"), count_up, answer),
        kind.command(TENANT, made.id, key("known", digest="other"), count_up, answer),
        kind.command(TENANT, made.id, key("bug"), broken, answer),
        kind.command(TENANT, made.id, key("b"), count_up, answer),
        kind.command(TENANT, made.id, key("c"), count_up, answer),
        return_exceptions=True,
    )
    kinds = [type(outcome).__name__ for outcome in outcomes]
    last = "Full" if step == "conflict" else "Done"
    assert kinds == ["Done", "Done", "KeyReused", "ZeroDivisionError", last, "Full"]
    assert (outcomes[1].repeated, outcomes[1].answer) == (True, {"count": 2})  # type: ignore[union-attr]
    stored = await document(database, made.id)
    assert stored["count"] == 4
    assert [entry["seq"] for entry in stored["out"]] == [1, 2, 3, 4]  # type: ignore[attr-defined]


@pytest.mark.proves("F58")
async def test_no_refusal_is_told_before_the_write_it_rests_on(
    unsteady: tuple[Aggregates[Counter, Counted], Unsteady],
) -> None:
    """Capacity 2: a takes the last place, b is full; the write conflicts because c gave nothing. b was never told."""
    kind, documents = unsteady
    made = await kind.create(TENANT, key("k"), lambda id: start(limit=2), answer)
    other = documents.other
    assert other is not None

    async def raise_limit(where: object, change: object) -> bool:
        documents.update = Unsteady.update.__get__(documents)  # type: ignore[method-assign]
        await other.command(TENANT, made.id, key("raise"), lambda state: (replace(state, limit=3), ()))
        return await documents.update(where, change)

    documents.update = raise_limit  # type: ignore[method-assign]
    a, b = await asyncio.gather(
        kind.command(TENANT, made.id, key("a"), count_up, answer),
        kind.command(TENANT, made.id, key("b"), count_up, answer),
        return_exceptions=True,
    )
    assert a.answer == {"count": 2}  # type: ignore[union-attr]
    assert b.answer == {"count": 3}  # type: ignore[union-attr]


async def test_patience_ends_with_busy(
    unsteady: tuple[Aggregates[Counter, Counted], Unsteady], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, documents = unsteady
    made = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    documents.before = ["lost request"] * 1000
    monkeypatch.setattr("chassis.group.PATIENCE", 0.2)
    with pytest.raises(Busy):
        await kind.command(TENANT, made.id, key("a"), count_up)


async def test_a_write_that_never_ends_is_answered_in_time(
    unsteady: tuple[Aggregates[Counter, Counted], Unsteady], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, documents = unsteady
    made = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    go = asyncio.Event()

    async def paused(where: object, change: object) -> bool:
        await go.wait()
        return await Unsteady.update(documents, where, change)

    documents.update = paused  # type: ignore[method-assign]
    monkeypatch.setattr("chassis.group.PATIENCE", 0.1)
    monkeypatch.setattr("chassis.group._LAST_TRY", 0.1)
    outcomes = await asyncio.gather(
        *(kind.command(TENANT, made.id, key(f"{n}"), count_up) for n in range(2)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Busy, Busy]
    monkeypatch.undo()
    go.set()
    again = await kind.command(TENANT, made.id, key("0"), count_up, answer)
    assert (again.repeated, (await kind.load(TENANT, made.id)).state.count) == (True, 3)


async def test_what_one_command_breaks_fails_alone(kind: Aggregates[Counter, Counted]) -> None:
    made = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    broken, good = await asyncio.gather(
        kind.command(TENANT, made.id, key("a"), count_up, lambda state: {"count": 1 // 0}),
        kind.command(TENANT, made.id, key("b"), count_up, answer),
        return_exceptions=True,
    )
    assert isinstance(broken, ZeroDivisionError)
    assert good.answer == {"count": 2}  # type: ignore[union-attr]


async def test_no_version_holds_what_its_caller_has_not_seen(
    kind: Aggregates[Counter, Counted], database: MemoryDatabase
) -> None:
    """Two commands in one write: who was answered first must not overwrite the second with If-Match."""
    made = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    first, second = await asyncio.gather(*(kind.command(TENANT, made.id, key(n), count_up) for n in "ab"))
    assert (first.version, second.version, (await document(database, made.id))["v"]) == (2, 3, 3)
    with pytest.raises(VersionConflict):
        await kind.command(TENANT, made.id, key("c"), count_up, expected_version=first.version)
    await kind.command(TENANT, made.id, key("d"), count_up, expected_version=second.version)


async def test_a_full_outbox_refuses_by_itself(kind: Aggregates[Counter, Counted]) -> None:
    made = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    outcomes = await asyncio.gather(
        *(kind.command(TENANT, made.id, key(f"{n}"), count_up, answer) for n in range(70)), return_exceptions=True
    )
    assert sum(isinstance(outcome, OutboxFull) for outcome in outcomes) == 70 - (MOST_PENDING - 1)
    assert (await kind.load(TENANT, made.id)).state.count == MOST_PENDING
    silent = await kind.command(TENANT, made.id, key("silent"), lambda state: (replace(state, limit=5), ()))
    assert silent.state.limit == 5


async def test_an_event_takes_effect_once_per_topic_and_number(kind: Aggregates[Counter, Counted]) -> None:
    def up(state: Counter | None) -> tuple[Counter, tuple[Counted, ...]]:
        return replace(state or Counter(), count=(state or Counter()).count + 1), ()

    assert await kind.absorb("t", event(1), up)
    assert not await kind.absorb("t", event(1), up)
    assert await kind.absorb("t", event(1, topic="forms.packages"), up)
    assert await kind.absorb("t", event(4), up)
    assert not await kind.absorb("t", event(3), up)
    assert (await kind.load(TENANT, "t")).state.count == 3


async def test_a_timer_fires_once_for_its_moment(kind: Aggregates[Counter, Counted], clock: FixedClock) -> None:
    at = clock.now() + timedelta(minutes=1)
    made = await kind.create(TENANT, key("k"), lambda id: (Counter(1, at=at), ()))

    def fire(state: Counter) -> tuple[Counter, tuple[Counted, ...]]:
        return replace(state, count=state.count + 1, at=None), ()

    first, second = await asyncio.gather(kind.timer(made.id, at, fire), kind.timer(made.id, at, fire))
    assert [first is None, second is None] == [False, True]
    assert (await kind.load(TENANT, made.id)).state.count == 2
    assert await kind.documents.count({"at": {"$exists": True}}) == 0
    assert await kind.timer("nobody", at, fire) is None


async def test_fields_that_a_state_drops_leave_the_document(database: MemoryDatabase, clock: FixedClock) -> None:
    class Sparse:
        schema_version = 1

        def dump(self, state: dict[str, int]) -> dict[str, object]:
            return dict(state)

        def load(self, document: dict[str, object]) -> dict[str, int]:
            return {name: document[name] for name in ("a", "b") if name in document}  # type: ignore[misc]

    kind: Aggregates[dict[str, int], None] = Aggregates(
        database.collection("sparse"), Sparse(), lambda state, fact: (), service="forms", clock=clock
    )
    made = await kind.create(TENANT, key("k"), lambda id: ({"a": 1, "b": 2}, ()))
    await kind.command(TENANT, made.id, key("x"), lambda state: ({"b": 3}, ()))
    assert (await kind.load(TENANT, made.id)).state == {"b": 3}


async def test_a_creation_is_known_for_good_and_a_command_for_a_while(
    kind: Aggregates[Counter, Counted], database: MemoryDatabase
) -> None:
    made = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    for n in range(40):
        await kind.command(TENANT, made.id, key(f"{n}"), lambda state: (replace(state, count=state.count + 1), ()))
    again = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    assert (again.repeated, again.answer) == (True, {"count": 1})
    stored: Any = await document(database, made.id)
    assert [entry["key"] for entry in stored["cmds"]] == [f"{n}" for n in range(8, 40)]


async def test_a_group_is_no_larger_than_agreed(
    unsteady: tuple[Aggregates[Counter, Counted], Unsteady], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, documents = unsteady
    made = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    documents.before = ["go"] * 10
    await asyncio.gather(*(kind.command(TENANT, made.id, key(f"{n}"), count_up) for n in range(40)))
    assert len(documents.before) == 10 - 3


async def test_a_value_that_is_taken_refuses_its_command_alone(kind: Aggregates[Counter, Counted]) -> None:
    await kind.ensure([Index((("limit", 1),), "limit", unique=True)])
    await kind.create(TENANT, key("other"), lambda id: (Counter(limit=7), ()))
    with pytest.raises(Duplicate):
        await kind.create(TENANT, key("late"), lambda id: (Counter(limit=7), ()))
    made = await kind.create(TENANT, key("k"), lambda id: (Counter(limit=8), ()))
    taken, good = await asyncio.gather(
        kind.command(TENANT, made.id, key("a"), lambda state: (replace(state, limit=7), ())),
        kind.command(TENANT, made.id, key("b"), lambda state: (replace(state, count=3), ())),
        return_exceptions=True,
    )
    assert isinstance(taken, Duplicate)
    assert good.state == Counter(3, 8)  # type: ignore[union-attr]


async def test_a_command_whose_caller_is_gone_is_not_tried_for_ever(
    unsteady: tuple[Aggregates[Counter, Counted], Unsteady], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, documents = unsteady
    made = await kind.create(TENANT, key("k"), lambda id: start(), answer)
    documents.before = ["lost request"] * 1000
    monkeypatch.setattr("chassis.group.PATIENCE", 0.2)
    caller = asyncio.create_task(kind.command(TENANT, made.id, key("a"), count_up))
    await asyncio.sleep(0.1)
    caller.cancel()
    async with asyncio.timeout(5):
        while kind._group._queues:
            await asyncio.sleep(0.02)


async def test_a_state_may_not_take_the_fields_of_the_chassis(database: MemoryDatabase, clock: FixedClock) -> None:
    class Taking:
        schema_version = 1

        def dump(self, state: int) -> dict[str, object]:
            return {"v": state}

        def load(self, document: dict[str, object]) -> int:
            return 0

    kind: Aggregates[int, None] = Aggregates(
        database.collection("taking"), Taking(), lambda state, fact: (), service="forms", clock=clock
    )
    with pytest.raises(ValueError, match="'v'"):
        await kind.create(TENANT, key("k"), lambda id: (1, ()))


async def test_full_is_a_plain_refusal(kind: Aggregates[Counter, Counted]) -> None:
    made = await kind.create(TENANT, key("k"), lambda id: start(limit=1), answer)
    with pytest.raises(Full):
        await kind.command(TENANT, made.id, key("a"), count_up)
