"""A small town on the real chassis: processes that write rooms and publish, processes that read, and callers.

Nothing happens by itself: whoever holds the town decides which step goes on, how it ends, who dies and what time it is.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import room as rooms
from checker import Attempt, Birth, Outcome, Seen
from gates import GatedDatabase, GatedPublisher, Shelf
from room import Ledger, LedgerCodec, Room, RoomCodec
from steps import Fate, Process, Steps
from still_time import StillLoop, patch_monotonic

import chassis.draft
import chassis.group
import chassis.leases
import chassis.outbox
from chassis.aggregates import Aggregates, Key, KeyReused, Loaded
from chassis.broker import Handler
from chassis.dead_letters import DeadLetters
from chassis.documents import Document
from chassis.errors import NotFound, Transient
from chassis.ids import aggregate_id
from chassis.places import Places
from chassis.reader import Handlers, Reader
from chassis.records import Record
from chassis.relay import Relay
from chassis.testing import START, MemoryBroker, MemoryDatabase
from chassis.timers import Timer
from contracts import Event
from contracts.envelope import Envelope, envelope_of
from contracts.forms import ApplicationPackaged, ApplicationStatusChanged
from contracts.topics import TOPICS, dead_letters

READER = "osi-gateway"
PUBLIC, SEALED = "forms.applications", "forms.packages"
HANDLED: dict[str, type[Event]] = {PUBLIC: ApplicationStatusChanged, SEALED: ApplicationPackaged}
READ = tuple(name for topic in HANDLED for name in (topic, TOPICS[topic].retry(READER)))
SHARDS = 2
KEYS = 2
"""Commands that a document remembers; the real number only makes schedules longer."""


class Clock:
    """One process's clock, which may be wrong."""

    def __init__(self, loop: StillLoop, wrong: timedelta) -> None:
        self._loop = loop
        self._wrong = wrong

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.moment) + self._wrong


@dataclass(eq=False)
class Writer:
    """A process of the publishing service: commands, relay and timers."""

    process: Process
    clock: Clock
    rooms: Aggregates[Room, rooms.Fact]
    relay: Relay
    timer: Timer[Room]
    busy: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Consumer:
    """A process of the reading service, with the offsets at which it reads on."""

    process: Process
    readers: dict[str, Reader]
    offsets: dict[str, int]
    begun: dict[str, int] = field(default_factory=dict)
    """The last record of each topic that it has begun to read."""
    busy: set[str] = field(default_factory=set)


@dataclass
class Call:
    """A command that a caller has sent."""

    room: str
    key: Key
    do: str
    called: int
    outcome: Outcome | None = None
    answered: int = 0
    answer: str = ""
    by: Process | None = None


class Town:
    """All processes, one broker, one database per service."""

    def __init__(self, *, shared_leases: bool = True) -> None:
        self.patches = pytest.MonkeyPatch()
        self.loop = StillLoop()
        patch_monotonic(self.patches, self.loop)
        for module, name, value in (
            (chassis.leases, "SHARDS", SHARDS),
            (chassis.outbox, "SHARDS", SHARDS),
            (chassis.draft, "MOST_KEYS", KEYS),
        ):
            self.patches.setattr(module, name, value)
        self.steps = Steps(dies=self._died)
        self.broker = MemoryBroker()
        self.forms, self.gateway = MemoryDatabase("forms"), MemoryDatabase("gateway")
        self.births: list[Birth] = []
        self.published: list[Seen] = []
        self.calls: list[Call] = []
        self.writers: list[Writer] = []
        self.consumers: list[Consumer] = []
        self.committed: dict[str, int] = defaultdict(int)
        self.lost: list[Record] = []
        self._shared_leases = shared_leases
        self._rooms = {"rooms": Shelf(self.forms.collection("rooms"), self.steps, self._born)}
        self._ledgers = {
            name: Shelf(self.gateway.collection(name), self.steps, lambda id, born: None)
            for name in ("ledgers", "places")
        }
        self._number = 0

    def close(self) -> None:
        self.loop.end()
        self.patches.undo()

    # --- processes ---------------------------------------------------------------------------------------------------

    def start_writer(self, wrong: float = 0) -> Writer:
        process = self._process("writer")
        leases = "leases" if self._shared_leases else f"leases of {process.name}"
        database = GatedDatabase(self.forms, self._rooms, self.steps, process, leases)
        clock = Clock(self.loop, timedelta(seconds=wrong))
        documents = database.collection("rooms")
        kind = Aggregates(documents, RoomCodec(), rooms.events, service="forms", clock=clock, due_at=Room.at)
        relay = Relay(database, [documents], self._opens(process), me=process.name, clock=clock)

        async def fire(found: Loaded[Room]) -> None:
            assert found.at is not None
            await kind.timer(found.id, found.at, partial(rooms.run_out, at=found.at))

        writer = Writer(process, clock, kind, relay, Timer(kind, fire, clock=clock))
        self.writers.append(writer)
        return writer

    def start_consumer(self) -> Consumer:
        process = self._process("consumer")
        database = GatedDatabase(self.gateway, self._ledgers, self.steps, process, "leases")
        clock = Clock(self.loop, timedelta())
        ledgers: Aggregates[Ledger, Any] = Aggregates(
            database.collection("ledgers"), LedgerCodec(), lambda state, fact: (), service=READER, clock=clock
        )
        letters = DeadLetters(READER, self._opens(process))

        async def handle(event: Event, envelope: Envelope) -> None:
            await self.steps.ask(process, f"handle {envelope.topic} {envelope.sequence}", "handle", _nothing)
            await ledgers.absorb(envelope.subject, envelope, lambda state: rooms.note(state, envelope))

        readers = {}
        for name, kind in HANDLED.items():
            topic, handlers = TOPICS[name], one_handler(kind, handle)
            group = topic.group(READER)
            places = Places(database.collection("places"), group, forgets=topic.forgets, clock=clock)
            reader = Reader(topic, group, handlers, places, letters.bury, delays=(0, 0, 0))
            readers[name] = readers[topic.retry(READER)] = reader
        consumer = Consumer(process, readers, dict(self.committed))
        self.consumers.append(consumer)
        return consumer

    def _process(self, kind: str) -> Process:
        self._number += 1
        return Process(f"{kind} {self._number}")

    def _opens(self, process: Process) -> Callable[[], Awaitable[GatedPublisher]]:
        async def open_publisher() -> GatedPublisher:
            return GatedPublisher(self.broker, self.steps, process, self._appended)

        return open_publisher

    # --- what they do ------------------------------------------------------------------------------------------------

    def call(self, writer: Writer, room: str, key: str, do: str, digest: str = "d") -> Call:
        """Send a command; its caller waits for the answer, or for the process's death."""
        self.steps.now += 1
        call = Call(aggregate_id(rooms.TENANT, "mia", room), Key("mia", key, digest), do, self.steps.now)
        call.by = writer.process
        self.calls.append(call)
        self._tell(f"{writer.process.name} is called: {do} {key} {digest} in {room}")
        self._start(self._called(writer, call))
        return call

    def relay_round(self, writer: Writer) -> None:
        self._once(writer.busy, "relay", writer.relay.round())

    def look(self, writer: Writer) -> None:
        self._once(writer.busy, "timer", writer.timer.look())

    def deliver(self, consumer: Consumer, topic: str, most: int = 1) -> bool:
        """Hand over the next records; False where there is none or the last are still being handled."""
        offset = consumer.offsets.get(topic, 0)
        records = self.broker.topics[topic][offset : offset + most]
        if topic in consumer.busy or not records:
            return False
        consumer.begun[topic] = records[-1].offset
        self._once(consumer.busy, topic, self._deliver(consumer, topic, records))
        return True

    def pass_time(self, seconds: float) -> None:
        self._tell(f"{seconds} s pass")
        self.loop.moment += seconds
        self.loop.run_until_quiet()

    def go_on(self, index: int, fate: Fate) -> None:
        step = self.steps.waiting[index]
        self.steps.go_on(step, fate)
        self.loop.run_until_quiet()

    def kill(self, process: Process) -> None:
        self.steps.kill(process)

    def lose_tail(self) -> bool:
        """Let the broker lose its last record, where nobody has begun to read it."""
        log = self.broker.topics[PUBLIC]
        read = [max(consumer.offsets.get(PUBLIC, 0), consumer.begun.get(PUBLIC, 0)) for consumer in self.consumers]
        reached = max(self.committed[PUBLIC], *read) if read else self.committed[PUBLIC]
        if len(log) - 1 <= reached:
            return False
        self.lost.append(log.pop())
        self._tell(f"the broker loses {PUBLIC} {dict(self.lost[-1].headers)['ce_sequence'].decode()}")
        return True

    def refill(self) -> None:
        """Send again, from the first lost record of a source on, what its owner had sent."""
        lost, self.lost = self.lost, []
        for key in dict.fromkeys(record.key for record in lost):
            first = min(_number(record) for record in lost if record.key == key)
            known = {_number(record): record for record in lost if record.key == key}
            known |= {_number(record): record for record in self.broker.topics[PUBLIC] if record.key == key}
            for number in sorted(known):
                if number >= first:
                    record = known[number]
                    self.broker.append(PUBLIC, (key or b"").decode(), record.value, list(record.headers))
        self._tell(f"the owner sends again what the broker lost: {len(lost)}")

    def replay(self, letter: Record) -> None:
        """Put a dead letter where its group reads it again."""
        about = dict(letter.headers)
        topic = about["dlq_group"].decode().removeprefix(f"{READER}.")
        headers = [(name, value) for name, value in letter.headers if not name.startswith("dlq_")]
        self._tell(f"replay {topic} {about['ce_sequence'].decode()}")
        self.broker.append(TOPICS[topic].retry(READER), (letter.key or b"").decode(), letter.value, headers)

    def letters(self) -> list[Record]:
        return self.broker.topics[dead_letters(READER)]

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _called(self, writer: Writer, call: Call) -> None:
        try:
            answer = await self._command(writer, call)
        except rooms.Refused as refusal:
            self._answered(call, "refused", str(refusal))
        except (NotFound, KeyReused) as refusal:
            self._answered(call, "refused", type(refusal).__name__)
        except Transient:
            self._answered(call, "unknown", "")
        else:
            self._answered(call, "acknowledged", answer)

    async def _command(self, writer: Writer, call: Call) -> str:
        key, kind = call.key, writer.rooms
        answer: Callable[[Room], Document]
        if call.do == "open":
            done = await kind.create(
                rooms.TENANT, key, lambda id: rooms.opened(key.value, 1), lambda room: {"text": "open"}
            )
            return str(done.answer["text"])
        if call.do == "take":
            decide = partial(rooms.take, key=key, now=writer.clock.now())
            answer = partial(_numbered, find=rooms.made_by, key=key.value)
        elif call.do == "give back":
            decide = partial(rooms.give_back, key=key.value)
            answer = partial(_numbered, find=rooms.ended_by, key=key.value)
        else:
            decide = partial(rooms.widen, key=key.value)
            answer = partial(_widened, key=key.value)
        done = await kind.command(rooms.TENANT, call.room, key, decide, answer)
        return str(done.answer["text"])

    def _answered(self, call: Call, outcome: Outcome, answer: str) -> None:
        if call.outcome is None:
            call.outcome, call.answer, call.answered = outcome, answer, self.steps.now
            self._tell(f"{call.do} {call.key.value} is {outcome} {answer}")

    async def _deliver(self, consumer: Consumer, topic: str, records: Sequence[Record]) -> None:
        rest = await consumer.readers[topic].take_many(records)
        end = min((record.offset for record in rest.records), default=records[-1].offset + 1)
        consumer.offsets[topic] = self.committed[topic] = end
        if rest.reason is not None:
            raise rest.reason  # a silent database is expected, a bug is not

    def _once(self, busy: set[str], what: str, doing: Coroutine[Any, Any, Any]) -> None:
        if what in busy:
            doing.close()
            return
        busy.add(what)

        async def do() -> None:
            try:
                await doing
            except Transient as error:
                self._tell(f"{what} ends: {error}")
            finally:
                busy.discard(what)

        self._start(do())

    def _start(self, doing: Coroutine[Any, Any, None]) -> None:
        self.steps.now += 1
        self.loop.create_task(doing)
        self.loop.run_until_quiet()

    def _died(self, process: Process) -> None:
        self.writers = [writer for writer in self.writers if writer.process is not process]
        self.consumers = [consumer for consumer in self.consumers if consumer.process is not process]
        for call in self.calls:
            if call.by is process:
                self._answered(call, "unknown", "")

    def _born(self, id: str, entries: Sequence[Document]) -> None:
        for entry in entries:
            fact = rooms.fact_of(entry["body"])
            birth = Birth(
                id, entry["topic"], entry["seq"], entry["id"], fact.key, self.steps.now, fact.held, fact.places
            )
            self.births.append(birth)

    def _appended(self, record: Record) -> None:
        if record.topic in HANDLED:
            key = (record.key or b"").decode()
            envelope = envelope_of(record.headers, topic=record.topic, partition=0, offset=record.offset, key=key)
            self.published.append(Seen(key, record.topic, envelope.sequence, envelope.id))

    def _tell(self, what: str) -> None:
        self.steps.told.append(f"{self.steps.now} {what}")

    def alive(self) -> list[Writer | Consumer]:
        return [*self.writers, *self.consumers]

    def attempts(self) -> list[Attempt]:
        return [
            Attempt(call.room, call.key.value, call.outcome or "unknown", call.called, call.answered, call.answer)
            for call in self.calls
        ]


def one_handler(kind: type[Event], handle: Handler) -> Handlers:
    return {kind: handle}


async def _nothing() -> None:
    return None


def _number(record: Record) -> int:
    return int(dict(record.headers)["ce_sequence"])


def _numbered(room: Room, *, find: Callable[[Room, str], rooms.Stay | None], key: str) -> Document:
    stay = find(room, key)
    return {"text": "unknown place" if stay is None else f"place {stay.number}"}


def _widened(room: Room, *, key: str) -> Document:
    return {"text": f"wider {key}"}


__all__ = ["PUBLIC", "READ", "READER", "SEALED", "Handler", "Town"]
