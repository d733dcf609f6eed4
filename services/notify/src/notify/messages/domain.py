"""One message: what it is about, whether it may go out, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

Kind = Literal["verification", "already-registered", "receipt-accepted", "receipt-rejected", "reservation", "release"]
Status = Literal["pending", "sent", "failed", "dropped"]

PATIENCE = timedelta(days=7)
"""How long a message waits for an address that has not arrived."""
_FIRST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(minutes=5)


@dataclass(frozen=True)
class Message:
    """A message to the holder of an account."""

    id: str
    kind: Kind
    account_id: str
    about: Mapping[str, Any]
    """What the text speaks of; emptied when the message has ended, since it may hold a code or an address."""
    made_at: datetime
    at: datetime | None
    """When to try next; None when it has ended."""
    expires_at: datetime | None = None
    """Pointless from then on, e.g. a code."""
    status: Status = "pending"
    subject: str = ""
    text: str = ""
    """As it was sent, without what must stay secret."""
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Sent:
    """The mail server has taken it."""

    at: datetime


@dataclass(frozen=True)
class Failed:
    """It was refused, or nobody knows."""

    at: datetime
    reason: Literal["refused", "unknown"]


Fact = Sent | Failed


def write(
    id: str, kind: Kind, account_id: str, about: Mapping[str, Any], now: datetime, expires_at: datetime | None = None
) -> Message:
    """Begin a message, to be sent at once."""
    return Message(id, kind, account_id, about, now, now, expires_at)


def postpone(state: Message, now: datetime) -> tuple[Message, Sequence[Fact]]:
    """Wait for the address: the longer it has been missing, the longer."""
    waited = now - state.made_at
    return replace(state, at=now + min(max(waited, _FIRST_WAIT), _LONGEST_WAIT)), ()


def pointless(state: Message, now: datetime) -> bool:
    """Whether sending it would help nobody any more."""
    return now >= (state.expires_at or state.made_at + PATIENCE)


def drop(state: Message, now: datetime) -> tuple[Message, Sequence[Fact]]:
    """End it unsent: it has become pointless, or the account is gone."""
    return replace(state, about={}, at=None, status="dropped", ended_at=now), ()


def sent(state: Message, subject: str, text: str, now: datetime) -> tuple[Message, Sequence[Fact]]:
    """End it: the mail server has taken it."""
    done = replace(state, about={}, at=None, status="sent", subject=subject, text=text, ended_at=now)
    return done, (Sent(now),)


def failed(state: Message, reason: Literal["refused", "unknown"], now: datetime) -> tuple[Message, Sequence[Fact]]:
    """End it: refused for good, or perhaps sent; a clerk looks at it, it is not tried again."""
    return replace(state, about={}, at=None, status="failed", ended_at=now), (Failed(now, reason),)
