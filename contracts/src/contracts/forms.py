"""Events of the forms service."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.event import Event
from contracts.identity import Level

ApplicationStatus = Literal["submitted", "forwarded", "accepted", "rejected"]


class ApplicationSubmitted(Event):
    """A citizen has handed in an application: who, which service, when; never what it says."""

    topic: ClassVar[str] = "forms.applications"

    application_id: str
    fact_id: str
    """The same in ApplicationPackaged: both speak of one submission, whichever arrives first."""
    account_id: str
    service: str
    """Slug of the online service, e.g. ``youth-medical-exam``."""
    leika_key: str = Field(pattern=r"^99[0-9]{12}$")
    """Key of the service in the state's catalogue (LeiKa)."""
    region: str = Field(pattern=r"^[0-9]{12}$")
    """ARS whose authority is responsible: the municipality's, or a member's of a Verbandsgemeinde."""
    level: Level
    """Assurance level of the sign-in that submitted."""
    reference: str
    """The short number that citizens and clerks quote."""


class Attachment(BaseModel):
    """Claim ticket of a file in the blob store. Its name and key are in the sealed package."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    attachment_id: str
    blob: str
    """Path in the blob store."""
    sha512: str = Field(pattern=r"^[0-9a-f]{128}$")
    """Over the plain bytes."""
    size: int = Field(ge=0)
    """Bytes, plain."""
    media_type: str


class ApplicationPackaged(Event):
    """The answers of a submitted application, sealed to the gateway's key. Restricted."""

    topic: ClassVar[str] = "forms.packages"

    application_id: str
    fact_id: str
    account_id: str
    sealed: str
    """Compact JWE (RSA-OAEP-256, A256GCM) of a ``contracts.package.Package``."""
    attachments: tuple[Attachment, ...] = ()


class ApplicationStatusChanged(Event):
    """What became of an application, in the words that the citizen sees."""

    topic: ClassVar[str] = "forms.applications"

    application_id: str
    account_id: str
    status: ApplicationStatus
    changed_at: AwareDatetime
