"""The state's account as an OpenID provider: what may be asked, who may sign in, what a code is worth.

OpenID Connect Core 1.0, OAuth 2.0 Security Best Current Practice (RFC 9700), PKCE (RFC 7636).
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

NORMAL = "http://bsi.bund.de/eID/LoA/normal"
SUBSTANTIAL = "http://bsi.bund.de/eID/LoA/substantiell"
HIGH = "http://bsi.bund.de/eID/LoA/hoch"
LEVELS = (NORMAL, SUBSTANTIAL, HIGH)
"""Assurance levels, the lowest first (BSI TR-03107-1). ``normal`` stands for a sign-in by password."""

SCOPES = ("openid", "email", "profile")
CODE_LIFETIME = timedelta(seconds=60)
SIGN_IN_LIFETIME = timedelta(minutes=10)
SESSION_LIFETIME = timedelta(hours=1)
TOKEN_LIFETIME = timedelta(minutes=5)


class Untrusted(Exception):
    """Client or redirect address are not registered: nothing may be sent there, the person is told on a page."""


class Refused(Exception):
    """The request is answered with an error at the client's redirect address."""

    def __init__(self, error: str, description: str, redirect_uri: str, state: str | None) -> None:
        super().__init__(description)
        self.error = error
        self.redirect_uri = redirect_uri
        self.state = state


class CodeInvalid(Exception):
    """The code is not worth a token (``invalid_grant``)."""


@dataclass(frozen=True)
class Registration:
    """The one client of this provider."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    logout_uris: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """Somebody invented who can sign in."""

    slug: str
    given_name: str
    family_name: str
    birth_date: str
    means: str
    """How this person signs in, in words for the page."""
    acr: str
    email_verified: bool = True

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"


PERSONS: Sequence[Person] = (
    Person("mia-beispiel", "Mia", "Beispiel", "2010-05-14", "Online-Ausweis", HIGH),
    Person("alex-probe", "Alex", "Probe", "1985-02-28", "ELSTER-Zertifikat", SUBSTANTIAL),
    Person("jonas-muster", "Jonas", "Muster", "1990-11-03", "Benutzername und Passwort", NORMAL),
    Person("kim-vorlage", "Kim", "Vorlage", "1978-07-21", "Online-Ausweis, E-Mail nicht bestätigt", HIGH, False),
)


@dataclass(frozen=True)
class Request:
    """A checked authorization request."""

    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    scopes: tuple[str, ...]
    minimum: str
    """The lowest level that will do."""
    prompt: tuple[str, ...]
    max_age: int | None
    """Seconds since the last sign-in that are still young enough."""


@dataclass(frozen=True)
class Session:
    """Somebody is signed in at the provider with this browser."""

    person: Person
    number: str
    """Tells apart any number of invented persons of the same name; empty for the first."""
    signed_in_at: datetime


@dataclass(frozen=True)
class Grant:
    """What a code stands for."""

    request: Request
    session: Session
    issued_at: datetime
    used: bool = False


def read_request(pairs: Sequence[tuple[str, str]], client: Registration) -> Request:
    """Check an authorization request; parameters that are not listed are ignored.

    Raises Untrusted, Refused.
    """
    given = dict(pairs)
    doubled = {name for name, _ in pairs if sum(1 for other, _ in pairs if other == name) > 1}
    if given.get("client_id") != client.client_id or "client_id" in doubled:
        raise Untrusted("client_id ist nicht bekannt")
    redirect_uri = given.get("redirect_uri", "")
    if redirect_uri not in client.redirect_uris or "redirect_uri" in doubled:
        raise Untrusted("redirect_uri ist für diesen Dienst nicht hinterlegt")

    def refuse(error: str, description: str) -> Refused:
        return Refused(error, description, redirect_uri, given.get("state"))

    if doubled:
        raise refuse("invalid_request", f"{sorted(doubled)[0]} occurs twice")
    for check in (_unsupported, _incomplete):
        if found := check(given):
            raise refuse(*found)
    if (minimum := _minimum(given.get("acr_values"))) is None:
        raise refuse("invalid_request", "acr_values names no level of acr_values_supported")
    prompt = tuple(given.get("prompt", "").split())
    max_age = given.get("max_age")
    if "none" in prompt and len(prompt) > 1:
        raise refuse("invalid_request", "prompt none goes with no other value")
    if max_age is not None and not re.fullmatch(r"\d{1,9}", max_age):
        raise refuse("invalid_request", "max_age must be a number of seconds")
    return Request(
        redirect_uri=redirect_uri,
        state=given["state"],
        nonce=given["nonce"],
        code_challenge=given["code_challenge"],
        scopes=tuple(scope for scope in SCOPES if scope in given["scope"].split()),
        minimum=minimum,
        prompt=prompt,
        max_age=None if max_age is None else int(max_age),
    )


def _unsupported(given: Mapping[str, str]) -> tuple[str, str] | None:
    for name in ("request", "request_uri", "registration"):
        if name in given:
            return f"{name}_not_supported", f"{name} is not supported"
    if given.get("response_type") != "code":
        return "unsupported_response_type", "only response_type code"
    if given.get("response_mode", "query") != "query":
        return "invalid_request", "only response_mode query"
    if "openid" not in given.get("scope", "").split():
        return "invalid_scope", "scope must contain openid"
    return None


_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def _incomplete(given: Mapping[str, str]) -> tuple[str, str] | None:
    for name in ("state", "nonce"):
        if not given.get(name):
            return "invalid_request", f"{name} is required"
    if given.get("code_challenge_method") != "S256":
        return "invalid_request", "code_challenge_method must be S256"
    if not _CHALLENGE.fullmatch(given.get("code_challenge", "")):
        return "invalid_request", "code_challenge must be a SHA-256 in base64url"
    return None


def _minimum(acr_values: str | None) -> str | None:
    """The lowest of the named levels; the lowest of all when none is asked for; None when all are unknown."""
    if not acr_values:
        return NORMAL
    asked = acr_values.split()
    return next((level for level in LEVELS if level in asked), None)


def reaches(level: str, minimum: str) -> bool:
    """Whether a level is at least the minimum."""
    return LEVELS.index(level) >= LEVELS.index(minimum)


def good_enough(session: Session | None, request: Request, now: datetime) -> bool:
    """Whether an existing sign-in answers the request without asking the person again."""
    if session is None or set(request.prompt) - {"none"}:
        return False
    if now - session.signed_in_at >= SESSION_LIFETIME or not reaches(session.person.acr, request.minimum):
        return False
    return request.max_age is None or now - session.signed_in_at < timedelta(seconds=request.max_age)


def redeem(grant: Grant, redirect_uri: str, verifier: str, now: datetime) -> Grant:
    """Use up a code.

    Raises CodeInvalid: used before, older than a minute, another redirect address, or a wrong verifier.
    """
    if grant.used:
        raise CodeInvalid("the code has been used before")
    if now - grant.issued_at > CODE_LIFETIME:
        raise CodeInvalid(f"the code is older than {int(CODE_LIFETIME.total_seconds())} seconds")
    if redirect_uri != grant.request.redirect_uri:
        raise CodeInvalid("redirect_uri is not that of the authorization request")
    if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier) or challenge_of(verifier) != grant.request.code_challenge:
        raise CodeInvalid("code_verifier does not fit")
    return replace(grant, used=True)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
