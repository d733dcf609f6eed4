"""Identifiers: sortable random ones for events, deterministic ones for aggregates."""

import json
import secrets
import time
import uuid

_NAMESPACE = uuid.UUID("6f1d7c1e-54a0-5a34-9d0a-3c1f7b0e2a95")


def uuid7() -> str:
    """Return a new UUID of version 7: 48 bit Unix milliseconds, then 74 random bits (RFC 9562, section 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    value = (
        (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    )
    return str(uuid.UUID(int=value))


def aggregate_id(tenant: str, *parts: str) -> str:
    """Return the UUID of version 5 that these words always give, so that a repeated creation meets the first one."""
    words = json.dumps([tenant, *parts], ensure_ascii=False, separators=(",", ":"))
    return str(uuid.uuid5(_NAMESPACE, words))
