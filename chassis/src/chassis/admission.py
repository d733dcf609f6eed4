"""Lets requests in by the rules of ``chassis.door`` and refuses the rest, before anything of them is read."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.door import Door, TooMany, Visit
from chassis.edge import PROTECTING
from chassis.problems import CROWDED, OVER_SHARE, answer

_log = logging.getLogger(__name__)

ALWAYS: Final = frozenset({"/health", "/ready"})
"""Asked by whoever restarts processes: a full one is not a sick one."""
ASIDE_AFTER: Final = 0.02
"""Seconds that a request may wait for its client before its place goes to others."""
_FEW_DIGITS: Final = 5
"""Digits of a length (up to 99,999 bytes) that is worth reading to keep a refused request's connection."""
_TELL: Final = 5.0
"""Seconds between two log lines about refusals: one line each would be a load of its own."""
_SPREAD: Final = 3
"""Retry-After is 1 to 3 s in turn, so that those refused together don't come back together."""


class Admission:
    """ASGI middleware around a whole app; see the module."""

    def __init__(self, app: ASGIApp, is_known: Callable[[str], bool]) -> None:
        self._app = app
        self._is_known = is_known
        self._door = Door()
        self._refused = 0
        self._telling: asyncio.TimerHandle | None = None
        self._measuring = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self._app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        self._measure_turn(loop)
        try:
            visit = self._door.come(self._tenant(scope["path"]), loop.time())
            if not visit.working:
                await self._turn(visit)
        except TooMany as refusal:
            await self._refuse(refusal, scope, receive, send)
            return
        try:
            await self._app(scope, _patient(self._door, visit, receive), send)
        finally:
            self._door.leave(visit, loop.time())

    def _measure_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._measuring:
            self._measuring = True
            loop.call_soon(self._begin_turn, loop)

    def _begin_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        # Work of this process, not the time on the wall: a busy neighbour is no reason to let fewer in. All threads'
        # work, because they take turns with this one: those of the database's driver do half of it.
        loop.call_soon(self._end_turn, loop, time.process_time())

    def _end_turn(self, loop: asyncio.AbstractEventLoop, begun: float) -> None:
        self._measuring = False
        self._door.turned(time.process_time() - begun, loop.time())

    def _tenant(self, path: str) -> str:
        """Return the municipality that a path names; what names none that exists counts as one together."""
        parts = path.split("/", 5)
        return parts[4] if len(parts) > 4 and self._is_known(parts[4]) else ""

    async def _turn(self, visit: Visit) -> None:
        """Wait to be let in.

        Raises:
            TooMany: not within the visit's time.
        """
        loop = asyncio.get_running_loop()
        entered: asyncio.Future[None] = loop.create_future()
        visit.enter = lambda: None if entered.done() else entered.set_result(None)
        try:
            async with asyncio.timeout_at(visit.until):
                await entered
        except TimeoutError:
            refusal = self._door.refusal(visit.tenant, loop.time())
            self._door.leave(visit, loop.time())
            raise refusal from None
        except asyncio.CancelledError:
            self._door.leave(visit, loop.time())
            raise

    async def _refuse(self, refusal: TooMany, scope: Scope, receive: Receive, send: Send) -> None:
        self._refused += 1
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(_TELL, self._tell)
        headers = Headers(scope=scope)
        more = {**PROTECTING, "Retry-After": str(1 + self._refused % _SPREAD)}
        if "transfer-encoding" in headers or len(headers.get("content-length", "")) > _FEW_DIGITS:
            more["Connection"] = "close"
        trace = headers.get("traceparent", "").split("-")
        kind = OVER_SHARE if refusal.over_share else CROWDED
        reply = answer(scope["path"], kind, headers=more, trace=trace[1] if len(trace) == 4 else None)
        await reply(scope, receive, send)

    def _tell(self) -> None:
        fields = {"refused": self._refused, "places": self._door.places, "waiting": self._door.waiting}
        _log.warning("too many requests", extra={"fields": fields})
        self._refused, self._telling = 0, None


def _patient(door: Door, visit: Visit, receive: Receive) -> Receive:
    """Wrap ``receive`` so that a request that waits for its client holds no place."""
    loop = asyncio.get_running_loop()

    async def received() -> Message:
        aside = loop.call_later(ASIDE_AFTER, lambda: door.step_aside(visit, loop.time()))
        try:
            return await receive()
        finally:
            aside.cancel()
            door.step_back(visit, loop.time())

    return received
