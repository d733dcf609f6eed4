"""One submission from its announcement to its deletion (FIT-Connect: lifecycle, deadlines)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

INCOMPLETE_FOR = timedelta(days=1)
ANSWER_WITHIN = timedelta(days=14)
KEPT_AFTER_ANSWER = timedelta(days=7)
LOG_KEPT = timedelta(days=730)
"""Deadlines of FIT-Connect, notifications and deletion deadlines."""

WHOLE_COUNTRY = "DE000000000000"


class State(StrEnum):
    """Where a submission is."""

    INCOMPLETE = "incomplete"
    SUBMITTED = "submitted"
    NOTIFIED = "notified"
    FORWARDED = "forwarded"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DELETED = "deleted"


WAITING = (State.SUBMITTED, State.NOTIFIED, State.FORWARDED)
"""Handed in, not yet answered: what the receiver's list shows."""


class StateInvalid(Exception):
    """The submission is not in a state that allows this."""

    def __init__(self, submission: "Submission", wanted: str) -> None:
        super().__init__(f"submission is {submission.state}, cannot {wanted}")


class AttachmentNotAnnounced(Exception):
    """The attachment's id was not named when the submission was created."""


class AttachmentsMissing(Exception):
    """Announced attachments have not been uploaded."""


class ServiceNotOffered(Exception):
    """The destination does not offer this service."""


class RegionNotCovered(Exception):
    """The destination is not responsible for this region."""


class DestinationInactive(Exception):
    """The destination takes no submissions at present."""


class TagsDiffer(Exception):
    """The authentication tags are not those of the ciphertexts that were handed in."""


@dataclass(frozen=True)
class Tags:
    """Authentication tags: the fifth part of each compact JWE. They name exactly these ciphertexts."""

    metadata: str
    data: str
    attachments: Mapping[str, str]


@dataclass(frozen=True)
class Reason:
    """One problem of a rejection, as it stands in the security event token."""

    type: str
    title: str
    detail: str
    instance: str


@dataclass(frozen=True)
class Destination:
    """Where a kind of application is taken for some regions."""

    id: str
    name: str
    status: str
    services: tuple[str, ...]
    """URNs of the services offered."""
    regions: tuple[str, ...]
    """``DE`` and an ARS or the beginning of one."""
    schemas: tuple[str, ...]
    """URIs of the data schemas taken, all as ``application/json``."""
    reply_channels: tuple[str, ...]
    metadata_versions: tuple[str, ...] = ("2.1.0",)

    def covers(self, region: str) -> bool:
        """Whether the region (``DE`` and digits) lies within one of the destination's."""
        return any(own == WHOLE_COUNTRY or region.startswith(own) for own in self.regions)


@dataclass(frozen=True)
class Submission:
    """State of one submission; the ciphertexts lie beside it."""

    id: str
    case_id: str
    destination_id: str
    client_id: str
    service: str
    service_name: str
    region: str | None
    announced: tuple[str, ...]
    created_at: datetime
    state: State = State.INCOMPLETE
    uploaded: Mapping[str, str] = field(default_factory=dict)
    """Attachment id → authentication tag."""
    tags: Tags | None = None
    submitted_at: datetime | None = None
    ended_at: datetime | None = None
    """When it was accepted or rejected."""


@dataclass(frozen=True)
class Created:
    """The sender has announced a submission."""


@dataclass(frozen=True)
class Submitted:
    """The sender has handed it in."""

    tags: Tags


@dataclass(frozen=True)
class Notified:
    """The receiver has been told."""


@dataclass(frozen=True)
class Rejected:
    """Nobody answered in time; the delivery service rejects."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Deleted:
    """The ciphertexts are gone."""


Fact = Created | Submitted | Notified | Rejected | Deleted
"""What the delivery service itself signs. The receiver's events come in already signed."""


def create(draft: Submission, destination: Destination) -> tuple[Submission, Sequence[Fact]]:
    """Take the announcement of a submission.

    Raises DestinationInactive, ServiceNotOffered, RegionNotCovered.
    """
    if destination.status != "active":
        raise DestinationInactive(f"destination is {destination.status}")
    if draft.service not in destination.services:
        raise ServiceNotOffered(f"{draft.service} is not among {', '.join(destination.services)}")
    if draft.region is not None and not destination.covers(draft.region):
        raise RegionNotCovered(f"{draft.region} is not within {', '.join(destination.regions)}")
    return draft, [Created()]


def upload(submission: Submission, attachment_id: str, tag: str) -> Submission:
    """Take one attachment; the same id may come again until the submission is handed in.

    Raises StateInvalid, AttachmentNotAnnounced.
    """
    if submission.state is not State.INCOMPLETE:
        raise StateInvalid(submission, "take attachments")
    if attachment_id not in submission.announced:
        raise AttachmentNotAnnounced(f"{attachment_id} was not announced")
    return replace(submission, uploaded={**submission.uploaded, attachment_id: tag})


def submit(submission: Submission, metadata: str, data: str, now: datetime) -> tuple[Submission, Sequence[Fact]]:
    """Hand it in with the tags of metadata and data.

    Raises StateInvalid, AttachmentsMissing.
    """
    if submission.state is not State.INCOMPLETE:
        raise StateInvalid(submission, "be submitted")
    missing = [one for one in submission.announced if one not in submission.uploaded]
    if missing:
        raise AttachmentsMissing(f"announced but not uploaded: {', '.join(missing)}")
    tags = Tags(metadata, data, dict(submission.uploaded))
    return replace(submission, state=State.SUBMITTED, tags=tags, submitted_at=now), [Submitted(tags)]


def notify(submission: Submission) -> tuple[Submission, Sequence[Fact]]:
    """Note that the receiver has been told; nothing when that is past."""
    if submission.state is not State.SUBMITTED:
        return submission, []
    return replace(submission, state=State.NOTIFIED), [Notified()]


def forward(submission: Submission) -> Submission:
    """The receiver passes it on inside its house. Raises StateInvalid."""
    if submission.state not in WAITING:
        raise StateInvalid(submission, "be forwarded")
    return replace(submission, state=State.FORWARDED)


def accept(submission: Submission, tags: Tags, now: datetime) -> Submission:
    """The receiver holds exactly what was sent. Raises StateInvalid, TagsDiffer."""
    if submission.state not in WAITING:
        raise StateInvalid(submission, "be accepted")
    if tags != submission.tags:
        raise TagsDiffer("the tags are not those of the submission")
    return replace(submission, state=State.ACCEPTED, ended_at=now)


def reject(submission: Submission, now: datetime) -> Submission:
    """The receiver refuses it. Raises StateInvalid."""
    if submission.state not in WAITING:
        raise StateInvalid(submission, "be rejected")
    return replace(submission, state=State.REJECTED, ended_at=now)


def due_at(submission: Submission) -> datetime | None:
    """The next moment at which time alone changes the submission; None when that is over."""
    if submission.state is State.INCOMPLETE:
        return submission.created_at + INCOMPLETE_FOR
    if submission.state in WAITING and submission.submitted_at is not None:
        return submission.submitted_at + ANSWER_WITHIN
    if submission.ended_at is not None and submission.state is not State.DELETED:
        return submission.ended_at + KEPT_AFTER_ANSWER
    return None


def pass_time(submission: Submission, now: datetime, too_late: Reason) -> tuple[Submission, Sequence[Fact]]:
    """What deadlines have done to it by ``now``: deletion after a day, rejection after 14, deletion 7 days later."""
    facts: list[Fact] = []
    while (due := due_at(submission)) is not None and due <= now:
        if submission.state in WAITING:
            submission = replace(submission, state=State.REJECTED, ended_at=due)
            facts.append(Rejected((too_late,)))
        else:
            submission = replace(submission, state=State.DELETED)
            facts.append(Deleted())
    return submission, facts
