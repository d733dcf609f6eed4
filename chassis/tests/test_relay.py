import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.aggregates import Aggregates, Key
from chassis.kafka import BrokerUnavailable
from chassis.leases import Leases
from chassis.outbox import AT_ONCE, SHARDS
from chassis.relay import KEPT_EVENTS, Relay
from chassis.testing import START, FixedClock, MemoryBroker, MemoryDatabase, MemoryPublisher
from chassis.testing.example import TENANT, Counted, Counter, CounterCodec, count_up, counters, start
from contracts.forms import ApplicationPackaged, ApplicationStatusChanged


class Town:
    """One collection, one broker, and relays that can be cut off at any step."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.database = MemoryDatabase()
        self.documents = self.database.collection("counters")
        self.kind: Aggregates[Counter, Counted] = counters(self.documents, self.clock)
        self.broker = MemoryBroker()

    def relay(self, me: str = "a", publisher: Any = None) -> Relay:
        async def open_publisher() -> Any:
            return publisher or MemoryPublisher(self.broker)

        return Relay(self.database, [self.documents], open_publisher, me=me, clock=self.clock)

    async def counter(self, ups: int = 0, name: str = "k") -> str:
        made = await self.kind.create(TENANT, Key("mia", name, "d"), lambda id: start())
        for n in range(ups):
            await self.kind.command(TENANT, made.id, Key("mia", f"{name}{n}", "d"), count_up)
        return made.id

    def published(self, id: str) -> list[int]:
        return [e.sequence for e, _ in self.broker.events("forms.applications") if e.subject == id]

    async def document(self, id: str) -> dict[str, Any]:
        return await self.documents.get(id) or {}


@pytest.fixture
def town() -> Town:
    return Town()


async def test_events_are_published_in_order_and_marked(town: Town) -> None:
    ids = [await town.counter(ups=3, name=f"c{n}") for n in range(5)]
    await town.relay().round()
    for id in ids:
        assert town.published(id) == [1, 2, 3, 4]
        document = await town.document(id)
        assert (document["out"], "due" in document, document["v"]) == ([], False, 4)
        assert [entry["seq"] for entry in document["sent"]] == [1, 2, 3, 4]


async def test_the_published_id_is_the_one_that_was_born_with_the_state(town: Town) -> None:
    id = await town.counter()
    born = (await town.document(id))["out"][0]["id"]
    await town.relay().round()
    envelope, event = town.broker.events("forms.applications")[0]
    assert (envelope.id, envelope.tenant, envelope.subject, envelope.key) == (born, TENANT, id, id)
    assert event is not None


@pytest.mark.proves("PL-05")
async def test_what_the_broker_did_not_take_stays_and_goes_later(town: Town) -> None:
    id = await town.counter(ups=1)
    town.broker.down = True
    await town.relay().round()
    document = await town.document(id)
    assert len(document["out"]) == 2
    assert document["due"] > AT_ONCE
    town.broker.down = False
    await town.relay().round()
    assert town.published(id) == []
    town.clock.advance(61)
    await town.relay("b").round()
    assert town.published(id) == [1, 2]


class Picky(MemoryPublisher):
    """Refuses chosen events once; calls ``between`` after each send."""

    def __init__(self, broker: MemoryBroker, refused: set[int], between: Any = None) -> None:
        super().__init__(broker)
        self.refused = refused
        self.between = between

    async def send(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
        number = int(dict(headers)["ce_sequence"])
        if number in self.refused:
            self.refused.discard(number)
            raise ConnectionError("cut")
        done = await super().send(topic, key, value, headers)
        if self.between:
            await self.between()
        return done


async def test_nothing_overtakes_a_failed_event(town: Town) -> None:
    id = await town.counter(ups=3)
    await town.relay(publisher=Picky(town.broker, {2})).round()
    assert town.published(id) == [1]
    town.clock.advance(61)
    await town.relay("b").round()
    assert town.published(id) == [1, 2, 3, 4]


async def test_a_command_between_publishing_and_marking_loses_nothing(town: Town) -> None:
    id = await town.counter()
    extra = iter(range(100))

    async def command() -> None:
        if (n := next(extra)) == 0:
            await town.kind.command(TENANT, id, Key("mia", f"between{n}", "d"), count_up)

    relay = town.relay(publisher=Picky(town.broker, set(), command))
    await relay.round()
    assert "due" in await town.document(id)
    await relay.round()
    assert town.published(id) == [1, 2]
    assert "due" not in await town.document(id)


@pytest.mark.proves("F61")
async def test_a_death_between_pull_and_unset_is_cleaned_up(town: Town) -> None:
    id = await town.counter()
    await town.documents.update({"_id": id}, {"$set": {"out": []}})
    await town.relay().round()
    document = await town.document(id)
    assert "due" not in document
    assert town.published(id) == []


@pytest.mark.proves("F61")
async def test_a_late_back_off_does_not_hide_or_invent_work(town: Town) -> None:
    """A fails to publish and pauses; B publishes and clears; A wakes and writes its back-off."""
    id = await town.counter()
    entry = (await town.document(id))["out"][0]
    slow = town.relay("a")
    await town.relay("b").round()
    await slow._back_off(town.documents, {id: entry})
    assert "due" not in await town.document(id)


@pytest.mark.proves("F61")
async def test_a_late_mark_does_not_hide_newer_events(town: Town) -> None:
    id = await town.counter()
    before = await town.document(id)
    slow = town.relay("a")
    await town.relay("b").round()
    await town.kind.command(TENANT, id, Key("mia", "new", "d"), count_up)
    await slow._mark(town.documents, [before], {id: before["out"]})
    document = await town.document(id)
    assert [pending["seq"] for pending in document["out"]] == [2]
    assert document["due"] == AT_ONCE


@pytest.mark.proves("F61")
@given(
    st.lists(
        st.sampled_from(["command", "round", "broken round", "round without unset", "zombie mark", "zombie back-off"]),
        max_size=14,
    )
)
@settings(deadline=None, max_examples=60)
async def test_due_stands_if_and_only_if_events_are_pending(steps: list[str]) -> None:
    town = Town()
    id = await town.counter()
    zombie = await town.document(id)
    for n, step in enumerate(steps):
        town.clock.advance(61)
        await _step(town, id, zombie, step, n)
        document = await town.document(id)
        assert not document["out"] or "due" in document, step
    town.clock.advance(61)
    last = town.relay("last")
    while await town.documents.find({"due": {"$lte": town.clock.now()}}):
        await last.round()
    document = await town.document(id)
    assert (document["out"], "due" in document) == ([], False)
    numbers = town.published(id)
    assert list(dict.fromkeys(numbers)) == list(range(1, document["seq"]["forms_applications"] + 1))


async def _step(town: Town, id: str, zombie: dict[str, Any], step: str, n: int) -> None:
    if step == "command":
        await town.kind.command(TENANT, id, Key("mia", f"s{n}", "d"), count_up)
    elif step == "round":
        await town.relay(f"r{n}").round()
    elif step == "broken round":
        town.broker.down = True
        await town.relay(f"r{n}").round()
        town.broker.down = False
    elif step == "round without unset":
        relay = town.relay(f"r{n}")
        document = await town.document(id)
        for entry in document["out"]:
            await relay._send(MemoryPublisher(town.broker), document, entry)
        ids = [entry["id"] for entry in document["out"]]
        await town.documents.update({"_id": id}, {"$pull": {"out": {"id": {"$in": ids}}}})
    elif step == "zombie mark" and town.published(id):
        await town.relay(f"r{n}")._mark(town.documents, [zombie], {id: zombie["out"]})
    elif step == "zombie back-off":
        await town.relay(f"r{n}")._back_off(town.documents, {id: zombie["out"][0]})


@pytest.mark.proves("F61")
async def test_an_idle_relay_finds_nothing_to_do(town: Town) -> None:
    await town.counter(ups=2)
    relay = town.relay()
    await relay.round()
    assert await town.documents.find({"due": {"$lte": town.clock.now() + timedelta(days=1)}}) == []


class Silent(MemoryPublisher):
    """Never acknowledges; notes when it is thrown away, and who holds the shards then."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.broker)
        self.town = town
        self.sending = asyncio.Event()
        self.shards_at_close: list[int] = []

    async def send(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
        self.sending.set()
        return asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        self.shards_at_close.append(await self.town.database.collection("leases").count({"by": "a"}))


@pytest.mark.proves("F52")
async def test_a_stopped_relay_throws_its_buffer_away_before_others_may_publish(town: Town) -> None:
    await town.counter()
    silent = Silent(town)
    task = asyncio.create_task(town.relay(publisher=silent).run())
    await silent.sending.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert silent.shards_at_close == [SHARDS]
    assert await town.database.collection("leases").count({"by": "a"}) == 0


@pytest.mark.proves("F52")
async def test_after_a_failure_or_a_lost_lease_the_producer_goes_with_its_buffer(town: Town) -> None:
    closed: list[str] = []

    class Noting(Picky):
        async def close(self) -> None:
            closed.append("closed")

    await town.counter(ups=2)
    relay = town.relay(publisher=Noting(town.broker, {2}))
    await relay.round()
    assert closed == ["closed"]
    town.clock.advance(61)

    async def lease_ends() -> None:
        relay._leases._until = 0

    relay = town.relay("b", publisher=Noting(town.broker, set(), lease_ends))
    id = (await town.documents.find({}))[0]["_id"]
    await relay.round()
    assert (closed, town.published(id)) == (["closed", "closed"], [1, 2])
    relay._renewed = float("-inf")
    await relay.round()
    assert town.published(id) == [1, 2, 3]
    await lease_ends()
    relay._renewed = float("-inf")
    await relay.round()
    assert len(closed) == 3


async def test_without_a_broker_a_round_ends_at_once_and_readiness_tells(
    town: Town,
) -> None:
    opened = []

    async def open_publisher() -> Any:
        opened.append(1)
        raise BrokerUnavailable("no broker")

    for n in range(20):
        await town.counter(name=f"c{n}")
    relay = Relay(town.database, [town.documents], open_publisher, me="a", clock=town.clock)
    with pytest.raises(BrokerUnavailable):
        await relay.round()
    assert len(opened) == 1
    assert await relay.check() is None
    relay._seen_alive -= 11
    assert "no round" in (await relay.check() or "")


async def test_what_is_counted_of_failures_goes_with_the_shards(town: Town) -> None:
    await town.counter(ups=1)
    relay = town.relay("a", publisher=Picky(town.broker, {1}))
    await relay.round()
    assert len(relay._tries) == 1
    await Leases(town.database.collection("leases"), "b", town.clock).renew()
    relay._renewed = float("-inf")
    await relay.round()
    assert relay._tries == {}


async def test_an_event_of_a_newer_release_does_not_stop_the_others(town: Town) -> None:
    newer, other = await town.counter(name="a"), await town.counter(name="b")
    await town.documents.update({"_id": newer}, {"$set": {"out.0.topic": "forms.tomorrow"}})
    await town.relay().round()
    assert town.published(other) == [1]
    assert [(await town.document(id))["out"] for id in (newer, other)] == [[], []]


async def test_the_memory_of_what_was_sent_is_bounded(town: Town) -> None:
    id = await town.counter()
    relay = town.relay()
    for n in range(40):
        await town.kind.command(TENANT, id, Key("mia", f"m{n}", "d"), count_up)
        await relay.round()
    assert len((await town.document(id))["sent"]) == KEPT_EVENTS


async def test_the_memory_of_large_events_is_smaller(town: Town) -> None:
    def publish(state: Counter, fact: Counted) -> tuple[ApplicationStatusChanged, ...]:
        id = f"{fact.count}" + "x" * 30_000
        return (
            ApplicationStatusChanged(
                occurred_at=START, application_id=id, account_id="a", status="submitted", changed_at=START
            ),
        )

    kind = Aggregates(town.documents, CounterCodec(), publish, service="forms", clock=town.clock)
    made = await kind.create(TENANT, Key("mia", "k", "d"), lambda id: start())
    for n in range(4):
        await town.relay(f"{n}").round()
        await kind.command(TENANT, made.id, Key("mia", f"{n}", "d"), count_up)
        town.clock.advance(11)
    sent = (await town.document(made.id))["sent"]
    assert 1 <= sum(len(entry["body"]) for entry in sent) / 1024 <= 64


async def test_a_relay_publishes_its_own_shards_only(town: Town) -> None:
    ids = [await town.counter(name=f"c{n}") for n in range(40)]
    relays = [town.relay("a"), town.relay("b")]
    for relay in relays * 2:
        await relay._leases.renew()
    await relays[0].round()
    first = [id for id in ids if town.published(id)]
    assert 0 < len(first) < 40
    assert {(await town.document(id))["shard"] for id in first}.isdisjoint(
        {(await town.document(id))["shard"] for id in ids if id not in first}
    )
    await relays[1].round()
    assert all(town.published(id) == [1] for id in ids)


async def test_what_is_restricted_is_not_remembered_in_clear(town: Town) -> None:
    def publish(state: Counter, fact: Counted) -> tuple[ApplicationPackaged, ...]:
        return (
            ApplicationPackaged(
                occurred_at=START, application_id="a", fact_id="f", account_id="m", sealed="what nobody may keep"
            ),
        )

    kind = Aggregates(town.documents, CounterCodec(), publish, service="forms", clock=town.clock)
    made = await kind.create(TENANT, Key("mia", "k", "d"), lambda id: start())
    assert "what nobody may keep" in str(await town.document(made.id))
    await town.relay().round()
    document = await town.document(made.id)
    assert [entry["seq"] for entry in document["sent"]] == [1]
    assert "what nobody may keep" not in str(document)


async def test_a_kick_wakes_the_relay(town: Town) -> None:
    relay = town.relay()
    relay._poll = 60
    town.kind._group._kick = relay.kick
    task = asyncio.create_task(relay.run())
    try:
        await asyncio.sleep(0.05)
        id = await town.counter()
        async with asyncio.timeout(2):
            while not town.published(id):
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
