"""Forged and broken entries of an event log: none of them may count."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey
from pydantic import SecretStr

from osi_gateway.exchange.client import Addresses, Exchange, open_http
from osi_gateway.letters.domain import Tags
from osi_gateway.receipts.domain import EVENTS, Expected, Problem
from osi_gateway.receipts.reader import Log, LogReader

DESTINATION = "7d1f0a52-3c64-4f0e-9b55-0f6a2c9d4e01"
OTHER = "b3a8c1d4-52e7-4c19-8f3e-6d20e7a95f02"
EXPECTED = Expected("0b6f9d9e-2a52-4b4e-8f3a-1d1a6a1f0c11", "5f0c4b2e-6a0e-4a52-9a42-0d6b0a4f7a10", DESTINATION)
EXCHANGE = "http://state.test/submission-api"
TAGS = {"metadata": "tag-m", "data": "tag-d", "attachments": {"a-1": "tag-1"}}

Change = Callable[[dict[str, Any], dict[str, Any]], None]


@dataclass(frozen=True)
class Keys:
    exchange: RSAKey
    authority: RSAKey
    stranger: RSAKey
    short: RSAKey


@pytest.fixture(scope="session")
def keys() -> Keys:
    exchange, authority, stranger = (RSAKey.generate_key(4096) for _ in range(3))
    return Keys(exchange, authority, stranger, RSAKey.generate_key(2048))


def public(key: RSAKey, kid: str) -> dict[str, Any]:
    numbers = {name: key.as_dict(private=False)[name] for name in ("n", "e")}
    return {"kty": "RSA", "alg": "PS512", "key_ops": ["verify"], "kid": kid, **numbers}


def sign(key: RSAKey | OctKey, header: dict[str, Any], claims: Any) -> str:
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact(header, payload, key, registry=registry)


def accept() -> tuple[dict[str, Any], dict[str, Any]]:
    header = {"typ": "secevent+jwt", "alg": "PS512", "kid": "authority-kid"}
    claims = {
        "$schema": "https://schema.fitko.de/fit-connect/set-payload/1.2.2/set-payload.schema.json",
        "jti": "11111111-2222-4333-8444-555555555555",
        "iss": DESTINATION,
        "iat": 1_795_510_000,
        "sub": f"submission:{EXPECTED.submission_id}",
        "txn": f"case:{EXPECTED.case_id}",
        "events": {f"{EVENTS}accept-submission": {"authenticationTags": TAGS}},
    }
    return header, claims


@pytest.fixture
def read_log(keys: Keys) -> Callable[..., Any]:
    """Reads a log that the exchange shows, with the keys that it shows."""

    async def read(*tokens: str, authority_key: dict[str, Any] | None = None) -> Log:
        shown = {
            f"/submission-api/v2/destinations/{DESTINATION}/keys/authority-kid": authority_key
            or public(keys.authority, "authority-kid"),
            f"/submission-api/v2/destinations/{OTHER}/keys/authority-kid": public(keys.stranger, "authority-kid"),
            "/submission-api/.well-known/jwks.json": {"keys": [public(keys.exchange, "exchange-kid")]},
            f"/submission-api/v2/cases/{EXPECTED.case_id}/events": {
                "offset": 0,
                "count": len(tokens),
                "totalCount": len(tokens),
                "eventLog": list(tokens),
            },
            "/token": {"access_token": "t", "expires_in": 1800},
        }

        def answer(request: httpx.Request) -> httpx.Response:
            body = shown.get(request.url.path)
            return (
                httpx.Response(404, json={"type": "x", "title": "x"})
                if body is None
                else httpx.Response(200, json=body)
            )

        addresses = Addresses(
            "http://state.test/token", EXCHANGE, "http://state.test/routing", "http://state.test/jwks"
        )
        async with open_http("https://rathaus.example.org", httpx.MockTransport(answer)) as http:
            return await LogReader(Exchange(http, addresses, "id", SecretStr("s"))).read(EXPECTED, frozenset())

    return read


async def test_a_right_token_counts(keys: Keys, read_log: Callable[..., Any]) -> None:
    log = await read_log(sign(keys.authority, *accept()))
    assert log.doubts == ()
    (receipt,) = log.receipts
    assert (receipt.kind, receipt.jti) == ("accept", "11111111-2222-4333-8444-555555555555")
    assert receipt.tags == Tags("tag-m", "tag-d", frozenset({("a-1", "tag-1")}))


async def test_a_rejection_by_either_side_counts(keys: Keys, read_log: Callable[..., Any]) -> None:
    problem = {"type": "urn:p", "title": "Schema violation", "detail": "…", "instance": "data", "more": 1}
    header, claims = accept()
    claims["events"] = {f"{EVENTS}reject-submission": {"problems": [problem]}}
    by_authority = sign(keys.authority, header, claims)
    by_exchange = sign(
        keys.exchange,
        {**header, "kid": "exchange-kid"},
        {**claims, "iss": EXCHANGE, "jti": "11111111-2222-4333-8444-666666666666"},
    )
    log = await read_log(by_authority, by_exchange)
    assert [one.problems for one in log.receipts] == [(Problem("urn:p", "Schema violation", "…", "data"),)] * 2


def _set(part: int, name: str, value: Any) -> Change:
    def change(header: dict[str, Any], claims: dict[str, Any]) -> None:
        (header, claims)[part][name] = value

    return change


def _drop(part: int, name: str) -> Change:
    def change(header: dict[str, Any], claims: dict[str, Any]) -> None:
        del (header, claims)[part][name]

    return change


def _event(name: str, body: Any) -> Change:
    return _set(1, "events", {name: body})


ACCEPT = f"{EVENTS}accept-submission"
REJECT = f"{EVENTS}reject-submission"
WRONG: dict[str, Change] = {
    "typ JWT": _set(0, "typ", "JWT"),
    "no typ": _drop(0, "typ"),
    "no kid": _drop(0, "kid"),
    "empty kid": _set(0, "kid", ""),
    "unknown kid": _set(0, "kid", "another-kid"),
    "kid that leads elsewhere": _set(0, "kid", f"../../{OTHER}/keys/authority-kid"),
    "kid of the exchange": _set(0, "kid", "exchange-kid"),
    **{f"no {name}": _drop(1, name) for name in ("$schema", "jti", "iss", "iat", "sub", "txn", "events")},
    "schema 2.0.0": _set(1, "$schema", "https://schema.fitko.de/fit-connect/set-payload/2.0.0/set-payload.schema.json"),
    "schema of a stranger": _set(1, "$schema", "https://example.org/set-payload/1.2.2/set-payload.schema.json"),
    "jti no UUID": _set(1, "jti", "1"),
    "jti a number": _set(1, "jti", 1),
    "iat too early": _set(1, "iat", 1_577_833_199),
    "iat a text": _set(1, "iat", "1795510000"),
    "iat true": _set(1, "iat", True),
    "iat beyond time": _set(1, "iat", 10**18),
    "another submission": _set(1, "sub", f"submission:{OTHER}"),
    "a reply": _set(1, "sub", f"reply:{EXPECTED.submission_id}"),
    "another case": _set(1, "txn", f"case:{OTHER}"),
    "another destination": _set(1, "iss", OTHER),
    "the exchange accepts": _set(1, "iss", EXCHANGE),
    "iss a list": _set(1, "iss", [DESTINATION]),
    "two events": _set(1, "events", {ACCEPT: {"authenticationTags": TAGS}, REJECT: {"problems": []}}),
    "no event": _set(1, "events", {}),
    "events a list": _set(1, "events", [ACCEPT]),
    "unknown event": _event(f"{EVENTS}approve-submission", {"authenticationTags": TAGS}),
    "event of another scheme": _event("https://example.org/accept-submission", {"authenticationTags": TAGS}),
    "event without its prefix": _event("accept-submission", {"authenticationTags": TAGS}),
    "payload a text": _event(ACCEPT, "yes"),
    "no tags": _event(ACCEPT, {}),
    "tags a list": _event(ACCEPT, {"authenticationTags": []}),
    "no tag of the data": _event(ACCEPT, {"authenticationTags": {"metadata": "tag-m"}}),
    "a tag a number": _event(ACCEPT, {"authenticationTags": {**TAGS, "attachments": {"a-1": 1}}}),
    "attachments a list": _event(ACCEPT, {"authenticationTags": {**TAGS, "attachments": ["tag-1"]}}),
    "rejection without problems": _event(REJECT, {"problems": []}),
    "rejection with a text": _event(REJECT, {"problems": ["no"]}),
    "problem without a title": _event(REJECT, {"problems": [{"type": "urn:p"}]}),
    "the authority submits": _event(f"{EVENTS}submit-submission", {"authenticationTags": TAGS}),
    "the authority deletes": _event(f"{EVENTS}delete-submission", {}),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
@pytest.mark.proves("GW-06")
async def test_a_token_that_breaks_one_rule_does_not_count(
    keys: Keys, read_log: Callable[..., Any], change: Change
) -> None:
    header, claims = accept()
    change(header, claims)
    log = await read_log(sign(keys.authority, header, claims), sign(keys.authority, *accept()))
    assert len(log.doubts) == 1
    assert [one.kind for one in log.receipts] == ["accept"]


@pytest.mark.parametrize("other", ["stranger", "exchange"])
@pytest.mark.proves("GW-06")
async def test_a_signature_by_another_key_does_not_count(keys: Keys, read_log: Callable[..., Any], other: str) -> None:
    log = await read_log(sign(getattr(keys, other), *accept()))
    assert (log.receipts, len(log.doubts)) == ((), 1)


@pytest.mark.parametrize("alg", ["RS512", "PS256", "HS512", "none"])
@pytest.mark.proves("GW-06")
async def test_another_algorithm_does_not_count(keys: Keys, read_log: Callable[..., Any], alg: str) -> None:
    header, claims = accept()
    header["alg"] = alg
    if alg == "none":
        parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
        token = ".".join([*parts, ""])
    elif alg == "HS512":
        token = sign(OctKey.import_key(public(keys.authority, "authority-kid")["n"]), header, claims)
    else:
        token = sign(keys.authority, header, claims)
    log = await read_log(token)
    assert (log.receipts, len(log.doubts)) == ((), 1)


@pytest.mark.parametrize(
    "changes",
    [{"key_ops": ["wrapKey"]}, {"alg": "RS512"}, {"kid": "other"}, {"kty": "EC"}, {"key_ops": "verify"}, {"n": "AQAB"}],
)
async def test_a_key_that_is_not_for_signatures_verifies_nothing(
    keys: Keys, read_log: Callable[..., Any], changes: dict[str, Any]
) -> None:
    key = public(keys.authority, "authority-kid") | changes
    log = await read_log(sign(keys.authority, *accept()), authority_key=key)
    assert (log.receipts, len(log.doubts)) == ((), 1)


async def test_a_short_key_verifies_nothing(keys: Keys, read_log: Callable[..., Any]) -> None:
    log = await read_log(sign(keys.short, *accept()), authority_key=public(keys.short, "authority-kid"))
    assert log.receipts == ()
    assert "2048 bits" in log.doubts[0]


@pytest.mark.parametrize("broken", ["", "abc", "a.b.c", "é.é.é", "..", "{}"])
async def test_what_is_no_token_does_not_hide_the_others(keys: Keys, read_log: Callable[..., Any], broken: str) -> None:
    right = sign(keys.authority, *accept())
    no_object = sign(keys.authority, accept()[0], b"[1]")
    head, _, signature = right.split(".")
    cut = f"{head}.{signature}"
    log = await read_log(broken, no_object, cut, right[:-8] + "AAAAAAAA", right)
    assert (len(log.receipts), len(log.doubts)) == (1, 4)
