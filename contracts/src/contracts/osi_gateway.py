"""Events of the osi-gateway."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from contracts.event import Event


class SubmissionForwarded(Event):
    """The state's exchange has taken the submission; the authority has not answered yet."""

    topic: ClassVar[str] = "osi-gateway.submissions"

    application_id: str
    account_id: str
    submission_id: str
    case_id: str
    destination_id: str


class SubmissionAccepted(Event):
    """The authority has signed that it holds exactly what was sent (authentication tags compared)."""

    topic: ClassVar[str] = "osi-gateway.submissions"

    application_id: str
    account_id: str
    submission_id: str
    case_id: str
    destination_id: str
    service: str | None = None
    """Slug of the online service."""
    reference: str | None = None
    """The short number that citizens and clerks quote."""


class Problem(BaseModel):
    """One reason of a rejection: which rule and where (FIT-Connect set-payload, RFC 9457).

    The authority's ``detail`` stays behind: free text about a case may name people, and this topic is public.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    type: str
    """URI of the kind of problem."""
    title: str
    """The kind in words, the same for every case."""
    instance: str = ""
    """The part of the submission that is meant."""


class SubmissionRejected(Event):
    """The authority, or the exchange after 14 days, has signed that the submission was refused."""

    topic: ClassVar[str] = "osi-gateway.submissions"

    application_id: str
    account_id: str
    submission_id: str | None
    """Absent where it never reached the exchange: no authority takes this service there."""
    case_id: str | None
    destination_id: str | None
    problems: tuple[Problem, ...]
    service: str | None = None
    """Slug of the online service."""
    reference: str | None = None
    """The short number that citizens and clerks quote."""


class SealingKeyPublished(Event):
    """The public key that packages must be sealed to."""

    topic: ClassVar[str] = "osi-gateway.keys"

    kid: str
    jwk: dict[str, str | list[str]]
    """Public RSA key (4096 bit) as in RFC 7517."""
