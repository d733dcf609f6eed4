"""The client of the exchange against answers that the sandbox does not give."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from chassis.errors import Transient
from osi_gateway.exchange.client import Addresses, Exchange, open_http
from osi_gateway.exchange.domain import Refused, check_destination, check_encryption_key, check_route, covers

ARS = "150900546546"
LEIKA = "99068007040000"
SERVICE = f"urn:de:fim:leika:leistung:{LEIKA}"
REGION = f"urn:de:bund:destatis:bevoelkerungsstatistik:schluessel:rs:{ARS}"
DESTINATION = "7d1f0a52-3c64-4f0e-9b55-0f6a2c9d4e01"
HOST = "https://exchange.test"

Answer = Callable[[httpx.Request], httpx.Response]


class Peer:
    """Answers as the test says and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answers: dict[str, Answer] = {}
        self.give("/token", lambda request: httpx.Response(200, json={"access_token": "t1", "expires_in": 1800}))

    def give(self, path: str, answer: Answer) -> None:
        self.answers[path] = answer

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers[request.url.path](request)


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
async def exchange(peer: Peer) -> AsyncIterator[Exchange]:
    addresses = Addresses(f"{HOST}/token", f"{HOST}/submission-api", f"{HOST}/routing", f"{HOST}/jwks")
    async with open_http("https://rathaus.example.org", httpx.MockTransport(peer.handle)) as http:
        yield Exchange(http, addresses, "rathaus", SecretStr("very-secret"))


CREATE = "/submission-api/v2/submissions"


async def create(exchange: Exchange) -> Any:
    return await exchange.create(DESTINATION, LEIKA, "youth-medical-exam", ARS, ["a-1"])


async def test_the_token_is_fetched_once_with_id_and_secret_in_the_form(exchange: Exchange, peer: Peer) -> None:
    peer.give(CREATE, lambda request: httpx.Response(201, json={"submissionId": "s", "caseId": "c"}))
    await create(exchange)
    await create(exchange)
    token, first, second = peer.asked
    assert token.content == b"grant_type=client_credentials&client_id=rathaus&client_secret=very-secret"
    assert "authorization" not in token.headers
    assert {call.headers["authorization"] for call in (first, second)} == {"Bearer t1"}
    assert {call.headers["user-agent"] for call in peer.asked} == {
        "DigitalesRathaus-osi-gateway/0.1.0 (+https://rathaus.example.org)"
    }
    assert json.loads(first.content) == {
        "destinationId": DESTINATION,
        "announcedAttachments": ["a-1"],
        "publicService": {"identifier": SERVICE, "name": "youth-medical-exam"},
        "region": f"DE{ARS}",
    }


async def test_a_token_that_is_refused_is_fetched_anew_once(exchange: Exchange, peer: Peer) -> None:
    peer.give(CREATE, lambda request: httpx.Response(401))
    with pytest.raises(Transient, match="does not accept our token"):
        await create(exchange)
    assert [request.url.path for request in peer.asked] == ["/token", CREATE, "/token", CREATE]


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_refused_credentials_are_tried_again_later_and_not_shown(
    exchange: Exchange, peer: Peer, status: int
) -> None:
    peer.give("/token", lambda request: httpx.Response(status, json={"error": "invalid_client"}))
    with pytest.raises(Transient) as refused:
        await create(exchange)
    assert refused.value.retry_after == 60
    assert "very-secret" not in str(refused.value)


def http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({}, 0, 0),
        ({"RateLimit-Reset": "17"}, 17, 17),
        ({"RateLimit-Reset": "<moment>"}, 40, 100),
        ({"Retry-After": "5"}, 5, 5),
        ({"Retry-After": "<date>"}, 100, 200),
        ({"Retry-After": http_date(-200)}, 0, 0),
        ({"Retry-After": "99999"}, 300, 300),
        ({"Retry-After": "soon"}, 0, 0),
        ({"Retry-After": "-5"}, 0, 0),
    ],
)
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_passing_refusals_say_when_to_come_again(
    exchange: Exchange, peer: Peer, status: int, headers: dict[str, str], least: float, most: float
) -> None:
    # Written now: the whole suite may have run for minutes since the parameters were made.
    now = {"<moment>": str(int(datetime.now(UTC).timestamp()) + 100), "<date>": http_date(200)}
    sent = {name: now.get(value, value) for name, value in headers.items()}
    peer.give(CREATE, lambda request: httpx.Response(status, headers=sent))
    with pytest.raises(Transient) as refused:
        await create(exchange)
    assert least <= refused.value.retry_after <= most


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 422])
async def test_other_refusals_are_final_and_quote_no_detail(exchange: Exchange, peer: Peer, status: int) -> None:
    problem = {"type": "urn:p", "title": "Not so", "status": status, "detail": "Mia Beispiel", "more": {}}
    peer.give(CREATE, lambda request: httpx.Response(status, json=problem))
    with pytest.raises(Refused) as refused:
        await create(exchange)
    assert (refused.value.status, refused.value.type) == (status, "urn:p")
    assert "Mia" not in str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>welcome</html>"),
        httpx.Response(201, text="<html>welcome</html>"),
        httpx.Response(201, json=["s"]),
        httpx.Response(201, json={"submissionId": "s"}),
        httpx.Response(201, json={"submissionId": 1, "caseId": "c"}),
        httpx.Response(302, headers={"Location": "https://elsewhere.test/"}),
    ],
)
async def test_an_answer_that_is_not_the_exchanges_is_no_answer(
    exchange: Exchange, peer: Peer, answer: httpx.Response
) -> None:
    peer.give(CREATE, lambda request: answer)
    with pytest.raises(Transient):
        await create(exchange)


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
async def test_no_connection_is_passing(exchange: Exchange, peer: Peer, error: Exception) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    peer.give(CREATE, fail)
    with pytest.raises(Transient, match=type(error).__name__):
        await create(exchange)


async def test_a_log_of_several_pages_is_read_whole(exchange: Exchange, peer: Peer) -> None:
    tokens = [f"token-{number}" for number in range(1_203)]

    def page(request: httpx.Request) -> httpx.Response:
        offset, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        assert limit <= 500
        found = tokens[offset : offset + limit]
        body = {"offset": offset, "count": len(found), "totalCount": len(tokens), "eventLog": found}
        return httpx.Response(200, json=body)

    peer.give("/submission-api/v2/cases/c/events", page)
    assert await exchange.events("c") == tokens


@pytest.fixture(scope="session")
def portal() -> RSAKey:
    return RSAKey.generate_key(4096)


def route_claims() -> dict[str, Any]:
    return {
        "submissionHost": "exchange.test",
        "iss": "https://portal.test",
        "services": [{"gebietIDs": [REGION], "leistungIDs": [SERVICE]}],
        "destinationId": DESTINATION,
        "iat": 1_795_510_000,
        "jti": "1",
    }


def give_route(peer: Peer, portal: RSAKey, signature: str, count: int = 1) -> None:
    numbers = {name: portal.as_dict(private=False)[name] for name in ("n", "e")}
    jwk = {"kty": "RSA", "alg": "PS512", "key_ops": ["verify"], "kid": "portal", **numbers}
    route = {"destinationId": DESTINATION, "destinationSignature": signature}
    body = {"count": count, "offset": 0, "totalCount": count, "routes": [route] * count}
    peer.give("/routing/v2/routes", lambda request: httpx.Response(200, json=body))
    peer.give("/jwks", lambda request: httpx.Response(200, json={"keys": [jwk]}))


def signed(key: RSAKey, claims: Any, **header: Any) -> str:
    full = {"alg": "PS512", "kid": "portal", **header}
    return jws.serialize_compact(full, json.dumps(claims), key, algorithms=[str(full["alg"])])


async def test_a_signed_route_is_followed(exchange: Exchange, peer: Peer, portal: RSAKey) -> None:
    give_route(peer, portal, signed(portal, route_claims()))
    assert await exchange.find_destination(LEIKA, ARS) == DESTINATION
    assert dict(peer.asked[0].url.params) == {"leikaKey": LEIKA, "ars": ARS}
    assert "authorization" not in peer.asked[0].headers


async def test_no_route_is_an_outcome_and_two_are_a_question(exchange: Exchange, peer: Peer, portal: RSAKey) -> None:
    give_route(peer, portal, "x", count=0)
    assert await exchange.find_destination(LEIKA, ARS) is None
    give_route(peer, portal, signed(portal, route_claims()), count=2)
    with pytest.raises(Refused, match="2 destinations"):
        await exchange.find_destination(LEIKA, ARS)


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another destination": {"destinationId": "b3a8c1d4-52e7-4c19-8f3e-6d20e7a95f02"},
    "another service": {"services": [{"gebietIDs": [REGION], "leistungIDs": [SERVICE[:-1] + "1"]}]},
    "another region": {"services": [{"gebietIDs": [REGION[:-1] + "7"], "leistungIDs": [SERVICE]}]},
    "service and region apart": {
        "services": [{"gebietIDs": [REGION], "leistungIDs": []}, {"gebietIDs": [], "leistungIDs": [SERVICE]}]
    },
    "no services": {"services": None},
    "another exchange": {"submissionHost": "elsewhere.test"},
    "no exchange": {"submissionHost": None},
}


@pytest.mark.parametrize("changes", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS.keys())
async def test_a_route_that_is_signed_for_something_else_is_not_followed(
    exchange: Exchange, peer: Peer, portal: RSAKey, changes: dict[str, Any]
) -> None:
    give_route(peer, portal, signed(portal, route_claims() | changes))
    with pytest.raises(Refused):
        await exchange.find_destination(LEIKA, ARS)


@pytest.mark.parametrize("header", [{"alg": "RS512"}, {"kid": "other"}, {"alg": "PS256"}])
async def test_a_route_that_is_signed_otherwise_is_not_followed(
    exchange: Exchange, peer: Peer, portal: RSAKey, header: dict[str, Any]
) -> None:
    give_route(peer, portal, signed(portal, route_claims(), **header))
    with pytest.raises(Refused):
        await exchange.find_destination(LEIKA, ARS)


async def test_a_route_with_a_broken_signature_is_not_followed(exchange: Exchange, peer: Peer, portal: RSAKey) -> None:
    token = signed(portal, route_claims())
    for forged in (token[:-8] + "AAAAAAAA", signed(RSAKey.generate_key(2048), route_claims()), "a.b.c", "x"):
        give_route(peer, portal, forged)
        with pytest.raises(Refused):
            await exchange.find_destination(LEIKA, ARS)


@pytest.mark.parametrize(
    ("area", "covered"),
    [
        (ARS, True),
        ("15", True),
        ("15090", True),
        ("150900546", True),
        ("150900000000", True),
        ("150000000000", True),
        ("000000000000", True),
        ("", False),
        ("1", False),
        ("1509", False),
        ("150900546547", False),
        ("15091", False),
        ("150910000000", False),
        ("160000000000", False),
        ("1509005465460", False),
        ("DE15", False),
        ("urn:15", False),
    ],
)
def test_areas_cover_what_begins_with_them(area: str, covered: bool) -> None:
    assert covers(area, ARS) is covered


def destination(**changes: Any) -> dict[str, Any]:
    schemas = [
        {"schemaUri": "urn:x", "mimeType": "application/json"},
        {"schemaUri": "urn:y", "mimeType": "application/xml"},
    ]
    return {
        "destinationId": DESTINATION,
        "status": "active",
        "encryptionKid": "kid-12345",
        "publicServices": [{"identifier": SERVICE, "submissionSchemas": schemas, "regions": ["DE15"]}],
        "metadataVersions": ["2.0.0", "2.1.0"],
        "replyChannels": {"eMail": {}},
        **changes,
    }


def test_a_destination_that_takes_the_service() -> None:
    offer = check_destination(destination(), DESTINATION, LEIKA, ARS)
    assert (offer.encryption_kid, offer.schema_uris, offer.mail_replies) == ("kid-12345", ("urn:x",), True)
    silent = check_destination(destination(replyChannels=None), DESTINATION, LEIKA, ARS)
    assert silent.mail_replies is False


@pytest.mark.parametrize(
    "changes",
    [
        {"destinationId": "b3a8c1d4-52e7-4c19-8f3e-6d20e7a95f02"},
        {"status": "inactive"},
        {"status": None},
        {"encryptionKid": None},
        {"metadataVersions": ["1.0.0"]},
        {"publicServices": []},
        {"publicServices": [{"identifier": SERVICE, "regions": ["DE16"]}]},
        {"publicServices": [{"identifier": "urn:other", "regions": ["DE15"]}]},
    ],
)
def test_a_destination_that_does_not_take_it(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        check_destination(destination(**changes), DESTINATION, LEIKA, ARS)


def encryption_key(key: RSAKey, **changes: Any) -> dict[str, Any]:
    numbers = {name: key.as_dict(private=False)[name] for name in ("n", "e")}
    return {"kty": "RSA", "alg": "RSA-OAEP-256", "key_ops": ["wrapKey"], "kid": "kid-12345", **numbers, **changes}


def test_a_key_that_content_may_be_encrypted_to(portal: RSAKey) -> None:
    assert set(check_encryption_key(encryption_key(portal, x5c=["…"]), "kid-12345")) == {
        *("kty", "alg", "kid", "n", "e", "key_ops")
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "EC"},
        {"alg": "RSA-OAEP"},
        {"e": "Aw"},
        {"kid": "other"},
        {"key_ops": ["verify"]},
        {"key_ops": ["wrapKey", "verify"]},
        {"key_ops": None},
        {"n": None},
        {"n": "A" * 700},
        {"n": "é"},
    ],
)
def test_a_key_that_it_must_not_be_encrypted_to(portal: RSAKey, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        check_encryption_key(encryption_key(portal, **changes), "kid-12345")


def test_a_short_key_is_named_with_its_length() -> None:
    with pytest.raises(Refused, match="2048 bits; the least is 4096"):
        check_encryption_key(encryption_key(RSAKey.generate_key(2048)), "kid-12345")


def test_the_exchange_may_be_named_with_or_without_a_scheme() -> None:
    for host in ("exchange.test", "https://exchange.test", "HTTPS://EXCHANGE.TEST/submission-api"):
        check_route(route_claims() | {"submissionHost": host}, DESTINATION, LEIKA, ARS, f"{HOST}/submission-api")
