import asyncio
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr

from chassis.testing import FixedClock, MemoryDatabase
from chassis.vault import CannotOpen, Vault
from identity.keys.signer import Signer
from identity.keys.store import SigningKeys
from identity.pepper.store import Pepper


def vault(first: str = "A") -> Vault:
    return Vault(SecretStr(first + "AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"[:42]))


def nobody() -> None:
    return None


async def test_two_processes_that_start_at_once_make_one_key(clock: FixedClock) -> None:
    database = MemoryDatabase("identity")
    opened = await asyncio.gather(*(SigningKeys.open(database, clock, nobody, vault()) for _ in range(8)))
    keys = [await one.every() for one in opened]
    assert [len(found) for found in keys] == [1] * 8
    signers = [Signer(found, vault(), clock) for found in keys]
    token = signers[0].sign({"sub": "a-1"})
    public = ECKey.import_key(dict(signers[7].published()[0]))
    assert jwt.decode(token, public, algorithms=["ES256"]).claims == {"sub": "a-1"}
    document: Any = await database.collection("signing_keys").get(keys[0][0].kid)
    assert [(entry["topic"], entry["seq"]) for entry in document["out"]] == [("identity.keys", 1)]


async def test_a_restart_signs_with_the_same_key(clock: FixedClock) -> None:
    database = MemoryDatabase("identity")
    first = await (await SigningKeys.open(database, clock, nobody, vault())).every()
    clock.advance(3600)
    assert await (await SigningKeys.open(database, clock, nobody, vault())).every() == first


async def test_a_key_sealed_with_another_vault_does_not_open(clock: FixedClock) -> None:
    keys = await (await SigningKeys.open(MemoryDatabase("identity"), clock, nobody, vault())).every()
    with pytest.raises(CannotOpen):
        Signer(keys, vault("B"), clock)


async def test_all_processes_share_one_pepper() -> None:
    documents = MemoryDatabase("identity").collection("pepper")
    peppers = await asyncio.gather(*(Pepper.open(documents, vault()) for _ in range(8)))
    assert len({pepper.derive("code", "a-1", "123456") for pepper in peppers}) == 1
    assert len(await documents.find({})) == 1


async def test_what_is_derived_depends_on_purpose_and_on_each_part() -> None:
    pepper = Pepper(b"x" * 32)
    derived = [pepper.derive("a", "bc"), pepper.derive("a", "b", "c"), pepper.derive("ab", "c"), pepper.derive("a")]
    assert len(set(derived)) == 4
    assert {len(one) for one in derived} == {43}
