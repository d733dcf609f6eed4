"""What the delivery service can see of a ciphertext: its header, its lengths and its authentication tag."""

import base64
import json
import re
from typing import Any

from sandbox.problems import Problem

SHORTEST = 776
"""Characters of a compact JWE over nothing with a 4096 bit key (FIT-Connect submission API)."""

_PART = re.compile(r"[A-Za-z0-9_-]*")
_CIPHER = {"alg": "RSA-OAEP-256", "enc": "A256GCM"}
_DATA_TYPES = ("application/json", "application/xml")
_LENGTHS = {"encrypted key": 683, "initialization vector": 16, "authentication tag": 22}
"""base64url characters: 4096 bit, 96 bit, 128 bit."""


def check(text: str, kid: str, *, is_data: bool) -> str:
    """Return the authentication tag of a compact JWE; Problem 422 when FIT-Connect v2 would not take it.

    ``is_data`` marks metadata and data, whose ``cty`` is mandatory.
    """
    parts = text.split(".")
    if len(parts) != 5 or not all(_PART.fullmatch(part) for part in parts):
        raise _invalid("expected a JWE in compact serialization")
    if len(text) < SHORTEST:
        raise _invalid(f"{len(text)} characters, at least {SHORTEST} with a 4096 bit key")
    _check_header(_header(parts[0]), kid, is_data=is_data)
    for (name, length), part in zip(_LENGTHS.items(), (parts[1], parts[2], parts[4]), strict=True):
        if len(part) != length:
            raise _invalid(f"{name} has {len(part)} characters, expected {length}")
    return parts[4]


def _header(part: str) -> dict[str, Any]:
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError as error:
        raise _invalid("the protected header is not JSON") from error
    if not isinstance(header, dict):
        raise _invalid("the protected header is not an object")
    return header


def _check_header(header: dict[str, Any], kid: str, *, is_data: bool) -> None:
    for name, expected in _CIPHER.items():
        if header.get(name) != expected:
            raise _invalid(f"{name} must be {expected}", name)
    if "zip" in header:
        raise _invalid("zip is forbidden in v2", "zip")
    if header.get("kid") != kid:
        raise _invalid("kid must be the destination's encryptionKid", "kid")
    if is_data and header.get("cty") not in _DATA_TYPES:
        raise _invalid(f"cty must be one of {', '.join(_DATA_TYPES)}", "cty")


def _invalid(detail: str, member: str | None = None) -> Problem:
    title = f"Invalid JWE Header '{member}'" if member else "Invalid JWE"
    return Problem(422, "encryption-invalid", title, detail)
