"""What an HTTP answer of the exchange means: done, try later, or no.

Errors are problem details (RFC 9457); only 408, 429 and 5xx are worth another try (FIT-Connect, "status and error
codes"; Routing API 2.0.0). ``detail`` is left alone: it may quote what was sent.
"""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from chassis.errors import Transient
from osi_gateway.exchange.domain import Refused

_PASSING = frozenset({408, 425, 429})
_LONGEST_WAIT = 300.0
_UNIX_SECONDS = 1_000_000_000
"""A reset value above it is a moment, below it a number of seconds."""
_LONGEST_TEXT = 200


def check(response: httpx.Response, what: str, *, expected: frozenset[int]) -> None:
    """Accept the answer or say why not.

    Raises:
        Transient: the other side is overloaded, or something else answered in its place (a success that was not
            agreed on, a redirection); ``retry_after`` in seconds as it asked for, at most 300.
        Refused: a client error, with status and problem type.
    """
    status = response.status_code
    if status in expected:
        return
    if status in _PASSING or not 400 <= status < 500:
        raise Transient(f"{what}: status {status}", retry_after=_wait(response.headers))
    type_, title = _problem(response)
    raise Refused(f"{what}: status {status} {title}".rstrip(), status=status, type=type_)


def json_object(response: httpx.Response, what: str) -> dict[str, Any]:
    """Return the body, a JSON object.

    Raises:
        Transient: it is none: something between us and the exchange answered in its place.
    """
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        raise Transient(f"{what}: the answer is not JSON") from None
    if not isinstance(body, dict):
        raise Transient(f"{what}: the answer is not an object")
    return body


def text(body: dict[str, Any], name: str, what: str) -> str:
    """Return a member that must be a text.

    Raises:
        Transient: it is absent or no text.
    """
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Transient(f"{what}: the answer has no {name}")
    return value


def _problem(response: httpx.Response) -> tuple[str, str]:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    return str(body.get("type", ""))[:_LONGEST_TEXT], str(body.get("title", ""))[:_LONGEST_TEXT]


def _wait(headers: httpx.Headers) -> float:
    """Return how many seconds the other side wants us to stay away; 0 where it says nothing."""
    now = datetime.now(UTC)
    for name in ("ratelimit-reset", "retry-after"):
        value = headers.get(name, "")
        if value.isascii() and value.isdigit():
            number = float(value)
            return min(number if number < _UNIX_SECONDS else max(0.0, number - now.timestamp()), _LONGEST_WAIT)
        if value:
            try:
                moment = parsedate_to_datetime(value)
                return min(max(0.0, (moment - now).total_seconds()), _LONGEST_WAIT)
            except (ValueError, TypeError):
                continue
    return 0.0
