"""What is inside the sealed package of ApplicationPackaged: read by the osi-gateway alone."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class PackagedFile(BaseModel):
    """Name and key of one attachment; the rest is in the event's claim ticket."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    attachment_id: str
    filename: str
    key: str
    """AES-256 key of the blob, base64url without padding."""


class Package(BaseModel):
    """The answers of one application as the authority shall get them."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    application_id: str
    service: str
    schema_uri: str
    """The data schema that ``answers`` follow."""
    answers: dict[str, Any]
    files: tuple[PackagedFile, ...] = ()
    electronic_delivery: bool
    """Whether the citizen agreed to an electronic decision (section 9 OZG)."""
    submitted_on: str
    """Date of the application in Europe/Berlin, ISO 8601."""
    reply_email: str | None = None
