"""Time is handed in. Every process of the town follows the database's clock, so that holds and leases agree."""

import logging
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from chassis.errors import Transient

_log = logging.getLogger(__name__)

MAX_DRIFT = timedelta(seconds=0.5)
"""A process whose own clock is further from the database's is not ready (design: holds are exact to the second)."""


class TooSlow(Transient):
    """The time could not be measured well enough to go by it."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""


class SystemClock:
    """The database's clock, carried on by the machine's seconds; moved by those in a file where tests ask for it.

    What the machine believes the time to be counts only until the first measurement, so that a wrong or jumping clock
    of one machine makes nothing early and hides nothing.
    """

    def __init__(self, offset_file: Path | None = None) -> None:
        self._offset_file = offset_file
        self._stamp: tuple[int, int, int] | None = None
        self._moved = timedelta()
        self._measured: tuple[datetime, float] | None = None
        """The database's time, and the machine's seconds (monotonic) at that moment."""
        self.drift = timedelta()
        """Database's clock minus the machine's, as last measured."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC: whole milliseconds, because the database keeps no finer ones.

        So what is read back equals what was written, and an answer that is given again equals the first.
        """
        now = self._followed() + self._moved_by_file()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def measure(self, database_now: Callable[[], Awaitable[datetime]]) -> timedelta:
        """Ask the database for its time and follow it; return the drift.

        The answer belongs to the middle of the round trip. One that took longer than ``MAX_DRIFT`` says too little
        and changes nothing.
        """
        sent = time.monotonic()
        theirs = await database_now()
        took = time.monotonic() - sent
        if took <= MAX_DRIFT.total_seconds():
            self._measured = theirs, sent + took / 2
            self.drift = theirs + timedelta(seconds=took / 2) - datetime.now(UTC)
        return self.drift

    def _followed(self) -> datetime:
        if self._measured is None:
            return datetime.now(UTC)
        theirs, at = self._measured
        return theirs + timedelta(seconds=time.monotonic() - at)

    async def begin(self, database_now: Callable[[], Awaitable[datetime]]) -> None:
        """Measure for the first time: before it, nothing may be decided by this clock. Raises TooSlow."""
        await self.measure(database_now)
        if self._measured is None:
            raise TooSlow(f"the database took longer than {MAX_DRIFT.total_seconds():g} s to tell its time")

    def _moved_by_file(self) -> timedelta:
        if self._offset_file is None:
            return timedelta()
        try:
            found = os.stat(self._offset_file)
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                self._moved = timedelta(seconds=float(self._offset_file.read_text("ascii")))
                self._stamp = stamp
        except FileNotFoundError:
            self._moved, self._stamp = timedelta(), None
        except (ValueError, OverflowError):
            # A half-written file: keep the last good offset, the next call reads again.
            _log.warning(
                "clock offset file does not hold a number of seconds",
                extra={"fields": {"file": str(self._offset_file)}},
            )
        return self._moved
