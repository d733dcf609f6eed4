"""Rows of the Landeskonto: begun sign-ins, signed-in browsers, codes, access tokens; secrets only as hashes."""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sandbox.landeskonto import domain
from sandbox.landeskonto.domain import Grant, Person, Request, Session
from sandbox.store import Connection

TABLES = (
    "CREATE TABLE IF NOT EXISTS sign_ins (digest TEXT PRIMARY KEY, request TEXT NOT NULL, expires REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS sessions (digest TEXT PRIMARY KEY, session TEXT NOT NULL, expires REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS codes (digest TEXT PRIMARY KEY, body TEXT NOT NULL, expires REAL NOT NULL)",
    """CREATE TABLE IF NOT EXISTS account_tokens (
        digest TEXT PRIMARY KEY, code TEXT NOT NULL, session TEXT NOT NULL, scopes TEXT NOT NULL,
        expires REAL NOT NULL)""",
)

_TABLES = ("sign_ins", "sessions", "codes", "account_tokens")


@dataclass(frozen=True)
class Access:
    """What an access token opens."""

    session: Session
    scopes: tuple[str, ...]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()


def begin_sign_in(db: Connection, request: Request, now: datetime) -> str:
    """Keep a checked request until the person has decided; return its handle for the form."""
    for table in _TABLES:
        db.execute(f"DELETE FROM {table} WHERE expires <= ?", (now.timestamp(),))  # noqa: S608 - fixed names
    handle = secrets.token_urlsafe(32)
    expires = (now + domain.SIGN_IN_LIFETIME).timestamp()
    db.execute("INSERT INTO sign_ins VALUES (?, ?, ?)", (_digest(handle), json.dumps(asdict(request)), expires))
    return handle


def sign_in(db: Connection, handle: str, now: datetime) -> Request | None:
    """The request of a handle, or None when it is unknown, used or outdated."""
    row = db.execute(
        "SELECT request FROM sign_ins WHERE digest = ? AND expires > ?", (_digest(handle), now.timestamp())
    ).fetchone()
    return None if row is None else _request(json.loads(row["request"]))


def end_sign_in(db: Connection, handle: str) -> None:
    """The person has decided: the handle is used up."""
    db.execute("DELETE FROM sign_ins WHERE digest = ?", (_digest(handle),))


def open_session(db: Connection, session: Session) -> str:
    """Remember who is signed in; return the cookie's value."""
    cookie = secrets.token_urlsafe(32)
    expires = (session.signed_in_at + domain.SESSION_LIFETIME).timestamp()
    db.execute("INSERT INTO sessions VALUES (?, ?, ?)", (_digest(cookie), _dump_session(session), expires))
    return cookie


def session(db: Connection, cookie: str, now: datetime) -> Session | None:
    """Who is signed in with this cookie, or None."""
    row = db.execute(
        "SELECT session FROM sessions WHERE digest = ? AND expires > ?", (_digest(cookie), now.timestamp())
    ).fetchone()
    return None if row is None else _load_session(row["session"])


def close_session(db: Connection, cookie: str) -> None:
    """Sign out."""
    db.execute("DELETE FROM sessions WHERE digest = ?", (_digest(cookie),))


def issue_code(db: Connection, grant: Grant) -> str:
    """Make a code."""
    code = secrets.token_urlsafe(32)
    # Kept beyond its use, so that a second use can be recognised while its tokens live.
    expires = (grant.issued_at + domain.CODE_LIFETIME + domain.TOKEN_LIFETIME).timestamp()
    db.execute("INSERT INTO codes VALUES (?, ?, ?)", (_digest(code), _dump_grant(grant), expires))
    return code


def grant(db: Connection, code: str) -> Grant | None:
    """What a code stands for, or None."""
    row = db.execute("SELECT body FROM codes WHERE digest = ?", (_digest(code),)).fetchone()
    return None if row is None else _load_grant(row["body"])


def use_code(db: Connection, code: str, grant: Grant) -> None:
    """Mark a code as used."""
    body = _dump_grant(replace(grant, used=True))
    db.execute("UPDATE codes SET body = ? WHERE digest = ?", (body, _digest(code)))


def issue_token(db: Connection, code: str, grant: Grant, now: datetime) -> str:
    """Make the access token that a code is worth."""
    token = secrets.token_urlsafe(32)
    expires = (now + domain.TOKEN_LIFETIME).timestamp()
    scopes = " ".join(grant.request.scopes)
    db.execute(
        "INSERT INTO account_tokens VALUES (?, ?, ?, ?, ?)",
        (_digest(token), _digest(code), _dump_session(grant.session), scopes, expires),
    )
    return token


def revoke_tokens(db: Connection, code: str) -> None:
    """Take back what a code was worth (RFC 6749, section 4.1.2)."""
    db.execute("DELETE FROM account_tokens WHERE code = ?", (_digest(code),))


def access(db: Connection, token: str, now: datetime) -> Access | None:
    """What a token opens, or None."""
    row = db.execute(
        "SELECT session, scopes FROM account_tokens WHERE digest = ? AND expires > ?", (_digest(token), now.timestamp())
    ).fetchone()
    return None if row is None else Access(_load_session(row["session"]), tuple(row["scopes"].split()))


def _request(body: dict[str, Any]) -> Request:
    return Request(**{**body, "scopes": tuple(body["scopes"]), "prompt": tuple(body["prompt"])})


def _dump_session(one: Session) -> str:
    return json.dumps({**asdict(one), "signed_in_at": one.signed_in_at.isoformat()})


def _load_session(text: str) -> Session:
    body = json.loads(text)
    return Session(Person(**body["person"]), body["number"], datetime.fromisoformat(body["signed_in_at"]))


def _dump_grant(one: Grant) -> str:
    return json.dumps(
        {
            "request": asdict(one.request),
            "session": _dump_session(one.session),
            "issued_at": one.issued_at.isoformat(),
            "used": one.used,
        }
    )


def _load_grant(text: str) -> Grant:
    body = json.loads(text)
    issued_at = datetime.fromisoformat(body["issued_at"])
    return Grant(_request(body["request"]), _load_session(body["session"]), issued_at, body["used"])
