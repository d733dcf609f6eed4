"""Rows of the delivery service: destinations, submissions, ciphertexts and the event log."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sandbox.exchange import domain
from sandbox.exchange.domain import Destination, State, Submission, Tags
from sandbox.exchange.events import About
from sandbox.store import Connection

TABLES = (
    "CREATE TABLE IF NOT EXISTS destinations (id TEXT PRIMARY KEY, body TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS submissions (
        position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, case_id TEXT NOT NULL, destination_id TEXT NOT NULL,
        state TEXT NOT NULL, due REAL, trace TEXT, body TEXT NOT NULL, metadata TEXT, data TEXT)""",
    "CREATE INDEX IF NOT EXISTS submissions_of_case ON submissions (case_id)",
    "CREATE INDEX IF NOT EXISTS submissions_of_destination ON submissions (destination_id, state)",
    "CREATE INDEX IF NOT EXISTS submissions_due ON submissions (due) WHERE due IS NOT NULL",
    """CREATE TABLE IF NOT EXISTS attachments (
        submission_id TEXT NOT NULL, id TEXT NOT NULL, jwe TEXT NOT NULL, PRIMARY KEY (submission_id, id))""",
    """CREATE TABLE IF NOT EXISTS events (
        position INTEGER PRIMARY KEY, case_id TEXT NOT NULL, submission_id TEXT NOT NULL, jti TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL, token TEXT NOT NULL, at REAL NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS events_of_case ON events (case_id, at)",
    "CREATE INDEX IF NOT EXISTS events_of_submission ON events (submission_id)",
)


@dataclass(frozen=True)
class Entry:
    """A submission with what lies beside it."""

    submission: Submission
    trace: str | None
    """W3C ``traceparent`` of the request that handed it in."""
    metadata: str | None
    data: str | None


def seed_destinations(db: Connection, destinations: Sequence[Destination]) -> None:
    """Enter the destinations that are not there yet."""
    for one in destinations:
        db.execute("INSERT OR IGNORE INTO destinations VALUES (?, ?)", (one.id, json.dumps(asdict(one))))


def destinations(db: Connection) -> list[Destination]:
    """All destinations."""
    return [_destination(row["body"]) for row in db.execute("SELECT body FROM destinations ORDER BY rowid")]


def destination(db: Connection, id: str) -> Destination | None:
    """One destination, or None."""
    row = db.execute("SELECT body FROM destinations WHERE id = ?", (id,)).fetchone()
    return None if row is None else _destination(row["body"])


def save_destination(db: Connection, changed: Destination) -> None:
    """Write a destination that exists."""
    db.execute("UPDATE destinations SET body = ? WHERE id = ?", (json.dumps(asdict(changed)), changed.id))


def _destination(body: str) -> Destination:
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(body).items()}
    return Destination(**values)


def insert(db: Connection, submission: Submission) -> None:
    """Enter a new submission."""
    db.execute(
        "INSERT INTO submissions (id, case_id, destination_id, state, due, body) VALUES (?, ?, ?, ?, ?, ?)",
        (
            submission.id,
            submission.case_id,
            submission.destination_id,
            submission.state,
            _due(submission),
            _dump(submission),
        ),
    )


def save(db: Connection, submission: Submission) -> None:
    """Write the new state; the ciphertexts of a deleted submission go with it."""
    db.execute(
        "UPDATE submissions SET state = ?, due = ?, body = ? WHERE id = ?",
        (submission.state, _due(submission), _dump(submission), submission.id),
    )
    if submission.state is State.DELETED:
        db.execute("UPDATE submissions SET metadata = NULL, data = NULL WHERE id = ?", (submission.id,))
        db.execute("DELETE FROM attachments WHERE submission_id = ?", (submission.id,))


def save_content(db: Connection, submission_id: str, metadata: str, data: str, trace: str | None) -> None:
    """Keep the ciphertexts, and under which trace they were handed in."""
    db.execute(
        "UPDATE submissions SET metadata = ?, data = ?, trace = ? WHERE id = ?", (metadata, data, trace, submission_id)
    )


def save_attachment(db: Connection, submission_id: str, attachment_id: str, jwe: str) -> None:
    """Keep one attachment; a repeated upload replaces the former."""
    db.execute("INSERT OR REPLACE INTO attachments VALUES (?, ?, ?)", (submission_id, attachment_id, jwe))


def attachment(db: Connection, submission_id: str, attachment_id: str) -> str | None:
    """The attachment's JWE, or None."""
    row = db.execute(
        "SELECT jwe FROM attachments WHERE submission_id = ? AND id = ?", (submission_id, attachment_id)
    ).fetchone()
    return None if row is None else str(row["jwe"])


def entry(db: Connection, submission_id: str) -> Entry | None:
    """One submission, or None."""
    row = db.execute("SELECT * FROM submissions WHERE id = ?", (submission_id,)).fetchone()
    return None if row is None else Entry(_load(row["body"]), row["trace"], row["metadata"], row["data"])


def of_case(db: Connection, case_id: str) -> list[Submission]:
    """All submissions of a case, the oldest first."""
    rows = db.execute("SELECT body FROM submissions WHERE case_id = ? ORDER BY position", (case_id,))
    return [_load(row["body"]) for row in rows]


def waiting(db: Connection, destination_ids: Sequence[str], offset: int, limit: int) -> tuple[int, list[Submission]]:
    """How many submissions to these destinations wait for an answer, and one page of them, the oldest first."""
    marks = ", ".join("?" * len(destination_ids))
    states = ", ".join("?" * len(domain.WAITING))
    where = f"destination_id IN ({marks}) AND state IN ({states})"  # placeholders only
    values = (*destination_ids, *domain.WAITING)
    total = db.execute(f"SELECT count(*) FROM submissions WHERE {where}", values).fetchone()[0]  # noqa: S608
    rows = db.execute(
        f"SELECT body FROM submissions WHERE {where} ORDER BY position LIMIT ? OFFSET ?",  # noqa: S608
        (*values, limit, offset),
    )
    return total, [_load(row["body"]) for row in rows]


def in_state(db: Connection, state: State, limit: int = 200) -> list[Submission]:
    """Submissions in one state, the oldest first."""
    rows = db.execute("SELECT body FROM submissions WHERE state = ? ORDER BY position LIMIT ?", (state, limit))
    return [_load(row["body"]) for row in rows]


def newest(db: Connection, limit: int) -> list[Submission]:
    """The latest submissions, the newest first."""
    rows = db.execute("SELECT body FROM submissions ORDER BY position DESC LIMIT ?", (limit,))
    return [_load(row["body"]) for row in rows]


def due(db: Connection, now: datetime, limit: int = 200) -> list[Submission]:
    """Submissions whose next deadline has come."""
    rows = db.execute("SELECT body FROM submissions WHERE due <= ? ORDER BY due LIMIT ?", (now.timestamp(), limit))
    return [_load(row["body"]) for row in rows]


def append_event(db: Connection, about: About, jti: str, name: str, token: str, now: datetime) -> None:
    """Add a token to the log, which nobody changes afterwards."""
    db.execute(
        "INSERT INTO events (case_id, submission_id, jti, name, token, at) VALUES (?, ?, ?, ?, ?, ?)",
        (about.case_id, about.submission_id, jti, name, token, now.timestamp()),
    )


def event_token(db: Connection, jti: str) -> str | None:
    """The token with this id, or None."""
    row = db.execute("SELECT token FROM events WHERE jti = ?", (jti,)).fetchone()
    return None if row is None else str(row["token"])


def log(
    db: Connection, *, offset: int, limit: int, case_id: str | None = None, submission_id: str | None = None
) -> tuple[int, list[str]]:
    """Length of the log of a case or a submission, and one page of its tokens in order."""
    column, value = ("case_id", case_id) if submission_id is None else ("submission_id", submission_id)
    total = db.execute(f"SELECT count(*) FROM events WHERE {column} = ?", (value,)).fetchone()[0]  # noqa: S608
    rows = db.execute(
        f"SELECT token FROM events WHERE {column} = ? ORDER BY position LIMIT ? OFFSET ?",  # noqa: S608
        (value, limit, offset),
    )
    return total, [str(row["token"]) for row in rows]


def drop_old_cases(db: Connection, before: datetime) -> int:
    """Delete log and stubs of every case whose last event is not younger than ``before``; return how many."""
    rows = db.execute("SELECT case_id FROM events GROUP BY case_id HAVING max(at) <= ?", (before.timestamp(),))
    cases = [row["case_id"] for row in rows]
    for case_id in cases:
        db.execute("DELETE FROM events WHERE case_id = ?", (case_id,))
        db.execute("DELETE FROM submissions WHERE case_id = ?", (case_id,))
    return len(cases)


def _due(submission: Submission) -> float | None:
    at = domain.due_at(submission)
    return None if at is None else at.timestamp()


_TIMES = ("created_at", "submitted_at", "ended_at")


def _dump(submission: Submission) -> str:
    body = asdict(submission)
    for name in _TIMES:
        body[name] = body[name] and body[name].isoformat()
    return json.dumps(body)


def _load(text: str) -> Submission:
    body: dict[str, Any] = json.loads(text)
    for name in _TIMES:
        body[name] = body[name] and datetime.fromisoformat(body[name])
    tags = body.pop("tags")
    loaded = Submission(**{**body, "announced": tuple(body["announced"]), "state": State(body["state"])})
    return loaded if tags is None else replace(loaded, tags=Tags(**tags))
