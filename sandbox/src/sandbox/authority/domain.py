"""What the receiving authority must find right before it accepts (FIT-Connect, receiving: verification)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.authority.problems import reason
from sandbox.exchange.domain import Destination, Reason, Tags


class State(StrEnum):
    """Where the authority is with a submission."""

    RECEIVED = "RECEIVED"
    PROCESS_STARTED = "PROCESS_STARTED"
    ACCEPTED = "ACCEPTED"
    REJECTION_PENDING = "REJECTION_PENDING"
    REJECTED = "REJECTED"


class Mode(StrEnum):
    """How the authority behaves: properly, or as a test wants it."""

    NORMAL = "normal"
    REJECT = "reject"
    SILENT = "silent"
    ACCEPT_TWICE = "accept-twice"
    WRONG_KEY = "wrong-key"
    WRONG_TAGS = "wrong-tags"


@dataclass(frozen=True)
class Fetched:
    """One submission as the delivery service hands it out, all parts still encrypted."""

    submission_id: str
    case_id: str
    destination_id: str
    service: str
    region: str | None
    metadata: str
    data: str
    attachments: Mapping[str, str]
    """Attachment id → compact JWE."""
    trace: str | None = None

    @property
    def tags(self) -> Tags:
        """The authentication tags of what was really fetched."""
        return Tags(_tag(self.metadata), _tag(self.data), {id: _tag(jwe) for id, jwe in self.attachments.items()})


def _tag(jwe: str) -> str:
    return jwe.rpartition(".")[2]


@dataclass(frozen=True)
class Opened:
    """The parts in plain; None where one could not be decrypted."""

    metadata: bytes | None
    data: bytes | None
    attachments: Mapping[str, bytes | None] = field(default_factory=dict)


def check_tags(fetched: Tags, announced: Tags) -> list[Reason]:
    """Step 2: the fetched ciphertexts are those of the submit event."""
    problems = []
    for part, ours, theirs in (
        ("metadata", fetched.metadata, announced.metadata),
        ("data", fetched.data, announced.data),
    ):
        if ours != theirs:
            problems.append(reason("incorrect-authentication-tag", part, f"tag of {part} is not that of the event log"))
    for id in sorted({*fetched.attachments, *announced.attachments}):
        if fetched.attachments.get(id) != announced.attachments.get(id):
            problems.append(reason("incorrect-authentication-tag", f"attachment:{id}", "tag is not that of the log"))
    return problems


def check_decrypted(opened: Opened) -> list[Reason]:
    """Step 3: everything can be decrypted with the destination's key."""
    parts = {
        "metadata": opened.metadata,
        "data": opened.data,
        **{f"attachment:{id}": content for id, content in opened.attachments.items()},
    }
    return [reason("encryption-issue", part, "cannot be decrypted") for part, plain in parts.items() if plain is None]


def check_attachments(metadata: Mapping[str, Any], fetched: Sequence[str]) -> list[Reason]:
    """Step 5: metadata describe exactly the attachments that came."""
    described = [one["attachmentId"] for one in metadata["contentStructure"]["attachments"]]
    if len(set(described)) != len(described):
        return [reason("attachments-mismatch", "attachments", "an attachment is described twice")]
    problems = [
        reason("missing-attachment", f"attachment:{id}", "described but not sent")
        for id in sorted(set(described) - set(fetched))
    ]
    if extra := sorted(set(fetched) - set(described)):
        problems.append(reason("attachments-mismatch", "attachments", f"sent but not described: {', '.join(extra)}"))
    return problems


def check_hashes(metadata: Mapping[str, Any], opened: Opened) -> list[Reason]:
    """Step 6: SHA-512 over the plain bytes is what the metadata say."""
    structure = metadata["contentStructure"]
    pairs = [("data", structure["data"]["hash"]["content"], opened.data)]
    for one in structure["attachments"]:
        id = one["attachmentId"]
        pairs.append((f"attachment:{id}", one["hash"]["content"], opened.attachments.get(id)))
    return [
        reason("hash-mismatch", part, "SHA-512 is not that of the metadata")
        for part, expected, plain in pairs
        if plain is not None and hashlib.sha512(plain).hexdigest() != expected
    ]


def check_service(fetched: Fetched, destination: Destination) -> list[Reason]:
    """Step 7: the destination offers this service in this region."""
    if fetched.service not in destination.services:
        return [reason("unsupported-service", "submission", f"{fetched.service} is not offered here")]
    if fetched.region is not None and not destination.covers(fetched.region):
        return [reason("service-mismatch", "submission", f"not responsible for {fetched.region}")]
    return []


def check_data_schema(metadata: Mapping[str, Any], destination: Destination) -> list[Reason]:
    """Step 8, first half: the data follow a schema that this destination takes."""
    given = metadata["contentStructure"]["data"]["submissionSchema"]
    if given["schemaUri"] not in destination.schemas or given["mimeType"] != "application/json":
        return [reason("unsupported-schema", "metadata", f"{given['schemaUri']} as {given['mimeType']} is not taken")]
    return []


def check_reply_channel(metadata: Mapping[str, Any], destination: Destination) -> list[Reason]:
    """Step 9: the wanted way of reply is one that this destination has; none means a letter."""
    return [
        reason("unsupported-reply-channel", "metadata", f"{channel} is not offered here")
        for channel in metadata.get("replyChannel", {})
        if channel not in destination.reply_channels
    ]


def check_metadata_version(metadata: Mapping[str, Any], destination: Destination) -> list[Reason]:
    """Step 4, last part: the destination reads this version of the metadata schema."""
    supported = [
        f"https://schema.fitko.de/fit-connect/metadata/{version}/metadata.schema.json"
        for version in destination.metadata_versions
    ]
    if metadata["$schema"] not in supported:
        return [reason("unsupported-schema", "metadata", f"{metadata['$schema']} is not supported")]
    return []
