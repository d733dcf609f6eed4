"""What must happen at a moment: documents whose field ``at`` has come are handed to a function of their kind."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any, Generic, TypeVar

from chassis.aggregates import Aggregates, Loaded
from chassis.clock import Clock
from chassis.documents import Document
from chassis.errors import Transient, told
from chassis.leases import wait
from chassis.outbox import AT_ONCE
from chassis.tracing import span

_log = logging.getLogger(__name__)
S = TypeVar("S")
POLL = 0.25
"""Seconds between two looks; a kick comes at once."""
LONGEST_BACK_OFF = 300.0
AT_THE_SAME_TIME = 16
"""Firings under way: so many must end within the time that a stop leaves them."""


class Unmoved(Exception):
    """A function was called for a moment, and left that moment where it was: a bug, or nothing could be done."""


class Timer(Generic[S]):
    """Fires for the aggregates of one kind. Firing twice is harmless: ``Aggregates.timer`` decides on loaded state."""

    def __init__(
        self,
        aggregates: Aggregates[S, Any],
        fire: Callable[[Loaded[S]], Awaitable[None]],
        *,
        clock: Clock,
        limit: int = 50,
        poll: float = POLL,
    ) -> None:
        self._aggregates = aggregates
        self._fire = fire
        self._clock = clock
        self._limit = limit
        self._poll = poll
        self._kicked = asyncio.Event()
        self._not_before: dict[str, tuple[float, int]] = {}
        """Documents whose firing failed: until when they rest, and how often it failed."""
        self._fired: dict[str, datetime] = {}
        """What the last look fired, or this one so far, for which moment."""
        self._seen_alive = time.monotonic()
        self._stopping = False

    def kick(self) -> None:
        """Say that something new may be due."""
        self._kicked.set()

    async def check(self) -> str | None:
        """Return why the timer is not well: for readiness."""
        silent = time.monotonic() - self._seen_alive
        return f"no look at {self._aggregates.documents.name} for {silent:.0f} s" if silent > 120 else None

    async def run(self, last_firing: float) -> None:
        """Fire until cancelled; then nothing more is fired, and what is being fired has so many seconds to end."""
        while True:
            self._kicked.clear()
            try:
                again = await self._look_to_the_end(last_firing)
                self._seen_alive = time.monotonic()
            except Transient as error:
                _log.warning("timer could not look", extra={"fields": {"reason": str(error)}})
                again = False
            except Exception:
                _log.exception("timer could not look")
                again = False
            if not again:
                await wait(self._kicked, self._poll)

    async def _look_to_the_end(self, last_firing: float) -> bool:
        """Look, and when cancelled let what is being fired end: a mail that is cut off is flagged, and sent no more."""
        looking = asyncio.create_task(self.look())
        try:
            return await asyncio.shield(looking)
        except asyncio.CancelledError:
            self._stopping = True
            await asyncio.wait([looking], timeout=last_firing)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            raise

    async def look(self) -> bool:
        """Fire once for what is due; whether anything fired."""
        documents, resting = self._aggregates.documents, self._still_resting()
        due = {"at": {"$gte": AT_ONCE, "$lte": self._clock.now()}}
        # However many rest, as many others are found as may be fired.
        rows = await documents.find(due, sort=(("at", 1),), limit=self._limit + len(resting), fields=("_id",))
        ids = [row["_id"] for row in rows if row["_id"] not in resting][: self._limit]
        found = await documents.find({"_id": {"$in": ids}, **due}, limit=len(ids)) if ids else []
        shared, self._fired, before = iter(found), {}, self._fired
        await asyncio.gather(*(self._fire_each(shared, before) for _ in range(min(AT_THE_SAME_TIME, len(found)))))
        return bool(self._fired)

    async def _fire_each(self, shared: Iterator[Document], before: dict[str, datetime]) -> None:
        for document in shared:
            if self._stopping:
                return
            if await self._fire_safely(document, before):
                self._fired[document["_id"]] = document["at"]

    def _still_resting(self) -> set[str]:
        now = time.monotonic()
        # What did not come up again is due no more, or was fired by another process.
        self._not_before = {id: rest for id, rest in self._not_before.items() if rest[0] + LONGEST_BACK_OFF > now}
        return {id for id, (until, _) in self._not_before.items() if until > now}

    async def _fire_safely(self, document: Document, before: dict[str, datetime]) -> bool:
        id = document["_id"]
        try:
            if before.get(id) == document["at"]:
                raise Unmoved(f"{document['at']} is still the moment")
            with span(f"{self._aggregates.documents.name} due", parent=document.get("trace")):
                await self._fire(self._aggregates.loaded(document))
        except Exception as error:
            tries = self._not_before.get(id, (0.0, 0))[1] + 1
            delay = min(LONGEST_BACK_OFF, getattr(error, "retry_after", 1.0) * 2 ** min(tries - 1, 10))
            self._not_before[id] = (time.monotonic() + delay, tries)
            fields = {"document": id, "reason": told(error), "tries": tries, "again_in": delay}
            level = logging.WARNING if isinstance(error, Transient) else logging.ERROR
            _log.log(level, "timer failed", extra={"fields": fields}, exc_info=not isinstance(error, Transient))
            return False
        self._not_before.pop(id, None)
        return True
