from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.documents import DatabaseUnavailable
from chassis.errors import Transient
from chassis.places import MOST_WAITING, Places, gaps
from chassis.reader import Reader
from chassis.testing import START, FixedClock, MemoryBroker, MemoryBus, MemoryDatabase
from chassis.testing.example import TENANT, Counter, counters
from contracts import Tombstone
from contracts.envelope import Envelope, headers_of
from contracts.forms import ApplicationPackaged
from contracts.identity import AccountLinked, AccountRegistered, ContactChanged
from contracts.topics import TOPICS, dead_letters

ACCOUNTS = "identity.accounts"


class Desk:
    """osi-gateway's reading of identity.accounts; notes what took effect."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.database = MemoryDatabase()
        self.bus = MemoryBus("osi-gateway", self.database, self.clock)
        self.broker: MemoryBroker = self.bus.broker
        self.effects: dict[str, list[int]] = defaultdict(list)
        self.failing: dict[int, list[Exception]] = {}
        self.bus.add(ACCOUNTS, {AccountLinked: self.note})

    async def note(self, event: Any, envelope: Envelope) -> None:
        if self.failing.get(envelope.sequence):
            raise self.failing[envelope.sequence].pop(0)
        self.effects[envelope.subject].append(envelope.sequence)

    def reader_of(self) -> Reader:
        """A second consumer of the same group."""
        places = Places(
            self.database.collection("places"), "osi-gateway.identity.accounts", forgets=False, clock=self.clock
        )
        return Reader(
            TOPICS[ACCOUNTS],
            "osi-gateway.identity.accounts",
            {AccountLinked: self.note},
            places,
            self.bus.bury,
            delays=(0,),
        )

    def put(self, sequence: int, subject: str = "s", id: str = "") -> None:
        event = AccountLinked(occurred_at=START, account_id=subject, level="hoch")
        self.broker.put(event, tenant=TENANT, subject=subject, sequence=sequence, id=id)

    def put_raw(self, sequence: int, type_: str, value: bytes, subject: str = "s") -> None:
        envelope = Envelope(f"{subject}-{sequence}-raw", type_, TENANT, subject, sequence, START)
        self.broker.append(ACCOUNTS, subject, value, headers_of(envelope))

    def dead(self) -> list[str]:
        return [
            dict(record.headers)["dlq_error"].decode() for record in self.broker.topics[dead_letters("osi-gateway")]
        ]


@pytest.fixture(params=[1, 2, 500])
def desk(request: pytest.FixtureRequest) -> Desk:
    desk = Desk()
    desk.bus.at_once = request.param
    return desk


@pytest.mark.proves("F46")
async def test_a_gap_that_is_filled_on_the_same_partition_ends_right(desk: Desk) -> None:
    for number in (1, 3, 2, 3):
        desk.put(number)
    desk.put(1, "other")
    await desk.bus.deliver()
    assert desk.effects == {"s": [1, 2, 3], "other": [1]}
    assert desk.dead() == []


@pytest.mark.proves("F46")
@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=8))
@settings(deadline=None, max_examples=60)
async def test_any_order_with_repeats_ends_in_order(order: list[int], repeats: list[int]) -> None:
    desk = Desk()
    for number in [*order, *repeats]:
        desk.put(number)
        await desk.bus.deliver()
    assert desk.effects["s"] == list(range(1, 9))


@pytest.mark.proves("PL-06")
async def test_reading_the_whole_topic_again_changes_nothing(desk: Desk) -> None:
    for number in (1, 2, 3):
        desk.put(number)
    await desk.bus.deliver()
    for _ in range(3):
        desk.bus.rewind()
        await desk.bus.deliver()
    assert desk.effects["s"] == [1, 2, 3]


@pytest.mark.proves("F64")
async def test_unknown_types_advance_the_place(desk: Desk) -> None:
    desk.put(1)
    desk.put_raw(2, "de.digitales-rathaus.identity.name-sung.v1", b'{"a": 1}')
    event = AccountRegistered(occurred_at=START, account_id="s")
    desk.broker.put(event, tenant=TENANT, subject="s", sequence=3)
    desk.put(4)
    await desk.bus.deliver()
    assert desk.effects["s"] == [1, 4]
    assert desk.dead() == []


@pytest.mark.proves("F64")
async def test_an_unknown_version_is_a_dead_letter_and_what_follows_waits(desk: Desk) -> None:
    desk.put(1)
    desk.put_raw(2, "de.digitales-rathaus.identity.account-linked.v2", b'{"a": 1}')
    desk.put(3)
    desk.put(1, "other")
    await desk.bus.deliver()
    assert desk.effects == {"s": [1], "other": [1]}
    assert len(desk.dead()) == 1
    assert "account-linked.v2" in desk.dead()[0]


async def test_a_dead_letter_holds_back_its_source_until_it_is_replayed(desk: Desk) -> None:
    desk.failing[2] = [RuntimeError("bug")]
    for number in (1, 2, 3):
        desk.put(number)
    await desk.bus.deliver()
    assert desk.effects["s"] == [1]
    (dead,) = desk.broker.topics[dead_letters("osi-gateway")]
    for _ in range(2):
        desk.bus.replay(ACCOUNTS, dead)
        await desk.bus.deliver()
    assert desk.effects["s"] == [1, 2, 3]


async def test_a_transient_error_is_tried_again_and_then_buried(desk: Desk) -> None:
    desk.failing[1] = [Transient("away")] * 3
    desk.put(1)
    desk.put(1, "t")
    await desk.bus.deliver()
    assert desk.effects == {"s": [1], "t": [1]}
    desk.failing[2] = [Transient("away")] * 4
    desk.put(2)
    await desk.bus.deliver()
    assert desk.dead() == ["Transient: away"]


async def test_a_silent_database_buries_nothing(desk: Desk) -> None:
    desk.failing[1] = [DatabaseUnavailable("away")]
    desk.put(1)
    with pytest.raises(DatabaseUnavailable):
        await desk.bus.deliver()
    await desk.bus.deliver()
    assert (desk.effects["s"], desk.dead()) == ([1], [])


async def test_a_silent_database_under_an_aggregate_buries_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.group.PATIENCE", 0.05)
    documents = desk.database.collection("counters")
    kind, away = counters(documents, desk.clock), True

    async def get(id: str) -> Any:
        if away:
            raise DatabaseUnavailable("away")
        return await type(documents).get(documents, id)

    async def absorb(event: Any, envelope: Envelope) -> None:
        await kind.absorb("t", envelope, lambda state: (Counter(1), ()))

    documents.get = get  # type: ignore[method-assign]
    desk.bus._readers[0].handlers = {AccountLinked: absorb}
    desk.put(1)
    with pytest.raises(DatabaseUnavailable):
        await desk.bus.deliver()
    away = False
    monkeypatch.undo()
    await desk.bus.deliver()
    assert (desk.dead(), (await kind.load(TENANT, "t")).state.count) == ([], 1)


async def test_an_event_without_a_body_is_no_tombstone(desk: Desk) -> None:
    envelope = Envelope("empty", AccountLinked.type, TENANT, "s", 1, START)
    desk.broker.append(ACCOUNTS, "s", None, headers_of(envelope))
    desk.put(2)
    await desk.bus.deliver()
    assert len(desk.dead()) == 1
    assert desk.effects["s"] == []


async def test_what_waits_too_long_in_number_goes_to_the_dead_letters(desk: Desk) -> None:
    for number in range(2, MOST_WAITING + 4):
        desk.put(number)
    await desk.bus.deliver()
    assert len(desk.dead()) == 2
    assert "waits behind number 1" in desk.dead()[0]
    desk.put(1)
    await desk.bus.deliver()
    assert desk.effects["s"] == list(range(1, MOST_WAITING + 2))


async def test_what_is_held_while_its_predecessor_is_applied_is_not_forgotten(desk: Desk) -> None:
    """One consumer applies number 2; meanwhile another one holds number 3."""
    desk.put(1)
    await desk.bus.deliver()
    desk.put(2)
    desk.put(3)
    second, third = desk.broker.topics[ACCOUNTS][1:]
    held: list[int] = []

    async def slow(event: Any, envelope: Envelope) -> None:
        if envelope.sequence == 2 and not held:
            held.append(3)
            await desk.reader_of().take(third)
        await desk.note(event, envelope)

    reader = desk.bus._readers[0]
    reader.handlers = {AccountLinked: slow}
    await reader.take(second)
    assert desk.effects["s"][-1] == 3


async def test_a_gap_is_seen(desk: Desk) -> None:
    desk.put(1)
    desk.put(3)
    await desk.bus.deliver()
    places = desk.database.collection("places")
    found = await gaps(places, desk.clock.now())
    assert [(place["source"], place["last"]) for place in found] == [("s", 1)]
    desk.put(2)
    await desk.bus.deliver()
    assert await gaps(places, desk.clock.now()) == []
    desk.put(5)
    await desk.bus.deliver()
    # Another consumer closed an older gap at the same moment.
    await places.update({"_id": found[0]["_id"]}, {"$unset": {"gap_since": 1}})
    desk.put(6)
    await desk.bus.deliver()
    assert len(await gaps(places, desk.clock.now())) == 1


async def test_a_forked_history_is_told(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.put(1, id="one")
    desk.put(1, id="other")
    await desk.bus.deliver()
    assert "forked history" in caplog.text
    assert desk.effects["s"] == [1]


async def test_a_topic_that_forgets_starts_where_it_can() -> None:
    desk = Desk()
    seen: list[int] = []

    async def note(event: ApplicationPackaged, envelope: Envelope) -> None:
        seen.append(envelope.sequence)

    desk.bus.add("forms.packages", {ApplicationPackaged: note})
    for number in (7, 9, 8, 7):
        event = ApplicationPackaged(occurred_at=START, application_id="a", fact_id="f", account_id="m", sealed="x")
        desk.broker.put(event, tenant=TENANT, subject="a", sequence=number)
    await desk.bus.deliver()
    assert seen == [7, 8, 9]


async def test_a_dead_letter_that_comes_first_is_the_beginning_all_the_same() -> None:
    """On a topic that forgets, what follows a buried first record waits for it."""
    desk = Desk()
    seen: list[int] = []

    async def note(event: ApplicationPackaged, envelope: Envelope) -> None:
        if envelope.sequence == 7 and not seen and not desk.dead():
            raise RuntimeError("bug")
        seen.append(envelope.sequence)

    desk.bus.add("forms.packages", {ApplicationPackaged: note})
    for number in (7, 8):
        event = ApplicationPackaged(occurred_at=START, application_id="a", fact_id="f", account_id="m", sealed="x")
        desk.broker.put(event, tenant=TENANT, subject="a", sequence=number)
    await desk.bus.deliver()
    assert seen == []
    desk.bus.replay("forms.packages", desk.broker.topics[dead_letters("osi-gateway")][0])
    await desk.bus.deliver()
    assert seen == [7, 8]


@pytest.mark.proves("F47")
async def test_poison_among_what_waited_is_buried_once_and_what_follows_waits_on(desk: Desk) -> None:
    desk.failing[3] = [RuntimeError("bug")]
    for number in (1, 3, 4, 2, 1):
        desk.put(number)
    desk.put(1, "other")
    await desk.bus.deliver()
    desk.put(2)
    await desk.bus.deliver()
    assert desk.effects == {"s": [1, 2], "other": [1]}
    (dead,) = desk.broker.topics[dead_letters("osi-gateway")]
    desk.bus.replay(ACCOUNTS, dead)
    await desk.bus.deliver()
    assert desk.effects["s"] == [1, 2, 3, 4]
    assert len(desk.dead()) == 1


async def test_what_waits_is_bounded_in_bytes_too(desk: Desk) -> None:
    for number in (2, 3, 4):
        desk.put_raw(number, AccountLinked.type, b"x" * 1_500_000)
    await desk.bus.deliver()
    assert len(desk.dead()) == 1
    assert "waits behind number 1" in desk.dead()[0]


async def test_of_two_that_claim_one_number_behind_a_gap_the_second_is_buried(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.put(3, id="three")
    desk.put(3, id="other")
    desk.put(3, id="three")
    await desk.bus.deliver()
    assert "forked history" in caplog.text
    assert len(desk.dead()) == 1
    assert "Forked" in desk.dead()[0]


async def test_on_a_compacted_topic_the_newest_counts() -> None:
    database, clock = MemoryDatabase(), FixedClock()
    bus = MemoryBus("notify", database, clock)
    seen: list[object] = []

    async def keep(event: ContactChanged, envelope: Envelope) -> None:
        seen.append(event.email)

    async def forget(event: Tombstone, envelope: Envelope) -> None:
        seen.append(envelope.key)

    bus.add("identity.contacts", {ContactChanged: keep, Tombstone: forget})

    def put(number: int) -> None:
        event = ContactChanged(occurred_at=START, account_id="a", email=f"{number}@example.org")
        bus.broker.put(event, tenant=TENANT, subject="a", sequence=number)

    for number in (2, 5, 3):
        put(number)
    from contracts.envelope import tombstone_type

    gone = Envelope("gone", tombstone_type("identity.contacts"), TENANT, "a", 6, START)
    bus.broker.append("identity.contacts", "a", None, headers_of(gone))
    put(5)
    await bus.deliver()
    assert seen == ["2@example.org", "5@example.org", "a"]
