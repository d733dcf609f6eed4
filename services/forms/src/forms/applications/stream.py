"""The status of an application as server-sent events (HTML Living Standard, 9.2)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import orjson

from chassis.errors import Transient
from forms.applications.domain import FINAL, Step
from forms.applications.gate import Gate
from forms.applications.store import Applications, StatusNow

POLL: Final = 0.5
"""Seconds between two looks at the document: what a status may be late."""
KEEP_ALIVE: Final = 15.0
"""Seconds of silence after which a comment keeps proxies from closing the connection."""
LONGEST: Final = 600.0
"""Seconds of one stream; the browser then comes back with a fresh sign-in."""
_RETRY: Final = 3000


class StatusStreams(Gate):
    """Streams of this process. They end after a final status, at the process's stop, and after ten minutes."""

    def __init__(self, applications: Applications, stopping: asyncio.Event) -> None:
        super().__init__(most=200, most_per_account=8)
        self._applications = applications
        self._stopping = stopping

    async def follow(self, id: str) -> AsyncIterator[bytes]:
        """Yield the present status at once, then each change."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST
        yield f"retry: {_RETRY}\n\n".encode()
        last, spoken_at = None, loop.time()
        while not self._stopping.is_set() and loop.time() < until:
            now = await self._look(id)
            for step in _since(last, now):
                spoken_at = loop.time()
                yield _event(step, now.version if now else 0)
            last = now or last
            if last and last.status in FINAL:
                return
            if loop.time() - spoken_at >= KEEP_ALIVE:
                spoken_at = loop.time()
                yield b": still here\n\n"
            await self._pause()

    async def _look(self, id: str) -> StatusNow | None:
        try:
            return await self._applications.status_of(id)
        except Transient:
            return None  # the database is away for a moment; the next look may see it

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._stopping.wait()
        except TimeoutError:
            return


def _since(last: StatusNow | None, now: StatusNow | None) -> tuple[Step, ...]:
    """Return what is new between two looks: at first the present status, then every step, also those passed quickly."""
    if now is None:
        return ()
    return now.steps[len(last.steps) :] if last else (Step(now.status, now.changed_at),)


def _event(step: Step, version: int) -> bytes:
    data = {"status": step.status, "version": version, "changed_at": step.at}
    return b"event: status\nid: %d\ndata: %s\n\n" % (version, orjson.dumps(data, option=orjson.OPT_UTC_Z))
