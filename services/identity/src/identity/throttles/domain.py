"""Growing delays between tries: nobody can guess for long, nobody is locked out for good (ASVS 5.0, 6.3.1)."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta


class Throttled(Exception):
    """Too many tries; one may be made after ``retry_after`` seconds."""

    def __init__(self, wait: timedelta) -> None:
        self.retry_after = max(1, math.ceil(wait.total_seconds()))
        super().__init__(f"Zu viele Versuche. Bitte versuchen Sie es in {self.retry_after} Sekunden noch einmal.")


@dataclass(frozen=True)
class Limit:
    """How patient we are with one address."""

    free: int
    """Tries without delay."""
    longest: timedelta
    """Upper bound of the delay: the holder of an account under attack can still get in."""
    first: timedelta = timedelta(seconds=1)
    """Delay after the first try that was not free; each further one doubles it."""
    forget: timedelta = timedelta(minutes=30)
    """Quiet time after which all is forgotten."""


@dataclass(frozen=True)
class Tries:
    """What is remembered of one address."""

    count: int
    last_at: datetime
    next_at: datetime


def check(tries: Tries | None, now: datetime) -> None:
    """Refuse a try that comes too early.

    Raises:
        Throttled: with the seconds to wait.
    """
    if tries is not None and now < tries.next_at:
        raise Throttled(tries.next_at - now)


def counted(tries: Tries | None, limit: Limit, now: datetime) -> Tries:
    """Count one try. It is counted before its outcome is known, so that many at once cannot slip through."""
    count = 1 if tries is None or now - tries.last_at > limit.forget else tries.count + 1
    over = count - limit.free
    doublings = min(over - 1, 32)
    delay = min(limit.first * 2**doublings, limit.longest) if over > 0 else timedelta()
    return Tries(count, now, now + delay)
