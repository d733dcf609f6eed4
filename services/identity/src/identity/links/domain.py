"""Linking a local account to a Landeskonto: the attempt, the levels, and what a proof by the Landeskonto must say.

Both sides are proven freshly, from one live session: the local account by its password, the Landeskonto by a new
sign-in at the asked level. Equal mail addresses never link anything (ASVS 5.0, 6.8.1 and 10.5.2).
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Never, get_args

Level = Literal["basis", "niedrig", "substanziell", "hoch"]
Status = Literal["started", "redeeming", "completed", "failed"]

ORDER: tuple[Level, ...] = get_args(Level)
"""Lowest first."""
LEVELS: Mapping[str, Level] = {
    **{level: level for level in ORDER},
    **{f"STORK-QAA-Level-{number}": level for number, level in enumerate(ORDER, 1)},
    "http://eidas.europa.eu/LoA/low": "basis",
    "http://eidas.europa.eu/LoA/substantial": "substanziell",
    "http://eidas.europa.eu/LoA/high": "hoch",
    "http://bsi.bund.de/eID/LoA/normal": "basis",
    "http://bsi.bund.de/eID/LoA/substantiell": "substanziell",
    "http://bsi.bund.de/eID/LoA/hoch": "hoch",
}
"""How the accounts of state and federation write the levels (BSI TR-03107-1, TR-03160-1; BundID interface 10.2).

Where one spelling stands for two of ours, it is read as the lower.
"""

LIFE = timedelta(minutes=10)
"""Of an attempt."""
FRESH = timedelta(minutes=5)
"""How old the sign-in at the Landeskonto may be (ASVS 5.0, 7.5.3)."""
SKEW = timedelta(seconds=60)
"""How far another party's clock may be ahead or behind."""


class LinkExpired(Exception):
    """The attempt's ten minutes are over."""

    def __init__(self) -> None:
        minutes = int(LIFE.total_seconds() // 60)
        super().__init__(f"Die Verknüpfung wurde nicht innerhalb von {minutes} Minuten beendet. Beginnen Sie neu.")


class LinkUsed(Exception):
    """The attempt was completed or broken off before; each can be completed once."""

    def __init__(self) -> None:
        super().__init__("Diese Verknüpfung wurde schon benutzt oder abgebrochen. Beginnen Sie neu.")


class ReturnRefused(Exception):
    """What the browser brought back does not belong to this attempt."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Die Rückkehr vom Landeskonto passt nicht zu dieser Verknüpfung ({what}). Beginnen Sie neu.")


class ProofRefused(Exception):
    """The Landeskonto's ID token does not prove what was asked."""

    def __init__(self, claim: str, reason: str) -> None:
        super().__init__(f"Der Nachweis des Landeskontos wird nicht anerkannt: {claim} {reason}. Beginnen Sie neu.")
        self.claim = claim


class LevelTooLow(ProofRefused):
    """The sign-in at the Landeskonto is weaker than asked."""

    def __init__(self, given: str, asked: Level) -> None:
        super().__init__("Vertrauensniveau", f"ist „{given}“, verlangt ist mindestens „{asked}“")


@dataclass(frozen=True)
class Attempt:
    """One try to link, bound to an account and a session."""

    account: str
    session: str
    asked: Level
    status: Status
    expires_at: datetime


@dataclass(frozen=True)
class Expected:
    """What the ID token must say."""

    issuer: str
    client_id: str
    nonce: str
    asked: Level


@dataclass(frozen=True)
class Proof:
    """Who signed in at the Landeskonto, how well, and when."""

    issuer: str
    subject: str
    level: Level
    authenticated_at: datetime


Outcome = tuple[Attempt, Sequence[Never]]


def start(account: str, session: str, asked: Level, now: datetime) -> Outcome:
    """Begin an attempt, after the local account was proven."""
    return Attempt(account, session, asked, "started", now + LIFE), []


def redeem(attempt: Attempt, now: datetime) -> Outcome:
    """Use the attempt up, before the code is sent: a code works once, and so does an attempt.

    Raises:
        LinkUsed: it was used before.
        LinkExpired: too late.
    """
    if attempt.status != "started":
        raise LinkUsed
    if now >= attempt.expires_at:
        raise LinkExpired
    return replace(attempt, status="redeeming"), []


def conclude(attempt: Attempt, *, linked: bool) -> Outcome:
    """Write down how the attempt went."""
    return replace(attempt, status="completed" if linked else "failed"), []


def check_return(given_state: str, given_issuer: str, state: str, issuer: str) -> None:
    """Check what came back with the code (RFC 6749, 10.12; RFC 9207, 2.4).

    Raises:
        ReturnRefused: another attempt's state, or another issuer.
    """
    if not hmac.compare_digest(given_state.encode(), state.encode()):
        raise ReturnRefused("state")
    if given_issuer != issuer:
        raise ReturnRefused("iss")


def proof(claims: Mapping[str, Any], expected: Expected, now: datetime) -> Proof:
    """Check the claims of an ID token whose signature is good (OpenID Connect Core 1.0, 3.1.3.7).

    Raises:
        ProofRefused: a claim is missing or says something else.
        LevelTooLow: the level is below the asked one.
    """
    if claims.get("iss") != expected.issuer:
        raise ProofRefused("iss", "ist ein anderer Aussteller")
    _check_audience(claims, expected.client_id)
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), expected.nonce.encode()):
        raise ProofRefused("nonce", "gehört zu einer anderen Anmeldung")
    _check_times(claims, now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
        raise ProofRefused("sub", "fehlt")
    return Proof(expected.issuer, subject, _level(claims, expected.asked), _fresh(claims, now))


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise ProofRefused("aud", "nennt uns nicht")
    several = isinstance(audience, list) and len(audience) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise ProofRefused("azp", "nennt einen anderen Empfänger")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    if now >= _moment(claims, "exp") + SKEW:
        raise ProofRefused("exp", "ist vorbei")
    if _moment(claims, "iat") > now + SKEW:
        raise ProofRefused("iat", "liegt in der Zukunft")
    if "nbf" in claims and _moment(claims, "nbf") > now + SKEW:
        raise ProofRefused("nbf", "liegt in der Zukunft")


def _fresh(claims: Mapping[str, Any], now: datetime) -> datetime:
    authenticated_at = _moment(claims, "auth_time")
    if not now - FRESH - SKEW <= authenticated_at <= now + SKEW:
        raise ProofRefused("auth_time", f"ist keine Anmeldung der letzten {int(FRESH.total_seconds() // 60)} Minuten")
    return authenticated_at


def _level(claims: Mapping[str, Any], asked: Level) -> Level:
    given = claims.get("acr")
    level = LEVELS.get(given) if isinstance(given, str) else None
    if level is None or ORDER.index(level) < ORDER.index(asked):
        raise LevelTooLow(level or "unbekannt", asked)
    return level


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**33:
        raise ProofRefused(name, "fehlt oder ist keine Zeit")
    return datetime.fromtimestamp(value, UTC)
