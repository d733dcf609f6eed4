"""An owner of a compacted topic: cards that change and are erased, and the last word on each of them.

On such a topic the newest record of a key is all that stays, so what matters is not that all events are there, but that
the last record says what the document says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from gates import GatedDatabase, GatedPublisher, Shelf
from steps import FATES, Fate, Process, Step, Steps
from still_time import StillLoop, at_once, patch_monotonic
from town import Clock

from chassis.aggregates import Aggregates, Erased, Key
from chassis.compacted import corrected_from
from chassis.documents import Document
from chassis.errors import Transient
from chassis.ids import aggregate_id
from chassis.places import Places
from chassis.reader import Reader
from chassis.records import Record
from chassis.relay import Relay
from chassis.testing import START, MemoryBroker, MemoryDatabase
from contracts.identity import ContactChanged
from contracts.topics import TOPICS

TENANT = "150900546546"
TOPIC = TOPICS["identity.contacts"]
HOLDERS = ("mia", "ben")


@dataclass(frozen=True)
class Card:
    """Where somebody can be reached: the how manieth address, or none any more."""

    number: int
    erased: bool = False


class CardCodec:
    """The card as fields of its document."""

    schema_version = 1

    def dump(self, state: Card) -> Document:
        return {"number": state.number, "erased": state.erased}

    def load(self, document: Document) -> Card:
        return Card(document["number"], document["erased"])


def change(card: Card) -> tuple[Card, Sequence[str]]:
    return (card, ()) if card.erased else (Card(card.number + 1), ("changed",))


def erase(card: Card) -> tuple[Card, Sequence[str]]:
    return (card, ()) if card.erased else (replace(card, erased=True), ("erased",))


def events(state: Card, fact: str) -> Sequence[ContactChanged | Erased]:
    if fact == "erased":
        return (Erased(TOPIC.name),)
    return (ContactChanged(occurred_at=START, account_id="a", email=f"{state.number}@example.org"),)


@dataclass(eq=False)
class Owner:
    """A process of the owning service: commands, relay, and the reading of its own topic."""

    process: Process
    cards: Aggregates[Card, str]
    relay: Relay
    watch: Reader
    offset: int = 0
    busy: set[str] = field(default_factory=set)


class AddressBook:
    """Owners, one broker, one database, and a schedule from a seed."""

    def __init__(self, seed: int, *, watched: bool = True) -> None:
        self.random = Random(seed)  # noqa: S311 - a schedule, no secret
        self.patches = pytest.MonkeyPatch()
        self.loop = StillLoop()
        patch_monotonic(self.patches, self.loop)
        self.steps = Steps()
        self.broker = MemoryBroker()
        self.database = MemoryDatabase("identity")
        self.shelves = {
            name: Shelf(self.database.collection(name), self.steps, lambda id, born: None)
            for name in ("cards", "places")
        }
        self.watched = watched
        self.commands = 0
        self.owners = [self._owner(f"owner {number}") for number in range(2)]

    def run(self) -> list[str]:
        """Return the cards about which the topic's last word is wrong."""
        try:
            for _ in range(self.random.choice((60, 120))):
                self._act()
            self._drain()
            return self._wrong()
        finally:
            self.loop.end()
            self.patches.undo()

    def _owner(self, name: str) -> Owner:
        process = Process(name)
        # Each believes to hold all shards: a lease only saves repeats.
        database = GatedDatabase(self.database, self.shelves, self.steps, process, f"leases of {name}")
        clock, documents = Clock(self.loop, timedelta()), database.collection("cards")
        kind: Aggregates[Card, str] = Aggregates(documents, CardCodec(), events, service="identity", clock=clock)

        async def open_publisher() -> GatedPublisher:
            return GatedPublisher(self.broker, self.steps, process, lambda record: None)

        async def bury(record: Record, group: str, reason: Exception, tries: int) -> None:
            raise AssertionError(f"{group} buried {record}: {reason}")

        group = TOPIC.group("identity")
        places = Places(database.collection("places"), group, forgets=TOPIC.forgets, clock=clock)
        watch = Reader(TOPIC, group, {}, places, bury, delays=(), late=corrected_from([documents]))
        return Owner(process, kind, Relay(database, [documents], open_publisher, me=name, clock=clock), watch)

    def _act(self) -> None:
        what = self.random.choices(
            ("go on", "command", "relay", "watch", "late", "freeze", "wait"), (60, 4, 8, 6, 1, 3, 4)
        )
        owner = self.random.choice(self.owners)
        match what[0]:
            case "go on":
                self._go_on()
            case "command":
                self._command(owner)
            case "relay":
                self._once(owner, "relay", owner.relay.round)
            case "watch":
                self._watch(owner)
            case "late" if self.steps.late:
                self.steps.happen_late(self.random.choice(self.steps.late))
            case "freeze":
                owner.process.frozen = not owner.process.frozen
            case "wait":
                self._pass(self.random.choice((0.1, 1, 70)))

    def _go_on(self) -> None:
        awake = [step for step in self.steps.waiting if not step.process.frozen]
        if awake:
            step = self.random.choice(awake)
            self.steps.go_on(step, self._fate(step))
            self.loop.run_until_quiet()

    def _fate(self, step: Step) -> Fate:
        if step.kind == "send" and self.random.random() < 0.3:
            return Fate.LATE
        fates = [fate for fate in FATES[step.kind] if fate is not Fate.DIES]
        return self.random.choice(fates) if self.random.random() < 0.1 else Fate.HAPPENS

    def _command(self, owner: Owner) -> None:
        self.commands += 1
        holder, key = self.random.choice(HOLDERS), Key("mia", f"k{self.commands}", "d")
        decide = self.random.choice((change, change, erase))

        async def command() -> None:
            id = aggregate_id(TENANT, holder)
            await owner.cards.command(TENANT, id, key, decide, initial=lambda: Card(0))

        self._once(owner, key.value, command)

    def _watch(self, owner: Owner) -> None:
        log = self.broker.topics[TOPIC.name]
        if self.watched and owner.offset < len(log) and "watch" not in owner.busy:
            records = log[owner.offset : owner.offset + self.random.choice((1, 3))]

            async def take() -> None:
                rest = await owner.watch.take_many(records)
                owner.offset = min((record.offset for record in rest.records), default=records[-1].offset + 1)
                if rest.reason is not None:
                    raise rest.reason

            self._once(owner, "watch", take)

    def _once(self, owner: Owner, what: str, doing: Any) -> None:
        async def do() -> None:
            try:
                await doing()
            except Transient as error:
                self.steps.told.append(f"{what}: {error}")
            finally:
                owner.busy.discard(what)

        if what not in owner.busy:
            owner.busy.add(what)
            self.loop.create_task(do())
            self.loop.run_until_quiet()

    def _pass(self, seconds: float) -> None:
        self.loop.moment += seconds
        self.loop.run_until_quiet()

    def _settle(self) -> None:
        while self.steps.waiting:
            self.steps.go_on(self.steps.waiting[0], Fate.HAPPENS)
            self.loop.run_until_quiet()

    def _drain(self) -> None:
        for owner in self.owners:
            owner.process.frozen = False
        self._settle()
        while self.steps.shaky:
            self.steps.last(0, lasts=True)
        self._rounds(3)
        while self.steps.late:
            self.steps.happen_late(self.steps.late[0])
        self._rounds(8)

    def _rounds(self, number: int) -> None:
        for _ in range(number):
            self._pass(70)
            self._settle()
            for owner in self.owners:
                self._once(owner, "relay", owner.relay.round)
                self._settle()
                while self.watched and owner.offset < len(self.broker.topics[TOPIC.name]):
                    self._watch(owner)
                    self._settle()

    def _wrong(self) -> list[str]:
        last = {(record.key or b"").decode(): record.value for record in self.broker.topics[TOPIC.name]}
        wrong = []
        for document in at_once(self.database.collection("cards").find({})):
            says = last.get(document["_id"], b"nothing")
            right = says is None if document["erased"] else f'"{document["number"]}@'.encode() in (says or b"")
            if document["number"] + document["erased"] and not right:
                wrong.append(f"{document['number']}, erased: {document['erased']}; the topic says {says!r}")
        return wrong
