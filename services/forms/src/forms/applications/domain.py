"""An application from its draft to the authority's answer: one state, decided by pure functions.

::

    draft ──► submitted ──► forwarded ──► accepted
                  │             └───────► rejected
                  └──────────────────────► (either, where the news of forwarding comes late)
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

Status = Literal["draft", "submitted", "forwarded", "accepted", "rejected"]
Outcome = Literal["forwarded", "accepted", "rejected"]

MOST_ATTACHMENTS = 10
"""Files of one application."""
FINAL: frozenset[Status] = frozenset({"accepted", "rejected"})

_PROGRESS: dict[Status, int] = {"draft": 0, "submitted": 1, "forwarded": 2, "accepted": 3, "rejected": 3}
_CLEAR = "346789ACDEFGHJKMNPQRTUVWXY"
"""Without the pairs that people confuse: 0 O, 1 I L, 2 Z, 5 S, B 8 (8 stays)."""


class AlreadySubmitted(Exception):
    """Only a draft can be changed."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"Der Antrag ist schon abgeschickt (Stand: {status}) und lässt sich nicht mehr ändern.")
        self.status = status


class NotSubmitted(Exception):
    """Somebody reports what became of an application that was never handed in."""


class SomebodyElses(Exception):
    """Somebody reports on an application under an account that does not own it."""


class TooManyAttachments(Exception):
    """The application has as many files as it may have."""

    def __init__(self, held: int) -> None:
        super().__init__(f"Der Antrag hat schon {held} Dateien; erlaubt sind {MOST_ATTACHMENTS}.")


class NoSuchAttachment(Exception):
    """The application has no file with this id."""


@dataclass(frozen=True)
class Attachment:
    """A file of an application. It lies encrypted in the blob store."""

    id: str
    upload: str
    """Name of the service's upload that it belongs to."""
    blob: str
    """Path in the blob store."""
    key: str = field(repr=False)
    """Key of the blob, sealed by the vault."""
    filename: str = field(repr=False)
    media_type: str
    size: int
    """Bytes, plain."""
    sha512: str
    """Over the plain bytes, hexadecimal."""


@dataclass(frozen=True)
class Reason:
    """Why the authority refused, in its words."""

    title: str
    place: str
    """The part of the application that is meant; empty where it is the whole."""


@dataclass(frozen=True)
class Step:
    """One status that an application has had."""

    status: Status
    at: datetime


@dataclass(frozen=True)
class Application:
    """What is known of one application."""

    id: str
    account: str
    service: str
    """Slug of the online service."""
    reference: str
    """The short number that citizens and clerks quote."""
    created_at: datetime
    changed_at: datetime
    """When its status last changed."""
    status: Status = "draft"
    answers: Mapping[str, Any] = field(default_factory=dict, repr=False)
    attachments: tuple[Attachment, ...] = ()
    submitted_at: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    steps: tuple[Step, ...] = ()
    """Every status since the draft, in order: whoever looks now and then misses none."""


@dataclass(frozen=True)
class Submitted:
    """The application was handed in. One fact, told twice: openly without content, and sealed."""

    fact_id: str
    leika_key: str
    region: str
    """ARS whose authority is responsible."""
    level: str
    sealed: str
    """The answers, sealed to the gateway's key."""


@dataclass(frozen=True)
class StatusChanged:
    """The way of the application led on after it was handed in."""

    status: Outcome


Fact = Submitted | StatusChanged


def reference_number(prefix: str, year: int, id: str) -> str:
    """Return the number for people, e.g. ``TAN-2026-7K3M9Q``: six characters out of the id, none easily confused."""
    number = int.from_bytes(hashlib.sha256(id.encode()).digest()[:8])
    characters = []
    for _ in range(6):
        number, place = divmod(number, len(_CLEAR))
        characters.append(_CLEAR[place])
    return f"{prefix}-{year}-{''.join(characters)}"


def begin(id: str, account: str, service: str, reference: str, now: datetime) -> tuple[Application, tuple[Fact, ...]]:
    """Start a draft."""
    at = _kept(now)
    return Application(id, account, service, reference, created_at=at, changed_at=at), ()


def save(application: Application, answers: Mapping[str, Any]) -> tuple[Application, tuple[Fact, ...]]:
    """Put these answers in the place of the present ones.

    Raises:
        AlreadySubmitted: it is no draft any more.
    """
    _require_draft(application)
    return replace(application, answers=dict(answers)), ()


def attach(application: Application, attachment: Attachment) -> tuple[Application, tuple[Fact, ...]]:
    """Add a file.

    Raises:
        AlreadySubmitted: it is no draft any more.
        TooManyAttachments: it has 10 already.
    """
    require_room(application)
    return replace(application, attachments=(*application.attachments, attachment)), ()


def require_room(application: Application) -> None:
    """Refuse where ``attach`` would, before a file is received in vain."""
    _require_draft(application)
    if len(application.attachments) >= MOST_ATTACHMENTS:
        raise TooManyAttachments(len(application.attachments))


def detach(application: Application, attachment_id: str) -> tuple[Application, tuple[Fact, ...]]:
    """Take a file away.

    Raises:
        AlreadySubmitted: it is no draft any more.
        NoSuchAttachment: it has no such file.
    """
    _require_draft(application)
    find_attachment(application, attachment_id)
    kept = tuple(attachment for attachment in application.attachments if attachment.id != attachment_id)
    return replace(application, attachments=kept), ()


def find_attachment(application: Application, attachment_id: str) -> Attachment:
    """Return one file of the application.

    Raises:
        NoSuchAttachment: it has no such file.
    """
    for attachment in application.attachments:
        if attachment.id == attachment_id:
            return attachment
    raise NoSuchAttachment(f"Diese Datei hat der Antrag nicht: {attachment_id}")


def submit(application: Application, fact: Submitted, now: datetime) -> tuple[Application, tuple[Fact, ...]]:
    """Hand the draft in; from now on only its status changes.

    Raises:
        AlreadySubmitted: it is no draft any more.
    """
    _require_draft(application)
    handed_in = _move(application, "submitted", now)
    return replace(handed_in, submitted_at=handed_in.changed_at), (fact,)


def follow(
    application: Application, account: str, outcome: Outcome, now: datetime, reasons: tuple[Reason, ...] = ()
) -> tuple[Application, tuple[Fact, ...]] | None:
    """Take over what became of the application; None where that is known already or comes too late to matter.

    Raises:
        SomebodyElses: ``account`` does not own the application.
        NotSubmitted: it is still a draft.
    """
    if application.account != account:
        raise SomebodyElses(f"application {application.id} does not belong to account {account}")
    if application.status == "draft":
        raise NotSubmitted(f"application {application.id} is a draft and cannot be {outcome}")
    if _PROGRESS[outcome] <= _PROGRESS[application.status]:
        return None
    return replace(_move(application, outcome, now), reasons=reasons), (StatusChanged(outcome),)


def _require_draft(application: Application) -> None:
    if application.status != "draft":
        raise AlreadySubmitted(application.status)


def _move(application: Application, status: Status, now: datetime) -> Application:
    at = _kept(now)
    return replace(application, status=status, changed_at=at, steps=(*application.steps, Step(status, at)))


def _kept(now: datetime) -> datetime:
    """Round to the millisecond that a document keeps, so that what is answered and what is read later are one."""
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
