"""Time is handed in. Every process of the town follows the database's clock, so that holds and leases agree."""

import logging
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

_log = logging.getLogger(__name__)

MAX_DRIFT = timedelta(seconds=0.5)
"""A process whose own clock is further from the database's is not ready (design: holds are exact to the second)."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""


class SystemClock:
    """The machine's clock, corrected to the database's, and moved by the seconds in a file where tests ask for it."""

    def __init__(self, offset_file: Path | None = None) -> None:
        self._offset_file = offset_file
        self._stamp: tuple[int, int, int] | None = None
        self._moved = timedelta()
        self.drift = timedelta()
        """Database's clock minus the machine's, as last measured."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC: whole milliseconds, because the database keeps no finer ones.

        So what is read back equals what was written, and an answer that is given again equals the first.
        """
        now = datetime.now(UTC) + self.drift + self._moved_by_file()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def measure(self, database_now: Callable[[], Awaitable[datetime]]) -> timedelta:
        """Ask the database for its time and follow it; return the drift.

        The answer belongs to the middle of the round trip. One that took longer than ``MAX_DRIFT`` says too little
        and changes nothing.
        """
        sent = datetime.now(UTC)
        theirs = await database_now()
        took = datetime.now(UTC) - sent
        if timedelta() <= took <= MAX_DRIFT:
            self.drift = theirs - (sent + took / 2)
        return self.drift

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
