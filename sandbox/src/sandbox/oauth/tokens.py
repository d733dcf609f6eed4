"""Access tokens of the exchange's clients: opaque, kept as hashes, valid for half an hour."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sandbox.store import Connection

TABLES = (
    "CREATE TABLE IF NOT EXISTS tokens (digest TEXT PRIMARY KEY, client_id TEXT NOT NULL, expires REAL NOT NULL)",
)

LIFETIME = timedelta(seconds=1800)
"""FIT-Connect: ``expires_in`` is 1800."""


def issue(db: Connection, client_id: str, now: datetime) -> str:
    """Make a token and forget the outdated ones."""
    token = secrets.token_urlsafe(48)
    db.execute("DELETE FROM tokens WHERE expires <= ?", (now.timestamp(),))
    db.execute("INSERT INTO tokens VALUES (?, ?, ?)", (_digest(token), client_id, (now + LIFETIME).timestamp()))
    return token


def client_of(db: Connection, token: str, now: datetime) -> str | None:
    """The client that holds this token, or None when it is unknown or outdated."""
    row = db.execute(
        "SELECT client_id FROM tokens WHERE digest = ? AND expires > ?", (_digest(token), now.timestamp())
    ).fetchone()
    return None if row is None else str(row["client_id"])


def revoke_all(db: Connection) -> int:
    """Make every token invalid; return how many there were."""
    return db.execute("DELETE FROM tokens").rowcount


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8")).hexdigest()
