"""What of a dead letter people may see. Pure.

On a restricted topic everything but ids and types is masked; on a public topic nothing is, it holds no personal data.
"""

import json
import re
from typing import Any

from rathaus.deadletters.letters import Letter

MASK = "•••"
_SHOWN = frozenset({"id", "type", "kid"})
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[A-Za-z0-9_-]{43}|[0-9]{12}")
"""UUID, thumbprint of a key (RFC 7638), ARS. Anything else in a field for ids is not believed to be one."""
_PLAIN_HEADERS = frozenset(
    {"ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_sequence", "ce_dataschema"}
    | {"content-type", "traceparent"}
)
_HARMLESS = ("BadBody", "Behind", "Forked", "UnknownVersion")
"""Errors whose text names rules and numbers, never values."""
_LONGEST = 200


def reason(letter: Letter) -> str:
    """Why it was buried. Of a restricted topic only the kind of error, where its text may quote data."""
    kind, colon, text = letter.reason.partition(":")
    if not letter.restricted or kind in _HARMLESS:
        return printable(letter.reason)
    return printable(f"{kind}: {MASK}" if colon and text.strip() else kind)


def headers(letter: Letter) -> list[tuple[str, str]]:
    """Headers for people."""
    return [(printable(name), _header(letter, name.lower(), value)) for name, value in letter.headers]


def body(letter: Letter) -> str:
    """The body, indented; where it cannot be read and may be personal, only its size."""
    if letter.value is None:
        return "(kein Inhalt)"
    try:
        said = json.loads(letter.value)
    except (ValueError, RecursionError):
        if letter.restricted:
            return f"({len(letter.value)} Bytes, kein JSON)"
        return printable(letter.value.decode(errors="replace"), keep="\n")
    shown = _masked(said) if letter.restricted else said
    return printable(json.dumps(shown, indent=2, ensure_ascii=False), keep="\n")


def printable(text: str, keep: str = "") -> str:
    """Take out signs that would steer a terminal."""
    return "".join(sign if sign.isprintable() or sign in keep else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _header(letter: Letter, name: str, value: bytes) -> str:
    if name == "dlq_error":
        return reason(letter)
    if letter.restricted and name not in _PLAIN_HEADERS and not name.startswith("dlq_"):
        return MASK
    return printable(value.decode(errors="replace"))[:_LONGEST]


def _masked(said: Any, name: str = "") -> Any:
    if isinstance(said, dict):
        return {_name(key): _masked(value, key) for key, value in said.items()}
    if isinstance(said, list):
        return [_masked(value, name) for value in said]
    shown = name in _SHOWN or name.endswith("_id")
    return said if said is None or (shown and isinstance(said, str) and _ID.fullmatch(said)) else MASK


def _name(key: str) -> str:
    # A field that a contract names is in lower case; what broke the contract may carry data in its names too.
    return key if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", key) else MASK
