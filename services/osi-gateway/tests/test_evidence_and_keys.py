"""The evidence route, the gateway's keys, and the trace that an application keeps."""

import asyncio
import json
from typing import Any

import pytest
import pytest_asyncio
from joserfc import jwe
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from chassis.aggregates import Key
from chassis.errors import Transient
from chassis.testing import FixedClock, MemoryDatabase
from chassis.testing.example import OTHER_TENANT, TENANT
from chassis.tracing import span
from chassis.vault import Vault
from contracts.envelope import INSTALLATION
from contracts.osi_gateway import SealingKeyPublished
from osi_gateway.exchange.jose import Unreadable, peek, verify
from osi_gateway.keys.store import KeyPairs, Keyring

pytestmark = pytest.mark.asyncio(loop_scope="session")
Town = Any
VAULT_KEY = SecretStr("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")


def path(town: Town, tenant: str = TENANT) -> str:
    return f"/api/osi-gateway/v1/{tenant}/submissions/{town.id}"


async def test_the_evidence_says_where_when_and_who_signed_and_nothing_of_the_contents(town: Town) -> None:
    town.link()
    await town.hand_in()
    submission = await town.until_state("accepted")
    answer = await town.gateway.client(town.account).get(path(town))
    assert answer.status_code == 200
    evidence = answer.json()
    assert evidence["state"] == "accepted"
    assert evidence["destination_id"] == "7d1f0a52-3c64-4f0e-9b55-0f6a2c9d4e01"
    assert evidence["submission_id"] == submission.case.submission_id
    assert evidence["answer_jti"] == submission.receipts[-1].jti
    assert evidence["schema_uri"] == "urn:rathaus:schema:youth-medical-exam:1"
    assert evidence["steps"][0]["step"] == "route"
    assert "Mia" not in answer.text
    assert "mia@example.org" not in answer.text


async def test_the_evidence_is_for_its_owner_alone(town: Town) -> None:
    town.put(await town.package())
    await town.gateway.settle()
    owner = town.gateway.client(town.account)
    assert (await owner.get(path(town))).status_code == 404, "half of an application is nobody's yet"
    town.tell()
    await town.gateway.settle()
    assert (await owner.get(path(town))).json()["state"] == "waiting"
    assert (await town.gateway.client("stranger").get(path(town))).status_code == 404
    assert (await town.gateway.client(town.account, OTHER_TENANT).get(path(town, OTHER_TENANT))).status_code == 404
    assert (await town.gateway.client(town.account, OTHER_TENANT).get(path(town))).status_code == 404
    assert (await town.gateway.client().get(path(town))).status_code == 401


async def test_everything_told_of_an_application_stays_in_its_trace(town: Town) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    town.link()
    await town.hand_in()
    with span("the bus hands over what a citizen's click has caused", parent=f"00-{trace}-b7ad6b7169203331-01"):
        await town.gateway.bus.deliver()
    await town.until_state("accepted")
    await town.gateway.settle()
    told = [found for found, _ in town.gateway.events("osi-gateway.submissions") if found.subject == town.id]
    assert [(found.traceparent or "").split("-")[1] for found in told] == [trace, trace]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def made() -> tuple[MemoryDatabase, FixedClock]:
    """A database with the keys of two processes that started at once."""
    database, clock = MemoryDatabase(), FixedClock()
    await asyncio.gather(keyring(database, clock).open(), keyring(database, clock).open())
    return database, clock


def keyring(database: MemoryDatabase, clock: FixedClock) -> Keyring:
    return Keyring(KeyPairs(database, clock, lambda: None), Vault(VAULT_KEY), clock)


async def test_two_processes_that_start_at_once_share_one_key_of_each_kind(
    made: tuple[MemoryDatabase, FixedClock],
) -> None:
    documents = await made[0].collection("keys").find({})
    assert sorted(document["purpose"] for document in documents) == ["sealing", "signing"]
    events = [entry for document in documents for entry in document["out"]]
    assert [event["topic"] for event in events] == ["osi-gateway.keys"]


async def test_only_the_public_part_leaves_and_the_private_part_is_sealed(
    made: tuple[MemoryDatabase, FixedClock],
) -> None:
    (sealing,) = await made[0].collection("keys").find({"purpose": "sealing"})
    event = SealingKeyPublished.model_validate_json(sealing["out"][0]["body"])
    assert event.kid == sealing["_id"]
    assert set(event.jwk) == {"kty", "n", "e", "kid", "alg", "key_ops"}
    assert RSAKey.import_key({name: str(event.jwk[name]) for name in ("kty", "n", "e")}).raw_value.key_size == 4096
    assert "d" not in json.dumps({**sealing["public"]}).split('"')
    assert sealing["private"].startswith("ey")


async def test_unsealing_picks_the_key_by_its_name(made: tuple[MemoryDatabase, FixedClock]) -> None:
    ring = keyring(*made)
    await ring.open()
    (sealing,) = await made[0].collection("keys").find({"purpose": "sealing"})
    header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": sealing["_id"]}
    public = RSAKey.import_key(sealing["public"])
    algorithms = ["RSA-OAEP-256", "A256GCM", "DEF"]
    token = jwe.encrypt_compact(header, b"plain", public, algorithms=algorithms)
    assert await ring.unseal(token) == b"plain"
    with pytest.raises(Transient, match="not here"):
        await ring.unseal(jwe.encrypt_compact({**header, "kid": "other"}, b"x", public, algorithms=algorithms))
    with pytest.raises(Unreadable, match="compressed"):
        await ring.unseal(jwe.encrypt_compact({**header, "zip": "DEF"}, b"x", public, algorithms=algorithms))
    for broken in (token[:-4] + "AAAA", "a.b.c.d.e", "", "é", "[].a.b.c.d"):
        with pytest.raises(Unreadable):
            await ring.unseal(broken)


async def test_reports_are_signed_by_a_key_that_seals_nothing(made: tuple[MemoryDatabase, FixedClock]) -> None:
    ring = keyring(*made)
    assert await ring.check() == "there is no sealing key"
    await ring.open()
    assert await ring.check() is None
    (signing,) = await made[0].collection("keys").find({"purpose": "signing"})
    token = await ring.sign({"levelOfAssurance": "unknown"})
    verify(token, signing["public"])
    header, claims = peek(token)
    assert claims == {"levelOfAssurance": "unknown"}
    assert (header["kid"], header["jwk"]) == (signing["_id"], signing["public"])


async def test_a_start_later_on_makes_no_further_key(made: tuple[MemoryDatabase, FixedClock]) -> None:
    pairs = KeyPairs(*made, lambda: None)
    before = len(await made[0].collection("keys").find({}))

    def never(kid: str) -> Any:
        raise AssertionError("it was made already")

    again = await pairs.create(INSTALLATION, Key("osi-gateway", "first sealing key", "sealing"), never)
    assert again.repeated
    assert len(await made[0].collection("keys").find({})) == before
