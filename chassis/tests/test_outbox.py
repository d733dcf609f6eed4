"""What a write refuses because it could not be published, and that it then leaves nothing behind."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chassis.aggregates import Aggregates, Key
from chassis.errors import NotFound
from chassis.outbox import MOST_PENDING, MOST_PENDING_BYTES, OutboxFull, TooMuchToTell, WrongTopic
from chassis.relay import Relay
from chassis.testing import START, FixedClock, MemoryBroker, MemoryDatabase, MemoryPublisher
from chassis.testing.example import TENANT, Counted, Counter, CounterCodec, count_up, publish, start
from contracts import Event
from contracts.forms import ApplicationPackaged, ApplicationStatusChanged
from contracts.identity import AccountLinked
from contracts.validation import BadBody

FOREIGN = AccountLinked(occurred_at=START, account_id="a", level="hoch")


def kind(told: Callable[[Counter, Counted], Sequence[Event]]) -> Aggregates[Counter, Counted]:
    documents = MemoryDatabase().collection("counters")
    return Aggregates(documents, CounterCodec(), told, service="forms", clock=FixedClock())


def key(value: str) -> Key:
    return Key("mia", value, "d")


def broken(state: Counter, fact: Counted) -> Sequence[Event]:
    said: dict[str, Any] = {"application_id": "a", "account_id": "m", "status": "sung"}
    return [ApplicationStatusChanged.model_construct(**said)]


@pytest.mark.proves("PL-03")
@pytest.mark.parametrize(
    ("told", "refusal"), [(broken, BadBody), (lambda state, fact: [FOREIGN], WrongTopic)], ids=["contract", "topic"]
)
async def test_what_breaks_its_contract_or_belongs_to_another_is_not_written(
    told: Callable[[Counter, Counted], Sequence[Event]], refusal: type[Exception]
) -> None:
    aggregates = kind(told)
    with pytest.raises(refusal):
        await aggregates.create(TENANT, key("k"), lambda id: start())
    assert await aggregates.find({}) == []


async def test_of_a_refused_command_no_event_and_no_number_is_left() -> None:
    def told(state: Counter, fact: Counted) -> Sequence[Event]:
        good = publish(state, fact)
        return [*good, FOREIGN] if state.count == 2 else good

    aggregates = kind(told)
    made = await aggregates.create(TENANT, key("k"), lambda id: start())
    bad, good = await asyncio.gather(
        aggregates.command(TENANT, made.id, key("a"), count_up),
        aggregates.command(TENANT, made.id, key("b"), lambda state: (Counter(7), (Counted(7),))),
        return_exceptions=True,
    )
    assert (type(bad), type(good).__name__) == (WrongTopic, "Done")
    document: Any = await aggregates.documents.get(made.id)
    assert [entry["seq"] for entry in document["out"]] == [1, 2]
    assert document["seq"] == {"forms_applications": 2}


async def test_too_many_bytes_are_refused_at_the_write() -> None:
    sealed = "x" * (MOST_PENDING_BYTES // 2 - 1000)

    def told(state: Counter, fact: Counted) -> Sequence[Event]:
        return [
            ApplicationPackaged(
                occurred_at=START, application_id="a", fact_id=str(fact.count), account_id="m", sealed=sealed
            )
        ]

    aggregates = kind(told)
    made = await aggregates.create(TENANT, key("k"), lambda id: start())
    one, two = await asyncio.gather(
        *(aggregates.command(TENANT, made.id, key(n), count_up) for n in "ab"), return_exceptions=True
    )
    assert (type(one).__name__, type(two)) == ("Done", OutboxFull)
    with pytest.raises(OutboxFull):
        await aggregates.command(TENANT, made.id, key("c"), count_up)
    assert (await aggregates.load(TENANT, made.id)).state.count == 2
    with pytest.raises(NotFound):
        await aggregates.load(TENANT, "other")


def packaged(size: int) -> ApplicationPackaged:
    """An event whose body has exactly so many bytes."""
    empty = ApplicationPackaged(occurred_at=START, application_id="a", fact_id="f", account_id="m", sealed="")
    return empty.model_copy(update={"sealed": "x" * (size - len(empty.model_dump_json()))})


@pytest.mark.proves("F73")
async def test_what_will_never_fit_is_refused_for_good_and_the_rest_goes_out() -> None:
    """Not "try later": an event over the limit, or more events at once than a document may hold back."""
    told: dict[int, Sequence[Event]] = {
        1: [packaged(100)],
        2: [packaged(MOST_PENDING_BYTES + 1)],
        3: [packaged(100)] * (MOST_PENDING + 1),
        4: [packaged(MOST_PENDING_BYTES - 1000)],
    }
    database, broker, clock = MemoryDatabase(), MemoryBroker(), FixedClock()
    documents = database.collection("counters")
    aggregates: Aggregates[Counter, Counted] = Aggregates(
        documents, CounterCodec(), lambda state, fact: told[fact.count], service="forms", clock=clock
    )
    made = await aggregates.create(TENANT, key("k"), lambda id: start())
    for count in (2, 3):
        before = await documents.get(made.id)
        with pytest.raises(TooMuchToTell, match=str(MOST_PENDING_BYTES)):
            await aggregates.command(TENANT, made.id, key(f"much{count}"), to(count))
        assert await documents.get(made.id) == before
    with pytest.raises(TooMuchToTell):
        await aggregates.create(TENANT, key("other"), lambda id: to(2)(Counter(1)))
    await aggregates.command(TENANT, made.id, key("largest"), to(4))

    async def open_publisher() -> Any:
        return MemoryPublisher(broker)

    await Relay(database, [documents], open_publisher, me="a", clock=clock).round()
    assert [envelope.sequence for envelope, _ in broker.events("forms.packages")] == [1, 2]
    assert [found.id for found in await aggregates.find({})] == [made.id]


def to(count: int) -> Callable[[Counter], tuple[Counter, Sequence[Counted]]]:
    return lambda state: (Counter(count), (Counted(count),))
