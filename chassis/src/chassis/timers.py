"""What must happen at a moment: documents whose field ``at`` has come are handed to a function of their kind."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from chassis.aggregates import Aggregates, Loaded
from chassis.clock import Clock
from chassis.errors import Transient
from chassis.leases import wait
from chassis.outbox import AT_ONCE
from chassis.tracing import span

_log = logging.getLogger(__name__)
S = TypeVar("S")
POLL = 0.25
"""Seconds between two looks; a kick comes at once."""
LONGEST_BACK_OFF = 300.0


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
        self._seen_alive = time.monotonic()

    def kick(self) -> None:
        """Say that something new may be due."""
        self._kicked.set()

    async def check(self) -> str | None:
        """Return why the timer is not well: for readiness."""
        silent = time.monotonic() - self._seen_alive
        return f"no look at {self._aggregates.documents.name} for {silent:.0f} s" if silent > 120 else None

    async def run(self) -> None:
        """Fire until cancelled; the firing under way is finished by its own timeouts."""
        while True:
            self._kicked.clear()
            try:
                again = await self.look()
            except Transient as error:
                _log.warning("timer could not look", extra={"fields": {"reason": str(error)}})
                again = False
            except Exception:
                _log.exception("timer could not look")
                again = False
            self._seen_alive = time.monotonic()
            if not again:
                await wait(self._kicked, self._poll)

    async def look(self) -> bool:
        """Fire once for what is due; whether anything fired."""
        now = self._clock.now()
        due = await self._aggregates.find({"at": {"$gte": AT_ONCE, "$lte": now}}, limit=self._limit)
        ready = [found for found in due if self._not_before.get(found.id, (0.0, 0))[0] <= time.monotonic()]
        fired = await asyncio.gather(*(self._fire_safely(found) for found in ready))
        return any(fired)

    async def _fire_safely(self, found: Loaded[S]) -> bool:
        name = f"{self._aggregates.documents.name} due"
        try:
            with span(name, parent=found.trace):
                await self._fire(found)
        except Exception as error:
            tries = self._not_before.get(found.id, (0.0, 0))[1] + 1
            delay = min(LONGEST_BACK_OFF, getattr(error, "retry_after", 1.0) * 2 ** min(tries - 1, 10))
            self._not_before[found.id] = (time.monotonic() + delay, tries)
            fields = {"document": found.id, "reason": repr(error)[:300], "tries": tries, "again_in": delay}
            level = logging.WARNING if isinstance(error, Transient) else logging.ERROR
            _log.log(level, "timer failed", extra={"fields": fields}, exc_info=not isinstance(error, Transient))
            return False
        self._not_before.pop(found.id, None)
        return True
