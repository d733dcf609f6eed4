"""The forms service over fakes, a citizen who uses it, and the gateway's key."""

import base64
import copy
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from chassis.testing.service import ServiceUnderTest, wired
from contracts.osi_gateway import SealingKeyPublished
from forms.app import wire
from forms.catalogue.store import DATA
from forms.settings import Settings

ARS = "150900546546"


@pytest.fixture(scope="session")
def gateway_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "gateway-1"}, private=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        blobs_url=str(tmp_path / "blobs"),
        vault_key=SecretStr(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()),
        roles=frozenset({"api"}),
        catalogue=DATA,
    )


@pytest.fixture
async def keyless(settings: Settings) -> AsyncIterator[ServiceUnderTest]:
    async with wired("forms", settings, wire) as service:
        yield service


@pytest.fixture
async def forms(keyless: ServiceUnderTest, gateway_key: RSAKey) -> ServiceUnderTest:
    public = {name: str(value) for name, value in gateway_key.as_dict(private=False).items()}
    event = SealingKeyPublished(
        occurred_at=keyless.clock.now(), kid="gateway-1", jwk={**public, "key_ops": ["wrapKey"], "alg": "RSA-OAEP-256"}
    )
    keyless.broker.put(event, tenant="000000000000", subject="gateway-1", sequence=1)
    await keyless.bus.deliver()
    return keyless


@pytest.fixture
def citizen(forms: ServiceUnderTest) -> httpx.AsyncClient:
    client = forms.client("acc-1")
    client.base_url = httpx.URL(f"http://town.test/api/forms/v1/{ARS}")
    return client


@pytest.fixture
async def answers(citizen: httpx.AsyncClient) -> dict[str, Any]:
    """Complete answers for the youth examination."""
    found = (await citizen.get("/services/youth-medical-exam")).json()
    return dict(copy.deepcopy(found["schema"]["examples"][0]))


@pytest.fixture
async def draft(citizen: httpx.AsyncClient) -> str:
    """Path of a new draft, version 1."""
    made = await citizen.post(
        "/applications", json={"service": "youth-medical-exam"}, headers={"Idempotency-Key": "make-1"}
    )
    assert made.status_code == 201, made.text
    return f"/applications/{made.json()['application_id']}"


@pytest.fixture
async def complete(citizen: httpx.AsyncClient, draft: str, answers: dict[str, Any]) -> str:
    """Path of a draft with complete answers, version 2."""
    saved = await citizen.put(f"{draft}/answers", json={"answers": answers}, headers={"If-Match": '"1"'})
    assert saved.status_code == 200, saved.text
    return draft
