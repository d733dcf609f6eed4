"""Security event tokens (RFC 8417) of the event log: fact → signed token, and token → checked claims."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from sandbox.exchange import domain
from sandbox.keys import RsaPair

SCHEMA = "https://schema.fitko.de/fit-connect/set-payload/1.2.2/set-payload.schema.json"
EVENTS = "https://schema.fitko.de/fit-connect/events/"
EARLIEST = 1577833200
"""Seconds since 1970: no token is older than FIT-Connect (set-payload, ``iat``)."""

CLAIMS = frozenset({"$schema", "jti", "iss", "iat", "sub", "txn", "events"})

PublicKey = Callable[[str, str], Mapping[str, Any] | None]
"""(issuer, kid) → the JWK, or None when that issuer has no such key."""


class TokenInvalid(Exception):
    """The token cannot be trusted; the message says why."""


@dataclass(frozen=True)
class About:
    """What an event speaks of."""

    submission_id: str
    case_id: str


@dataclass(frozen=True)
class Event:
    """A token that has been checked."""

    name: str
    """Last part of the event's URI, e.g. ``accept-submission``."""
    jti: str
    issuer: str
    issued_at: int
    submission_id: str
    case_id: str
    payload: Mapping[str, Any]


def name_of(fact: domain.Fact) -> tuple[str, dict[str, Any]]:
    """Event name and payload of what the delivery service states."""
    match fact:
        case domain.Created():
            return "create-submission", {}
        case domain.Submitted(tags):
            return "submit-submission", {"authenticationTags": tags_payload(tags)}
        case domain.Notified():
            return "notify-submission", {}
        case domain.Rejected(reasons):
            return "reject-submission", {"problems": [asdict(reason) for reason in reasons]}
        case domain.Deleted():
            return "delete-submission", {}


def tags_payload(tags: domain.Tags) -> dict[str, Any]:
    """The tags as they stand in submit and accept events."""
    return {"metadata": tags.metadata, "data": tags.data, "attachments": dict(tags.attachments)}


def tags_from(payload: Mapping[str, Any]) -> domain.Tags:
    """The tags of a submit or accept event; TokenInvalid when they are absent or malformed."""
    given = payload.get("authenticationTags")
    if not isinstance(given, dict):
        raise TokenInvalid("authenticationTags are missing")
    attachments = given.get("attachments", {})
    plain = [given.get("metadata"), given.get("data")]
    if not isinstance(attachments, dict) or not all(isinstance(tag, str) for tag in [*plain, *attachments.values()]):
        raise TokenInvalid("authenticationTags are malformed")
    return domain.Tags(given["metadata"], given["data"], attachments)


def sign(
    pair: RsaPair,
    issuer: str,
    about: About,
    name: str,
    payload: Mapping[str, Any],
    now: datetime,
) -> tuple[str, str]:
    """Return (jti, compact JWS) of one event, signed with PS512."""
    jti = str(uuid.uuid4())
    claims = {
        "$schema": SCHEMA,
        "jti": jti,
        "iss": issuer,
        "iat": int(now.timestamp()),
        "sub": f"submission:{about.submission_id}",
        "txn": f"case:{about.case_id}",
        "events": {EVENTS + name: dict(payload)},
    }
    header = {"typ": "secevent+jwt", "alg": "PS512", "kid": pair.kid}
    text = json.dumps(claims, separators=(",", ":"))
    return jti, jws.serialize_compact(header, text, pair.private, algorithms=["PS512"])


def verify(token: str, public_key: PublicKey) -> Event:
    """Check header, signature and claims of a token (FIT-Connect: event log, SET validation).

    Raises TokenInvalid. Whether the event fits the case is for the caller to say.
    """
    try:
        found = jws.extract_compact(token.encode("ascii"))
        header, claims = found.headers(), json.loads(found.payload)
    except (ValueError, JoseError) as error:
        raise TokenInvalid("not a compact JWS with a JSON payload") from error
    _check_header(header)
    if not isinstance(claims, dict) or set(claims) != CLAIMS:
        raise TokenInvalid(f"claims must be exactly {', '.join(sorted(CLAIMS))}")
    _check_claims(claims)
    key = public_key(claims["iss"], header["kid"])
    if key is None or key.get("key_ops") != ["verify"] or key.get("alg") != "PS512":
        raise TokenInvalid(f"{claims['iss']} has no signing key {header['kid']}")
    try:
        jws.deserialize_compact(token, RSAKey.import_key(dict(key)), algorithms=["PS512"])
    except (ValueError, JoseError) as error:
        raise TokenInvalid("the signature is wrong") from error
    ((uri, payload),) = claims["events"].items()
    return Event(
        name=uri.removeprefix(EVENTS),
        jti=claims["jti"],
        issuer=claims["iss"],
        issued_at=claims["iat"],
        submission_id=claims["sub"].removeprefix("submission:"),
        case_id=claims["txn"].removeprefix("case:"),
        payload=payload,
    )


def _check_header(header: Mapping[str, Any]) -> None:
    if header.get("typ") != "secevent+jwt":
        raise TokenInvalid("typ must be secevent+jwt")
    if header.get("alg") != "PS512":
        raise TokenInvalid("alg must be PS512")
    if not isinstance(header.get("kid"), str):
        raise TokenInvalid("kid is missing")


_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SHAPES = {"jti": _UUID, "iss": rf"https?://.+|{_UUID}", "sub": rf"submission:{_UUID}", "txn": rf"case:{_UUID}"}


def _check_claims(claims: Mapping[str, Any]) -> None:
    if claims["$schema"] != SCHEMA:
        raise TokenInvalid(f"Payload Schema not supported: {claims['$schema']}, expected {SCHEMA}")
    for name, shape in _SHAPES.items():
        if not isinstance(claims[name], str) or not re.fullmatch(shape, claims[name]):
            raise TokenInvalid(f"{name} is malformed")
    if type(claims["iat"]) is not int or claims["iat"] < EARLIEST:
        raise TokenInvalid(f"iat must be seconds since 1970, not before {EARLIEST}")
    events = claims["events"]
    if not isinstance(events, dict) or len(events) != 1:
        raise TokenInvalid("events must hold exactly one event")
    ((uri, payload),) = events.items()
    if not uri.startswith(EVENTS) or not isinstance(payload, dict):
        raise TokenInvalid(f"unknown event {uri}")
