"""Our own metadata schema says the same as the official one."""

import copy
import json
import uuid
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sandbox.authority.schemas import Schemas
from sandbox.testing import metadata_for

OFFICIAL = Path(__file__).parents[3] / "shared" / "peers" / "fit-connect" / "metadata-2.1.0.schema.json"

FULL: dict[str, Any] = {
    **metadata_for(b"{}", {str(uuid.UUID(int=1, version=4)): b"x"}, "TGH-1"),
    "paymentInformation": {
        "transactionReference": "Kassenzeichen 1",
        "transactionId": "9xxd-432x",
        "transactionUrl": "https://payment.example.org/1",
        "transactionTimestamp": "2026-11-25T10:00:00Z",
        "paymentMethod": "INVOICE",
        "paymentMethodDetail": "Rechnung",
        "status": "BOOKED",
        "grossAmount": 12.5,
    },
    "additionalReferenceInfo": {
        "senderReference": "TGH-1",
        "applicationDate": "2026-11-25",
        "idBundDeApplicationId": str(uuid.UUID(int=2, version=4)),
        "zustimmungZumDigitalenBescheid": False,
    },
    "author": {
        "name": "Digitales Rathaus",
        "description": "d",
        "url": "https://rathaus.example.org",
        "product": {"name": "osi-gateway", "version": "0.1.0", "manufacturer": "example", "description": "d"},
    },
    "dataSets": [
        {
            "dataSetId": str(uuid.UUID(int=3, version=4)),
            "schema": {"schemaUri": "https://schema.example.org/a.json", "mimeType": "application/jose"},
            "hash": {"type": "sha512", "content": "0" * 128},
            "content": "x",
            "description": "d",
        }
    ],
}
_ATTACHMENT = FULL["contentStructure"]["attachments"][0]
_ATTACHMENT["fragments"] = [str(uuid.UUID(int=4, version=4))]
_ATTACHMENT["signature"] = {
    "signatureFormat": "json",
    "detachedSignature": True,
    "eidasAdesProfile": "http://uri.etsi.org/ades/191x2/level/baseline/B-T#",
    "content": "abc",
}
REPLIES: list[dict[str, Any]] = [
    {"eMail": {"address": "mia@example.org"}},
    {"deMail": {"address": "mia@example.org"}},
    {"fink": {"finkPostfachRef": "st/1", "host": "https://konto.example.org"}},
    {"elster": {"accountId": "1", "lieferTicket": "2", "geschaeftszeichen": "3"}},
    {
        "fitConnect": {
            "processStandards": ["urn:xoev-de:bmk:standard:xbau_2.2"],
            "encryptionPublicKey": {
                "kty": "RSA",
                "key_ops": ["wrapKey"],
                "alg": "RSA-OAEP-256",
                "kid": "12345678",
                "n": "A" * 683,
                "e": "AQAB",
            },
        }
    },
    {"idBundDeMailbox": {"mailboxUuid": str(uuid.UUID(int=5, version=4))}},
]


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    below: list[tuple[str | int, ...]] = []
    if isinstance(value, dict):
        below = [place for key, child in value.items() for place in places(child, (*path, key))]
    elif isinstance(value, list):
        below = [place for at, child in enumerate(value) for place in places(child, (*path, at))]
    return [path, *below]


ODD = st.sampled_from([None, True, 0, -1, "", "x", "0" * 61, [], [1], {}, {"x": 1}, 0.005, "http://a", "sha512"])


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """Valid metadata, changed in one to three places."""
    value = copy.deepcopy({**FULL, "replyChannel": draw(st.sampled_from(REPLIES))})
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(value)[1:]))
        parent: Any = value
        for step in path[:-1]:
            parent = parent[step]
        match draw(st.sampled_from(["drop", "odd", "add"])):
            case "drop":
                del parent[path[-1]]
            case "odd":
                parent[path[-1]] = draw(ODD)
            case "add" if isinstance(parent, dict):
                parent["unexpected"] = draw(ODD)
        if not value:
            break
    return value


def our_schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        files("sandbox.authority").joinpath("metadata-2.1.0.schema.json").read_text("utf-8")
    )
    return found


@pytest.mark.skipif(not OFFICIAL.exists(), reason="needs ../shared/peers")
@settings(max_examples=300, deadline=None)
@given(spoiled())
def test_the_same_verdict_as_the_official_schema(value: Any) -> None:
    official = Draft202012Validator(json.loads(OFFICIAL.read_text("utf-8")))
    assert Draft202012Validator(our_schema()).is_valid(value) == official.is_valid(value)


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: next(iter(reply)))
def test_full_metadata_are_valid(reply: dict[str, Any]) -> None:
    assert Schemas(None).metadata_violations({**FULL, "replyChannel": reply}) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"replyChannel": {"eMail": {"address": "nobody"}}}, "/replyChannel/eMail/address: format"),
        (
            {"replyChannel": {"eMail": {"address": "a@b.de"}, "deMail": {"address": "a@b.de"}}},
            "/replyChannel: maxProperties",
        ),
        (
            {"additionalReferenceInfo": {"applicationDate": "25.11.2026"}},
            "/additionalReferenceInfo/applicationDate: format",
        ),
        ({"additionalReferenceInfo": {"invented": 1}}, "/additionalReferenceInfo: additionalProperties"),
    ],
)
def test_formats_count_and_values_are_not_repeated(change: dict[str, Any], where: str) -> None:
    assert Schemas(None).metadata_violations({**FULL, **change}) == [where]
