"""The letter to the authority: its ciphertexts, its metadata, and the report on who identified themselves how.

FIT-Connect metadata schema 2.1.0; IdentificationReport 2.0.0; levels after BSI TR-03107-1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

METADATA_SCHEMA: Final = "https://schema.fitko.de/fit-connect/metadata/2.1.0/metadata.schema.json"
REPORT_SCHEMA: Final = (
    "https://raw.githubusercontent.com/Governikus/IdentificationReport/2.0.0/schema/identification-report.json"
)
_LEVELS: Final[Mapping[str, str]] = {
    "basis": "unknown",
    "niedrig": "http://bsi.bund.de/eID/LoA/normal",
    "substanziell": "http://bsi.bund.de/eID/LoA/substantiell",
    "hoch": "http://bsi.bund.de/eID/LoA/hoch",
}
"""Name and password alone (``basis``) is no level of TR-03107-1."""


class UnknownLevel(ValueError):
    """A level that the mapping doesn't know."""


@dataclass(frozen=True)
class Part:
    """One ciphertext as it is sent."""

    id: str
    """``metadata``, ``data``, or the attachment id that the exchange is told (UUID of version 4)."""
    blob: str
    tag: str
    """Authentication tag: fifth part of the compact JWE."""


@dataclass(frozen=True)
class Letter:
    """The ciphertexts. They are kept, because a second encryption would have other authentication tags."""

    folder: str
    key: str
    """The key of the blobs, sealed by the vault."""
    schema_uri: str
    metadata: Part
    data: Part
    attachments: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Tags:
    """Authentication tags of one submission, as sent or as signed by the other side."""

    metadata: str
    data: str
    attachments: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Enclosure:
    """An attachment as the authority is told of it."""

    attachment_id: str
    filename: str
    media_type: str
    sha512: str


@dataclass(frozen=True)
class Sender:
    """Who sends: shown to the authority and to the exchange's operators."""

    url: str
    version: str


def identification_report(
    *, report_id: str, server: str, application_id: str, level: str, identified_at: datetime, reported_at: datetime
) -> dict[str, Any]:
    """Return the report that carries the assurance level of the sign-in that submitted.

    Raises:
        UnknownLevel: not one of basis, niedrig, substanziell, hoch.
    """
    if level not in _LEVELS:
        raise UnknownLevel(f"level {level!r} is not one of {', '.join(_LEVELS)}")
    return {
        "reportId": report_id,
        "serverIdentity": server,
        "reportTime": reported_at.isoformat(timespec="seconds"),
        "identificationTime": identified_at.isoformat(timespec="seconds"),
        "idStatus": "success",
        "contextInformation": [f"Application ID: {application_id}"],
        "levelOfAssurance": _LEVELS[level],
    }


def metadata(
    *,
    data_sha512: str,
    schema_uri: str,
    enclosures: Sequence[Enclosure],
    report_id: str,
    report: str,
    report_sha512: str,
    reference: str,
    applied_on: str,
    electronic_delivery: bool,
    reply_email: str | None,
    sender: Sender,
) -> dict[str, Any]:
    """Return the metadata. Without a mail address the authority answers by post.

    A refusal of electronic delivery is stated as false, never left out (metadata schema 2.1.0,
    ``zustimmungZumDigitalenBescheid``).
    """
    content: dict[str, Any] = {
        "$schema": METADATA_SCHEMA,
        "contentStructure": {
            "data": {
                "hash": _sha512(data_sha512),
                "submissionSchema": {"schemaUri": schema_uri, "mimeType": "application/json"},
            },
            "attachments": [_attachment(enclosure) for enclosure in enclosures],
        },
        "additionalReferenceInfo": {
            "senderReference": reference,
            "applicationDate": applied_on,
            "zustimmungZumDigitalenBescheid": electronic_delivery,
        },
        "author": {
            "name": "Digitales Rathaus",
            "url": sender.url,
            "product": {
                "name": "osi-gateway",
                "version": sender.version,
                "manufacturer": "Digitales Rathaus",
            },
        },
        "dataSets": [
            {
                "dataSetId": report_id,
                "schema": {"schemaUri": REPORT_SCHEMA, "mimeType": "application/jose"},
                "hash": _sha512(report_sha512),
                "content": report,
            }
        ],
    }
    if reply_email is not None:
        content["replyChannel"] = {"eMail": {"address": reply_email}}
    return content


def _attachment(enclosure: Enclosure) -> dict[str, Any]:
    return {
        "attachmentId": enclosure.attachment_id,
        "purpose": "attachment",
        "mimeType": enclosure.media_type,
        "filename": enclosure.filename,
        "hash": _sha512(enclosure.sha512),
    }


def _sha512(content: str) -> dict[str, str]:
    return {"type": "sha512", "content": content}


def tags_of(letter: Letter) -> Tags:
    """Return the authentication tags of the ciphertexts."""
    attachments = frozenset((part.id, part.tag) for part in letter.attachments)
    return Tags(letter.metadata.tag, letter.data.tag, attachments)
