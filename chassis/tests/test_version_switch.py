"""An event gets an incompatible second version: readers move first, the publisher switches, and may switch back."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

import contracts.event
import contracts.lifting
from chassis.aggregates import Aggregates, Key
from chassis.outbox import BothVersions
from chassis.places import Places
from chassis.reader import Reader
from chassis.testing import START, FixedClock, MemoryBus, MemoryDatabase
from chassis.testing.example import TENANT, CounterCodec, start
from contracts import Event
from contracts.envelope import Envelope
from contracts.lifting import lifts
from contracts.topics import TOPICS, dead_letters

ACCOUNTS = "identity.accounts"
GROUP = "osi-gateway.identity.accounts"
FACTS = 5


class Lamp:
    """Two versions of one event; the second says in watts what the first said in words."""

    def __init__(self) -> None:
        class LampLit(Event):
            topic: ClassVar[str] = ACCOUNTS
            fact: int
            brightness: str

        class LampLitV2(Event):
            topic: ClassVar[str] = ACCOUNTS
            fact: int
            watts: int

        @lifts(LampLit, LampLitV2)
        def in_watts(old: LampLit) -> LampLitV2:
            return LampLitV2(occurred_at=old.occurred_at, fact=old.fact, watts={"dim": 5, "bright": 60}[old.brightness])

        self.old, self.new = LampLit, LampLitV2

    def event(self, fact: int, version: int) -> Event:
        if version == 1:
            return self.old(occurred_at=START, fact=fact, brightness="dim" if fact % 2 else "bright")
        return self.new(occurred_at=START, fact=fact, watts=5 if fact % 2 else 60)


@pytest.fixture
def lamp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lamp]:
    """Known for one test only."""
    monkeypatch.setattr(contracts.event, "_classes", dict(contracts.event._classes))
    monkeypatch.setattr(contracts.lifting, "_next", dict(contracts.lifting._next))
    yield Lamp()  # noqa: PT022 - the patches end after it


class Fleet:
    """Processes of one group, of which some know the first version alone."""

    def __init__(self, lamp: Lamp) -> None:
        self.lamp = lamp
        self.clock, self.database = FixedClock(), MemoryDatabase()
        self.bus = MemoryBus("osi-gateway", self.database, self.clock)
        self.effects: list[tuple[int, int]] = []
        self.readers = {version: self._reader(kind) for version, kind in ((1, lamp.old), (2, lamp.new))}

    def _reader(self, kind: type[Event]) -> Reader:
        async def note(event: Any, envelope: Envelope) -> None:
            assert event.type == kind.type
            watts = event.watts if kind is self.lamp.new else {"dim": 5, "bright": 60}[event.brightness]
            self.effects.append((event.fact, watts))

        places = Places(self.database.collection("places"), GROUP, forgets=False, clock=self.clock)
        return Reader(TOPICS[ACCOUNTS], GROUP, {kind: note}, places, self.bus.bury, delays=())

    async def read(self, fact: int, version: int, by: int) -> None:
        """Let a process that knows up to version ``by`` read the fact."""
        record = self.bus.broker.put(self.lamp.event(fact, version), tenant=TENANT, subject="s", sequence=fact)
        await self.readers[by].take(record)

    def dead(self) -> list[Any]:
        return self.bus.broker.topics[dead_letters("osi-gateway")]


ONCE_EACH = [(fact, 5 if fact % 2 else 60) for fact in range(1, FACTS + 1)]


@pytest.mark.proves("F65")
async def test_each_fact_counts_once_wherever_readers_and_publisher_switch(lamp: Lamp) -> None:
    """Readers begin to move, then the publisher switches, then it rolls back: at every offset."""
    for moves in range(FACTS + 1):
        for switches in range(moves, FACTS + 1):
            for rolls_back in range(switches, FACTS + 1):
                fleet = Fleet(lamp)
                for at in range(FACTS):
                    version = 2 if switches <= at < rolls_back else 1
                    # From the first that has moved until the switch both kinds of readers run.
                    by = 1 if at < moves or (at < switches and at % 2) else 2
                    await fleet.read(at + 1, version, by)
                assert (fleet.effects, fleet.dead()) == (ONCE_EACH, []), (moves, switches, rolls_back)


@pytest.mark.proves("F65")
@pytest.mark.parametrize("switches", range(FACTS))
async def test_a_reader_that_has_not_moved_loses_nothing(lamp: Lamp, switches: int) -> None:
    """The wrong order, or a reader rolled back: what it does not understand waits for one that does."""
    fleet = Fleet(lamp)
    for at in range(FACTS):
        await fleet.read(at + 1, 2 if at >= switches else 1, by=1)
    assert fleet.effects == ONCE_EACH[:switches]
    assert len(fleet.dead()) == 1
    assert b"known are de.digitales-rathaus.identity.lamp-lit.v1" in dict(fleet.dead()[0].headers)["dlq_error"]
    for _ in range(2):
        await fleet.readers[2].take(fleet.dead()[0])
    assert fleet.effects == ONCE_EACH


@pytest.mark.proves("F65")
async def test_both_versions_are_never_published_for_one_fact(lamp: Lamp) -> None:
    database = MemoryDatabase()
    kind: Any = Aggregates(
        database.collection("lamps"),
        CounterCodec(),
        lambda state, fact: (lamp.event(1, 1), lamp.event(1, 2)),
        service="identity",
        clock=FixedClock(),
    )
    with pytest.raises(BothVersions, match=r"lamp-lit\.v1 and .*lamp-lit\.v2"):
        await kind.create(TENANT, Key("mia", "k", "d"), lambda id: start())
    assert await database.collection("lamps").find({}) == []


def test_only_two_versions_of_one_event_are_lifted(lamp: Lamp) -> None:
    with pytest.raises(TypeError, match="no later version"):
        lifts(lamp.old, lamp.old)
    with pytest.raises(TypeError, match="already"):
        lifts(lamp.old, lamp.new)
