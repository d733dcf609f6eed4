"""A local account: asked for with a mail address and a password, proven by a code, linked to a Landeskonto."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

Language = Literal["de", "en", "de-simple"]
Level = Literal["basis", "niedrig", "substanziell", "hoch"]
Status = Literal["unverified", "active", "lapsed"]

CODE_LIFE = timedelta(minutes=10)
"""ASVS 5.0, 6.5.5."""
CODE_TRIES = 5
"""Five tries at a million codes: 1 in 200,000 (ASVS 5.0, 6.6.3)."""
LONGEST_EMAIL = 254
"""Characters (RFC 5321, 4.5.3.1.3, less the angle brackets)."""


class CodeWrong(Exception):
    """The code is not the one that was sent."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(f"Der Code stimmt nicht. Sie haben noch {tries_left} von {CODE_TRIES} Versuchen.")
        self.tries_left = tries_left


class CodeExpired(Exception):
    """The code's ten minutes are over, or it has been used."""

    def __init__(self) -> None:
        minutes = int(CODE_LIFE.total_seconds() // 60)
        super().__init__(
            f"Der Code gilt nicht mehr. Er gilt {minutes} Minuten und nur einmal. Registrieren Sie sich neu."
        )


class TooManyTries(Exception):
    """All tries at this code are used up."""

    def __init__(self) -> None:
        super().__init__(f"Der Code wurde {CODE_TRIES}-mal falsch eingegeben. Bitte registrieren Sie sich neu.")


class EmailTaken(Exception):
    """The address has been proven for another account meanwhile. Only somebody who reads its mail gets to see this."""

    def __init__(self) -> None:
        super().__init__("Zu dieser E-Mail-Adresse gibt es schon ein Konto. Bitte melden Sie sich an.")


class AlreadyLinked(Exception):
    """The account has a Landeskonto already."""

    def __init__(self) -> None:
        super().__init__("Ihr Konto ist schon mit einem Landeskonto verknüpft.")


class LandeskontoTaken(Exception):
    """The Landeskonto belongs to another account of this municipality."""

    def __init__(self) -> None:
        super().__init__("Dieses Landeskonto ist schon mit einem anderen Konto verknüpft.")


class AccountInactive(Exception):
    """The account's address has not been proven."""

    def __init__(self) -> None:
        super().__init__("Dieses Konto ist nicht aktiv.")


@dataclass(frozen=True)
class Challenge:
    """What the holder of the address must show."""

    digest: str | None
    """Keyed hash of account and code. None: no code was sent, none is right."""
    expires_at: datetime
    tries: int = 0


@dataclass(frozen=True)
class Link:
    """The Landeskonto that the account belongs to. Its key is issuer and subject, never a mail address or a name."""

    issuer: str
    subject: str
    level: Level
    authenticated_at: datetime
    """When its holder signed in at the Landeskonto."""
    linked_at: datetime
    attempt: str
    """The link attempt that made it, so that its repeat is known."""


@dataclass(frozen=True)
class Account:
    """One account of one municipality."""

    id: str
    email: str
    """As written by its holder, for sending; ``address_key`` of it for comparing."""
    password: str
    """argon2id hash."""
    language: Language
    registered_at: datetime
    status: Status
    challenge: Challenge | None = None
    verified_at: datetime | None = None
    link: Link | None = None
    only_session: str | None = None
    """The one session from before ``only_since`` that still stands."""
    only_since: datetime | None = None


@dataclass(frozen=True)
class Registered:
    """Somebody asked for an account at an address that has none."""

    code: str


@dataclass(frozen=True)
class RegisteredAgain:
    """Somebody asked for an account at an address that has one: its holder is told, the asker is not."""


@dataclass(frozen=True)
class Verified:
    """The holder showed the code."""

    at: datetime


@dataclass(frozen=True)
class Linked:
    """Local account and Landeskonto belong together."""

    level: Level
    at: datetime


@dataclass(frozen=True)
class Deleted:
    """The holder has deleted the account."""

    at: datetime


Fact = Registered | RegisteredAgain | Verified | Linked | Deleted
Outcome = tuple[Account, Sequence[Fact]]


def address_key(email: str) -> str:
    """Return the form in which two spellings of one mailbox are equal."""
    return email.casefold()


def register(account: Account, code: str, digest: str, *, known: bool, now: datetime) -> Outcome:
    """Begin an account whose address is not proven.

    Where the address has an account already, a document just like the others is made, so that nobody can tell from
    answers, times or later tries; but no code fits it.
    """
    challenge = Challenge(None if known else digest, now + CODE_LIFE)
    fact = RegisteredAgain() if known else Registered(code)
    return replace(account, status="unverified", challenge=challenge), [fact]


def verify(account: Account, digest: str, now: datetime) -> Outcome:
    """Take one try at the code. A wrong one counts, and is seen by ``status`` still being *unverified*.

    Raises:
        CodeExpired: over, used, or lapsed.
        TooManyTries: all five are used up.
    """
    challenge = account.challenge
    if account.status != "unverified" or challenge is None or now >= challenge.expires_at:
        raise CodeExpired
    if challenge.tries >= CODE_TRIES:
        raise TooManyTries
    if challenge.digest is None or not hmac.compare_digest(challenge.digest, digest):
        return replace(account, challenge=replace(challenge, tries=challenge.tries + 1)), []
    return replace(account, status="active", challenge=None, verified_at=now), [Verified(now)]


def tries_left(account: Account) -> int:
    """Return how many codes may still be tried."""
    return CODE_TRIES - account.challenge.tries if account.challenge else 0


def lapses_at(account: Account) -> datetime | None:
    """Return when an unproven account is given up."""
    return account.challenge.expires_at if account.status == "unverified" and account.challenge else None


def lapse(account: Account) -> Outcome:
    """Give up an unproven account: what its maker wrote is deleted (GDPR Art. 5(1)e)."""
    if account.status != "unverified":
        return account, []
    return replace(account, status="lapsed", email="", password="", challenge=None), []


def rehash(account: Account, old: str, new: str) -> Outcome:
    """Put a stronger hash of the same password in the place of an old one."""
    return (replace(account, password=new) if account.password == old else account), []


def check_linkable(account: Account) -> None:
    """Refuse to begin a link that could not be made.

    Raises:
        AccountInactive: its address is not proven.
        AlreadyLinked: it has a Landeskonto.
    """
    if account.status != "active":
        raise AccountInactive
    if account.link is not None:
        raise AlreadyLinked


def link(account: Account, link: Link, session: str) -> Outcome:
    """Join account and Landeskonto; of all sessions opened until now only ``session`` stands (ASVS 5.0, 7.4.3).

    Raises:
        AccountInactive: its address is not proven.
        AlreadyLinked: another attempt was first.
    """
    if account.link is not None and account.link.attempt == link.attempt:
        return account, []
    check_linkable(account)
    return replace(account, link=link, only_session=session, only_since=link.linked_at), [
        Linked(link.level, link.linked_at)
    ]


def delete(account: Account, now: datetime) -> Sequence[Fact]:
    """Delete the account for good, at its holder's wish (GDPR Art. 17).

    Raises:
        AccountInactive: its address is not proven, so nobody may speak for it.
    """
    if account.status != "active":
        raise AccountInactive
    return [Deleted(now)]


def allows(account: Account, session: str, opened_at: datetime) -> bool:
    """Return whether a session of this account still stands after what happened to the account."""
    if account.status != "active":
        return False
    return account.only_since is None or session == account.only_session or opened_at > account.only_since
