"""Checks on a security event token that need no key (RFC 8417; FIT-Connect, "event log", "set-validation").

A token counts only if every check passes and its signature is right. Who may sign what follows from the lifecycle:
the exchange notes what the sender and it itself did, the authority alone forwards and accepts, both may reject.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from osi_gateway.exchange.domain import Refused
from osi_gateway.letters.domain import Tags

EVENTS = "https://schema.fitko.de/fit-connect/events/"
_SCHEMA = re.compile(r"https://schema\.fitko\.de/fit-connect/set-payload/1\.\d+\.\d+/set-payload\.schema\.json")
_EARLIEST = 1_577_833_200
"""2020-01-01 in Germany, in Unix seconds: no token is older."""
LONGEST_POLL = timedelta(minutes=15)
"""Between two looks at an event log."""
_MOST_PROBLEMS = 32
_LONGEST_TEXT = 1000
"""Characters of a problem's text that are kept."""

Signer = Literal["exchange", "authority"]
_SIGNERS: dict[str, frozenset[Signer]] = {
    "create-submission": frozenset({"exchange"}),
    "submit-submission": frozenset({"exchange"}),
    "notify-submission": frozenset({"exchange"}),
    "forward-submission": frozenset({"authority"}),
    "accept-submission": frozenset({"authority"}),
    "reject-submission": frozenset({"authority", "exchange"}),
    "delete-submission": frozenset({"exchange"}),
}


class Unverifiable(Exception):
    """A token that proves nothing. The message says which check failed, without the token's contents."""


@dataclass(frozen=True)
class Expected:
    """What the log was asked for."""

    submission_id: str
    case_id: str
    destination_id: str


@dataclass(frozen=True)
class Problem:
    """One reason of a rejection."""

    type: str
    title: str
    detail: str = ""
    instance: str = ""


@dataclass(frozen=True)
class Receipt:
    """One verified entry of the event log."""

    jti: str
    kind: str
    """``create``, ``submit``, ``notify``, ``forward``, ``accept``, ``reject`` or ``delete``."""
    issued_at: datetime
    token: str
    """The signed token itself: evidence that outlives the exchange's own log (730 days)."""
    tags: Tags | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Token:
    """What a token says, once its form is right. Its signature is checked apart."""

    kid: str
    signer: Signer
    jti: str
    issued_at: datetime
    event: str
    """``accept-submission`` and so on."""
    tags: Tags | None
    problems: tuple[Problem, ...]


def read(header: Mapping[str, Any], claims: Mapping[str, Any], expected: Expected) -> Token:
    """Check header and claims.

    Raises:
        Unverifiable: naming the first check that failed.
    """
    kid = _check_header(header)
    jti = _uuid(claims, "jti")
    issued_at = _check_claims(claims, expected)
    event, body = _one_event(claims)
    signer = _check_signer(claims, event, expected)
    tagged = event in ("submit-submission", "accept-submission")
    return Token(
        kid=kid,
        signer=signer,
        jti=jti,
        issued_at=issued_at,
        event=event,
        tags=_tags(body) if tagged else None,
        problems=_problems(body) if event == "reject-submission" else (),
    )


def strange(receipts: Sequence[Receipt], tags: Tags | None) -> list[str]:
    """Return why receipts don't count that speak of other ciphertexts than those with these tags."""
    return [
        f"{receipt.kind} {receipt.jti}: other authentication tags than sent"
        for receipt in receipts
        if receipt.kind in ("submit", "accept") and receipt.tags != tags
    ]


def was_taken(receipts: Sequence[Receipt], doubts: Sequence[str], tags: Tags) -> bool:
    """Whether the exchange has signed that it took exactly the ciphertexts with these tags.

    Raises:
        Refused: it may have, for not everything in its log counts; to send again would be a guess.
    """
    if any(receipt.kind == "submit" and receipt.tags == tags for receipt in receipts):
        return True
    doubts = [*doubts, *strange(receipts, tags)]
    if doubts:
        raise Refused(f"the event log does not tell whether the submission was sent: {doubts[0]}")
    return False


def poll_pause(sent_at: datetime, every: timedelta, now: datetime) -> timedelta:
    """Return the pause before the log is read again: a tenth of the time that has passed, within limits."""
    return max(every, min((now - sent_at) / 10, LONGEST_POLL))


def _check_header(header: Mapping[str, Any]) -> str:
    if header.get("typ") != "secevent+jwt":
        raise Unverifiable("typ is not secevent+jwt")
    if header.get("alg") != "PS512":
        raise Unverifiable("alg is not PS512")
    if "crit" in header:
        raise Unverifiable("crit asks for an extension that nobody knows")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise Unverifiable("kid is missing")
    return kid


def _check_claims(claims: Mapping[str, Any], expected: Expected) -> datetime:
    schema = claims.get("$schema")
    if not isinstance(schema, str) or not _SCHEMA.fullmatch(schema):
        raise Unverifiable("$schema is not a known set-payload schema")
    if claims.get("sub") != f"submission:{expected.submission_id}":
        raise Unverifiable("sub names another submission")
    if claims.get("txn") != f"case:{expected.case_id}":
        raise Unverifiable("txn names another case")
    issued_at = claims.get("iat")
    if not isinstance(issued_at, int) or isinstance(issued_at, bool) or issued_at < _EARLIEST:
        raise Unverifiable("iat is not a moment after 2020")
    try:
        return datetime.fromtimestamp(issued_at, UTC)
    except (OverflowError, ValueError, OSError):
        raise Unverifiable("iat is not a moment after 2020") from None


def _one_event(claims: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    events = claims.get("events")
    if not isinstance(events, dict) or len(events) != 1:
        raise Unverifiable("events does not hold exactly one event")
    uri, body = next(iter(events.items()))
    event = uri.removeprefix(EVENTS)
    if event not in _SIGNERS or event == uri:
        raise Unverifiable("the event is unknown")
    if not isinstance(body, dict):
        raise Unverifiable("the event's payload is not an object")
    return event, body


def _check_signer(claims: Mapping[str, Any], event: str, expected: Expected) -> Signer:
    issuer = claims.get("iss")
    if not isinstance(issuer, str):
        raise Unverifiable("iss is missing")
    signer: Signer
    if issuer.startswith(("https://", "http://")):
        signer = "exchange"
    elif issuer == expected.destination_id:
        signer = "authority"
    else:
        raise Unverifiable("iss is neither the exchange nor the addressed destination")
    if signer not in _SIGNERS[event]:
        raise Unverifiable(f"{event} must not be signed by the {signer}")
    return signer


def _tags(body: Mapping[str, Any]) -> Tags:
    tags = body.get("authenticationTags")
    if not isinstance(tags, dict):
        raise Unverifiable("authenticationTags are missing")
    attachments = tags.get("attachments", {})
    if not isinstance(attachments, dict) or not all(isinstance(tag, str) for tag in attachments.values()):
        raise Unverifiable("authenticationTags of attachments are not texts")
    metadata, data = tags.get("metadata"), tags.get("data")
    if not isinstance(metadata, str) or not isinstance(data, str):
        raise Unverifiable("authenticationTags are not texts")
    return Tags(metadata, data, frozenset(attachments.items()))


def _problems(body: Mapping[str, Any]) -> tuple[Problem, ...]:
    problems = body.get("problems")
    if not isinstance(problems, list) or not problems or not all(isinstance(problem, dict) for problem in problems):
        raise Unverifiable("a rejection names no problems")
    return tuple(_problem(problem) for problem in problems[:_MOST_PROBLEMS])


def _problem(problem: Mapping[str, Any]) -> Problem:
    type_, title = problem.get("type"), problem.get("title")
    if not isinstance(type_, str) or not isinstance(title, str):
        raise Unverifiable("a problem has no type or no title")
    detail, instance = problem.get("detail", ""), problem.get("instance", "")
    return Problem(*(str(text)[:_LONGEST_TEXT] for text in (type_, title, detail, instance)))


def _uuid(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    try:
        return str(UUID(value if isinstance(value, str) else ""))
    except ValueError:
        raise Unverifiable(f"{name} is not a UUID") from None
