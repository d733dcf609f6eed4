"""The two tokens of a session, and how they reach the caller."""

import hmac
from datetime import datetime
from typing import Any, Literal

from fastapi import Response

from chassis.auth import AUDIENCE, COOKIE, ISSUER
from chassis.clock import Clock
from chassis.http import Output
from chassis.ids import uuid7
from identity.accounts.domain import Account
from identity.keys.signer import Signer
from identity.pepper.store import Pepper
from identity.sessions.domain import ACCESS, RefreshRefused, Session, ends_at, idle_at

REFRESH_COOKIE = "__Host-refresh"
_LONGEST_NUMBER = 9


class SessionAnswer(Output):
    """A session as its holder gets it. Tokens stand here for bearers only; browsers get them as cookies."""

    session_id: str
    account_id: str
    level: Literal["basis", "niedrig", "substanziell", "hoch"]
    linked: bool
    expires_in: int
    """Seconds until the access token must be refreshed."""
    access_token: str | None = None
    refresh_token: str | None = None


class Tokens:
    """Makes and reads tokens.

    A refresh token is a keyed hash of session and generation: it can be checked and made again, but stands nowhere,
    so that a copy of the database is worth nothing. That also lets two refreshes at once get the same new token.
    """

    def __init__(self, signer: Signer, pepper: Pepper, clock: Clock) -> None:
        self._signer = signer
        self._pepper = pepper
        self._clock = clock

    def access(self, tenant: str, session: Session, account: Account, now: datetime) -> tuple[str, int]:
        """Return an access token and the seconds that it lives: five minutes, but never longer than the session."""
        seconds = max(1, int(min(ACCESS, ends_at(session) - now).total_seconds()))
        issued = int(now.timestamp())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": account.id,
            "tenant": tenant,
            "sid": session.id,
            "acr": session.level,
            "linked": account.link is not None,
            "roles": [],
            "org": None,
            "auth_time": int(session.authenticated_at.timestamp()),
            "iat": issued,
            "exp": issued + seconds,
            "jti": uuid7(),
        }
        return self._signer.sign(claims), seconds

    def refresh(self, session: Session) -> str:
        """Return the session's present refresh token."""
        return self._refresh(session.id, str(session.generation))

    def read(self, token: str) -> tuple[str, int]:
        """Return session and generation of a refresh token that we gave out.

        Raises:
            RefreshRefused: we did not.
        """
        session, _, rest = token.partition(".")
        number, _, _ = rest.partition(".")
        if not (number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER):
            raise RefreshRefused
        if not hmac.compare_digest(token.encode(), self._refresh(session, number).encode()):
            raise RefreshRefused
        return session, int(number)

    def answer(self, response: Response, tenant: str, session: Session, account: Account) -> SessionAnswer:
        """Return the answer for a session's holder; browsers get the tokens as cookies (ASVS 5.0, 3.3.1 to 3.3.4)."""
        now = self._clock.now()
        access, seconds = self.access(tenant, session, account, now)
        refresh = self.refresh(session)
        bearer = session.transport == "bearer"
        if not bearer:
            _set_cookie(response, COOKIE, access, seconds)
            _set_cookie(response, REFRESH_COOKIE, refresh, int((idle_at(session) - now).total_seconds()))
        return SessionAnswer(
            session_id=session.id,
            account_id=account.id,
            level=session.level,
            linked=account.link is not None,
            expires_in=seconds,
            access_token=access if bearer else None,
            refresh_token=refresh if bearer else None,
        )

    def _refresh(self, session: str, number: str) -> str:
        return f"{session}.{number}.{self._pepper.derive('refresh', session, number)}"


def clear_cookies(response: Response) -> None:
    """Let the browser forget both tokens."""
    for name in (COOKIE, REFRESH_COOKIE):
        response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")


def _set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict")
