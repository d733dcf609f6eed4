"""Events of the identity service."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from contracts.event import Event

Level = Literal["basis", "niedrig", "substanziell", "hoch"]
"""Assurance levels of the German service accounts, lowest first (BSI TR-03107-1, TR-03160-1)."""


class AccountRegistered(Event):
    """Somebody asked for a local account; its mail address is not proven yet."""

    topic: ClassVar[str] = "identity.accounts"

    account_id: str


class EmailVerified(Event):
    """The holder of the account has shown that mail to the address reaches them."""

    topic: ClassVar[str] = "identity.accounts"

    account_id: str


class AccountLinked(Event):
    """The holder has shown that the local account and a Landeskonto are theirs, both by a fresh sign-in."""

    topic: ClassVar[str] = "identity.accounts"

    account_id: str
    level: Level
    """Level of the Landeskonto sign-in that made the link."""


class AccountErased(Event):
    """The holder has deleted the account. Whoever keeps a copy of what it said of a person drops it.

    The topic is kept for good: a reader that slept past the tombstones of the compacted topics learns it here.
    """

    topic: ClassVar[str] = "identity.accounts"

    account_id: str


class SessionEnded(Event):
    """A session was signed out, revoked, or ended because its refresh token was used twice."""

    topic: ClassVar[str] = "identity.sessions"

    account_id: str
    session_id: str
    reason: Literal["signed-out", "revoked", "refresh-reused"]


class VerificationRequested(Event):
    """A code must reach the holder of a mail address. Restricted: carries the address and the code."""

    topic: ClassVar[str] = "identity.messages"

    account_id: str
    email: str
    purpose: Literal["verify-email", "already-registered"]
    code: str | None = None
    """Absent where the purpose needs none."""
    expires_at: AwareDatetime
    language: Literal["de", "en", "de-simple"] = "de"


class ContactChanged(Event):
    """Where the holder of an account can be reached. Restricted; the last record of an account says everything."""

    topic: ClassVar[str] = "identity.contacts"

    account_id: str
    email: str
    language: Literal["de", "en", "de-simple"] = "de"


class TokenKeyPublished(Event):
    """A public key that identity signs access tokens with."""

    topic: ClassVar[str] = "identity.keys"

    kid: str
    jwk: dict[str, str]
    """Public EC key (P-256) as in RFC 7517."""
    retires_at: AwareDatetime | None = None
    """From then on tokens with this key are refused."""
