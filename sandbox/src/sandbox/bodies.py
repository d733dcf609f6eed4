"""Reading request bodies strictly: right type, bounded size, JSON without ambiguities."""

import json
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request

from sandbox.problems import Problem

MAX_BODY = 32 * 1024 * 1024
"""Bytes. A 10 MB attachment takes 13.4 MB as a JWE."""


async def read_body(request: Request, media_type: str, limit: int = MAX_BODY) -> bytes:
    """Return the body; Problem 415 for another media type, 413 beyond ``limit`` bytes."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != media_type:
        raise Problem(
            415, "unsupported-media-type", "Unsupported media type", f"expected {media_type}, got {given or 'nothing'}"
        )
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Problem(413, "payload-too-large", "Payload too large", f"more than {limit} bytes")
        parts.append(part)
    return b"".join(parts)


async def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body; Problem 400 when it is none."""
    return parse_object(await read_body(request, "application/json"))


def parse_object(text: bytes | str) -> dict[str, Any]:
    """Return the JSON object; Problem 400 for broken JSON, doubled names, NaN, or anything but an object."""
    try:
        value = strict_json(text)
    except ValueError as error:
        raise Problem(400, "malformed-json", "Malformed JSON", str(error)) from error
    if not isinstance(value, dict):
        raise Problem(400, "malformed-json", "Malformed JSON", "expected an object")
    return value


def strict_json(text: bytes | str) -> Any:
    """Return the JSON value; ValueError for broken JSON, doubled names, NaN or endless nesting."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise ValueError(f"member {name!r} occurs twice")
        result[name] = value
    return result


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
