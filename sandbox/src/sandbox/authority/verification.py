"""Opening a submission and judging it, in the order that FIT-Connect demands; all problems are collected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from sandbox.authority import domain
from sandbox.authority.domain import Fetched, Opened
from sandbox.authority.problems import reason
from sandbox.authority.schemas import Schemas
from sandbox.bodies import MAX_BODY, strict_json
from sandbox.exchange.domain import Destination, Reason
from sandbox.exchange.events import Event, PublicKey, TokenInvalid, tags_from, verify

ALGORITHMS = ["RSA-OAEP-256", "A256GCM"]


class _LargeContent(jwe.JWERegistry):
    max_ciphertext_length = MAX_BODY


@dataclass(frozen=True)
class Verdict:
    """What came of it: the opened parts, and the problems, none of which means acceptance."""

    opened: Opened
    metadata: Any
    problems: Sequence[Reason]


def judge(
    fetched: Fetched, log: Sequence[str], public_key: PublicKey, private: RSAKey, destination: Destination, by: Schemas
) -> Verdict:
    """Check a submission from its event log down to its reply channel; takes some milliseconds for each part."""
    problems, submitted = _submit_event(fetched, log, public_key)
    if submitted is not None:
        problems += domain.check_tags(fetched.tags, tags_from(submitted.payload))
    opened = _open(fetched, private)
    problems += domain.check_decrypted(opened)
    problems += domain.check_service(fetched, destination)
    metadata = None
    if opened.metadata is not None:
        metadata, found = _read_metadata(opened.metadata, destination, by)
        problems += found
        if not found:
            problems += _check_content(metadata, fetched, opened, destination, by)
    return Verdict(opened, metadata, problems)


def _submit_event(fetched: Fetched, log: Sequence[str], public_key: PublicKey) -> tuple[list[Reason], Event | None]:
    """Step 1: every token of the log is genuine and speaks of this case; take the submission's submit event."""
    submitted = None
    try:
        for token in log:
            event = verify(token, public_key)
            if event.case_id != fetched.case_id:
                raise TokenInvalid(f"speaks of case {event.case_id}")
            if event.name == "submit-submission" and event.submission_id == fetched.submission_id:
                tags_from(event.payload)
                submitted = event
    except TokenInvalid as error:
        return [reason("invalid-event-log", "submission", str(error))], None
    if submitted is None:
        return [reason("invalid-event-log", "submission", "no submit-submission")], None
    return [], submitted


def _open(fetched: Fetched, private: RSAKey) -> Opened:
    return Opened(
        _decrypt(fetched.metadata, private),
        _decrypt(fetched.data, private),
        {id: _decrypt(text, private) for id, text in fetched.attachments.items()},
    )


def _decrypt(text: str, private: RSAKey) -> bytes | None:
    try:
        return jwe.decrypt_compact(text, private, registry=_LargeContent(algorithms=ALGORITHMS)).plaintext
    except (JoseError, ValueError):
        return None


def _read_metadata(plain: bytes, destination: Destination, by: Schemas) -> tuple[Any, list[Reason]]:
    """Step 4: JSON, valid, of a version that the destination reads."""
    try:
        metadata = strict_json(plain)
    except ValueError:
        return None, [reason("syntax-violation", "metadata", "not JSON")]
    if not isinstance(metadata, dict) or "$schema" not in metadata:
        return metadata, [reason("missing-schema", "metadata", "$schema is missing")]
    if violations := by.metadata_violations(metadata):
        return metadata, [reason("schema-violation", "metadata", "; ".join(violations))]
    return metadata, domain.check_metadata_version(metadata, destination)


def _check_content(
    metadata: Any, fetched: Fetched, opened: Opened, destination: Destination, by: Schemas
) -> list[Reason]:
    return [
        *domain.check_attachments(metadata, list(fetched.attachments)),
        *domain.check_hashes(metadata, opened),
        *_check_data(metadata, opened.data, destination, by),
        *domain.check_reply_channel(metadata, destination),
    ]


def _check_data(metadata: Any, plain: bytes | None, destination: Destination, by: Schemas) -> list[Reason]:
    """Step 8: a schema that is taken here, and data that follow it."""
    problems = domain.check_data_schema(metadata, destination)
    if problems or plain is None:
        return problems
    try:
        data = strict_json(plain)
    except ValueError:
        return [reason("syntax-violation", "data", "not JSON")]
    uri = metadata["contentStructure"]["data"]["submissionSchema"]["schemaUri"]
    violations = by.data_violations(uri, data)
    return [reason("schema-violation", "data", "; ".join(violations))] if violations else []
