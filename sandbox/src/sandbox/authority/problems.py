"""The reasons for which a submission is rejected: one table.

``type`` and ``instance`` are compared by senders. FIT-Connect's public pages show only one sample; the slugs here are
our best knowledge and stand in this file alone.
"""

from collections.abc import Mapping

from sandbox.exchange.domain import Reason

TYPE = "https://schema.fitko.de/fit-connect/events/problems/"

TITLES: Mapping[str, str] = {
    "encryption-issue": "Decryption failed",
    "syntax-violation": "Syntax violation",
    "missing-schema": "Schema reference missing",
    "unsupported-schema": "Schema not supported",
    "schema-violation": "Schema violation",
    "hash-mismatch": "Hash mismatch",
    "incorrect-authentication-tag": "Authentication tag incorrect",
    "attachments-mismatch": "Attachments do not match",
    "missing-attachment": "Attachment missing",
    "unsupported-service": "Service not supported",
    "service-mismatch": "Service or region not offered here",
    "unsupported-reply-channel": "Reply channel not supported",
    "invalid-event-log": "Event log invalid",
    "technical-error": "Technical error",
    "deadline-exceeded": "Not answered in time",
}


def reason(slug: str, instance: str, detail: str) -> Reason:
    """One problem; ``instance`` is submission, metadata, data, attachments or ``attachment:<id>``."""
    return Reason(TYPE + slug, TITLES[slug], detail, instance)


NOT_ANSWERED_IN_TIME = reason("deadline-exceeded", "submission", "the receiver has not answered within 14 days")
"""What the delivery service itself says after 14 days."""
