"""Indexes of collections that are large already: their builds may take minutes, and somebody must know."""

import asyncio
import logging
import time
from typing import Final

_log = logging.getLogger(__name__)

_LONG: Final = 5.0
"""Seconds after which the build of an index is told; and every so often again, twice as long each time."""


class Builds:
    """Indexes that are being built for so long that somebody should know why nothing else happens."""

    def __init__(self) -> None:
        self.long = asyncio.Event()
        """Set once there has been one."""
        self._now: set[str] = set()

    def __str__(self) -> str:
        return ", ".join(sorted(self._now))

    async def wait(self, what: str, build: "asyncio.Task[None]") -> None:
        """Wait for a build, and tell if it takes long."""
        began, patience = time.monotonic(), _LONG
        try:
            while not (await asyncio.wait([build], timeout=patience))[0]:
                self._now.add(what)
                self.long.set()
                seconds = round(time.monotonic() - began)
                _log.warning("an index is being built", extra={"fields": {"index": what, "seconds": seconds}})
                patience *= 2
        finally:
            self._now.discard(what)
            build.cancel()
        build.result()
