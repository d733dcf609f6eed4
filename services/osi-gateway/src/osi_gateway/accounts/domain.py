"""An account's link to the Landeskonto and the applications that wait for it.

Only a linked account's applications may be forwarded. Link and application arrive on two topics in any order, so both
write into one document, and whichever comes second sets the release in motion.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LOOK_AGAIN = timedelta(seconds=1)
"""While an application has not gone out that others wait behind."""
_TICK = timedelta(milliseconds=1)
"""The database keeps no finer moments."""


@dataclass(frozen=True)
class Waiting:
    """An application that has been handed in and not been released yet."""

    application_id: str
    submitted_at: datetime


@dataclass(frozen=True)
class Account:
    """What the gateway knows of an account."""

    linked_at: datetime | None = None
    level: str | None = None
    """Assurance level of the sign-in that made the link."""
    waiting: tuple[Waiting, ...] = ()
    release_at: datetime | None = None
    """When the timers shall release the first that waits; None while none waits or the account is not linked."""


def link(account: Account, level: str, linked_at: datetime, now: datetime) -> Account:
    """Remember the link. A later link with another level replaces the level; the first moment stays."""
    return _due(replace(account, level=level, linked_at=account.linked_at or linked_at), now)


def queue(account: Account, application_id: str, submitted_at: datetime, now: datetime) -> Account:
    """Let an application wait, in the order in which the citizen handed them in."""
    if any(waiting.application_id == application_id for waiting in account.waiting):
        return account
    joined = (*account.waiting, Waiting(application_id, submitted_at))
    ordered = tuple(sorted(joined, key=lambda waiting: (waiting.submitted_at, waiting.application_id)))
    return _due(replace(account, waiting=ordered), now)


def keep_waiting(account: Account, now: datetime) -> Account:
    """Leave everything as it is and look again soon, because the released one has not gone out yet."""
    return replace(account, release_at=now + LOOK_AGAIN)


def remove(account: Account, application_id: str, now: datetime) -> Account:
    """Forget an application that was released; the next one is due at once."""
    left = tuple(waiting for waiting in account.waiting if waiting.application_id != application_id)
    return _due(replace(account, waiting=left), now)


def _due(account: Account, now: datetime) -> Account:
    if account.linked_at is None or not account.waiting:
        return replace(account, release_at=None)
    if account.release_at is not None and now <= account.release_at:
        # The timers tell two firings apart by their moments.
        return replace(account, release_at=account.release_at + _TICK)
    return replace(account, release_at=now)
