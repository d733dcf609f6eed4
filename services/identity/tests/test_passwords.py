import asyncio

import pytest
from argon2 import PasswordHasher
from argon2 import extract_parameters as parameters

from identity.passwords.hashing import Hashing, HashingBusy


async def test_hashes_are_argon2id_with_the_demanded_cost() -> None:
    async with Hashing(1, 4) as hashing:
        hashed = await hashing.hash("Drei Enten am Teich")
        found = parameters(hashed)
        assert hashed.startswith("$argon2id$")
        assert (found.memory_cost, found.time_cost, found.parallelism) == (19 * 1024, 2, 1)
        assert await hashing.matches(hashed, "Drei Enten am Teich")
        assert not await hashing.matches(hashed, "drei Enten am Teich")
        assert not await hashing.matches(None, "nobody has this password")
        assert not await hashing.matches("", "")


async def test_a_flood_of_passwords_is_refused_and_then_forgotten() -> None:
    async with Hashing(1, 4) as hashing:
        outcomes = await asyncio.gather(*(hashing.hash("x" * 8) for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(outcome, HashingBusy) for outcome in outcomes) == 6
        assert await hashing.hash("x" * 8)


@pytest.mark.parametrize(("memory", "outdated"), [(8 * 1024, True), (19 * 1024, False)])
async def test_weaker_hashes_are_seen(memory: int, outdated: bool) -> None:
    old = PasswordHasher(time_cost=2, memory_cost=memory, parallelism=1).hash("Drei Enten am Teich")
    async with Hashing(1, 4) as hashing:
        assert hashing.outdated(old) is outdated
