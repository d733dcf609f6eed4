"""Signing in, carrying on, signing out, and the list of one's own sessions."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Cookie, Header, Path, Request, Response
from pydantic import Field

from chassis.aggregates import Key
from chassis.clock import Clock
from chassis.errors import NotFound
from chassis.http import CheckedRoute, Input, Output, Tenant, provided, same_origin
from chassis.ids import uuid7
from identity.accounts.api import EmailAddress, Password
from identity.accounts.domain import Account, address_key, allows, rehash
from identity.accounts.store import Accounts
from identity.passwords.check import PasswordCheck
from identity.passwords.domain import normalised
from identity.passwords.hashing import Hashing
from identity.sessions import domain
from identity.sessions.domain import RefreshRefused, Session, SessionOver, Transport
from identity.sessions.guard import LiveSession
from identity.sessions.store import Sessions
from identity.sessions.tokens import REFRESH_COOKIE, SessionAnswer, Tokens, clear_cookies
from identity.throttles.api import throttled
from identity.throttles.network import network_of

router = APIRouter(prefix="/api/identity/v1/{ars}/sessions", route_class=CheckedRoute, tags=["sessions"])

_LONGEST_DEVICE = 120
SessionId = Annotated[str, Path(pattern=r"^(current|[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})$")]


class SignInRefused(Exception):
    """Address and password do not belong together, or there is no such account: nobody learns which."""

    def __init__(self) -> None:
        super().__init__("E-Mail-Adresse oder Passwort stimmt nicht, oder die Adresse ist noch nicht bestätigt.")


class SignIn(Input):
    """Address and password, and how the tokens shall travel."""

    email: EmailAddress
    password: Password
    transport: Transport


class Refresh(Input):
    """The refresh token of a bearer; browsers send it as a cookie."""

    refresh_token: Annotated[str, Field(max_length=200)] | None = None


class OwnSession(Output):
    """One of the caller's sessions."""

    session_id: str
    opened_at: datetime
    refreshed_at: datetime
    level: Literal["basis", "niedrig", "substanziell", "hoch"]
    device: str
    current: bool


class OwnSessions(Output):
    """The caller's sessions that stand, newest first."""

    sessions: list[OwnSession]


@router.post("", status_code=201, operation_id="signIn", response_model=SessionAnswer, summary="Anmelden")
async def sign_in(
    ars: Tenant,
    body: SignIn,
    request: Request,
    response: Response,
    accounts: Annotated[Accounts, provided(Accounts)],
    sessions: Annotated[Sessions, provided(Sessions)],
    check: Annotated[PasswordCheck, provided(PasswordCheck)],
    hashing: Annotated[Hashing, provided(Hashing)],
    tokens: Annotated[Tokens, provided(Tokens)],
    clock: Annotated[Clock, provided(Clock)],
    user_agent: Annotated[str, Header()] = "",
) -> SessionAnswer:
    """Open a session. A wrong password and an unknown address get the same answer in the same time."""
    found = await accounts.holding(ars, body.email)
    hashed = found.state.password if found else None
    with throttled():
        right = await check.matches(ars, address_key(body.email), hashed, body.password, network_of(request))
    if found is None or not right:
        raise SignInRefused
    account = await _rehashed(ars, found.state, body.password, accounts, hashing)
    now, device = clock.now(), _device(user_agent)
    done = await sessions.create(
        ars, Key(account.id, uuid7(), ""), lambda id: domain.begin(id, account.id, "basis", body.transport, device, now)
    )
    return tokens.answer(response, ars, done.state, account)


@router.post("/refresh", operation_id="refreshSession", response_model=SessionAnswer, summary="Sitzung verlängern")
async def refresh_session(
    ars: Tenant,
    body: Refresh,
    request: Request,
    response: Response,
    accounts: Annotated[Accounts, provided(Accounts)],
    sessions: Annotated[Sessions, provided(Sessions)],
    tokens: Annotated[Tokens, provided(Tokens)],
    clock: Annotated[Clock, provided(Clock)],
    cookie: Annotated[str | None, Cookie(alias=REFRESH_COOKIE)] = None,
) -> SessionAnswer:
    """Use a refresh token and get the next one. One that was replaced more than ten seconds ago ends the session."""
    if body.refresh_token is None:
        same_origin(request)
    id, generation = tokens.read(body.refresh_token or cookie or "")
    session, account = await _standing(ars, id, sessions, accounts)
    if session.transport != ("cookie" if body.refresh_token is None else "bearer"):
        raise RefreshRefused
    now = clock.now()
    # No key of its own: a repeat is told from misuse by the session's generation.
    done = await sessions.command(ars, id, Key(id, uuid7(), ""), lambda state: domain.refresh(state, generation, now))
    domain.check_live(done.state, now)
    return tokens.answer(response, ars, done.state, account)


@router.get("", operation_id="listSessions", response_model=OwnSessions, summary="Eigene Sitzungen")
async def list_sessions(
    ars: Tenant,
    present: LiveSession,
    sessions: Annotated[Sessions, provided(Sessions)],
    clock: Annotated[Clock, provided(Clock)],
) -> OwnSessions:
    """Return the caller's sessions that stand."""
    now = clock.now()
    found = [loaded.state for loaded in await sessions.of_account(ars, present.account.id, now)]
    standing = [one for one in found if domain.is_live(one, now) and allows(present.account, one.id, one.opened_at)]
    return OwnSessions(sessions=[_shown(one, present.session.id) for one in standing])


@router.delete(
    "/{session_id}", status_code=204, operation_id="endSession", response_model=None, summary="Sitzung beenden"
)
async def end_session(
    ars: Tenant,
    session_id: SessionId,
    present: LiveSession,
    response: Response,
    sessions: Annotated[Sessions, provided(Sessions)],
    clock: Annotated[Clock, provided(Clock)],
) -> None:
    """Sign out (``current``) or end another of one's own sessions."""
    id = present.session.id if session_id == "current" else session_id
    if (await sessions.load(ars, id)).state.account != present.account.id:
        raise NotFound(f"session {id}")
    own = id == present.session.id
    reason: domain.Reason = "signed-out" if own else "revoked"
    now = clock.now()
    await sessions.command(ars, id, Key(present.account.id, "end", ""), lambda state: domain.end(state, reason, now))
    if own:
        clear_cookies(response)


async def _standing(ars: str, id: str, sessions: Sessions, accounts: Accounts) -> tuple[Session, Account]:
    """Return a session and its account, where the account still allows it."""
    try:
        session = (await sessions.load(ars, id)).state
        account = (await accounts.load(ars, session.account)).state
    except NotFound:
        raise RefreshRefused from None
    if not allows(account, session.id, session.opened_at):
        raise SessionOver
    return session, account


async def _rehashed(ars: str, account: Account, password: str, accounts: Accounts, hashing: Hashing) -> Account:
    """Bring an old hash up to today's parameters while the password is at hand (ASVS 5.0, 11.4.2)."""
    if not hashing.outdated(account.password):
        return account
    old, new = account.password, await hashing.hash(normalised(password))
    done = await accounts.command(ars, account.id, Key(account.id, uuid7(), ""), lambda state: rehash(state, old, new))
    return done.state


def _device(user_agent: str) -> str:
    return "".join(character for character in user_agent if character.isprintable())[:_LONGEST_DEVICE]


def _shown(session: Session, current: str) -> OwnSession:
    return OwnSession(
        session_id=session.id,
        opened_at=session.opened_at,
        refreshed_at=session.rotated_at,
        level=session.level,
        device=session.device,
        current=session.id == current,
    )
