"""A session: opened by a sign-in, carried on by a rotating refresh token, ended by its holder, by time or by misuse.

Two refreshes with one token: both get the same new token when the second comes within ten seconds (two tabs, a lost
answer). Later than that the token has been copied, and the session ends for both holders (RFC 9700, 4.14.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

Level = Literal["basis", "niedrig", "substanziell", "hoch"]
Reason = Literal["signed-out", "revoked", "refresh-reused"]
Transport = Literal["cookie", "bearer"]

IDLE = timedelta(minutes=30)
"""From the last refresh (ASVS 5.0, 7.3.1)."""
LONGEST = timedelta(hours=12)
"""From the sign-in (ASVS 5.0, 7.3.2)."""
ACCESS = timedelta(minutes=5)
"""Life of an access token, and so the longest time until other services see that a session has ended."""
OVERLAP = timedelta(seconds=10)
"""How long the token before the present one is answered like the present one's twin."""


class SessionOver(Exception):
    """The session has ended."""

    def __init__(self) -> None:
        super().__init__("Ihre Sitzung ist beendet. Bitte melden Sie sich neu an.")


class RefreshRefused(Exception):
    """The refresh token does not belong to a session, or was replaced by one of a higher level."""

    def __init__(self) -> None:
        super().__init__("Die Sitzung kann nicht verlängert werden. Bitte melden Sie sich neu an.")


@dataclass(frozen=True)
class Session:
    """One sign-in on one device."""

    id: str
    account: str
    opened_at: datetime
    authenticated_at: datetime
    """Of the proof that gave ``level``."""
    level: Level
    transport: Transport
    device: str
    """What the device calls itself, for the list of one's own sessions."""
    generation: int
    """Number of the present refresh token."""
    rotated_at: datetime
    overlap: bool
    """Whether the token before may still be used for ``OVERLAP``."""
    ended_at: datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True)
class Ended:
    """The session is over before its time."""

    reason: Reason
    at: datetime


Outcome = tuple[Session, Sequence[Ended]]


def begin(id: str, account: str, level: Level, transport: Transport, device: str, now: datetime) -> Outcome:
    """Open a session after a sign-in."""
    return Session(id, account, now, now, level, transport, device, generation=1, rotated_at=now, overlap=False), []


def ends_at(session: Session) -> datetime:
    """Return when the session is over at the latest."""
    return session.opened_at + LONGEST


def idle_at(session: Session) -> datetime:
    """Return when the session is over unless it is refreshed before."""
    return min(session.rotated_at + IDLE, ends_at(session))


def is_live(session: Session, now: datetime) -> bool:
    """Return whether the session stands."""
    return session.ended_at is None and now < idle_at(session)


def check_live(session: Session, now: datetime) -> None:
    """Refuse a session that is over.

    Raises:
        SessionOver: ended, idle too long, or too old.
    """
    if not is_live(session, now):
        raise SessionOver


def refresh(session: Session, generation: int, now: datetime) -> Outcome:
    """Use the refresh token of a generation, whose authenticity has been checked.

    Reuse is written down, not raised: the outcome has ``ended_at``.

    Raises:
        SessionOver: ended, idle too long, or too old.
        RefreshRefused: the token was never given out, or a link has just replaced it.
    """
    check_live(session, now)
    if generation > session.generation:
        raise RefreshRefused
    if generation == session.generation:
        return _rotated(session, now, overlap=True), []
    if generation == session.generation - 1 and now <= session.rotated_at + OVERLAP:
        if not session.overlap:
            raise RefreshRefused
        return session, []
    return end(session, "refresh-reused", now)


def elevate(session: Session, level: Level, authenticated_at: datetime, now: datetime) -> Outcome:
    """Raise the level after a stronger proof. The refresh token from before must not reach it (ASVS 5.0, 7.2.4).

    Raises:
        SessionOver: ended, idle too long, or too old.
    """
    check_live(session, now)
    return replace(_rotated(session, now, overlap=False), level=level, authenticated_at=authenticated_at), []


def end(session: Session, reason: Reason, now: datetime) -> Outcome:
    """End a session that stands; one that is over stays as it is."""
    if not is_live(session, now):
        return session, []
    return replace(session, ended_at=now, reason=reason), [Ended(reason, now)]


def _rotated(session: Session, now: datetime, *, overlap: bool) -> Session:
    return replace(session, generation=session.generation + 1, rotated_at=now, overlap=overlap)
