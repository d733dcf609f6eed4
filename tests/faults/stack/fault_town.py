"""A town hall under load and faults, from the first command to the verdict: see ``tests/faults/README.md``."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import evidence as collected
from checker import Bound, violations
from evidence import Document, Evidence
from levers import Levers
from load import Load, Log, people
from telling import tell

from contracts.topics import SERVICES
from rathaus.citizen import Citizen
from rathaus.stack import Stack

CLAIM = 61.0
"""Seconds after which the claim of a dead sender has run out."""
_TELLING = ("out", "due", "status", "state", "swept", "trouble")
"""Fields that say whether a document waits for something."""
MOST_MEMORY = 400 * 1024 * 1024
"""Bytes that a service's process may hold, whatever happens."""


class FaultTown(Levers):
    """One town, its people, and all that was ever asked of it."""

    def __init__(self, stack: Stack, citizens: Sequence[Citizen], log: Log) -> None:
        super().__init__(stack)
        self.people = citizens
        self.log = log
        self.told: set[str] = set()
        """Broken invariants that were told already: of one town many stories are told."""
        self._memory = dict.fromkeys(SERVICES, 0)

    @classmethod
    async def open(cls, stack: Stack, count: int) -> "FaultTown":
        """Give a stack its people."""
        return cls(stack, await people(stack, count), Log())

    def load(self, people: Sequence[Citizen] = (), **how: Any) -> Load:
        """People at work, the town's own or these, see ``Load``."""
        return Load(self.stack, people or self.people, self.log, **how)

    async def verdict(self, seconds: float = 240) -> list[str]:
        """Let everything come to rest, then hold all against all: every broken invariant that is new, named."""
        found = violations(tell(await self.rest(seconds), self.bounds()))
        new = [one for one in found if one not in self.told]
        self.told.update(new)
        return new

    async def rest(self, seconds: float = 240) -> Evidence:
        """Wait until nothing waits any more, at most so long, and read everything."""
        self.disarm()
        began = time.monotonic()
        await self.all_ready(seconds)
        jumps: list[float] = []
        while True:
            look = time.monotonic()
            documents = await asyncio.to_thread(collected.read_documents, self.stack, _TELLING)
            restless = await asyncio.to_thread(self._restless, documents)
            looked, waited = time.monotonic() - look, time.monotonic() - began
            if not restless or waited > seconds:
                break
            # What the dead have claimed is nobody's until the claim has run out: once at once, then now and then.
            if len(jumps) < 8 and waited > (jumps[-1] + 5 if jumps else 0 if _claimed(documents) else 10):
                self.jump(CLAIM)
                jumps.append(waited)
            # Looking costs the database something too: on a slow machine it looks less often.
            await asyncio.sleep(max(0.2, looked))
        self.rested = time.monotonic() - began
        self.evidence = await asyncio.to_thread(self._collect, restless)
        return self.evidence

    def denied(self, since: int) -> list[str]:
        """Commands that were refused though they were carried out, of all attempts from a number on.

        Where callers only meet the dead, never the slow, there must be none: a repeat is told what the first would have
        been told.
        """
        carried_out = {birth.key for birth in tell(self.evidence).births if birth.key}
        refused = [attempt for attempt in self.log.attempts[since:] if attempt.outcome == "refused"]
        return [f"{attempt.key}: {attempt.answer}" for attempt in refused if attempt.key in carried_out]

    def flagged(self) -> int:
        """How many mails nobody knows of whether they were sent, as the last evidence tells."""
        return sum(message["status"] == "failed" for message in self.evidence.of("notify", "messages"))

    def jump(self, seconds: float) -> None:
        """Set all clocks of the town further ahead, e.g. beyond the claims of those who died."""
        self.log.moved += seconds
        self.stack.move_clock(self.log.moved)

    def bounds(self) -> list[Bound]:
        """The memory of the services."""
        for service in SERVICES:
            self._memory[service] = max(self._memory[service], self.stack.memory(service))
        return [Bound(f"memory of {service}", held, MOST_MEMORY) for service, held in self._memory.items()]

    def delays(self, topic: str, since: int, moved: float) -> list[float]:
        """Seconds from an event's decision to its first place in the topic, of all decided since a moment.

        Args:
            topic: the topic.
            since: the town's time, milliseconds.
            moved: how far the town's clocks were ahead then, seconds.
        """
        first: dict[str, float] = {}
        for record in self.evidence.records:
            born = record.time.timestamp()
            if record.topic == topic and not record.planted and born * 1000 >= since:
                first.setdefault(record.event, record.moment / 1000 - (born - moved))
        return list(first.values())

    def _collect(self, restless: Sequence[str]) -> Evidence:
        records, dead_letters = collected.read_records(self.stack)
        return Evidence(
            attempts=tuple(self.log.attempts),
            applications=dict(self.log.applications),
            documents=collected.read_documents(self.stack),
            records=records,
            mails=collected.read_mails(self.stack),
            inbox=collected.read_inbox(self.stack),
            dead_letters=dead_letters,
            restless=restless,
            moved=self.log.moved,
        )

    def _restless(self, documents: dict[str, list[Document]]) -> list[str]:
        found = [
            reason for name, document in collected.aggregates(documents) if (reason := _unfinished(name, document))
        ]
        return [*found, *collected.lags(self.stack)]


def _claimed(documents: dict[str, list[Document]]) -> bool:
    return any(row["state"] == "claimed" for row in documents.get("notify.inbox", ()))


def _unfinished(name: str, document: Document) -> str:
    who = f"{name} {document['_id']}"
    if document["out"] or "due" in document:
        return f"{who} holds {len(document['out'])} events"
    if name == "forms.applications" and document["status"] in ("submitted", "forwarded"):
        return f"{who} is {document['status']}"
    if name == "notify.messages" and document["status"] == "pending":
        return f"{who} is pending"
    if name == "osi-gateway.submissions" and not document["swept"]:
        return f"{who} is not swept; trouble: {document['trouble']}"
    return ""
