"""Security event tokens: what the delivery service takes from a receiver, and what it refuses."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from joserfc import jws

from chassis.testing import FixedClock
from sandbox.app import RECEIVER
from sandbox.exchange import events
from sandbox.exchange.destinations import MUSTERLAND, TANGERHUETTE
from sandbox.exchange.events import TokenInvalid, verify
from sandbox.keys import Keyring, RsaPair
from sandbox.settings import Settings
from sandbox.testing import PUBLIC_URL, Draft, Sender

BASE = "/submission-api/v2"


def claims_of(draft: Draft, event: str = "accept-submission", payload: Any = None, iat: int = 0) -> dict[str, Any]:
    return {
        "$schema": events.SCHEMA,
        "jti": str(uuid.uuid4()),
        "iss": TANGERHUETTE.id,
        "iat": iat,
        "sub": f"submission:{draft.submission_id}",
        "txn": f"case:{draft.case_id}",
        "events": {events.EVENTS + event: {"authenticationTags": draft.tags} if payload is None else payload},
    }


def signed(pair: RsaPair, claims: dict[str, Any], **header: Any) -> str:
    protected = {"typ": "secevent+jwt", "alg": "PS512", "kid": pair.kid, **header}
    protected = {name: value for name, value in protected.items() if value is not None}
    return jws.serialize_compact(protected, json.dumps(claims), pair.private, algorithms=["PS512", "RS512", "PS256"])


@pytest.fixture
async def receiver(http: httpx.AsyncClient, settings: Settings) -> Callable[[str, str], Any]:
    """The right to post events; the sandbox's own authority stays silent."""
    (await http.post("/admin/authority", json={"mode": "silent", "times": None})).raise_for_status()
    form = {"grant_type": "client_credentials", "client_id": RECEIVER, "client_secret": settings.receiver_secret}
    token = (await http.post("/token", data=form)).raise_for_status().json()["access_token"]

    async def post(case_id: str, event: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/jose"}
        return await http.post(f"{BASE}/cases/{case_id}/events", content=event, headers=headers)

    return post


def refused(answer: httpx.Response, status: int, slug: str) -> str:
    body = answer.json()
    assert (answer.status_code, body["type"].rpartition("/")[2]) == (status, slug)
    return str(body.get("detail", ""))


async def test_a_genuine_acceptance_and_its_repetition(
    sender: Sender, receiver: Any, keyring: Keyring, clock: FixedClock
) -> None:
    draft = await sender.send(await sender.draft())
    token = signed(keyring.signing[TANGERHUETTE.id], claims_of(draft, iat=int(clock.now().timestamp())))
    assert (await receiver(draft.case_id, token)).status_code == 204
    assert (await receiver(draft.case_id, token)).status_code == 204
    assert (await sender.log(draft)).count(token) == 1


async def test_the_second_answer_is_refused(sender: Sender, receiver: Any, keyring: Keyring, clock: FixedClock) -> None:
    draft = await sender.send(await sender.draft())
    pair, iat = keyring.signing[TANGERHUETTE.id], int(clock.now().timestamp())
    first = claims_of(draft, iat=iat)
    assert (await receiver(draft.case_id, signed(pair, first))).status_code == 204
    reasons = {"problems": [{"type": "t", "title": "t", "detail": "d", "instance": "data"}]}
    late = signed(pair, claims_of(draft, "reject-submission", reasons, iat))
    refused(await receiver(draft.case_id, late), 409, "submission-state-invalid")
    refused(await receiver(draft.case_id, signed(pair, {**first, "iat": iat + 1})), 409, "event-already-exists")


async def test_an_acceptance_of_other_ciphertexts(
    sender: Sender, receiver: Any, keyring: Keyring, clock: FixedClock
) -> None:
    draft = await sender.send(await sender.draft())
    draft.tags["data"] = draft.tags["data"][::-1]
    token = signed(keyring.signing[TANGERHUETTE.id], claims_of(draft, iat=int(clock.now().timestamp())))
    refused(await receiver(draft.case_id, token), 422, "authentication-tags-mismatch")


WRONG_CLAIMS: list[tuple[str, dict[str, Any]]] = [
    ("Payload Schema not supported", {"$schema": events.SCHEMA.replace("1.2.2", "1.0.0")}),
    ("jti is malformed", {"jti": "1"}),
    ("iss is malformed", {"iss": "somebody"}),
    ("has no signing key", {"iss": MUSTERLAND.id}),
    ("iat must be", {"iat": 1}),
    ("iat must be", {"iat": 1795510000.5}),
    ("iat lies in the future", {"iat": 4102444800}),
    ("sub is malformed", {"sub": "reply:1"}),
    ("txn speaks of", {"txn": f"case:{uuid.uuid4()}"}),
    ("exactly one event", {"events": {}}),
    (
        "exactly one event",
        {"events": {events.EVENTS + "accept-submission": {}, events.EVENTS + "reject-submission": {}}},
    ),
    ("unknown event", {"events": {"https://example.org/accept-submission": {}}}),
    ("is not a receiver's event", {"events": {events.EVENTS + "delete-submission": {}}}),
    ("authenticationTags are missing", {"events": {events.EVENTS + "accept-submission": {}}}),
    ("at least one problem", {"events": {events.EVENTS + "reject-submission": {"problems": []}}}),
    ("a problem has exactly", {"events": {events.EVENTS + "reject-submission": {"problems": [{"type": "t"}]}}}),
    ("claims must be exactly", {"exp": 1}),
]


@pytest.mark.parametrize(("detail", "claims"), WRONG_CLAIMS)
async def test_a_wrong_claim(
    sender: Sender, receiver: Any, keyring: Keyring, clock: FixedClock, detail: str, claims: dict[str, Any]
) -> None:
    draft = await sender.send(await sender.draft())
    right = claims_of(draft, iat=int(clock.now().timestamp()))
    token = signed(keyring.signing[TANGERHUETTE.id], {**right, **claims})
    assert detail in refused(await receiver(draft.case_id, token), 422, "security-event-token-invalid")
    assert token not in await sender.log(draft)


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ({"typ": "JWT"}, "typ must be"),
        ({"alg": "RS512"}, "alg must be"),
        ({"alg": "PS256"}, "alg must be"),
        ({"kid": None}, "kid is missing"),
        ({"kid": "another"}, "has no signing key"),
    ],
)
async def test_a_wrong_header(
    sender: Sender, receiver: Any, keyring: Keyring, clock: FixedClock, header: dict[str, Any], detail: str
) -> None:
    draft = await sender.send(await sender.draft())
    token = signed(keyring.signing[TANGERHUETTE.id], claims_of(draft, iat=int(clock.now().timestamp())), **header)
    assert detail in refused(await receiver(draft.case_id, token), 422, "security-event-token-invalid")


async def test_a_wrong_key_and_a_changed_payload(
    sender: Sender, receiver: Any, keyring: Keyring, clock: FixedClock
) -> None:
    draft = await sender.send(await sender.draft())
    right = keyring.signing[TANGERHUETTE.id]
    claims = claims_of(draft, iat=int(clock.now().timestamp()))
    forged = signed(RsaPair(keyring.portal.private, right.public), claims)
    header, _, signature = signed(right, claims).split(".")
    changed = ".".join([header, signed(right, {**claims, "iat": claims["iat"] - 1}).split(".")[1], signature])
    for token in (forged, changed):
        assert "signature" in refused(await receiver(draft.case_id, token), 422, "security-event-token-invalid")
    for token in ("", "a.b.c", "nothing"):
        refused(await receiver(draft.case_id, token), 422, "security-event-token-invalid")


def test_an_encryption_key_never_verifies(keyring: Keyring) -> None:
    pair = keyring.encryption[TANGERHUETTE.id]
    draft = Draft(str(uuid.uuid4()), str(uuid.uuid4()), "", pair.private, {}, {}, b"")
    token = signed(pair, claims_of(draft, iat=events.EARLIEST))
    for changes in ({}, {"alg": "PS512"}, {"key_ops": ["verify"]}):
        shown = {**pair.public, **changes}
        with pytest.raises(TokenInvalid, match="no signing key"):
            verify(token, partial(_always, shown))


def _always(key: dict[str, Any], issuer: str, kid: str) -> dict[str, Any]:
    return key


async def test_every_event_of_the_delivery_service_is_genuine(
    sender: Sender, http: httpx.AsyncClient, clock: FixedClock
) -> None:
    await http.post("/admin/authority", json={"mode": "silent"})
    draft = await sender.send(await sender.draft())
    clock.advance(timedelta(days=30))
    keys = (await http.get("/submission-api/.well-known/jwks.json")).json()["keys"]
    log = await Sender(http).log(draft)
    found = [verify(token, lambda issuer, kid: next(key for key in keys if key["kid"] == kid)) for token in log]
    assert [event.name.partition("-")[0] for event in found] == ["create", "submit", "notify", "reject", "delete"]
    assert {event.issuer for event in found} == {f"{PUBLIC_URL}/submission-api"}
    assert found[1].payload == {"authenticationTags": draft.tags}
