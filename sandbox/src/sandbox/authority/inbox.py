"""What the authority has received, kept before it answers, by submission, so that a repeat starts nothing anew."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sandbox.authority.domain import Fetched, Mode, State
from sandbox.authority.verification import Verdict
from sandbox.exchange.domain import Reason, Tags
from sandbox.store import Connection

TABLES = (
    """CREATE TABLE IF NOT EXISTS inbox (
        position INTEGER PRIMARY KEY, submission_id TEXT NOT NULL UNIQUE, case_id TEXT NOT NULL,
        destination_id TEXT NOT NULL, service TEXT NOT NULL, state TEXT NOT NULL, mode TEXT NOT NULL,
        reference TEXT, trace TEXT, metadata BLOB, data BLOB, problems TEXT NOT NULL, tags TEXT NOT NULL, answer TEXT,
        received REAL NOT NULL, answered REAL)""",
    "CREATE INDEX IF NOT EXISTS inbox_by_reference ON inbox (reference)",
    "CREATE INDEX IF NOT EXISTS inbox_unconfirmed ON inbox (position) WHERE answer IS NOT NULL AND answered IS NULL",
    """CREATE TABLE IF NOT EXISTS inbox_files (
        submission_id TEXT NOT NULL, attachment_id TEXT NOT NULL, content BLOB,
        PRIMARY KEY (submission_id, attachment_id))""",
)


@dataclass(frozen=True)
class Received:
    """One row of the inbox, without the files."""

    submission_id: str
    case_id: str
    destination_id: str
    service: str
    state: State
    mode: Mode
    reference: str | None
    trace: str | None
    metadata: bytes | None
    data: bytes | None
    problems: Sequence[Reason]
    tags: Tags
    """Of the ciphertexts that were fetched."""
    answer: str | None
    """The signed token that was or will be posted."""
    received: float
    answered: float | None


def keep(
    db: Connection, fetched: Fetched, verdict: Verdict, mode: Mode, problems: Sequence[Reason], now: datetime
) -> None:
    """Keep a submission with its opened parts; one that is there already stays as it is."""
    db.execute(
        """INSERT OR IGNORE INTO inbox (submission_id, case_id, destination_id, service, state, mode, reference, trace,
           metadata, data, problems, tags, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            fetched.submission_id,
            fetched.case_id,
            fetched.destination_id,
            fetched.service,
            State.RECEIVED,
            mode,
            reference_of(verdict.metadata),
            fetched.trace,
            verdict.opened.metadata,
            verdict.opened.data,
            json.dumps([asdict(one) for one in problems]),
            json.dumps(asdict(fetched.tags)),
            now.timestamp(),
        ),
    )
    for id, content in verdict.opened.attachments.items():
        db.execute("INSERT OR IGNORE INTO inbox_files VALUES (?, ?, ?)", (fetched.submission_id, id, content))


def reference_of(metadata: Any) -> str | None:
    """The sender's own reference in the metadata."""
    info = metadata.get("additionalReferenceInfo") if isinstance(metadata, dict) else None
    found = info.get("senderReference") if isinstance(info, dict) else None
    return found if isinstance(found, str) else None


def keep_answer(db: Connection, submission_id: str, state: State, answer: str) -> None:
    """Keep the answer before it is posted, so that a repetition posts the very same."""
    db.execute("UPDATE inbox SET state = ?, answer = ? WHERE submission_id = ?", (state, answer, submission_id))


def finish(db: Connection, submission_id: str, state: State, now: datetime) -> None:
    """Note that the answer has arrived."""
    db.execute(
        "UPDATE inbox SET state = ?, answered = ? WHERE submission_id = ?", (state, now.timestamp(), submission_id)
    )


def set_mode(db: Connection, submission_id: str, mode: Mode) -> bool:
    """Change how a kept submission is treated; False when there is none."""
    done = db.execute("UPDATE inbox SET mode = ? WHERE submission_id = ?", (mode, submission_id))
    return done.rowcount == 1


def get(db: Connection, submission_id: str) -> Received | None:
    """One row, or None."""
    row = db.execute("SELECT * FROM inbox WHERE submission_id = ?", (submission_id,)).fetchone()
    return None if row is None else _received(row)


def newest(db: Connection, reference: str | None = None, limit: int = 200) -> list[Received]:
    """The latest rows, the newest first; only those with this reference where one is given."""
    rows = db.execute(
        "SELECT * FROM inbox WHERE ?1 IS NULL OR reference = ?1 ORDER BY position DESC LIMIT ?2", (reference, limit)
    )
    return [_received(row) for row in rows]


def unconfirmed(db: Connection, limit: int = 100) -> list[Received]:
    """Rows whose answer was prepared, and nobody knows whether it arrived; the oldest first."""
    rows = db.execute(
        "SELECT * FROM inbox WHERE answer IS NOT NULL AND answered IS NULL ORDER BY position LIMIT ?", (limit,)
    )
    return [_received(row) for row in rows]


def files(db: Connection, submission_id: str) -> Mapping[str, bytes | None]:
    """Attachment id → plain bytes, None where it could not be decrypted."""
    rows = db.execute("SELECT attachment_id, content FROM inbox_files WHERE submission_id = ?", (submission_id,))
    return {row["attachment_id"]: row["content"] for row in rows}


def _received(row: Any) -> Received:
    values = {name: row[name] for name in row.keys() if name != "position"}  # noqa: SIM118 - a Row iterates its values
    values["state"], values["mode"] = State(values["state"]), Mode(values["mode"])
    values["problems"] = tuple(Reason(**one) for one in json.loads(values["problems"]))
    values["tags"] = Tags(**json.loads(values["tags"]))
    return Received(**values)
