"""The gateway's keys, as forms keeps them."""

from datetime import timedelta

import pytest
from joserfc.jwk import RSAKey

from chassis.testing import START, MemoryDatabase
from forms.keys.store import NoSealingKey, SealingKeys


async def test_a_withdrawn_key_stays_gone_though_somebody_slept_before_keeping_it(gateway_key: RSAKey) -> None:
    keys, jwk = SealingKeys(MemoryDatabase().collection("sealing_keys")), gateway_key.as_dict(private=False)
    await keys.put("k1", jwk, START, 1)
    await keys.drop("k1", 2)
    await keys.put("k1", jwk, START, 1)
    with pytest.raises(NoSealingKey):
        await keys.newest()


async def test_the_newest_of_many_keys_is_taken(gateway_key: RSAKey) -> None:
    keys, jwk = SealingKeys(MemoryDatabase().collection("sealing_keys")), gateway_key.as_dict(private=False)
    for number in range(21):
        await keys.put(f"k{number:02}", jwk, START + timedelta(days=number), 1)
    await keys.drop("k20", 2)
    assert (await keys.newest()).kid == "k19"
